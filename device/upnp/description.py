"""The XML that describes a UPnP device and its services. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, tostring

from device.domain.upnp_name import unique_name
from device.upnp.services import Service, Variable
from device.upnp.text import clean

ICON_PIXELS = 120


@dataclass(frozen=True, slots=True)
class Device:
    """A UPnP device. `kind` is MediaRenderer or MediaServer. `identifier` is the device's id in the settings, `name` is
    for people. `page`: the address of its web page, or empty."""

    kind: str
    identifier: str
    name: str
    version: str
    services: tuple[Service, ...]
    page: str = ""

    @property
    def type(self) -> str:
        """The device type."""
        return f"urn:schemas-upnp-org:device:{self.kind}:1"

    @property
    def udn(self) -> str:
        """The unique device name. It depends only on the id in the settings, so it survives everything else."""
        return unique_name(self.identifier, self.kind)

    @property
    def path(self) -> str:
        """Where the description is."""
        return f"/{self.kind}.xml"

    def at(self, service: Service, purpose: str) -> str:
        """The path of a service for this purpose: description.xml, control or events."""
        return f"/{self.kind}/{service.name}/{purpose}"


def describe_device(device: Device) -> bytes:
    """The description of a device."""
    root = _root("root", "urn:schemas-upnp-org:device-1-0")
    element = SubElement(root, "device", {"xmlns:dlna": "urn:schemas-dlna-org:device-1-0"})
    _texts(
        element,
        {
            "deviceType": device.type,
            "friendlyName": device.name,
            "manufacturer": "Affetto",
            "modelDescription": "Plays the music that fits the room",
            "modelName": "Affetto",
            "modelNumber": device.version,
            "serialNumber": device.identifier,
            "UDN": device.udn,
            "dlna:X_DLNADOC": "DMR-1.50" if device.kind == "MediaRenderer" else "DMS-1.50",
            "presentationURL": device.page,
        },
    )
    icon = SubElement(SubElement(element, "iconList"), "icon")
    size = str(ICON_PIXELS)
    _texts(icon, {"mimetype": "image/png", "width": size, "height": size, "depth": "24", "url": "/icon.png"})
    services = SubElement(element, "serviceList")
    for service in device.services:
        _texts(
            SubElement(services, "service"),
            {
                "serviceType": service.kind,
                "serviceId": service.identifier,
                "SCPDURL": device.at(service, "description.xml"),
                "controlURL": device.at(service, "control"),
                "eventSubURL": device.at(service, "events"),
            },
        )
    return _bytes(root)


def describe_service(service: Service) -> bytes:
    """The description of a service."""
    root = _root("scpd", "urn:schemas-upnp-org:service-1-0")
    actions = SubElement(root, "actionList")
    for name, action in service.actions.items():
        element = SubElement(actions, "action")
        SubElement(element, "name").text = name
        arguments = SubElement(element, "argumentList")
        for direction, those in (("in", action.takes), ("out", action.gives)):
            for argument, variable in those.items():
                texts = {"name": argument, "direction": direction, "relatedStateVariable": variable}
                _texts(SubElement(arguments, "argument"), texts)
    table = SubElement(root, "serviceStateTable")
    for name, declared in service.variables.items():
        _variable(table, name, declared)
    return _bytes(root)


def _variable(table: Element, name: str, variable: Variable) -> None:
    element = SubElement(table, "stateVariable", {"sendEvents": "yes" if variable.evented else "no"})
    _texts(element, {"name": name, "dataType": variable.kind})
    if variable.values:
        allowed = SubElement(element, "allowedValueList")
        for value in variable.values:
            SubElement(allowed, "allowedValue").text = value
    if variable.low is not None and variable.high is not None:
        texts = {"minimum": str(variable.low), "maximum": str(variable.high), "step": "1"}
        _texts(SubElement(element, "allowedValueRange"), texts)


def _root(tag: str, namespace: str) -> Element:
    root = Element(tag, {"xmlns": namespace})
    _texts(SubElement(root, "specVersion"), {"major": "1", "minor": "0"})
    return root


def _texts(parent: Element, texts: Mapping[str, str]) -> None:
    for tag, text in texts.items():
        if text:
            SubElement(parent, tag).text = clean(text)


def _bytes(root: Element) -> bytes:
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))

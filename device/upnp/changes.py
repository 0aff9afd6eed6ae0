"""Events: which variables a subscriber does not know yet, and the message with them. Pure.

AVTransport and RenderingControl event one variable, `LastChange`, an XML text with every variable that changed. The
other services event each variable by itself (UPnP Device Architecture 1.0, section 4.3).
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from device.upnp.services import AV_TRANSPORT, Service
from device.upnp.text import clean

MODERATION_S = 0.2
"""AVTransport:1 and RenderingControl:1 allow one event in this time. Changes meanwhile share the next one."""

NAMESPACES = {
    "AVTransport": "urn:schemas-upnp-org:metadata-1-0/AVT/",
    "RenderingControl": "urn:schemas-upnp-org:metadata-1-0/RCS/",
}
# Home Assistant asks for the position only when an event names the state, so every event about the transport does.
ALWAYS = {"AVTransport": "TransportState"}


def news(service: Service, known: Mapping[str, str], current: Mapping[str, str]) -> dict[str, str]:
    """The variables that differ from what a subscriber knows."""
    changed = {name: value for name, value in current.items() if known.get(name) != value}
    always = ALWAYS.get(service.name)
    if changed and always is not None:
        changed[always] = current[always]
    return changed


def message(service: Service, changed: Mapping[str, str]) -> bytes:
    """The body of a NOTIFY about these variables."""
    properties = changed if service.name not in NAMESPACES else {"LastChange": last_change(service, changed)}
    root = Element("e:propertyset", {"xmlns:e": "urn:schemas-upnp-org:event-1-0"})
    for name, value in properties.items():
        SubElement(SubElement(root, "e:property"), name).text = clean(value)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True))


def last_change(service: Service, changed: Mapping[str, str]) -> str:
    """The value of `LastChange`."""
    root = Element("Event", {"xmlns": NAMESPACES[service.name]})
    instance = SubElement(root, "InstanceID", {"val": "0"})
    for name, value in changed.items():
        element = SubElement(instance, name, {"val": clean(value)})
        if service is not AV_TRANSPORT and name in ("Volume", "Mute"):
            element.set("channel", "Master")
    return tostring(root, encoding="unicode")

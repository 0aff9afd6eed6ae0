"""SOAP as UPnP uses it: a request becomes a `Call`, and answers become XML. Pure.

Requests come from anybody in the network, so the parser accepts neither a document type nor entities, and the server
limits their size.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from device.upnp.services import Service
from device.upnp.text import clean

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
NUMBERS = ("ui2", "ui4", "i4")
NUMBER = re.compile(r"-?[0-9]{1,10}")
BOOLEANS = {"0": False, "1": True, "no": False, "yes": True, "false": False, "true": True}


class Code:
    """Error codes of the UPnP Device Architecture, and of the services, which give the 700s different meanings."""

    INVALID_ACTION = 401
    INVALID_ARGUMENTS = 402
    ACTION_FAILED = 501
    INVALID_VALUE = 600
    OUT_OF_RANGE = 601
    # AVTransport
    SEEK_MODE_NOT_SUPPORTED = 710
    ILLEGAL_SEEK_TARGET = 711
    RESOURCE_NOT_FOUND = 716
    SPEED_NOT_SUPPORTED = 717
    INVALID_TRANSPORT = 718
    # RenderingControl
    INVALID_PRESET = 701
    INVALID_RENDERING = 702
    # ConnectionManager
    INVALID_CONNECTION = 706
    # ContentDirectory
    NO_SUCH_OBJECT = 701
    INVALID_SEARCH = 708
    INVALID_SORTING = 709
    NO_SUCH_CONTAINER = 710


@dataclass(frozen=True, slots=True)
class Call:
    """Somebody calls an action of a service, with these arguments as text."""

    service: Service
    action: str
    arguments: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Fault:
    """The device does not do it: UPnP's error code, and a sentence."""

    code: int
    message: str


def read(service: Service, body: bytes, soap_action: str) -> Call | Fault:
    """The call in a request to this service: its body, and its header SOAPACTION, such as "urn:...:AVTransport:1#Play".
    The names of its arguments are those of the action."""
    try:
        root = fromstring(body, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        return Fault(Code.INVALID_ACTION, "The request is not XML that the device accepts.")
    content = root.find(f"{{{ENVELOPE}}}Body")
    element = None if content is None else next(iter(content), None)
    name = "" if element is None else element.tag.rpartition("}")[2]
    if element is None or soap_action.strip().strip('"').rpartition("#")[2] != name:
        return Fault(Code.INVALID_ACTION, "The request's body and its SOAPACTION do not name the same action.")
    if (action := service.actions.get(name)) is None:
        return Fault(Code.INVALID_ACTION, f"{service.name} has no action of this name.")
    arguments = {argument.tag: argument.text or "" for argument in element}
    if set(arguments) != set(action.takes):
        return Fault(Code.INVALID_ARGUMENTS, f"{name} takes these arguments: {', '.join(action.takes) or 'none'}.")
    return _checked(service, name, arguments)


def _checked(service: Service, name: str, arguments: Mapping[str, str]) -> Call | Fault:
    """The call, if every argument has a value that its state variable allows. Numbers out of range stay: the
    translation decides."""
    for argument, variable_name in service.actions[name].takes.items():
        variable, value = service.variables[variable_name], arguments[argument]
        if variable.kind in NUMBERS and not NUMBER.fullmatch(value.strip()):
            return Fault(Code.INVALID_ARGUMENTS, f"{argument} is a whole number.")
        if variable.kind == "boolean" and value.strip().lower() not in BOOLEANS:
            return Fault(Code.INVALID_ARGUMENTS, f"{argument} is 0 or 1.")
    return Call(service, name, arguments)


def answer(call: Call, values: Mapping[str, str]) -> bytes:
    """The response to a call that succeeded: `values` for every argument that the action gives."""
    envelope, body = _envelope()
    response = SubElement(body, f"u:{call.action}Response", {"xmlns:u": call.service.kind})
    for name in call.service.actions[call.action].gives:
        SubElement(response, name).text = clean(values[name])
    return _bytes(envelope)


def fault(problem: Fault) -> bytes:
    """The response to a call that failed."""
    envelope, body = _envelope()
    element = SubElement(body, "s:Fault")
    SubElement(element, "faultcode").text = "s:Client"
    SubElement(element, "faultstring").text = "UPnPError"
    detail = SubElement(SubElement(element, "detail"), "UPnPError", {"xmlns": "urn:schemas-upnp-org:control-1-0"})
    SubElement(detail, "errorCode").text = str(int(problem.code))
    SubElement(detail, "errorDescription").text = clean(problem.message)
    return _bytes(envelope)


def _envelope() -> tuple[Element, Element]:
    encoding = "http://schemas.xmlsoap.org/soap/encoding/"
    envelope = Element("s:Envelope", {"xmlns:s": ENVELOPE, "s:encodingStyle": encoding})
    return envelope, SubElement(envelope, "s:Body")


def _bytes(element: Element) -> bytes:
    return bytes(tostring(element, encoding="utf-8", xml_declaration=True))

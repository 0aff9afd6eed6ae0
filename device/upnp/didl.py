"""Tracks as DIDL-Lite, the XML in which UPnP describes media, and back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from device.domain import Track
from device.upnp.text import clean, clock, seconds

DC = "{http://purl.org/dc/elements/1.1/}"
UPNP = "{urn:schemas-upnp-org:metadata-1-0/upnp/}"
RESOURCE = "{urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/}res"
NAMESPACES = {
    "xmlns": "urn:schemas-upnp-org:metadata-1-0/DIDL-Lite/",
    "xmlns:dc": "http://purl.org/dc/elements/1.1/",
    "xmlns:upnp": "urn:schemas-upnp-org:metadata-1-0/upnp/",
}
LONGEST_TEXT = 500  # characters of a title from outside


@dataclass(frozen=True, slots=True)
class Description:
    """What somebody says about a medium that they send. `duration_s` is 0 if unknown."""

    title: str = ""
    artist: str = ""
    album: str = ""
    duration_s: float = 0.0


def track_item(
    track: Track, url: str, mime: str, *, cover: str = "", identifier: str = "0", parent: str = "-1", size: int = 0
) -> Element:
    """A track that can be fetched at `url`. `cover`: the address of its picture, or empty. `size` in bytes, 0 if
    unknown."""
    item = Element("item", {"id": identifier, "parentID": parent, "restricted": "1"})
    texts = {
        "dc:title": track.title,
        "dc:creator": track.artist,
        "upnp:artist": track.artist,
        "upnp:album": track.album,
        "upnp:albumArtURI": cover,
        "upnp:class": "object.item.audioItem.musicTrack",
    }
    for tag, text in texts.items():
        if text or tag == "dc:title":
            SubElement(item, tag).text = clean(text)
    resource = SubElement(item, "res", {"protocolInfo": f"http-get:*:{mime}:*"})
    resource.text = clean(url)
    if track.duration_s > 0:
        resource.set("duration", clock(track.duration_s))
    if size:
        resource.set("size", str(size))
    return item


def document(*objects: Element) -> str:
    """The DIDL-Lite document with these objects."""
    root = Element("DIDL-Lite", NAMESPACES)
    root.extend(objects)
    return tostring(root, encoding="unicode")


def describe(metadata: str) -> Description:
    """What a control point says about a medium; nothing where it says nothing that anybody can read."""
    try:
        root = fromstring(metadata, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError):
        return Description()
    artist = _text(root, UPNP + "artist") or _text(root, DC + "creator")
    resource = root.find(f".//{RESOURCE}")
    length = seconds(resource.get("duration", "")) if resource is not None else None
    return Description(_text(root, DC + "title"), artist, _text(root, UPNP + "album"), length or 0.0)


def _text(root: Element, tag: str) -> str:
    found = root.find(f".//{tag}")
    return "" if found is None or not found.text else found.text.strip()[:LONGEST_TEXT]

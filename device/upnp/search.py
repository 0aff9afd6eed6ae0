"""Searching the directory: which objects fit the criteria. Pure, apart from the library's answers; any thread."""

from __future__ import annotations

from collections.abc import Iterator

from device.domain.library import Library, Listing
from device.upnp.criteria import Condition, Criteria, conditions
from device.upnp.directory import (
    ALBUM,
    MOST,
    PERSON,
    ROOT,
    TRACK,
    Container,
    Directory,
    Item,
    Object,
    album_of,
    artist_of,
)

CAPABILITIES = "@id,@parentID,upnp:class,dc:title,dc:creator,upnp:artist,upnp:album,upnp:genre"
WORDS = ("dc:title", "dc:creator", "upnp:artist", "upnp:album")
LISTS = {ALBUM: "albums", PERSON: "artists", TRACK: "tracks"}
MOST_SEEN = 5000  # objects that one search looks at


def properties(one: Object) -> dict[str, str]:
    """The properties of an object that criteria may name."""
    if isinstance(one, Container):
        found = {"@id": one.id, "@parentID": one.parent, "dc:title": one.title, "upnp:class": one.kind}
        return {**found, "upnp:artist": one.title} if one.kind == PERSON else found
    track = one.track
    texts = {
        "dc:title": track.title,
        "dc:creator": track.artist,
        "upnp:artist": track.artist,
        "upnp:album": track.album,
        "upnp:genre": track.mood.capitalize(),
    }
    found = {name: text for name, text in texts.items() if text}
    return {"@id": one.id, "@parentID": one.parent, "upnp:class": TRACK, **found}


def search(
    directory: Directory, library: Library, container: str, criteria: Criteria, offset: int, limit: int
) -> Listing[Object]:
    """The objects that fit, from `offset`, at most `limit` (0: as many as allowed), and how many there are."""
    found: dict[str, Object] = {}
    for seen, one in enumerate(_candidates(directory, library, container, list(conditions(criteria)))):
        if seen >= MOST_SEEN:
            break
        if one.id not in found and criteria.fits(properties(one)):
            found[one.id] = one
    most, start = min(limit or MOST, MOST), max(0, offset)
    return Listing(tuple(found.values())[start : start + most], len(found))


def _candidates(directory: Directory, library: Library, container: str, named: list[Condition]) -> Iterator[Object]:
    """Where the objects may be: among the children of a named parent, what the library finds for the named words, or
    the lists of the named class."""
    parents = [one.value for one in named if one.name == "@parentID" and one.operator == "="]
    words = [one.value for one in named if one.name in WORDS and one.operator in ("=", "contains") and one.value]
    if parents:
        for parent in parents:
            yield from _all(directory, parent)
    elif words:
        for word in dict.fromkeys(words):
            hits = library.search(word, MOST)
            yield from (artist_of(one) for one in hits.artists)
            yield from (album_of(one) for one in hits.albums)
            yield from (Item(one, "tracks") for one in hits.tracks)
    elif container != ROOT:
        yield from _all(directory, container)
    else:
        wanted = [one.value for one in named if one.name == "upnp:class" and one.operator in ("=", "derivedfrom")]
        for kind, name in LISTS.items():
            if not wanted or any(kind == one or kind.startswith(one + ".") for one in wanted):
                yield from _all(directory, name)


def _all(directory: Directory, container: str) -> Iterator[Object]:
    offset = 0
    while (part := directory.children(container, offset, MOST)) is not None and part.items:
        yield from part.items
        offset += len(part.items)

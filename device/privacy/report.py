"""Says in words what the device stores about people. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from device.config.schema import Config
from device.console import count
from device.privacy.kept import Everything, Kept


def lines(kept: Everything, config: Config) -> Iterator[str]:
    """The report, line by line."""
    yield "Pictures: none. The camera's process has no network and writes no file; only numbers leave it."
    yield "Faces: none. The device recognises nobody; a face has a number while it is in view, in memory only."
    yield camera(kept)
    yield diary(kept, config)
    yield "Bodies: " + ("in memory only, since the start." if config.people.bodies else "switched off (people.bodies).")
    if told := [f"{name} {value}" for name, value in kept.context.items() if value]:
        yield f"Context, as people told the device: {', '.join(told)}."
    yield ""
    yield "People, by the names that somebody entered:"
    for person in kept.people:
        yield f"  {person.name}: {about(person)}"
    if not kept.people:
        yield "  nobody"
    yield ""
    yield from outside(config, kept.tagged)
    yield ""
    yield "To delete: affetto privacy --forget person NAME, --forget day 2026-11-28, or --forget everything."
    yield "The moods that you set for tracks are facts about music; `auto` or deleting the data folder removes them."
    yield "Settings, alarms, playlists, the page's PIN and the place in the last song stay until you delete the folder."


def camera(kept: Everything) -> str:
    """Who decided about the camera."""
    if not kept.camera_by:
        return "The camera: nobody has used its switch."
    return f"The camera: its switch was last used {kept.camera_by}."


def diary(kept: Everything, config: Config) -> str:
    """What the diary holds, and for how long."""
    if not config.diary.keep_days:
        return "Diary: switched off (diary.keep_days: 0)."
    limit = f"entries are deleted after {count(config.diary.keep_days, 'day')}"
    if kept.diary_since is None:
        return f"Diary: empty; {limit}."
    return (
        f"Diary of the room, since {date(kept.diary_since)}: {count(kept.moods, 'mood')}, and"
        f" {count(kept.songs, 'song')} with the mood before and after; {limit}."
    )


def about(person: Kept) -> str:
    """What is kept about one person."""
    counts = [
        count(person.listens, "listen"),
        count(person.likes, "like"),
        count(person.dislikes, "dislike"),
        count(person.bans, "banned track"),
        count(person.songs_in_diary, "song") + " in the diary",
        count(person.requests, "open request"),
    ]
    text = ", ".join(text for text in counts if not text.startswith("0 ")) or "nothing but the name"
    if person.first is None or person.last is None:
        return text
    return f"{text}; {date(person.first)} to {date(person.last)}"


def outside(config: Config, tagged: int = 0) -> Iterator[str]:
    """What leaves the device."""
    yield "What leaves the device:"
    if config.mqtt.enabled:
        yield "  to the MQTT broker: the room's mood, how many faces, what plays, who is present, and the context"
    if config.page.enabled:
        yield "  to phones in your network, on the page: the same, the day and the people"
    if config.upnp.enabled:
        yield "  to players in your network (UPnP): what plays" + (", and the library" if config.upnp.library else "")
    if config.listenbrainz.token:
        yield "  to ListenBrainz: the songs that played, and when"
    if tagged:
        yield f"  in {count(tagged, 'music file')}: stars or moods that you had written; affetto tags undo removes them"
    yield "  nothing else: no picture, no diary, no taste."


def date(wall: float) -> str:
    """A date in local time."""
    try:
        return datetime.fromtimestamp(wall).date().isoformat()
    except (OverflowError, OSError, ValueError):
        return "an unknown day"

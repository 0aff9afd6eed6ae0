"""What people in a recording did about the songs: nods, shakes, smiles, grimaces, leaving. The core's own code decides;
songs begin where the user says. Only tools/replay.py uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from device.config.schema import PeopleConfig
from device.core.queue import Playthrough
from device.core.reactions import ReactionWatch
from device.domain import Choice, MoodName, Now, Outcome, Position, Reading, Track

EVERYTHING = PeopleConfig(gestures=True, reactions=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """Somebody did something at `at_s`. `counts`: it is feedback on the song that plays; `liked`: and good."""

    at_s: float
    what: str
    counts: bool
    liked: bool = False


class Marker:
    """Takes each reading. `songs`: when songs begin (s); only a face that was there before has a usual look."""

    def __init__(self, songs: Sequence[float]) -> None:
        self.songs = tuple(sorted(songs))
        self._watch = ReactionWatch(EVERYTHING)

    def take(self, reading: Reading) -> list[Mark]:
        """What became clear in this reading."""
        at_s = reading.at_s
        gestures = [Mark(at_s, str(face.gesture), False) for face in reading.faces if face.gesture and face.clear]
        number = sum(begin_s <= at_s for begin_s in self.songs)
        playing = None
        if number:
            begin_s = self.songs[number - 1]
            choice = Choice(Track(f"song {number}", "file:///song", f"song {number}"), "")
            playing = Playthrough(number, choice, MoodName.NEUTRAL, Position(at_s - begin_s, at_s, True))
        found = self._watch.observe(reading, playing, Now(at_s, at_s))
        said = [Mark(at_s, one.how, True, one.outcome is Outcome.PLEASED) for one in found]
        return said + [one for one in gestures if not any("nod" in x.what or "shook" in x.what for x in said)]

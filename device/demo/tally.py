"""Counts what a demo really did, from the MQTT messages alone. Pure; the view's thread calls it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table
from rich.text import Text

from device.console import count


@dataclass(slots=True)
class Tally:
    """Moods from the camera, started tracks with their reasons, and events by type."""

    moods: Counter[str] = field(default_factory=Counter)
    tracks: list[tuple[str, str]] = field(default_factory=list)  # (title, reason)
    events: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def hear(self, topic: str, payload: bytes) -> None:
        """Count one message."""
        self.messages += 1
        if not topic.endswith("/event"):
            return
        event = json.loads(payload)
        kind = event.get("event_type", "?")
        self.events[kind] += 1
        if kind == "mood_changed" and event.get("source") == "camera":
            self.moods[event["mood"]] += 1
        elif kind == "track_started":
            self.tracks.append((event["title"], event["reason"]))

    def missing(self, *, moods: int) -> str:
        """What this demo lacks, as one sentence; empty if it is complete."""
        lacks = []
        if len(self.moods) < moods:
            lacks.append(f"it saw {count(len(self.moods), 'mood')} instead of at least {moods}")
        if not self.tracks:
            lacks.append("no track started")
        if failed := self.events["track_failed"]:
            lacks.append(f"{count(failed, 'track')} could not be played")
        return f"The demo was not complete: {'; '.join(lacks)}." if lacks else ""

    def facts(self) -> list[tuple[str, str]]:
        """What happened, as names and values."""
        moods = ", ".join(f"{mood} ×{times}" for mood, times in self.moods.most_common())
        events = ", ".join(f"{kind} ×{times}" for kind, times in self.events.most_common())
        tracks = [("track heard", f"{title}: {reason}") for title, reason in self.tracks]
        return [
            ("moods seen", moods or "none"),
            *(tracks or [("track heard", "none")]),
            ("events", events or "none"),
            ("messages", str(self.messages)),
        ]

    def show(self, console: Console) -> None:
        """Print what happened: as a table on a terminal, otherwise as one line per fact."""
        if not console.is_terminal:
            for name, value in self.facts():
                console.print(Text(f"{name}: {value}"))
            return
        table = Table(title="What happened, according to MQTT", title_justify="left", show_header=False)
        table.add_column(style="bold")
        table.add_column()
        for name, value in self.facts():
            table.add_row(name, Text(value))
        console.print(table)

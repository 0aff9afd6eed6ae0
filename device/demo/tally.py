"""Counts what a demo really did, from the MQTT messages alone. Pure; the view's thread calls it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(slots=True)
class Tally:
    """Moods that the camera caused, tracks that started with their reasons, and events by type."""

    moods: Counter[str] = field(default_factory=Counter)
    tracks: list[tuple[str, str]] = field(default_factory=list)  # (title, reason)
    events: Counter[str] = field(default_factory=Counter)
    messages: int = 0

    def hear(self, topic: str, payload: bytes) -> None:
        """Count one message, and look into it if it is an event."""
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
        """What a complete demo shows and this one did not, as one sentence; empty if nothing is missing."""
        lacks = []
        if len(self.moods) < moods:
            lacks.append(f"it saw {count(len(self.moods), 'mood')} instead of at least {moods}")
        if not self.tracks:
            lacks.append("no track started")
        if failed := self.events["track_failed"]:
            lacks.append(f"{count(failed, 'track')} could not be played")
        return f"The demo was not complete: {'; '.join(lacks)}." if lacks else ""

    def summary(self) -> RenderableType:
        """What happened, as a table for people."""
        table = Table(title="What happened, as heard over MQTT", title_justify="left", show_header=False)
        table.add_column(style="bold")
        table.add_column()
        table.add_row("moods seen", ", ".join(f"{mood} ×{times}" for mood, times in self.moods.most_common()) or "none")
        for number, (title, reason) in enumerate(self.tracks):
            table.add_row("tracks heard" if number == 0 else "", Text(f"{title}: {reason}"))
        if not self.tracks:
            table.add_row("tracks heard", "none")
        table.add_row("events", ", ".join(f"{kind} ×{times}" for kind, times in self.events.most_common()) or "none")
        table.add_row("messages", str(self.messages))
        return Group(table)


def count(number: int, noun: str) -> str:
    """`1 mood`, `2 moods`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"

"""Makes every decision: takes one event at a time, owns all state, returns actions and a snapshot. Pure; main thread.

Each event takes two steps. *React*: the event changes the state (mood, playback, memory) and may cause actions such as
`Play`. *Settle*: the reconciler compares the wanted state (the volume, the camera's connection, the saved memory) with
the last requests, and only differences become actions. Surfaces show the `Snapshot`, and each of them finds out what
has changed. So no code has to request publishing.

`State` has all parts; reacting.py, obeying.py and settling.py have the steps.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, tzinfo

from device.config.schema import Config
from device.core import consent
from device.core.reacting import react
from device.core.settling import settle
from device.core.state import State
from device.domain import (
    Action,
    Event,
    Listen,
    Log,
    Memory,
    Now,
    PlaybackState,
    Snapshot,
    SongEntry,
)

FIRST_LOOK_S = 10.0  # with the camera on, the longest wait of the first song for a mood


@dataclass(frozen=True, slots=True)
class Decision:
    """The result of one event: actions in order, and the state after it."""

    actions: list[Action]
    snapshot: Snapshot


class Session:
    """The device's decisions, one event at a time. `state` is all that they depend on."""

    def __init__(
        self,
        config: Config,
        memory: Memory,
        history: Iterable[Listen],
        dice: random.Random,
        settings_problems: tuple[str, ...] = (),
        songs: Iterable[SongEntry] = (),
        zone: tzinfo = UTC,
    ) -> None:
        """See `State`."""
        self.state = State(config, memory, history, dice, settings_problems, songs, zone)

    @property
    def memory(self) -> Memory:
        """What survives a power cut."""
        return self.state.to_save

    def start(self, now: Now) -> Decision:
        """The first actions: volume, camera, and music unless somebody stopped it before."""
        state = self.state
        state.started = now
        state.mood_control.start(now)
        memory = state.memory
        if state.config.music.autoplay and memory.playback is not PlaybackState.STOPPED:
            state.playback.playing.wanted, state.playback.playing.resume_s = memory.playback, memory.position_s
            state.unfinished = memory.track_key
            state.look_until = now.mono + (FIRST_LOOK_S if memory.camera else 0.0)
        return Decision([Log(consent.words(memory)), *settle(state, now)], state.snapshot(now))

    def handle(self, event: Event, now: Now) -> Decision:
        """Take one event."""
        state = self.state
        state.mood_control.advance(state.in_effect, now)
        state.chooser.advance(now)
        actions = react(state, event, now) + settle(state, now)
        notes = state.diary.observe(state.observation(actions), now)
        for note in notes:
            state.chooser.learn_effect(note.entry)
            state.mood_control.learn(note.entry)
        return Decision([*actions, *notes], state.snapshot(now))

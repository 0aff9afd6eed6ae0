"""Snapshots for the tests of the UPnP adapter."""

from __future__ import annotations

from dataclasses import replace

from device.domain import (
    MOOD_AFFECT,
    Camera,
    Choice,
    Emotion,
    HealthReport,
    Mood,
    MoodName,
    MoodSource,
    People,
    PlaybackState,
    PlaybackView,
    PolicyName,
    Position,
    Snapshot,
    Track,
)
from device.upnp.state import View

BASE = "http://192.168.1.5:8300"
SONG = Track("blake:1/a b", "file:///srv/music/calm/Drift%20&%20Away.flac", "Drift & Away", "A <B>", "Slow", 205.4)
SCORES = (1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)


def snapshot(
    state: PlaybackState = PlaybackState.PLAYING,
    track: Track | None = SONG,
    at_s: float = 61.0,
    *,
    mood: MoodName = MoodName.CALM,
    volume: int = 35,
    tracks: int = 10,
) -> Snapshot:
    """A snapshot whose position was measured at the monotonic time 100."""
    position = Position(at_s, 100.0, state is PlaybackState.PLAYING)
    choice = None if track is None else Choice(track, f"it matches a {mood} room with 2 faces")
    return Snapshot(
        mood=Mood(mood, MOOD_AFFECT[mood], Emotion.HAPPINESS, 0.7, 2, SCORES, MoodSource.CAMERA, 5.0),
        policy=PolicyName.MATCH,
        playback=PlaybackView(state, choice, position if track else None, volume, 70),
        queue=(),
        never=(),
        people=People(),
        room="kitchen",
        camera=Camera(True, True),
        health=HealthReport(tracks=tracks),
    )


def view(shown: Snapshot | None = None, mono: float = 100.0) -> View:
    """How the device looks at `BASE`."""
    return View(shown or snapshot(), BASE, mono, "c0ffee")


def elsewhere(shown: Snapshot) -> Snapshot:
    """The same playback, in a room with other faces, mood, people and state of health."""
    affect = MOOD_AFFECT[MoodName.ANGRY]
    angry = Mood(MoodName.ANGRY, affect, Emotion.ANGER, 0.9, 5, SCORES[::-1], MoodSource.CAMERA, 77.0)
    playback = shown.playback
    if playback.choice is not None:
        playback = replace(playback, choice=replace(playback.choice, reason="it calms an angry room of 5 faces"))
    return replace(
        shown,
        mood=angry,
        playback=playback,
        policy=PolicyName.CALM,
        people=People(("ada",)),
        room="attic",
        camera=Camera(False, False),
        health=replace(shown.health, problems=("The camera shows nothing.",), eye_fps=7.5, camera="v4l2"),
    )

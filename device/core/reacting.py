"""How the session reacts to events: one function for each kind. Pure; main thread."""

from __future__ import annotations

from dataclasses import replace

from device.core import consent, player_events
from device.core.health import shorten
from device.core.mood_change import mood_changed
from device.core.obeying import obey
from device.core.state import State
from device.domain import (
    Action,
    Announce,
    Answer,
    Asked,
    CoverRead,
    Event,
    EventType,
    EyeClosed,
    EyeOpened,
    EyeRead,
    Feedback,
    FromGroup,
    Handled,
    LibraryLoaded,
    Liking,
    Log,
    Misunderstood,
    Now,
    Origin,
    PlaylistChanged,
    Reading,
    Saved,
    SoundBack,
    SoundLost,
    SpeechEnded,
    SurfaceDown,
    SurfaceUp,
    SwitchTurned,
    Tick,
    TrackAt,
    TrackEnded,
    TrackEnding,
    TrackFailed,
    TrackStarted,
    UpdateSeen,
)
from device.music.recommend.choose import Taste, TrackIndex

NOTES = 20  # the most notes about files in one `library_changed`


def react(state: State, event: Event, now: Now) -> list[Action]:
    """The actions that this event causes."""
    match event:
        case EyeRead(reading):
            return _take_reading(state, reading, now)
        case EyeOpened(camera):
            return _eye_opened(state, camera)
        case EyeClosed(problem):
            return _eye_closed(state, problem)
        case SwitchTurned(on, problem):
            return _switch_turned(state, on, problem)
        case TrackStarted() | TrackEnded() | TrackFailed() | TrackEnding() | TrackAt():
            target, audience = state.target, state.audience
            return player_events.take(event, state.playback, state.media, target, audience, now)
        case SpeechEnded(serial, problem) if state.chime.owns(serial):
            state.chime.over(problem, now)
        case SpeechEnded(serial, problem):
            return state.media.spoken(serial, problem)
        case UpdateSeen(update):
            return state.updates.seen(update)
        case SoundLost(problem):
            return _sound_changed(state, problem, now)
        case SoundBack():
            return _sound_changed(state, "", now)
        case LibraryLoaded():
            return _library_loaded(state, event)
        case CoverRead(uri, picture):
            state.reconciler.cover_read(uri, picture)
        case FromGroup():
            return _hear_group(state, event, now)
        case Asked(command, origin):
            return obey(state, command, origin, now)
        case Misunderstood(origin, message):
            return [Answer(origin, message)]
        case PlaylistChanged(origin):
            return [Handled(origin)]
        case SurfaceUp(surface, known_as, problem, largest_bytes):
            _surface_up(state, surface, known_as, problem, largest_bytes)
        case SurfaceDown(surface, problem):
            state.health.surfaces[surface] = problem
        case Saved(_, problem):
            state.health.store_problem = problem
        case Tick(figures):
            state.health.figures = figures
    return []


def _switch_turned(state: State, on: bool, problem: str) -> list[Action]:
    state.switched_off = not on
    state.health.switch_problem = problem
    return [] if problem else [Log(consent.switch_words(state.memory, on))]


def _eye_opened(state: State, camera: str) -> list[Action]:
    state.health.eye_opened(camera)
    state.mood_control.eye_open = True
    return [Announce(EventType.CAMERA_ON, {"camera": camera})]


def _eye_closed(state: State, problem: str) -> list[Action]:
    if problem and not state.camera_wanted:
        return []  # it ended a moment before we closed it, because the switch is off
    state.health.eye_closed(problem)
    state.mood_control.eye_open = False
    state.occupancy.stop()
    kind = EventType.CAMERA_PROBLEM if problem else EventType.CAMERA_OFF
    return [Announce(kind, {"message": problem})]


def _surface_up(state: State, surface: str, known_as: str, problem: str, largest_bytes: int | None) -> None:
    state.health.surfaces[surface] = problem
    state.reconciler.limit_covers(largest_bytes)
    state.memory = replace(state.memory, known_as=known_as or state.memory.known_as)


def _sound_changed(state: State, problem: str, now: Now) -> list[Action]:
    state.health.sound_problem = problem
    state.playback.playing.sound(not problem, now)
    state.media.sound(not problem, now)
    return [Announce(EventType.SOUND_LOST if problem else EventType.SOUND_BACK, {"message": problem})]


def _take_reading(state: State, reading: Reading, now: Now) -> list[Action]:
    before = state.mood
    state.health.reading(reading)
    state.mood_control.take(reading, now)
    state.occupancy.look(state.mood.faces, now)
    actions = mood_changed(state, before, now)
    answer, playing = state.question.answer(reading, now), state.playback.playing.playthrough
    for reaction in state.reactions.observe(reading, playing, now, answered=answer is not None):
        actions += state.playback.react(reaction, state.audience, now)
    if answer is not None:
        gesture = "a nod" if answer is Liking.LIKE else "a shake of the head"
        actions += obey(state, Feedback(answer), Origin("the camera", gesture), now)
    return actions


def _library_loaded(state: State, event: LibraryLoaded) -> list[Action]:
    """Announce tracks that came or went. Results of the analysis appear in the health report only."""
    before, health = state.chooser.index, state.health
    if isinstance(event.index, tuple):
        index, taste = event.index
        assert isinstance(index, TrackIndex)
        assert isinstance(taste, Taste)
        state.playback.load(index, taste)
    else:
        state.playback.load(TrackIndex(event.tracks))
    state.chooser.take_playlists(event.playlists)
    changed = state.chooser.index.signature != before.signature or not health.library_loaded
    changed |= (event.problems, event.notes) != (health.library_problems, health.library_notes)
    health.library_problems, health.library_notes, health.library_loaded = event.problems, event.notes, True
    if not changed:
        return []
    sentences = shorten((*event.problems, *event.notes), NOTES)
    return [Announce(EventType.LIBRARY_CHANGED, {"tracks": len(event.tracks), "problems": list(sentences)})]


def _hear_group(state: State, event: FromGroup, now: Now) -> list[Action]:
    before = state.mood
    actions = state.group.take(event, now.mono)
    state.mood_control.hear(state.group.moods(), now)
    return actions + (mood_changed(state, before, now) if state.group.chooses(now.mono) else [])

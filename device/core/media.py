"""Media from outside the library, and announcements: how they replace the music, and how it returns. Pure; main thread.

A *medium* (a radio stream, an album from a phone) plays in place of the music. The music's song keeps its place and
returns when the medium ends. An *announcement* (a spoken sentence) plays over whatever plays; the player makes that
quiet meanwhile. Nothing here enters the taste or the history.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import unquote, urlsplit

from device.config.schema import PlayerConfig
from device.core.audience import Audience, Circumstances
from device.core.playback import PlaybackControl
from device.core.playing import BETWEEN_S
from device.domain import (
    Action,
    Announce,
    Answer,
    Choice,
    EventType,
    Hush,
    Now,
    Origin,
    Pause,
    Play,
    PlaybackState,
    PlayMedia,
    Position,
    Resume,
    Seek,
    Silence,
    Speak,
    Target,
    Track,
    Transport,
)

LONGEST_URL = 2048  # characters
WAITING = 4  # announcements that wait for the one that plays
CUT_S = 0.3  # how fast the music goes when a medium begins, and the medium when the music returns


@dataclass(frozen=True, slots=True)
class Medium:
    """What plays in place of the music. `wanted` is PLAYING or PAUSED. `position` is the player's last measurement.
    `station`: a radio station from a playlist, which is this home's music: after it, `stop` means silence."""

    serial: int
    choice: Choice
    origin: Origin
    began_at: float  # monotonic, s
    wanted: PlaybackState = PlaybackState.PLAYING
    position: Position | None = None
    station: bool = False


@dataclass(frozen=True, slots=True)
class Announcement:
    """A sentence to speak, at `percent`."""

    track: Track
    percent: int
    origin: Origin


class MediaControl:
    """Owns the medium and the announcements. Suspends and restores the music of `playback`."""

    def __init__(self, playback: PlaybackControl, player: PlayerConfig, serials: Iterator[int]) -> None:
        self.medium: Medium | None = None
        self._playback = playback
        self._config = player
        self._serials = serials
        self._sound = True
        self._speaking: tuple[int, Announcement] | None = None
        self._waiting: deque[Announcement] = deque()

    # --- The state ---

    @property
    def announcement(self) -> Track | None:
        """What is being spoken."""
        return None if self._speaking is None else self._speaking[1].track

    def state(self, now: Now) -> PlaybackState:
        """The state of the medium. It has some seconds to begin."""
        if self.medium is None:
            return PlaybackState.STOPPED
        if self.medium.wanted is PlaybackState.PAUSED:
            return PlaybackState.PAUSED
        position, begins = self.medium.position, now.mono - self.medium.began_at < BETWEEN_S
        sounds = position is not None and position.running
        return PlaybackState.PLAYING if sounds or begins else PlaybackState.PAUSED

    def owns(self, serial: int) -> bool:
        """Whether the player's events about this serial number concern the medium."""
        return self.medium is not None and self.medium.serial == serial

    # --- What people ask for ---

    def play_station(self, url: str, name: str, given: Circumstances) -> list[Action] | str:
        """Begin a radio station of a playlist; a sentence if that is refused. If it fails, the music begins."""
        started = self.play(PlayMedia(url, title=name), given)
        if self.medium is not None and isinstance(started, list):
            self.medium = replace(self.medium, station=True)
            self._playback.playing.wanted = PlaybackState.PLAYING
        return started

    def play(self, order: PlayMedia, given: Circumstances) -> list[Action] | str:
        """Begin a medium or an announcement; a sentence if that is refused."""
        if not self._config.media:
            return "The settings do not allow media from outside; to allow them, set player.media to true."
        if problem := url_problem(order.url):
            return problem
        origin = given.origin
        if order.announce:
            return self._announce(Announcement(_track(order), self._percent(order), origin), given.muted)
        self._playback.playing.suspend(given.now)
        reason = f"it came over {origin.surface}" if origin.surface else "it was sent to the device"
        self.medium = Medium(next(self._serials), Choice(_track(order), reason), origin, given.now.mono)
        return [Play(self.medium.serial, self.medium.choice.track, CUT_S)]

    def stop(self, given: Circumstances) -> list[Action] | str:
        """End the announcements; without one, end the medium."""
        if self._speaking is not None:
            self._speaking = None
            self._waiting.clear()
            return [Hush()]
        if self.medium is None:
            return "No media from outside are playing, so there is nothing to stop."
        return self.end(given.target, given.audience, given.now)

    def obey(self, transport: Transport, given: Circumstances) -> list[Action]:
        """Play, pause, stop, next, previous or toggle for the medium. Stop and next return to the music."""
        assert self.medium is not None
        playing = self.medium.wanted is PlaybackState.PLAYING
        if transport is Transport.TOGGLE:
            transport = Transport.PAUSE if playing else Transport.PLAY
        match transport:
            case Transport.PLAY if not playing:
                self.medium = replace(self.medium, wanted=PlaybackState.PLAYING)
                return [Resume()]
            case Transport.PAUSE if playing:
                self.medium = replace(self.medium, wanted=PlaybackState.PAUSED)
                self._hold(given.now)
                return [Pause()]
            case Transport.STOP if self.medium.station:
                self._playback.playing.wanted = PlaybackState.STOPPED
                return self.end(given.target, given.audience, given.now)
            case Transport.STOP | Transport.NEXT:
                return self.end(given.target, given.audience, given.now)
            case Transport.PREVIOUS if self.medium.choice.track.duration_s > 0:
                return [Seek(self.medium.serial, 0.0)]
        return []

    def seek(self, seconds: float, relative: bool, now: Now) -> list[Action] | str:
        """Jump within the medium. A stream has no length, so nobody can jump in it."""
        assert self.medium is not None
        length_s = self.medium.choice.track.duration_s
        if length_s <= 0:
            return "The device cannot seek in a live stream, or in a stream of unknown length."
        if relative:
            seconds += 0.0 if self.medium.position is None else self.medium.position.at(now.mono)
        return [Seek(self.medium.serial, max(0.0, min(seconds, length_s)))]

    def end(self, target: Target, audience: Audience, now: Now) -> list[Action]:
        """End the medium. The music returns as it was before: playing, paused or not at all."""
        if self.medium is None:
            return []
        title = self.medium.choice.track.title
        self.medium = None
        back = self._playback.restore(target, audience, now)
        return [Announce(EventType.MEDIA_ENDED, {"title": title}), *(back or [Silence(CUT_S)])]

    def give_way(self) -> None:
        """Somebody chose a song of the library meanwhile, which replaces the medium."""
        self.medium = None

    def _percent(self, order: PlayMedia) -> int:
        wanted = self._config.announce_volume if order.volume is None else order.volume
        return max(0, min(wanted, self._config.max_volume))

    def _announce(self, announcement: Announcement, muted: bool) -> list[Action] | str:
        if muted:
            return "The device is muted, so nobody would hear the announcement."
        if self._speaking is None:
            return self._speak(announcement)
        if len(self._waiting) == WAITING:
            return f"{WAITING} announcements wait already; send this one again later."
        self._waiting.append(announcement)
        return []

    def _speak(self, announcement: Announcement) -> list[Action]:
        self._speaking = next(self._serials), announcement
        facts = {"title": announcement.track.title}
        return [
            Announce(EventType.ANNOUNCED, facts),
            Speak(self._speaking[0], announcement.track, announcement.percent),
        ]

    def _hold(self, now: Now) -> None:
        if self.medium is not None and self.medium.position is not None:
            self.medium = replace(self.medium, position=self.medium.position.held(now.mono))

    # --- Events of the player ---

    def started(self, position: Position, length_s: float, now: Now) -> list[Action]:
        """The medium became audible."""
        assert self.medium is not None
        choice = self.medium.choice
        if choice.track.duration_s <= 0 < length_s:
            choice = replace(choice, track=replace(choice.track, duration_s=length_s))
        self.medium = replace(self.medium, choice=choice)
        self.at(position, now)
        facts = {"title": choice.track.title, "artist": choice.track.artist, "reason": choice.reason}
        return [Announce(EventType.MEDIA_STARTED, facts)]

    def at(self, position: Position, now: Now) -> None:
        """The player measured its position in the medium. While paused, the event may be older."""
        assert self.medium is not None
        if self.medium.wanted is not PlaybackState.PLAYING or not self._sound:
            position = position.held(min(now.mono, position.at_mono))
        self.medium = replace(self.medium, position=position)

    def failed(self, problem: str, target: Target, audience: Audience, now: Now) -> list[Action]:
        """The medium cannot be played (on)."""
        assert self.medium is not None
        origin, title = self.medium.origin, self.medium.choice.track.title
        failed = Announce(EventType.MEDIA_FAILED, {"title": title, "message": problem})
        return [failed, Answer(origin, problem), *self.end(target, audience, now)]

    def spoken(self, serial: int, problem: str) -> list[Action]:
        """An announcement is over: the next one follows."""
        if self._speaking is None or self._speaking[0] != serial:
            return []
        said, self._speaking = self._speaking[1], None
        actions: list[Action] = []
        if problem:
            facts = {"title": said.track.title, "message": problem}
            actions = [Announce(EventType.MEDIA_FAILED, facts), Answer(said.origin, problem)]
        return [*actions, *(self._speak(self._waiting.popleft()) if self._waiting else [])]

    def sound(self, on: bool, now: Now) -> None:
        """The sound device failed or works again."""
        self._sound = on
        if not on:
            self._hold(now)


def url_problem(url: str) -> str:
    """Why the device does not play from this address, as a sentence; empty if it may try."""
    if len(url) > LONGEST_URL or not url.isprintable() or " " in url:
        return f"An address has at most {LONGEST_URL} characters, without spaces and control characters."
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "This is not an address; send one such as http://host/sound.mp3."
    if parts.scheme.lower() not in ("http", "https"):
        return "The device plays only addresses that begin with http:// or https://."
    if not host:
        return "This address has no host; send one such as http://host/sound.mp3."
    return "The device accepts no address with a user name or a password in it." if "@" in parts.netloc else ""


def _track(order: PlayMedia) -> Track:
    parts = urlsplit(order.url)
    title = order.title or unquote(parts.path.rsplit("/", 1)[-1]) or parts.hostname or ""
    return Track("", order.url, title, order.artist, order.album, max(0.0, order.duration_s))

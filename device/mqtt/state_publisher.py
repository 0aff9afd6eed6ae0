"""What the world is told over MQTT, and what it was told already. Pure; main thread, owned by the session."""

from __future__ import annotations

from collections.abc import Mapping

from device.config.schema import MqttConfig
from device.domain import Choice, Memory, Mood, Now, Playback, Publish
from device.mqtt import documents
from device.mqtt.command_parser import Refusal
from device.mqtt.documents import EventType
from device.mqtt.topics import Topics

Payload = str | bytes | Mapping[str, object]

HEALTH_S = 60.0
WEIGHTY = ("mood", "source", "since", "faces")  # a change of these is told at once


class StatePublisher:
    """Turns state into retained documents and says only those that differ from what was said.

    While the broker is away nothing is said; `connected` makes everything unsaid, so that all of it comes back.
    `announcement` is what tells Home Assistant of the device, or takes that back (None: say neither). `former` are the
    topics of the device before its name was changed in the settings: nothing is left there.
    """

    def __init__(
        self, config: MqttConfig, topics: Topics, announcement: Publish | None = None, former: Topics | None = None
    ) -> None:
        self.topics = topics
        self._former = former
        self._config = config
        self._announcement = announcement
        self._said: dict[str, Payload] = {}
        self._mood_said_at = float("-inf")
        self._health_said_at = float("-inf")
        self._up = False

    def connected(self) -> None:
        """The broker (or Home Assistant) is there, and knows nothing of us."""
        self._up = True
        self._said.clear()
        self._health_said_at = float("-inf")

    def lost(self) -> None:
        """The broker is gone."""
        self._up = False

    def event(self, event_type: EventType, **facts: object) -> Publish:
        """Something that happened: said once, not retained."""
        return Publish(self.topics.event, documents.event(event_type, **facts), retain=False)

    def refusal(self, refusal: Refusal) -> Publish:
        """The answer to a command that cannot be obeyed: said once, not retained."""
        return Publish(self.topics.error, documents.error(refusal), retain=False)

    def documents(
        self,
        memory: Memory,
        mood: Mood,
        playback: Playback,
        choice: Choice | None,
        mark: tuple[float, float],
        cover: bytes,
        camera_open: bool,
    ) -> dict[str, Payload]:
        """Everything retained, as it ought to be. `mark`: see `PlaybackControl.mark`. The camera counts as off only
        when the eye has let go of it."""
        topics = self.topics
        said: dict[str, Payload] = dict.fromkeys(self._former.retained if self._former else (), "")
        said |= {
            topics.mood_state: documents.mood_state(mood),
            topics.track_state: documents.track_state(playback, choice, mark),
            topics.track_cover: cover,
            topics.volume_state: str(memory.volume),
            topics.camera_state: "ON" if memory.camera or camera_open else "OFF",
            topics.policy_state: str(memory.policy),
            topics.profile_state: memory.profile,
            topics.room_state: memory.room,
        }
        if self._announcement is not None:
            said[self._announcement.topic] = self._announcement.payload
        said[topics.availability] = documents.ONLINE  # last, so that whoever sees it can read all the rest
        return said

    def changes(self, documents: Mapping[str, Payload], now: Now) -> list[Publish]:
        """What has to be said so that the broker holds `documents`."""
        if not self._up:
            return []
        news = [(t, p) for t, p in documents.items() if self._said.get(t) != p and not self._can_wait(t, p, now)]
        self._said.update(news)
        return [Publish(topic, payload) for topic, payload in news]

    def health_due(self, now: Now) -> bool:
        """Whether it is time for `health`; counts as said then."""
        due = self._up and now.mono - self._health_said_at >= HEALTH_S
        if due:
            self._health_said_at = now.mono
        return due

    def _can_wait(self, topic: str, payload: Payload, now: Now) -> bool:
        """The mood's figures move with every frame; they are told at most every `mood_interval_s`, its name at once."""
        if topic != self.topics.mood_state:
            return False
        said = self._said.get(topic)
        early = now.mono - self._mood_said_at < self._config.mood_interval_s
        same = isinstance(said, Mapping) and isinstance(payload, Mapping)
        if same and early and all(payload.get(name) == said.get(name) for name in WEIGHTY):  # type: ignore[union-attr]
            return True
        self._mood_said_at = now.mono
        return False

"""Renders the Snapshot as retained documents, and returns those that differ from the last ones. Pure; main thread.

Converts times to wall-clock time, and again when the clock is set: a Pi without a clock sets it while music plays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from device.config.schema import MqttConfig
from device.domain import Announce, Answer, HealthReport, Now, Position, Snapshot
from device.mqtt import documents, queue_documents, schedule_documents
from device.mqtt.documents import OFF, ON, ONLINE
from device.mqtt.messages import Publication
from device.mqtt.topics import Topics

HEALTH_S = 60.0
CLOCK_SET_S = 2.0  # a jump of the wall clock by more than this means that somebody set it
DRIFT_S = 0.7  # a position within this distance of the expected one is not sent again

Announcer = Callable[[tuple[str, ...]], Publication]
Document = bytes | msgspec.Struct | Sequence[msgspec.Struct] | Mapping[str, object]


class StatePublisher:
    """Remembers what the broker has. After `forget`, it sends everything again.

    `announce` describes the device with these playlists to Home Assistant, or removes it there. `former` are the topics
    of the device under its earlier name: `render` empties them.
    """

    def __init__(
        self,
        config: MqttConfig,
        topics: Topics,
        announce: Announcer | None,
        former: Topics | None = None,
        page: documents.PageState | None = None,
    ) -> None:
        self._config, self._topics = config, topics
        self._announce, self._former, self._page = announce, former, page
        self._announcement: tuple[tuple[str, ...], Publication] | None = None  # the last one, and its playlists
        self._sent: dict[str, Document] = {}
        self._mood_sent_at = self._health_sent_at = float("-inf")
        self._clock_s: float | None = None
        self._position: Position | None = None
        self._uri = ""

    def forget(self) -> None:
        """The broker, or Home Assistant, may have nothing of ours."""
        self._sent.clear()
        self._mood_sent_at = self._health_sent_at = float("-inf")

    def render(self, snapshot: Snapshot, now: Now) -> list[Publication]:
        """The messages that bring the broker to this snapshot."""
        self._follow_clock(now)
        self._follow_position(snapshot, now)
        wanted = self._documents(snapshot)
        news = {topic: document for topic, document in wanted.items() if self._sent.get(topic) != document}
        if not self._mood_is_due(news, now):
            del news[self._topics.mood_state]
        if self._topics.mood_state in news:
            self._mood_sent_at = now.mono
        if self._health_is_due(snapshot.health, now):
            self._health_sent_at = now.mono
            news[self._topics.health] = documents.health_state(snapshot.health)
        self._sent.update(news)
        return [Publication(topic, _bytes(document)) for topic, document in news.items()]

    def notice(self, notice: Announce | Answer) -> Publication:
        """The message for a notice."""
        if isinstance(notice, Announce):
            return Publication(self._topics.event, documents.encode(documents.event(notice)), retain=False)
        report = documents.ErrorReport(
            topic=documents.text(notice.origin.address), payload=notice.origin.payload, message=notice.message
        )
        return Publication(self._topics.error, documents.encode(report), retain=False)

    # --- The wanted documents ---

    def _documents(self, snapshot: Snapshot) -> dict[str, Document]:
        topics, playback, clock_s = self._topics, snapshot.playback, self._clock_s or 0.0
        retained: dict[str, Document] = dict.fromkeys(self._former.retained if self._former else (), b"")
        retained |= {
            topics.mood_state: documents.mood_state(snapshot.mood, clock_s),
            topics.track_state: documents.track_state(playback, self._position, clock_s),
            topics.track_cover: playback.cover,
            topics.queue_state: queue_documents.queue_state(snapshot.queue),
            topics.playlist_state: documents.names(snapshot.playlists),
            topics.vote_state: queue_documents.vote_state(snapshot.skip_votes),
            topics.never_state: queue_documents.never_state(snapshot.never),
            topics.sleep_state: schedule_documents.sleep_state(snapshot.schedule),
            topics.alarm_state: schedule_documents.alarm_state(snapshot.schedule),
            topics.quiet_state: (ON if snapshot.schedule.quiet else OFF).encode(),
            topics.schedule_state: schedule_documents.schedule_state(snapshot.schedule),
            topics.children_state: schedule_documents.children_state(snapshot.schedule),
            topics.volume_state: str(playback.volume).encode(),
            topics.mute_state: (ON if playback.muted else OFF).encode(),
            topics.update_state: documents.update_state(snapshot.update),
            topics.occupancy_state: documents.switch(snapshot.occupied).encode(),
            topics.camera_state: (ON if snapshot.camera.wanted or snapshot.camera.open else OFF).encode(),
            topics.policy_state: snapshot.policy.encode(),
            topics.profile_state: documents.profile_state(snapshot.people),
            topics.question_state: (ON if snapshot.question else OFF).encode(),
            topics.guest_state: (ON if snapshot.people.guests else OFF).encode(),
            topics.context_state: documents.context_state(snapshot.context),
            topics.room_state: documents.text(snapshot.room).encode(),
            topics.group_state: documents.text("" if snapshot.group is None else snapshot.group.name).encode(),
            topics.group_volume_state: documents.group_volume_state(snapshot.group),
        }
        if self._page is not None:
            retained[topics.page_state] = self._page
        if self._announce is not None:
            if self._announcement is None or self._announcement[0] != snapshot.playlists:
                self._announcement = snapshot.playlists, self._announce(snapshot.playlists)
            retained[self._announcement[1].topic] = self._announcement[1].payload
        retained[topics.availability] = ONLINE  # last, so that everything else is there by then
        return retained

    def _follow_clock(self, now: Now) -> None:
        """Use one offset between the clocks until somebody sets the wall clock."""
        clock_s = now.wall - now.mono
        if self._clock_s is None or abs(clock_s - self._clock_s) > CLOCK_SET_S:
            self._clock_s = clock_s

    def _follow_position(self, snapshot: Snapshot, now: Now) -> None:
        """Send a position again only if it does not follow from the last one: after a jump, a stop or a start."""
        choice, position = snapshot.playback.choice, snapshot.playback.position
        uri, sent = "" if choice is None else choice.track.uri, self._position
        same = sent is not None and position is not None and sent.running == position.running and uri == self._uri
        if same and sent is not None and position is not None:
            same = abs(sent.at(now.mono) - position.at(now.mono)) < DRIFT_S
        if not same:
            self._position, self._uri = position, uri

    # --- What is due ---

    def _mood_is_due(self, news: Mapping[str, Document], now: Now) -> bool:
        """The mood's figures change with every frame, so they wait for `mood_interval_s`; a new name does not."""
        mood, sent = news.get(self._topics.mood_state), self._sent.get(self._topics.mood_state)
        if not isinstance(mood, documents.MoodState) or not isinstance(sent, documents.MoodState):
            return True
        weighty = (mood.mood, mood.source, mood.since, mood.faces) != (sent.mood, sent.source, sent.since, sent.faces)
        return weighty or now.mono - self._mood_sent_at >= self._config.mood_interval_s

    def _health_is_due(self, report: HealthReport, now: Now) -> bool:
        """Every minute, and at once when anything other than a figure changes."""
        sent = self._sent.get(self._topics.health)
        if not isinstance(sent, documents.HealthState):
            return True
        fresh = documents.health_state(report)
        changed = (fresh.problems, fresh.camera) != (sent.problems, sent.camera)
        changed |= sent.memory_mb is None and fresh.memory_mb is not None  # the first figures
        return changed or now.mono - self._health_sent_at >= HEALTH_S


def _bytes(document: Document) -> bytes:
    return document if isinstance(document, bytes) else documents.encode(document)

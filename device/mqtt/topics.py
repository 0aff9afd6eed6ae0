"""The names of everything that Affetto says and hears over MQTT. Pure, any thread.

This is the contract that other people's dashboards and automations rely on; it changes with a reason or not at
all. `Topics` gives each full topic a name, and `parse` turns a message on a command topic into a command or a
refusal.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.domain import Message
from device.mqtt import groups as rooms
from device.mqtt.command_parser import Command, HomeAssistantStatus, Refusal, read, show

RETAINED = "{}/set was retained by the broker; send commands without the retain flag."


class _Below:
    """A topic below the device's own level, worked out when it is asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, topics: Topics, _: type[Topics] | None = None) -> str:
        return f"{topics.device}/{self._name}"


@dataclass(frozen=True, slots=True)
class Topics:
    """Every full topic of the device `device_id` below `base`, as an attribute."""

    base: str = "affetto"
    device_id: str = "affetto"
    discovery_prefix: str = "homeassistant"

    availability = _Below("availability")
    mood_state = _Below("mood/state")
    mood_set = _Below("mood/set")
    track_state = _Below("track/state")
    track_cover = _Below("track/cover")
    track_mood_set = _Below("track_mood/set")
    playback_set = _Below("playback/set")
    seek_set = _Below("seek/set")
    volume_state = _Below("volume/state")
    volume_set = _Below("volume/set")
    camera_state = _Below("camera/state")
    camera_set = _Below("camera/set")
    policy_state = _Below("policy/state")
    policy_set = _Below("policy/set")
    profile_state = _Below("profile/state")
    profile_set = _Below("profile/set")
    room_state = _Below("room/state")
    room_set = _Below("room/set")
    feedback_set = _Below("feedback/set")
    event = _Below("event")
    health = _Below("health")
    error = _Below("error")

    @classmethod
    def recall(cls, words: str) -> Topics | None:
        """Those that `record` told of; None for other words."""
        parts = words.split(" ")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    def record(self) -> str:
        """What `recall` makes the same topics of. None of the three words holds a space."""
        return f"{self.base} {self.device_id} {self.discovery_prefix}"

    @property
    def retained(self) -> tuple[str, ...]:
        """Everything that a broker keeps of this device."""
        return (
            *(self.mood_state, self.track_state, self.track_cover, self.volume_state, self.camera_state),
            *(self.policy_state, self.profile_state, self.room_state, self.health, self.discovery, self.availability),
        )

    @property
    def device(self) -> str:
        """The level below which everything of this device is."""
        return f"{self.base.strip('/')}/{self.device_id}"

    @property
    def everything(self) -> str:
        """The filter for all that this device says (and is told)."""
        return f"{self.device}/#"

    @property
    def commands(self) -> str:
        """The filter for this device's commands, unknown ones too, so that a typing mistake gets its answer."""
        return f"{self.device}/+/set"

    @property
    def discovery(self) -> str:
        """Where Home Assistant looks for the description of the device."""
        return f"{self.discovery_prefix.strip('/')}/device/affetto_{self.device_id}/config"

    @property
    def home_assistant_status(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery_prefix.strip('/')}/status"

    def room_commands(self, room: str) -> str:
        """The filter for the commands of a room; empty for no room."""
        return rooms.command_filter(self.base.strip("/"), room)

    def parse(self, message: Message) -> Command | Refusal:
        """What `message` asks for. Retained commands are refused: every start would obey them again."""
        if message.topic == self.home_assistant_status:
            return HomeAssistantStatus(message.payload.strip().lower() == b"online")
        name = self._command_name(message.topic)
        answer = RETAINED.format(name) if message.retained else read(name, message.payload)
        return Refusal(message.topic, show(message.payload), answer) if isinstance(answer, str) else answer

    def _command_name(self, topic: str) -> str:
        own = topic.removeprefix(f"{self.device}/").removesuffix("/set")
        return rooms.command_name(self.base.strip("/"), topic) or own

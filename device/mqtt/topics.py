"""All MQTT topics of Affetto. Pure, any thread.

Other people's dashboards and automations rely on this contract, so do not change it without a reason. `Topics` gives
each full topic a name. `parse` turns a message on a command topic into a command, or into a sentence that says what is
wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

from device.domain import Command
from device.mqtt import groups
from device.mqtt.command_parser import read

RETAINED = "{}/set was a retained message; send commands without the retain flag."


class _Below:
    """A topic below the device's own level, computed on access."""

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
    mute_state = _Below("mute/state")
    mute_set = _Below("mute/set")
    media_set = _Below("media/set")
    occupancy_state = _Below("occupancy/state")
    camera_state = _Below("camera/state")
    camera_set = _Below("camera/set")
    policy_state = _Below("policy/state")
    policy_set = _Below("policy/set")
    profile_state = _Below("profile/state")
    profile_set = _Below("profile/set")
    context_state = _Below("context/state")
    context_set = _Below("context/set")
    body_set = _Below("body/set")
    room_state = _Below("room/state")
    room_set = _Below("room/set")
    group_state = _Below("group/state")
    group_set = _Below("group/set")
    group_volume_state = _Below("group_volume/state")
    group_volume_set = _Below("group_volume/set")
    feedback_set = _Below("feedback/set")
    question_state = _Below("question/state")
    question_set = _Below("question/set")
    never_state = _Below("never/state")
    never_set = _Below("never/set")
    queue_state = _Below("queue/state")
    queue_set = _Below("queue/set")
    playlist_state = _Below("playlist/state")
    playlist_set = _Below("playlist/set")
    vote_state = _Below("vote/state")
    vote_set = _Below("vote/set")
    guest_state = _Below("guest/state")
    guest_set = _Below("guest/set")
    sleep_state = _Below("sleep/state")
    sleep_set = _Below("sleep/set")
    alarm_state = _Below("alarm/state")
    alarm_set = _Below("alarm/set")
    quiet_state = _Below("quiet/state")
    quiet_set = _Below("quiet/set")
    schedule_state = _Below("schedule/state")
    schedule_set = _Below("schedule/set")
    children_state = _Below("children/state")
    update_state = _Below("update/state")
    update_set = _Below("update/set")
    page_state = _Below("page/state")
    event = _Below("event")
    health = _Below("health")
    error = _Below("error")

    @classmethod
    def recall(cls, record: str) -> Topics | None:
        """The topics from which `record` was made; None for any other text."""
        parts = record.split(" ")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    def record(self) -> str:
        """Text from which `recall` makes the same topics. None of the three parts contains a space."""
        return f"{self.base} {self.device_id} {self.discovery_prefix}"

    @property
    def retained(self) -> tuple[str, ...]:
        """All retained topics of this device."""
        states = (str(getattr(self, name)) for name in vars(Topics) if name.endswith("_state"))
        return (*states, self.track_cover, self.health, self.discovery, self.availability)

    @property
    def device(self) -> str:
        """The level above all topics of this device."""
        return f"{self.base.strip('/')}/{self.device_id}"

    @property
    def everything(self) -> str:
        """The filter for all topics of this device, commands included."""
        return f"{self.device}/#"

    @property
    def availability_of_all(self) -> str:
        """The filter for the availability of every device below this base."""
        return f"{self.base.strip('/')}/+/availability"

    @property
    def commands(self) -> str:
        """The filter for this device's commands, unknown ones too, so that a misspelt command gets an answer."""
        return f"{self.device}/+/set"

    @property
    def discovery(self) -> str:
        """The topic of the device's description for Home Assistant."""
        return f"{self.discovery_prefix.strip('/')}/device/affetto_{self.device_id}/config"

    @property
    def home_assistant_status(self) -> str:
        """The topic on which Home Assistant announces its start."""
        return f"{self.discovery_prefix.strip('/')}/status"

    def room_commands(self, room: str) -> str:
        """The filter for the commands of a room; empty for no room."""
        return groups.command_filter(self.base.strip("/"), room)

    def group_commands(self, group: str) -> str:
        """The filter for the commands of a group; empty for no group."""
        return groups.command_filter(self.base.strip("/"), group, "group")

    def parse(self, topic: str, payload: bytes, retained: bool = False) -> Command | str:
        """The command in a message on a command topic, or a sentence that says what is wrong. Refuses retained
        commands, because every start would repeat them."""
        name = self._command_name(topic)
        return RETAINED.format(name) if retained else read(name, payload)

    def _command_name(self, topic: str) -> str:
        own = topic.removeprefix(f"{self.device}/").removesuffix("/set")
        return groups.command_name(self.base.strip("/"), topic) or own

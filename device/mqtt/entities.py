"""What Home Assistant shows of the device: one row for each entity and each device trigger. Pure, any thread.

`discovery.py` turns the rows into the document that Home Assistant reads. Home Assistant has no MQTT media player, so
playback is sensors and buttons, which its universal media player can combine. To remove an entity, send only its
platform for one release; then delete the row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from device.domain import EMOTIONS, EventType, Liking, MoodName, PlaybackState, PolicyName, Transport
from device.domain.snapshot import SWITCHED_OFF
from device.mqtt.command_parser import AUTO
from device.mqtt.documents import OFF, ON
from device.mqtt.groups import LONGEST
from device.mqtt.people_parser import MOST_GUESTS


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity of Home Assistant.

    `state` and `command` name the attributes of `Topics` with its state topic and its command topic; `attributes` names
    the one whose document becomes the entity's attributes. `value` is the expression of its value template, in which
    `value_json` is the document. `order` is the expression of its command template, in which `value` is what somebody
    chose. `more` are further keys of the platform's discovery schema. An entity that is not `enabled` stays hidden
    until somebody enables it in Home Assistant.
    """

    key: str
    platform: str
    name: str
    icon: str
    state: str = ""
    command: str = ""
    value: str = ""
    order: str = ""
    attributes: str = ""
    category: str = ""
    enabled: bool = True
    more: Mapping[str, object] = field(default_factory=dict)


def _choice(options: object) -> dict[str, object]:
    return {"device_class": "enum", "options": [str(option) for option in options]}  # type: ignore[attr-defined]


def _button(key: str, name: str, icon: str, topic: str) -> Entity:
    return Entity(key, "button", name, icon, command=topic, more={"payload_press": key})


FIGURE = {"state_class": "measurement", "suggested_display_precision": 2}
PERCENT = {"state_class": "measurement", "unit_of_measurement": "%"}
MEGABYTES = {
    "device_class": "data_size",
    "state_class": "measurement",
    "unit_of_measurement": "MiB",
    "suggested_display_precision": 0,
}
COUNT = {"state_class": "measurement"}
MINUTES_LEFT = "([as_timestamp(value_json.until) - now().timestamp(), 0] | max / 60) | round(0, 'ceil')"

CHOOSE = "choose a playlist"
OTHER = "other"  # an activity without a row in context.activities
NOTHING = "off"  # Home Assistant shows the option "none" as unknown

ENTITIES = (
    # What the camera sees
    Entity("mood", "sensor", "Mood", "mdi:drama-masks", "mood_state", value="value_json.mood",
           attributes="mood_state", more=_choice(MoodName)),
    Entity("emotion", "sensor", "Emotion", "mdi:face-recognition", "mood_state", value="value_json.emotion",
           more=_choice(EMOTIONS)),
    Entity("confidence", "sensor", "Mood confidence", "mdi:check-decagram-outline", "mood_state",
           value="(value_json.confidence * 100) | round", category="diagnostic", enabled=False, more=PERCENT),
    Entity("valence", "sensor", "Mood valence", "mdi:emoticon-happy-outline", "mood_state",
           value="value_json.valence", more=FIGURE),
    Entity("arousal", "sensor", "Mood arousal", "mdi:lightning-bolt-outline", "mood_state",
           value="value_json.arousal", more=FIGURE),
    Entity("faces", "sensor", "Faces", "mdi:account-group", "mood_state", value="value_json.faces", more=COUNT),
    Entity("occupancy", "binary_sensor", "Occupancy", "mdi:motion-sensor", "occupancy_state",
           more={"device_class": "occupancy", "payload_on": ON, "payload_off": OFF}),
    # What plays; Home Assistant limits a state to 255 characters
    Entity("track", "sensor", "Track", "mdi:music-note", "track_state", attributes="track_state",
           value="(value_json.title or '')[:255]"),
    Entity("artist", "sensor", "Artist", "mdi:account-music", "track_state",
           value="(value_json.artist or '')[:255]"),
    Entity("reason", "sensor", "Why", "mdi:head-question-outline", "track_state",
           value="(value_json.reason or '')[:255]"),
    Entity("playback", "sensor", "Playback", "mdi:play-pause", "track_state", value="value_json.state",
           more=_choice(PlaybackState)),
    Entity("cover", "image", "Cover", "mdi:album", "track_cover", more={"content_type": "image/jpeg"}),
    # Controls
    Entity("mood_choice", "select", "Mood choice", "mdi:emoticon-cool-outline", "mood_state", "mood_set",
           value=f"value_json.mood if value_json.source == 'manual' else '{AUTO}'",
           more={"options": [AUTO, *map(str, MoodName)]}),
    Entity("track_mood", "select", "Mood of the track", "mdi:music-note-plus", "track_state", "track_mood_set",
           value=f"value_json.mood if value_json.mood_by == 'user' else '{AUTO}'",
           more={"options": [AUTO, *map(str, MoodName)]}),
    Entity("policy", "select", "Policy", "mdi:compass-outline", "policy_state", "policy_set",
           more={"options": [str(policy) for policy in PolicyName]}),
    Entity("volume", "number", "Volume", "mdi:volume-high", "volume_state", "volume_set",
           more={"min": 0, "max": 100, "step": 1, "mode": "slider", "unit_of_measurement": "%"}),
    Entity("mute", "switch", "Mute", "mdi:volume-off", "mute_state", "mute_set",
           more={"payload_on": ON, "payload_off": OFF}),
    Entity("camera", "switch", "Camera", "mdi:camera", "camera_state", "camera_set",
           more={"payload_on": ON, "payload_off": OFF}),
    _button(Transport.PLAY, "Play", "mdi:play", "playback_set"),
    _button(Transport.PAUSE, "Pause", "mdi:pause", "playback_set"),
    _button(Transport.STOP, "Stop", "mdi:stop", "playback_set"),
    _button(Transport.NEXT, "Next track", "mdi:skip-next", "playback_set"),
    _button(Transport.PREVIOUS, "Previous track", "mdi:skip-previous", "playback_set"),
    _button(Liking.LIKE, "Like", "mdi:thumb-up", "feedback_set"),
    _button(Liking.DISLIKE, "Dislike", "mdi:thumb-down", "feedback_set"),
    _button(Liking.NEVER, "Never again", "mdi:cancel", "feedback_set"),
    _button("ask", "Ask who likes it", "mdi:chat-question", "question_set"),
    Entity("question", "binary_sensor", "Question open", "mdi:head-question", "question_state",
           more={"payload_on": ON, "payload_off": OFF}),
    Entity("allow", "button", "Allow banned track", "mdi:undo", command="never_set", category="config",
           more={"payload_press": "undo"}),
    Entity("profile", "text", "Profile", "mdi:account-heart", "profile_state", "profile_set", category="config",
           more={"min": 1, "max": 255}),
    Entity("guests", "switch", "Guest mode", "mdi:account-question", "guest_state", "guest_set",
           more={"payload_on": ON, "payload_off": OFF}),
    Entity("playlist", "select", "Playlist", "mdi:playlist-play", "playlist_state", "playlist_set",
           value=f"'{CHOOSE}'", more={"options": [CHOOSE]}),
    Entity("skip_votes", "sensor", "Votes to skip", "mdi:vote", "vote_state", value="value_json.skip | count",
           attributes="vote_state", more=COUNT),
    Entity("activity", "select", "Activity", "mdi:run", "context_state", "context_set",
           value="value_json.activity", attributes="context_state", more={"options": [NOTHING]}),
    Entity("guest_count", "number", "Guests", "mdi:account-multiple-plus", "context_state", "context_set",
           value="value_json.guests or 0", order="{'guests': value | int}",
           more={"min": 0, "max": MOST_GUESTS, "step": 1, "mode": "box"}),
    Entity("scene", "text", "Scene", "mdi:movie-open-outline", "context_state", "context_set",
           value="value_json.scene", order="{'scene': value}", category="config", more={"min": 0, "max": LONGEST}),
    Entity("weather", "text", "Weather", "mdi:weather-partly-cloudy", "context_state", "context_set",
           value="value_json.weather", order="{'weather': value}", category="config", more={"min": 0, "max": LONGEST}),
    Entity("room", "text", "Room", "mdi:sofa", "room_state", "room_set", category="config",
           more={"min": 0, "max": LONGEST, "pattern": "[^/+#]*"}),
    Entity("group", "text", "Group", "mdi:speaker-multiple", "group_state", "group_set", category="config",
           more={"min": 0, "max": LONGEST, "pattern": "[^/+#]*"}),
    Entity("group_volume", "number", "Group volume", "mdi:volume-source", "group_volume_state", "group_volume_set",
           more={"min": 0, "max": 100, "step": 1, "mode": "slider", "unit_of_measurement": "%"}),
    # Music by the clock
    Entity("sleep", "number", "Sleep timer", "mdi:sleep", "sleep_state", "sleep_set",
           value=f"{MINUTES_LEFT} if value_json.until else 0",
           more={"min": 0, "max": 720, "step": 1, "mode": "box", "unit_of_measurement": "min"}),
    Entity("sleep_until", "sensor", "Music stops", "mdi:weather-night", "sleep_state",
           value="value_json.until", more={"device_class": "timestamp"}),
    Entity("next_alarm", "sensor", "Next alarm", "mdi:alarm", "alarm_state", attributes="alarm_state",
           value="value_json.next", more={"device_class": "timestamp"}),
    Entity("snooze", "button", "Snooze the alarm", "mdi:alarm-snooze", command="alarm_set",
           more={"payload_press": "snooze"}),
    Entity("stop_alarm", "button", "Stop the alarm", "mdi:alarm-off", command="alarm_set",
           more={"payload_press": "stop"}),
    Entity("quiet", "switch", "Quiet hours", "mdi:volume-low", "quiet_state", "quiet_set",
           more={"payload_on": ON, "payload_off": OFF}),
    Entity("children_left", "sensor", "Children's time left", "mdi:timer-sand", "children_state",
           value="value_json.left_min", more={"unit_of_measurement": "min"}),
    # What happened
    Entity("event", "event", "Event", "mdi:bell-ring", "event", more={"event_types": [str(e) for e in EventType]}),
    # The program
    Entity("update", "update", "Version", "mdi:package-up", "update_state", "update_set", attributes="update_state",
           value="dict(value_json.items() | rejectattr(0, 'eq', 'problem')) | to_json",  # Home Assistant takes no other
           category="config", more={"payload_install": "install", "device_class": "firmware"}),
    # Diagnostics
    Entity("camera_switch", "binary_sensor", "Camera switch on the device", "mdi:toggle-switch", "health",
           value=f"'{OFF}' if value_json.camera == '{SWITCHED_OFF}' else '{ON}'", category="diagnostic",
           more={"payload_on": ON, "payload_off": OFF}),
    Entity("status", "sensor", "Status", "mdi:stethoscope", "health", value="value_json.status",
           attributes="health", category="diagnostic", more=_choice(("ok", "problem"))),
    Entity("error", "sensor", "Error", "mdi:alert-circle-outline", "error",
           value="value_json.message[:255]", attributes="error", category="diagnostic"),
    Entity("uptime", "sensor", "Uptime", "mdi:clock-outline", "health", value="value_json.uptime_s / 3600",
           category="diagnostic", enabled=False, more={"device_class": "duration", "state_class": "measurement",
                                        "unit_of_measurement": "h", "suggested_display_precision": 1}),
    Entity("eye_fps", "sensor", "Camera frame rate", "mdi:speedometer", "health", value="value_json.eye_fps",
           category="diagnostic", enabled=False,
           more={**FIGURE, "unit_of_measurement": "fps", "suggested_display_precision": 1}),
    Entity("tracks", "sensor", "Tracks in the library", "mdi:music-box-multiple", "health",
           value="value_json.tracks", category="diagnostic", more=COUNT),
    Entity("analysed", "sensor", "Tracks analysed", "mdi:ear-hearing", "health",
           value="value_json.analysed", category="diagnostic", enabled=False, more=COUNT),
    Entity("memory", "sensor", "Memory", "mdi:memory", "health",
           value="value_json.memory_mb", category="diagnostic", enabled=False, more=MEGABYTES),
    Entity("eye_memory", "sensor", "Memory of the eye", "mdi:memory", "health",
           value="value_json.eye_memory_mb", category="diagnostic", enabled=False, more=MEGABYTES),
)


@dataclass(frozen=True, slots=True)
class Trigger:
    """A device trigger of Home Assistant: "`kind`: `subtype`" happens when the event's fact `fact` is `value`; without
    a fact, when there is an event of the type `event`."""

    kind: str
    subtype: str
    event: EventType
    fact: str = ""
    value: str = ""


TRIGGERS = (
    *(Trigger("mood", str(mood), EventType.MOOD_CHANGED, "mood", str(mood)) for mood in MoodName),
    Trigger("song", "started", EventType.TRACK_STARTED),
    Trigger("song", "skipped", EventType.TRACK_SKIPPED),
    Trigger("song", "liked", EventType.LIKED),
    Trigger("song", "disliked", EventType.DISLIKED),
    Trigger("song", "banned", EventType.BANNED),
    Trigger("song", "requested", EventType.REQUESTED),
    Trigger("alarm", "started", EventType.ALARM_STARTED),
    Trigger("alarm", "stopped", EventType.ALARM_STOPPED),
    Trigger("alarm", "missed", EventType.ALARM_MISSED),
    Trigger("camera", "problem", EventType.CAMERA_PROBLEM),
    Trigger("sound", "lost", EventType.SOUND_LOST),
    Trigger("sound", "back", EventType.SOUND_BACK),
)
"""Events as Home Assistant offers them in its automation editor: "When the mood becomes calm"."""

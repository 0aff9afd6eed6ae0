"""Every setting of the program, with its default, its limits and one line of explanation.

This is the one place where a setting is declared: `config.yaml`, its checks and its messages all follow from here (how:
reader.py). The dataclasses are plain values for any thread; `load` is called once, at start.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from device.config import reader
from device.config.reader import key
from device.domain import PolicyName

if TYPE_CHECKING:
    from _typeshed import StrPath

TOPIC = r"[^+#/$\s][^+#/\s]*(/[^+#/\s]+)*"
TOPIC_WORDS = "words with / between them, without spaces, + and #"


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """What this device is called and where it keeps things."""

    id: str = key("affetto", "name in MQTT topics: small letters, digits, - and _",
                  pattern=r"[a-z0-9_-]{1,64}", allowed="small letters, digits, - and _")
    name: str = key("Affetto", "name shown to people, in Home Assistant for instance")
    room: str = key("", "room this device is in at first; devices of a room can be commanded together",
                    pattern=r"[^/+#]{0,64}", allowed="at most 64 characters without /, + and #")
    data_dir: str = key("/var/lib/affetto", "folder for the catalogue and for what survives a restart",
                        pattern=r".+", allowed="the name of a folder")
    models_dir: str = key("", "folder of the models; empty means the ones that came with the program")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Where pictures come from. They never leave the process that reads them."""

    enabled: bool = key(False, "camera on at the very first start; afterwards the switch is remembered")
    source: str = key("auto", "auto, picamera, v4l2:/dev/video0, a video file, or a folder of pictures",
                      pattern=r".+", allowed="auto, picamera, v4l2:/dev/..., a file or a folder")
    width: int = key(320, "width of the frames that are looked at, in pixels", low=160, high=1920)
    height: int = key(240, "height of the frames that are looked at, in pixels", low=120, high=1080)
    fps: float = key(8.0, "frames looked at in a second", low=0.5, high=30)
    rotate: int = key(0, "turn the picture by so many degrees", choices=(0, 90, 180, 270))
    hang_s: float = key(5.0, "a camera silent for so long is restarted", low=1, high=60)
    eye_socket: str = key("", "socket of a separately started eye; empty means the program starts the eye itself")


@dataclass(frozen=True, slots=True)
class MoodConfig:
    """How faces become the mood of the room, and the mood becomes the music's."""

    hold_s: float = key(60.0, "how long an emotion lasts on average; longer is steadier and slower", low=0.5, high=600)
    dwell_s: float = key(3.0, "a new mood must hold for so long before it counts", low=0, high=600)
    margin: float = key(0.3, "how much likelier than the present mood a new one must be", low=0, high=1)
    certainty: float = key(0.5, "faces that the eye is less sure of are ignored", low=0, high=1)
    forget_s: float = key(10.0, "a face out of view is forgotten after so long", low=0.5, high=600)
    policy: str = key("match", "policy at the very first start: match, lift, calm, energise or manual",
                      choices=tuple(p.value for p in PolicyName))
    lift_s: float = key(600.0, "seconds that lift, calm and energise take from sad to happy; shorter ways take less",
                        low=10, high=7200)


@dataclass(frozen=True, slots=True)
class MusicConfig:
    """Which music there is and when it plays."""

    folders: tuple[str, ...] = key(["/srv/music"], "folders with music, * is any name: /media/*/* is every USB drive;"
                                   " subfolders named after moods are believed")
    autoplay: bool = key(True, "play when the program starts, unless it was stopped before")
    on_mood_change: str = key("wait", "wait for the end of the track, or fade to a new one at once",
                              choices=("wait", "fade"))
    fade_s: float = key(3.0, "length of fades, in seconds", low=0, high=30)
    rescan_s: float = key(300.0, "look for new and removed files so often, in seconds", low=10, high=86400)


@dataclass(frozen=True, slots=True)
class PlayerConfig:
    """Where the sound goes and how loud it may become."""

    output: str = key("auto", "auto, alsa, pulse, dummy (no sound), or file (audio.wav in data_dir)",
                      choices=("auto", "alsa", "pulse", "dummy", "file"))
    device: str = key("", "sound device of that output, such as plughw:CARD=Headphones; empty means its default")
    volume: int = key(30, "volume in percent at the very first start", low=0, high=100)
    max_volume: int = key(70, "volume in percent that is never passed, whatever is asked", low=0, high=100)
    ramp_s: float = key(0.8, "seconds that a change of volume takes", low=0, high=10)
    replaygain: bool = key(True, "bring all tracks to one loudness (-18 LUFS), never above the volume")


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The connection to an MQTT broker, for Home Assistant and others."""

    enabled: bool = key(True, "talk to an MQTT broker")
    host: str = key("", "name or address of the broker; empty looks for one in the network (mDNS)",
                    pattern=r"\S*", allowed="a name or an address")
    port: int = key(1883, "port of the broker; usually 8883 with TLS", low=1, high=65535)
    username: str = key("", "user name for the broker; empty means none")
    password: str = key("", "password for the broker", secret=True)
    tls: bool = key(False, "encrypt the connection and check the broker's certificate")
    ca_file: str = key("", "certificate authority to check it against; empty means the system's")
    base_topic: str = key("affetto", "first part of every topic", pattern=TOPIC, allowed=TOPIC_WORDS)
    discovery: bool = key(True, "let Home Assistant discover the device; false takes it out of there")
    discovery_prefix: str = key("homeassistant", "Home Assistant's discovery prefix",
                                pattern=TOPIC, allowed=TOPIC_WORDS)
    mood_interval_s: float = key(2.0, "publish the mood's figures at most so often, in seconds", low=0.2, high=60)


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; every section and every setting has a default."""

    device: DeviceConfig = DeviceConfig()
    camera: CameraConfig = CameraConfig()
    mood: MoodConfig = MoodConfig()
    music: MusicConfig = MusicConfig()
    player: PlayerConfig = PlayerConfig()
    mqtt: MqttConfig = MqttConfig()


HEAD = """\
# The settings of Affetto. Every setting stands here with its default; lines may be left out.
# Afterwards: `affetto check` finds mistakes, `sudo systemctl restart affetto` makes changes count.
# What is switched while the program runs (volume, policy, camera, room) is remembered until it is changed in a file.
# What affetto.yaml on the boot partition says wins over this file.
"""


def load(path: StrPath, over: Sequence[reader.Sheet] = ()) -> Config:
    """Reads a configuration file, and the sheets over it (layers.py says which). Raises `ConfigError` that lists every
    mistake, each with file, line and setting."""
    return reader.load(path, Config, contradictions, over)


def reference() -> str:
    """The text of config.yaml: every setting, explained, at its default."""
    return reader.reference(Config, HEAD)


def contradictions(config: Config) -> Iterator[tuple[str, str]]:
    """Settings that are sound alone but not together, as pairs of setting and what is wrong."""
    player = config.player
    if player.volume > player.max_volume:
        changed = "volume" if player.max_volume == PlayerConfig().max_volume else "max_volume"
        yield f"player.{changed}", f"volume {player.volume} is above max_volume {player.max_volume}"
    if config.device.id == "room":
        yield "device.id", "cannot be room: topics with that name belong to the groups of a room"
    if config.mqtt.password and not config.mqtt.username:
        yield "mqtt.password", "needs mqtt.username beside it"

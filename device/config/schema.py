"""Every setting of the program, with its default, its limits and one line of explanation.

Only this module declares settings: `config.yaml`, its checks and its messages follow from it (by reader.py).
contradictions.py has the rules between settings. The dataclasses are plain values for any thread.
"""

from __future__ import annotations

from dataclasses import Field, dataclass, fields
from typing import Any

from device.config import reader
from device.config.reader import key
from device.domain import PolicyName

HOST = r"(?=[!-~]{0,253}$)([^.]{1,63}(\.[^.]{1,63})*\.?)?"
TOPIC = r"[^+#/$\s][^+#/\s]*(/[^+#/\s]+)*"
TOPIC_WORDS = "words with / between them, without spaces, + and #"


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """The name of this device, and where it keeps its data."""

    id: str = key("affetto", "name in MQTT topics: small letters, digits, - and _",
                  pattern=r"[a-z0-9_-]{1,64}", allowed="small letters, digits, - and _")
    name: str = key("Affetto", "name shown to people, in Home Assistant for instance")
    room: str = key("", "room of this device at the very first start; one command reaches all devices of a room",
                    pattern=r"[^/+#]{0,64}", allowed="at most 64 characters without /, + and #")
    data_dir: str = key("/var/lib/affetto", "folder for the music database and for everything that survives a restart",
                        pattern=r".+", allowed="the name of a folder", path=True)
    models_dir: str = key("", "folder of the models; empty means those of the program", path=True)


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """Where the pictures come from. They never leave the process that reads the camera."""

    enabled: bool = key(False, "camera on at the very first start; after that, the switch keeps its position")
    source: str = key("auto", "auto, picamera, v4l2:/dev/video0, a video file, or a folder of pictures",
                      pattern=r".+", allowed="auto, picamera, v4l2:/dev/..., a file or a folder", path=True)
    width: int = key(320, "width of the frames, in pixels", low=160, high=1920)
    height: int = key(240, "height of the frames, in pixels", low=120, high=1080)
    fps: float = key(8.0, "frames per second", low=0.5, high=30)
    rotate: int = key(0, "turn the picture clockwise by this many degrees", choices=(0, 90, 180, 270))
    hang_s: float = key(5.0, "restart a camera that gives no frame for this long", low=1, high=60)
    switch: str = key("", "input device of a hardware switch that must be on, such as /dev/input/affetto-camera;"
                          " empty means that there is none", path=True)
    eye_socket: str = key("", "socket of an eye that something else starts; empty means that the program starts it",
                          path=True)


@dataclass(frozen=True, slots=True)
class MoodConfig:
    """How faces become the mood of the room, and how that mood becomes music."""

    hold_s: float = key(60.0, "how long an emotion lasts on average; longer is steadier and slower", low=0.5, high=600)
    dwell_s: float = key(3.0, "a new mood counts after it has held for this long", low=0, high=600)
    margin: float = key(0.3, "how much likelier a new mood must be than the present one", low=0, high=1)
    certainty: float = key(0.5, "ignore faces that the eye is less certain of", low=0, high=1)
    forget_s: float = key(10.0, "forget a face that is out of view for this long", low=0.5, high=600)
    occupied_s: float = key(120.0, "the room counts as occupied for this long after the last face", low=1, high=3600)
    own_neutral: bool = key(False, "learn how each tracked face looks at rest, and subtract that")
    policy: str = key("match", "policy at the very first start: match, lift, calm, energise or manual",
                      choices=tuple(p.value for p in PolicyName))
    lift_s: float = key(600.0, "seconds that lift, calm and energise take from sad to happy; shorter paths take less",
                        low=10, high=7200)


@dataclass(frozen=True, slots=True)
class MusicConfig:
    """Where the music is, and when it plays."""

    folders: tuple[str, ...] = key(["/srv/music"], "folders with music; /media/*/* is every USB drive;"
                                   " a subfolder named after a mood sets its songs' mood", path=True)
    autoplay: bool = key(True, "play when the program starts, unless somebody stopped the music before")
    on_mood_change: str = key("wait", "wait for the end of the track, or fade to another one at once",
                              choices=("wait", "fade"))
    fade_s: float = key(3.0, "length of fades, in seconds", low=0, high=30)
    shares: tuple[str, ...] = key([], "folders of file servers, such as smb://nas/music or nfs://nas/volume1/music;"
                                  " they appear below /media/affetto")
    share_username: str = key("", "user name for those servers (SMB); empty means a guest",
                              pattern=r"[^\x00-\x1f]*", allowed="one line")
    share_password: str = key("", "password for those servers (SMB)", secret=True,
                              pattern=r"[^\x00-\x1f]*", allowed="one line")
    ignore: tuple[str, ...] = key(["podcast*", "audiobook*", "audio book*", "genre:podcast*", "genre:audiobook*"],
                                  "leave out folders and files with these names, and these genres; also folders with"
                                  " a file .nomedia")
    learn_corrections: bool = key(True, "moods that you set (by hand, folder or tag) also move the moods of the"
                                  " artist's other tracks")
    write_ratings: bool = key(False, "affetto tags write also writes likes and dislikes into the files, as stars")
    write_moods: str = key("none", "moods that affetto tags write writes into the files: none, yours (set by hand or"
                           " folder), or all (also the model's)", choices=("none", "yours", "all"))
    rescan_s: float = key(300.0, "look for new and removed files at this interval", low=10, high=86400)


@dataclass(frozen=True, slots=True)
class PlayerConfig:
    """Where the sound goes, and how loud it may be."""

    output: str = key("auto", "auto, alsa, pulse, dummy (no sound), or file (audio.wav in data_dir)",
                      choices=("auto", "alsa", "pulse", "dummy", "file"))
    device: str = key("", "sound device of that output, such as plughw:CARD=Headphones; empty means its default")
    volume: int = key(30, "volume in percent at the very first start", low=0, high=100)
    max_volume: int = key(70, "highest volume in percent that anybody can set", low=0, high=100)
    announce_volume: int = key(40, "volume of announcements in percent, unless they set their own", low=0, high=100)
    media: bool = key(True, "play announcements, radio streams and other media that somebody sends (http, https)")
    ramp_s: float = key(0.8, "seconds that a change of volume takes", low=0, high=10)
    replaygain: bool = key(True, "play all tracks at the same loudness (-18 LUFS)")


@dataclass(frozen=True, slots=True)
class DiaryConfig:
    """What the device records about the room's moods and the songs that played. It never leaves the device."""

    keep_days: int = key(90, "delete entries after this many days; 0 records nothing", low=0, high=3650)
    learn_effects: bool = key(True, "lift, calm and energise prefer songs that worked before, according to the diary")


@dataclass(frozen=True, slots=True)
class RequestsConfig:
    """How many songs people may ask for. A guest is a name that is no profile of this home."""

    per_person: int = key(50, "most requests of one person in the queue", low=1, high=200)
    per_guest: int = key(3, "most requests of one guest in the queue", low=0, high=50)


@dataclass(frozen=True, slots=True)
class ContextConfig:
    """What people are doing (context/set), and what that means for the music."""

    activities: tuple[str, ...] = key(
        ["focus: calm 50%", "cooking: happy 30%", "party: excited 70%", "dinner: calm 40%", "sleep: calm 90%"],
        "how far an activity leans the music to a mood; rows may also be scenes, weather, guests, morning ... night")
    learn: bool = key(True, "learn from the diary what music this home likes in each context")


@dataclass(frozen=True, slots=True)
class PeopleConfig:
    """What the device may learn from people besides the emotions of their faces. It never leaves the device."""

    answers: bool = key(True, "let a nod or a shake of the head answer the question whether people like the song")
    gestures: bool = key(False, "count a nod or a shake of the head as feedback on the song without a question, too")
    reactions: bool = key(False, "count a smile, a grimace or leaving in the first minute as feedback, too")
    bodies: bool = key(False, "take pulse, its variability and skin conductance (body/set) as evidence on arousal")


@dataclass(frozen=True, slots=True)
class MqttConfig:
    """The connection to an MQTT broker, for Home Assistant and others."""

    enabled: bool = key(True, "talk to an MQTT broker")
    host: str = key("", "name or address of the broker; empty looks for one in the network (mDNS)",
                    pattern=HOST, allowed="a name or an address")
    port: int = key(1883, "port of the broker; usually 8883 with TLS", low=1, high=65535)
    username: str = key("", "user name for the broker; empty means none")
    password: str = key("", "password for the broker", secret=True)
    tls: bool = key(False, "encrypt the connection, and check the broker's certificate")
    ca_file: str = key("", "certificate authority for that check; empty means the system's", path=True)
    base_topic: str = key("affetto", "first part of every topic", pattern=TOPIC, allowed=TOPIC_WORDS)
    discovery: bool = key(True, "let Home Assistant discover the device; false removes it there")
    discovery_prefix: str = key("homeassistant", "topic prefix where Home Assistant discovers devices",
                                pattern=TOPIC, allowed=TOPIC_WORDS)
    mood_interval_s: float = key(2.0, "shortest time between two messages with the mood's figures", low=0.2, high=60)


@dataclass(frozen=True, slots=True)
class PageConfig:
    """The page for phones, at http://affetto.local in your network."""

    enabled: bool = key(True, "serve the page")
    port: int = key(80, "port of the page; if another program has it, the page uses 8080", low=1, high=65535)
    access: str = key("pin", "open: everybody in your network; pin or password: whoever knows it",
                      choices=("open", "pin", "password"))
    pin: str = key("", "PIN of the owner; empty means that the device makes one, which `affetto check` shows",
                   pattern=r"([0-9]{4,12})?", allowed="4 to 12 digits in quotes", secret=True)
    password: str = key("", "password of the owner, if access is password", secret=True)
    session_days: int = key(30, "days until a phone must log in again", low=1, high=365)
    hosts: tuple[str, ...] = key([], "more host names of the page, besides affetto.local")
    announce: bool = key(True, "announce the page in the network, so that affetto.local works (mDNS)")


@dataclass(frozen=True, slots=True)
class ScheduleConfig:
    """Music by the clock. Times are local, such as 22:00-07:00 or mon-fri 6:00-9:00; without days, every day."""

    alarms: tuple[str, ...] = key([], "alarms at the very first start, such as mon-fri 7:00 calm or daily 8:30"
                                  " playlist:Morning")
    alarm_floor: int = key(15, "volume in percent at which an alarm begins", low=0, high=100)
    alarm_ceiling: int = key(50, "highest volume in percent of an alarm", low=0, high=100)
    sleep_fade_s: float = key(60.0, "seconds over which the sleep timer fades out", low=0, high=600)
    quiet: str = key("", "quiet hours, such as 22:00-07:00; empty means none")
    quiet_volume: int = key(25, "highest volume in percent in quiet hours", low=0, high=100)
    quiet_calm: bool = key(True, "let quiet hours begin with the policy calm")
    policies: tuple[str, ...] = key([], "policies by time, such as mon-fri 6:00-9:00 energise; the first that fits"
                                    " counts")
    children: str = key("", "name of the children's profile; empty means none", pattern=r"[^\x00-\x1f]{0,64}",
                        allowed="at most 64 characters")
    children_volume: int = key(40, "highest volume in percent for the children's profile", low=0, high=100)
    children_minutes: int = key(0, "minutes of music a day for the children's profile; 0 means no limit",
                                low=0, high=1440)


@dataclass(frozen=True, slots=True)
class UpnpConfig:
    """The media player and media server in the local network (UPnP, DLNA), for Home Assistant, apps and televisions."""

    enabled: bool = key(True, "be a media player that others in the local network find, see and control")
    library: bool = key(True, "let them browse the library and fetch its files, too")
    port: int = key(8300, "port of its web server; if it is taken, the device uses another one", low=1, high=65535)
    interfaces: tuple[str, ...] = key([], "network interfaces to appear on, such as eth0; empty means all")


@dataclass(frozen=True, slots=True)
class UpdateConfig:
    """Newer versions of the program, from a source of your own. A release must be signed with your key."""

    source: str = key("", "folder with signed releases, such as /media/*/*/affetto-update, or an address (http, https);"
                      " empty means no updates", pattern=r"(/.*|https?://\S+)?", allowed="a folder or an address")
    key: str = key("/etc/affetto/update.pub", "file with the public key of the signatures", pattern="/.+",
                   allowed="the name of a file", path=True)


@dataclass(frozen=True, slots=True)
class RoomsConfig:
    """Devices that play together. All devices with the same group play one sound, and choose together."""

    group: str = key("", "group of this device at the very first start, such as home; empty means none",
                     pattern=r"[^/+#]{0,64}", allowed="at most 64 characters without /, + and #")
    address: str = key("", "address at which the others reach this device; empty means automatic",
                       pattern=r"(\d{1,3}(\.\d{1,3}){3})?", allowed="an IPv4 address")
    port: int = key(1704, "port of the group's sound (TCP) and of the members' signs of life (UDP)",
                    low=1024, high=65535)


@dataclass(frozen=True, slots=True)
class ListenBrainzConfig:
    """Send your listens to ListenBrainz. The device sends nothing while guests are here."""

    token: str = key("", "your user token; empty means that the device sends nothing", secret=True,
                     pattern=r"[!-~]{0,200}", allowed="letters, digits and signs without spaces")
    url: str = key("https://api.listenbrainz.org", "address of ListenBrainz, or of a compatible service",
                   pattern=r"https?://[!-~]+", allowed="an address that begins with https://")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; every section and every setting has a default."""

    device: DeviceConfig = DeviceConfig()
    camera: CameraConfig = CameraConfig()
    mood: MoodConfig = MoodConfig()
    music: MusicConfig = MusicConfig()
    player: PlayerConfig = PlayerConfig()
    diary: DiaryConfig = DiaryConfig()
    context: ContextConfig = ContextConfig()
    people: PeopleConfig = PeopleConfig()
    requests: RequestsConfig = RequestsConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    listenbrainz: ListenBrainzConfig = ListenBrainzConfig()
    mqtt: MqttConfig = MqttConfig()
    update: UpdateConfig = UpdateConfig()
    rooms: RoomsConfig = RoomsConfig()
    page: PageConfig = PageConfig()
    upnp: UpnpConfig = UpnpConfig()


HEAD = """\
# The settings of Affetto. Every setting is here with its default; you can leave lines out.
# After a change: `affetto check` finds mistakes, `sudo systemctl restart affetto` applies the settings.
# What you switch while the program runs (volume, policy, camera, room) stays until you change it in a file.
# affetto.yaml on the boot partition wins over this file.
"""


def setting(section: str, name: str) -> Field[Any]:
    """The declaration of a setting, with its limits in `metadata`."""
    [found] = [field for field in fields(getattr(Config(), section)) if field.name == name]
    return found


def reference() -> str:
    """The text of config.yaml: every setting, explained, at its default."""
    return reader.reference(Config, HEAD)

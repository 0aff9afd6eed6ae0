"""config.yaml: the shipped file says what the program does, and every mistake is found and named."""

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device.config import files, schema
from device.config.contradictions import contradictions
from device.config.reader import parse
from device.config.schema import Config, MqttConfig
from device.errors import ConfigError

ROOT = Path(__file__).resolve().parent.parent
SECTIONS = ", ".join(section.name for section in fields(Config))


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Writes config.yaml into the present directory, so that messages show the plain name."""
    monkeypatch.chdir(tmp_path)

    def write(text):
        data = text if isinstance(text, bytes) else text.encode()
        Path("config.yaml").write_bytes(data)
        return Path("config.yaml")

    return write


def complaint(path):
    with pytest.raises(ConfigError) as caught:
        files.load(Path(path))
    return str(caught.value)


def test_shipped_file_is_the_reference():
    shipped = (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert shipped == schema.reference()


def test_shipped_file_gives_the_defaults():
    assert files.load(ROOT / "config.yaml") == Config()


def test_reference_explains_every_setting_on_one_line():
    lines = schema.reference().splitlines()
    assert max(map(len, lines)) <= 120
    for section in fields(Config):
        for setting in fields(section.default):
            place = [i for i, line in enumerate(lines) if line.startswith(f"  {setting.name}: ")]
            assert place, setting.name
            assert all(lines[i - 1].startswith("  # ") for i in place)


@pytest.mark.parametrize("text", ["", "\n# nothing but a remark\n", "camera:\nmood:\n", "---\n", "\ufeffcamera:\n"])
def test_what_is_left_out_has_its_default(write, text):
    assert files.load(write(text)) == Config()


def test_values_are_read_as_they_are_meant(write):
    read = files.load(
        write(
            "device: {id: kitchen, name: 'Küche 厨房', room: \"living room\"}\r\n"
            "camera:\r\n  fps: 4      # a whole number will do\r\n  enabled: yes\r\n  rotate: 180\r\n"
            "mood: {hold_s: 1e1, margin: .5, policy: lift}\r\n"
            'music:\r\n  folders:\r\n    - /srv/music\r\n    - "/media/пластинки"\r\n'
            "mqtt: {password: 'no', username: !!str 007, port: 8883, tls: on, enabled: False}\r\n"
        )
    )
    assert (read.device.id, read.device.name, read.device.room) == ("kitchen", "Küche 厨房", "living room")
    assert read.camera.fps == 4.0
    assert isinstance(read.camera.fps, float)
    assert (read.camera.enabled, read.camera.rotate) == (True, 180)
    assert (read.mood.hold_s, read.mood.margin, read.mood.policy) == (10.0, 0.5, "lift")
    assert read.music.folders == ("/srv/music", "/media/пластинки")
    assert (read.mqtt.password, read.mqtt.username, read.mqtt.tls, read.mqtt.enabled) == ("no", "007", True, False)


MISTAKES = {
    # Names
    "camera: {fsp: 4}": "1: camera.fsp: unknown setting; did you mean fps?",
    "camera: {Source: x}": "1: camera.Source: unknown setting; did you mean source?",
    "\ncamra:\n  fps: 4": "2: camra: unknown section; did you mean camera?",
    "fps: 4": "1: fps: unknown section; fps belongs in section camera",
    "mood: {max_volume: 4}": "1: mood.max_volume: unknown setting; max_volume belongs in section player",
    "player: {zzz: 4}": (
        "1: player.zzz: unknown setting; there are output, device, volume, max_volume, announce_volume, media, "
        "ramp_s, replaygain"
    ),
    "xyzzy: 1": f"1: xyzzy: unknown section; there are {SECTIONS}",
    "camera:\n  fps: 4\n  width: 320\n  fps: 5": "4: camera.fps: given twice, first in line 2",
    "mood:\nmusic:\nmood:": "3: mood: given twice, first in line 1",
    "camera: {[1, 2]: 3}": "1: camera: expected the name of a setting before the colon",
    "<<: {a: 1}": f"1: <<: unknown section; there are {SECTIONS}",
    # Shapes
    "camera: on": "1: camera: expected settings such as `name: value`, indented below it",
    "- camera": "1: expected settings such as `name: value`, in sections",
    "hello": "1: expected settings such as `name: value`, in sections",
    "camera:\n  fps: [8]": "2: camera.fps: expected a number, not a list",
    "device: {name: {a: b}}": "1: device.name: expected text, not a section",
    # Whole numbers
    "mqtt: {port: '1883'}": "1: mqtt.port: expected a whole number, not text; remove the quotes",
    "mqtt: {port: high}": "1: mqtt.port: expected a whole number, not high",
    "mqtt: {port: 1883.0}": "1: mqtt.port: expected a whole number, not 1883.0",
    "mqtt: {port: 0123}": "1: mqtt.port: expected a whole number, not 0123",
    "mqtt: {port: 1_883}": "1: mqtt.port: expected a whole number, not 1_883",
    "mqtt: {port: 12:30}": "1: mqtt.port: expected a whole number, not 12:30",
    "mqtt: {port: yes}": "1: mqtt.port: expected a whole number, not yes",
    "mqtt: {port: }": "1: mqtt.port: expected a whole number; there is no value",
    "mqtt: {port: 70000}": "1: mqtt.port: must be from 1 to 65535, not 70000",
    "mqtt: {port: " + "9" * 5000 + "}": "1: mqtt.port: expected a whole number, not " + "9" * 39 + "…",
    "camera: {rotate: 45}": "1: camera.rotate: must be one of 0, 90, 180, 270, not 45",
    # Numbers
    "camera: {fps: 100}": "1: camera.fps: must be from 0.5 to 30, not 100",
    "camera: {fps: -1}": "1: camera.fps: must be from 0.5 to 30, not -1",
    "mood:\n  margin: 0,5": "2: mood.margin: expected a number, not 0,5; write 0.5",
    "mood: {margin: .nan}": "1: mood.margin: expected a number, not .nan",
    "mood: {margin: .inf}": "1: mood.margin: expected a number, not .inf",
    "mood: {margin: 1e999}": "1: mood.margin: expected a number, not 1e999",
    'mood: {margin: "0.2"}': "1: mood.margin: expected a number, not text; remove the quotes",
    "mood: {margin: true}": "1: mood.margin: expected a number, not true",
    # Truths
    "camera: {enabled: 1}": "1: camera.enabled: expected true or false, not 1",
    "camera: {enabled: 'true'}": "1: camera.enabled: expected true or false, not text; remove the quotes",
    "camera: {enabled: maybe}": "1: camera.enabled: expected true or false, not maybe",
    # Texts
    "device: {name: on}": "1: device.name: expected text, but YAML reads on as something else; put it in quotes",
    "device: {name: 12}": "1: device.name: expected text, but YAML reads 12 as something else; put it in quotes",
    "device: {name: 2024-01-01}": (
        "1: device.name: expected text, but YAML reads 2024-01-01 as something else; put it in quotes"
    ),
    "device:\n  name:": '2: device.name: has no value; write "" for none',
    "device: {id: My Room}": '1: device.id: takes small letters, digits, - and _, not "My Room"',
    "device: {id: ''}": '1: device.id: takes small letters, digits, - and _, not ""',
    'device: {id: "a\\n"}': '1: device.id: contains a control character; remove it',
    "mqtt: {base_topic: a/#}": (
        '1: mqtt.base_topic: takes words with / between them, without spaces, + and #, not "a/#"'
    ),
    "mood: {policy: lfit}": (
        '1: mood.policy: must be one of match, lift, calm, energise, manual, not "lfit"; did you mean lift?'
    ),
    # Lists
    "music: {folders: /srv/music}": '1: music.folders: expected a list; write ["/srv/music"]',
    "music: {folders: [1]}": "1: music.folders: expected text, but YAML reads 1 as something else; put it in quotes",
    "music: {folders: ['']}": "1: music.folders: a text in the list is empty",
    "music: {folders: {a: b}}": "1: music.folders: expected a list of texts",
    # Together
    "player: {volume: 80}": "1: player.volume: volume 80 is above max_volume 70",
    "player:\n  max_volume: 20": "2: player.max_volume: volume 30 is above max_volume 20",
    "device: {id: room}": "1: device.id: cannot be room: topics with that name are for all devices of a room",
    # YAML
    "camera:\n\tfps: 4": "2: a tab, or a text that needs quotes because of its first character",
    "device: {name: @home}": "1: a tab, or a text that needs quotes because of its first character",
    "camera:\n  fps: 4\n   width: 5": "3: a colon too many, or none in the line before; check indentation and quotes",
    "camera:\n  fps: 4\n width: 5": (
        "3: check the indentation and the quotes: settings of a section begin in the same column"
    ),
    "device:\n  name: 'Affetto\nmood:\n": "2: a quote that is opened here is never closed",
    "music:\n  folders: [a, b\nmood:": "2: a bracket that is opened here is never closed",
    "device:\n  name\n  id: a": "3: a colon too many, or none in the line before; check indentation and quotes",
    "camera:\n  fps: 4\nmood\n": "3: a setting without a colon, or a text that needs quotes",
    "---\nmood:\n---\nmood:": "3: --- begins a second document, and there can be only one",
    "mood:\n\nmusic: \x00": "3: a character that cannot be in a text file",
    "[" * 5000: " nested too deeply to be settings",
}


@pytest.mark.parametrize(("text", "expected"), MISTAKES.items(), ids=lambda text: text[:30])
def test_a_mistake_is_named_with_its_line_and_what_was_expected(write, text, expected):
    assert complaint(write(text)) == f"config.yaml:{expected}"


def test_all_mistakes_at_once_in_the_order_of_the_file(write):
    said = complaint(write("mqtt:\n  port: '1'\n  hots: x\ncamera:\n  fps: 99\nmusik:\nmood:\n  margin: 2\n"))
    assert said.splitlines() == [
        "config.yaml:2: mqtt.port: expected a whole number, not text; remove the quotes",
        "config.yaml:3: mqtt.hots: unknown setting; did you mean host?",
        "config.yaml:5: camera.fps: must be from 0.5 to 30, not 99",
        "config.yaml:6: musik: unknown section; did you mean music?",
        "config.yaml:8: mood.margin: must be from 0 to 1, not 2",
    ]


def test_contradictions_come_in_the_order_of_the_file_too(write):
    said = complaint(write("mqtt: {password: x}\nplayer: {max_volume: 20}\ndevice: {id: room}\n"))
    assert [line.split(": ")[0] for line in said.splitlines()] == ["config.yaml:1", "config.yaml:2", "config.yaml:3"]


def test_files_that_cannot_be_read(write, tmp_path):
    assert complaint(Path("none.yaml")) == "none.yaml: cannot be read: no such file or directory"
    (tmp_path / "folder").mkdir()
    assert complaint(Path("folder")) == "folder: cannot be read: is a directory"
    path = write('device:\n  name: "K\xfcche"\n'.encode("latin-1"))
    assert complaint(path) == "config.yaml:2: not UTF-8 text; save the file as UTF-8"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_of_somebody_else(write):
    path = write("")
    path.chmod(0)
    assert complaint(path) == "config.yaml: cannot be read: permission denied"


SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"mqtt:\n  password: {SECRET}\n  hots: 1",
        f"mqtt: {{password: {SECRET}}}",  # without a user name
        f"mqtt: {{password: *{SECRET}}}",
        f"mqtt: {{password: &{SECRET}, port: 0}}",
        f"mqtt: {{password: !{SECRET} x}}",
        f"mqtt: {{password: '{SECRET}",
        f'mqtt: {{password: "{SECRET}\\q"}}',
        f"mqtt: {{password: [{SECRET}]}}",
        f"mqtt: {{password: {{{SECRET}: 1}}}}",
        f"mqtt: {{password: @{SECRET}}}",
        f"mqtt: {{password: %{SECRET}}}",
        f"mqtt:\n  password: {SECRET}: x",
        f"mqtt:\n  password: {SECRET} : {{",
    ],
)
def test_no_message_contains_the_password(write, text):
    assert SECRET not in complaint(write(text))


@pytest.mark.parametrize("text", ["2024-01-01", "31337", "on", "0x1F"])
def test_a_password_that_yaml_takes_for_something_else_is_not_quoted_back(write, text):
    said = complaint(write(f"mqtt:\n  password: {text}"))
    assert said == "config.yaml:2: mqtt.password: expected text; put it in quotes"


def test_a_password_is_not_in_the_representation():
    assert SECRET not in repr(Config(mqtt=MqttConfig(password=SECRET)))


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from("camera:fpsmqtportxs {}[]'\"\n\t-#&*!|>%@,.0123\\é\x07"), max_size=60))
def test_any_text_gives_a_configuration_or_sentences_with_lines(text):
    said = "c.yaml: nothing to say"
    try:
        parse(text, "c.yaml", Config, contradictions)
    except ConfigError as error:
        said = str(error)
    assert all(re.match(r"c\.yaml(:\d+)?: .", line) for line in said.split("\n"))


@pytest.mark.parametrize(
    "setting", [s for section in fields(Config) for s in fields(section.default)], ids=lambda s: s.name
)
def test_defaults_are_within_their_own_limits(setting):
    default = setting.default
    if "low" in setting.metadata:
        assert setting.metadata["low"] <= default <= setting.metadata["high"]
    if "choices" in setting.metadata:
        assert default in setting.metadata["choices"]
    if "pattern" in setting.metadata:
        assert re.fullmatch(setting.metadata["pattern"], default)
        assert setting.metadata["allowed"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("#" * 60_000_000, "config.yaml: too large for a settings file", id="60 MB"),
        pytest.param("a: " + "[" * 100_000, "nested too deeply", id="deep"),
        pytest.param("a: " + "{b: " * 60_000, "nested too deeply", id="deep mappings"),
        pytest.param("- " * 100_000, "nested too deeply", id="deep lists"),
        pytest.param(f"device:\n  name: {'x' * 100_000}\n", "device.name: is too long; the limit is 1000", id="text"),
        pytest.param(f"{'x' * 100_000}: 1\n", "config.yaml:1", id="name"),
        pytest.param(f"? {'x' * 100_000}\n: 1\n", "unknown section", id="long key"),
        pytest.param(f"music:\n  folders: [{'x, ' * 50_000}]\n", "has too many entries; the limit is 1000", id="list"),
        pytest.param("".join(f"k{n}: 1\n" for n in range(20_000)), "and at least 1 more", id="many mistakes"),
        pytest.param(f"camera: {{fps: {'9' * 100_000}}}\n", "camera.fps: expected a number", id="digits"),
        pytest.param(f"device: {{data_dir: /{'d' * 256}}}\n", "contains a name that is too long", id="name in path"),
        pytest.param(f"music: {{folders: [/{'ü' * 128}]}}\n", "folders: contains a name that is too long", id="bytes"),
        pytest.param("camera: {fps: 1e999}\n", "camera.fps: expected a number", id="exponent"),
        pytest.param(f"player: {{volume: {'9' * 18}}}\n", "player.volume: must be from 0 to 100", id="18 digits"),
        pytest.param('device: {name: "a\\0b"}\n', "device.name: contains a control character", id="NUL"),
        pytest.param('mqtt: {username: a, password: "\\ud800"}\n', "contains a control character", id="half"),
        pytest.param('mqtt: {host: "a..b"}\n', "mqtt.host: takes a name or an address", id="empty label"),
        pytest.param(f"mqtt: {{host: {'a' * 64}.local}}\n", "mqtt.host: takes a name or an address", id="long label"),
        pytest.param(f"mqtt: {{host: {'a.' * 127}}}\n", "mqtt.host: takes a name or an address", id="long host"),
    ],
)  # fmt: skip
def test_what_comes_from_outside_has_bounds(write, text, said):
    words = complaint(write(text))
    assert said in words
    assert len(words) < 4000
    assert len(words.splitlines()) <= 21


def test_aliases_multiply_nothing(write):
    """A billion laughs: each level names the one before ten times."""
    levels = ["device: {name: &l0 ha}", *(f"x{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]" for n in range(1, 12))]
    assert "unknown section" in complaint(write("\n".join(levels)))
    music = "music: {folders: &l1 [a, b]}\n" + "\n".join(levels[2:])
    assert "unknown section" in complaint(write(music))
    cycle = complaint(write("music:\n  folders: &a [*a]\n"))
    assert "music.folders" in cycle or "not valid YAML" in cycle or "needs quotes" in cycle


@pytest.mark.parametrize("host", ["", "localhost", "10.0.0.1", "::1", "fe80::1%eth0", "broker.local", "broker.local."])
def test_hosts_that_are_fine(write, host):
    assert files.load(write(f'mqtt: {{host: "{host}"}}\n')).mqtt.host == host


def test_a_device_file_is_read_no_further_than_the_limit():
    words = complaint("/dev/zero")
    assert "too large" in words

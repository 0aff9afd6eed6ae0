"""The command `affetto`: reads arguments and settings, and calls the part that does the work.

Each command imports its part only when it runs, so that the eye never loads MQTT and `--help` is instant.
"""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from device import __version__
from device.config import files, schema
from device.config.values import Unusable, value_of
from device.errors import AffettoError, ConfigError

ETC = Path("/etc/affetto/config.yaml")
SHIPPED = Path(__file__).resolve().parent.parent / "config.yaml"
WEEK_S = 604_800.0
NO_OUTPUT = {errno.EIO, errno.ENOSPC}  # a terminal that is gone, a full disk

ABOUT = """\
Affetto sees the faces in a room, works out the room's mood, plays music that fits from its own storage,
and talks MQTT with Home Assistant. Pictures never leave the process that reads the camera.

Start here:
  affetto demo      see it work in a minute, without camera, music or broker
  affetto check     find what is missing on this machine, and what to do about it
  affetto run       run the appliance itself; systemd starts this one
"""

COMMANDS = {
    "run": "run the appliance: mood, music and MQTT; it starts the eye when you switch the camera on",
    "eye": "read the camera and send numbers; affetto run or systemd starts this, not you",
    "demo": "show the whole program with rendered people, synthesised music and a private broker",
    "check": "examine settings, camera, sound, models, broker and library, and say what to do",
    "scan": "read the music folders, analyse what is new, and show what is there",
    "watch": "show a device live in the terminal, over MQTT, also from another machine",
    "boot": "copy affetto.yaml from the boot partition; systemd runs this at every start",
    "bench": "measure the time of each stage, and the processor time and memory of each process",
}

EXAMPLES = {
    "run": """\
  affetto run --config my.yaml      with your own settings; lists every mistake in them and exits with 2
  mosquitto_pub -t affetto/affetto/camera/set -m ON     the camera is off until you switch it on""",
    "eye": """\
  affetto eye --listen /tmp/eye     serve one conductor whose settings have camera.eye_socket: /tmp/eye""",
    "demo": """\
  affetto demo                      until Ctrl-C, through your webcam if there is one
  affetto demo --rendered --seconds 30     rendered people, then a summary; exits with 0 if all of it worked""",
    "check": """\
  affetto check                     exits with 0 if there is no problem
  affetto check --camera            also take one look through the camera""",
    "scan": """\
  affetto scan                      the folders of your settings
  affetto scan ~/Music              another folder; subfolders named happy, sad, calm ... set their songs' mood
  affetto scan --plot               also show where each track is in the plane of valence and arousal
  affetto scan --plot library.png   the same as a picture (needs matplotlib); Ctrl-C loses nothing""",
    "watch": """\
  affetto watch                     the device of this machine's settings
  affetto watch --host broker.local --id kitchen     another device""",
    "boot": """\
  affetto boot                      exits with 2 if the file has mistakes; affetto-errors.txt beside it lists them
  affetto boot --template > /boot/firmware/affetto.yaml     write a file to start from""",
    "bench": """\
  affetto bench                     on the clip of the demo
  affetto bench --source party.mp4 --json > figures.json""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status (0 done, 1 failed, 2 wrong arguments or settings)."""
    prepare_streams()
    words = sys.argv[1:] if argv is None else list(argv)
    if not words:
        parser().print_help()
        return 0
    options = parser().parse_args(words)
    # NumPy's threads gain nothing on products as small as ours, and lose much when the cores have other work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=log_format())
    try:
        status = HANDLERS[options.command](options)
        sys.stdout.flush()
        return status
    except AffettoError as error:
        print(f"affetto {options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `affetto check | head`
        discard_output()
        return 0
    except OSError as error:
        if error.errno not in NO_OUTPUT or error.filename is not None:
            raise
        discard_output()
        print(f"affetto {options.command}: the output cannot be written ({error.strerror})", file=sys.stderr)
        return 1


def prepare_streams() -> None:
    """Make printing safe: with a closed stream, and with an encoding that lacks a character."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def discard_output() -> None:
    """Send the rest of the output nowhere, so that Python's own flush at the end succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def log_format() -> str:
    """The journal adds time and level by itself."""
    return "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"


def parser() -> argparse.ArgumentParser:
    """Every command with its options; the tests of the README use it, too."""
    top = argparse.ArgumentParser(
        prog="affetto", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"affetto {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, about in COMMANDS.items():
        part = commands.add_parser(
            name,
            help=about,
            description=f"{about[0].upper()}{about[1:]}.",
            epilog=f"examples:\n{EXAMPLES[name]}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        if name != "demo":
            part.add_argument(
                "--config",
                type=Path,
                metavar="FILE",
                help=f"settings (default: {ETC} if it exists, else the config.yaml of the program)",
            )
        ARGUMENTS[name](part)
    return top


Parser = argparse.ArgumentParser


def add_run(part: Parser) -> None:
    part.add_argument("--eye-socket", metavar="PATH", help="connect to an eye there (default: start one)")
    part.add_argument(
        "--scan-socket", type=Path, metavar="PATH", help="let the process there analyse music (default: start one)"
    )


def add_eye(part: Parser) -> None:
    part.add_argument("--fd", type=whole, metavar="N", help="serve on this open socket, then exit")
    part.add_argument("--listen", type=Path, metavar="PATH", help="wait for one connection on a Unix socket")


def add_demo(part: Parser) -> None:
    part.add_argument("--seconds", type=duration, metavar="N", help="stop after N seconds (default: until Ctrl-C)")
    add_setting(part, "--fps", "camera", "fps", "frames per second")
    part.add_argument("--rendered", action="store_true", help="show rendered people even if there is a webcam")
    part.add_argument("--keep", type=Path, metavar="DIR", help="work in this folder and keep it (default: temporary)")


def add_check(part: Parser) -> None:
    part.add_argument("--json", action="store_true", help="print the findings as JSON")
    part.add_argument("--camera", action="store_true", help="take one look even if the camera is switched off")


def add_scan(part: Parser) -> None:
    part.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="default: the folders of your settings")
    part.add_argument(
        "--again", action="store_true", help="read all files anew, also those that look unchanged; keep what was heard"
    )
    part.add_argument(
        "--plot", nargs="?", const="-", metavar="FILE.png", help="show the library in the plane, here or as a picture"
    )


def add_watch(part: Parser) -> None:
    add_setting(part, "--host", "mqtt", "host", "broker", ours=True)
    add_setting(part, "--port", "mqtt", "port", "port of the broker", ours=True)
    add_setting(part, "--username", "mqtt", "username", "user name for the broker", ours=True)
    add_setting(part, "--password", "mqtt", "password", "password for the broker", ours=True)
    part.add_argument("--tls", action="store_true", default=None, help="use TLS (default: your settings)")
    add_setting(part, "--ca-file", "mqtt", "ca_file", "certificate authority to check the broker against", ours=True)
    add_setting(part, "--base-topic", "mqtt", "base_topic", "first part of every topic", ours=True)
    add_setting(part, "--id", "device", "id", "device to show", ours=True)


def add_boot(part: Parser) -> None:
    part.add_argument("--template", action="store_true", help="print a file to start from, and do nothing else")
    part.add_argument(
        "--from", dest="partitions", action="append", type=Path, metavar="DIR",
        help="boot partition (default: /boot/firmware, then /boot)",
    )  # fmt: skip


def add_bench(part: Parser) -> None:
    part.add_argument(
        "--seconds", type=duration, default=20.0, metavar="N", help="length of each measurement (default: 20)"
    )
    part.add_argument(
        "--source", metavar="SOURCE", help="video, or folder of pictures (default: the clip of the demo)"
    )
    part.add_argument("--json", action="store_true", help="print the figures as JSON")


ARGUMENTS: dict[str, Callable[[Parser], None]] = {
    "run": add_run,
    "eye": add_eye,
    "demo": add_demo,
    "check": add_check,
    "scan": add_scan,
    "watch": add_watch,
    "boot": add_boot,
    "bench": add_bench,
}


def add_setting(part: Parser, flag: str, section: str, name: str, words: str, *, ours: bool = False) -> None:
    """An option with the limits of a setting. Without it counts the setting's own default, or (`ours`) what the user's
    settings say."""
    setting = schema.setting(section, name)
    limits = setting.metadata
    bounds = f", {limits['low']:g} to {limits['high']:g}" if "low" in limits else ""
    default = "your settings" if ours else f"{setting.default:g}"

    def parse(text: str) -> Any:
        try:
            return value_of(yaml.ScalarNode("tag:yaml.org,2002:str", text), setting)
        except Unusable as reason:
            raise argparse.ArgumentTypeError(str(reason)) from reason

    part.add_argument(
        flag,
        dest=f"{section}.{name}" if ours else name,
        type=parse,
        default=None if ours else setting.default,
        metavar=flag.removeprefix("--").replace("-", "_").upper(),
        help=f"{words}{bounds} (default: {default})",
    )


def duration(text: str) -> float:
    """Seconds, more than 0 and at most a week, for argparse."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= WEEK_S:
        raise argparse.ArgumentTypeError(f"expected seconds, more than 0 and at most {WEEK_S:.0f}, not {text[:40]!r}")
    return value


def whole(text: str) -> int:
    """The number of an open file, for argparse."""
    if not (text.isdecimal() and text.isascii() and len(text) <= 6):
        raise argparse.ArgumentTypeError(f"expected the number of an open socket, not {text[:40]!r}")
    return int(text)


def find_config(given: Path | None) -> Path:
    """The file with the user's settings."""
    return given or (ETC if ETC.exists() else SHIPPED)


def load(options: argparse.Namespace) -> schema.Config:
    """The settings, checked; options of the command line win over them."""
    config = files.load(find_config(options.config))
    for where, value in vars(options).items():
        section, dot, name = where.partition(".")
        if dot and value is not None:
            config = replace(config, **{section: replace(getattr(config, section), **{name: value})})
    return config


def run(options: argparse.Namespace) -> int:
    """`affetto run`."""
    from device import conductor

    config = load(options)
    if options.eye_socket:
        config = replace(config, camera=replace(config.camera, eye_socket=options.eye_socket))
    return conductor.run(config, find_config(options.config), options.scan_socket)


def eye(options: argparse.Namespace) -> int:
    """`affetto eye`."""
    from device.perception import eye as process

    return process.main(load(options), options.fd, options.listen)


def demo(options: argparse.Namespace) -> int:
    """`affetto demo`."""
    from device.demo import show

    return show.run(seconds=options.seconds, fps=options.fps, rendered=options.rendered, keep=options.keep)


def check(options: argparse.Namespace) -> int:
    """`affetto check`."""
    from device import check as examination

    return examination.run(find_config(options.config), as_json=options.json, take_frame=options.camera)


def scan(options: argparse.Namespace) -> int:
    """`affetto scan`."""
    from device import scan as library

    return library.run(load(options), options.folders, options.plot, again=options.again)


def watch(options: argparse.Namespace) -> int:
    """`affetto watch`."""
    from device import watch as view

    config = load(options)
    if options.tls:
        config = replace(config, mqtt=replace(config.mqtt, tls=True))
    if config.mqtt.password and not config.mqtt.username:
        raise ConfigError("a password needs a user: --username")
    return view.run(config)


def boot(options: argparse.Namespace) -> int:
    """`affetto boot`."""
    from device.config import boot as partition

    if options.template:
        return partition.show_template()
    for folder in options.partitions or ():
        if not folder.is_dir():
            raise ConfigError(f"--from {folder}: there is no such folder; name the mounted boot partition")
    return partition.run(options.partitions or partition.PARTITIONS, (options.config or ETC).parent)


def bench(options: argparse.Namespace) -> int:
    """`affetto bench`."""
    from device import bench as measure

    return measure.run(load(options), seconds=options.seconds, source=options.source, as_json=options.json)


HANDLERS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": run,
    "eye": eye,
    "demo": demo,
    "check": check,
    "scan": scan,
    "watch": watch,
    "boot": boot,
    "bench": bench,
}

if __name__ == "__main__":
    sys.exit(main())

"""The command `affetto`: reads arguments and the configuration, calls the part that does the work.

Each command imports its part only when it is called, so that the eye never loads MQTT and `--help` is instant.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from device import __version__
from device.config import files, schema
from device.errors import AffettoError

ETC = Path("/etc/affetto/config.yaml")
SHIPPED = Path(__file__).resolve().parent.parent / "config.yaml"

ABOUT = """\
Affetto sees the faces in a room, works out the room's mood, plays fitting music from its own storage
and talks MQTT with Home Assistant. Pictures never leave the process that reads the camera.

Start here:
  affetto demo      no camera, no music, no broker needed: see it work in a minute
  affetto check     what is missing on this machine, and what to do about it
  affetto run       the appliance itself; systemd starts this one
"""

COMMANDS = {
    "run": "the conductor: mood, music and MQTT; starts the eye when the camera is switched on",
    "eye": "the eye: camera to numbers; started by the conductor or by systemd, not by hand",
    "demo": "the whole program with rendered people, made-up music and a broker of its own",
    "check": "examine configuration, camera, sound, models, broker and library; say what to do",
    "scan": "read the music folders, listen to what is new, and show what was found",
    "watch": "live view of a device in the terminal, over MQTT, so also from another machine",
    "boot": "take affetto.yaml over from the boot partition; systemd runs this one at every start",
    "bench": "how long each stage takes, how much processor and memory each process needs",
}

EXAMPLES = {
    "run": """\
  affetto run --config my.yaml      with your own settings; mistakes in them are listed, exit code 2
  mosquitto_pub -t affetto/affetto/camera/set -m ON     the camera is off until somebody asks for it""",
    "eye": """\
  affetto eye --listen /tmp/eye     serve one conductor that has camera.eye_socket: /tmp/eye""",
    "demo": """\
  affetto demo                      until Ctrl-C, through the webcam if there is one
  affetto demo --rendered --seconds 60     made-up people, then a summary; exit code 0 if it all happened""",
    "check": """\
  affetto check                     exit code 0 if nothing is wrong
  affetto check --camera            take one look through the camera, too""",
    "scan": """\
  affetto scan                      the folders of the configuration
  affetto scan ~/Music              another folder; folders named happy, sad, calm ... say what mood their music has
  affetto scan --plot               and where each track stands; Ctrl-C while it listens loses nothing
  affetto scan --plot library.png   the same as a picture (needs matplotlib)""",
    "watch": """\
  affetto watch                     the device of this machine's configuration
  affetto watch --host broker.local --id kitchen     another one""",
    "boot": """\
  affetto boot                      exit code 2 if it has mistakes, which are told beside it in affetto-errors.txt
  affetto boot --template > /boot/firmware/affetto.yaml     the file to begin with""",
    "bench": """\
  affetto bench                     on the demo's pictures
  affetto bench --source party.mp4 --json > figures.json""",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; the exit status (0 done, 1 failed, 2 wrong arguments or configuration)."""
    options = parser().parse_args(argv)
    # NumPy's threads gain nothing on products as small as ours, and lose much when the cores have other work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=log_format())
    try:
        return HANDLERS[options.command](options)
    except AffettoError as error:
        print(f"affetto {options.command}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:  # `affetto check | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def log_format() -> str:
    """The journal adds time and level by itself."""
    return "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"


def parser() -> argparse.ArgumentParser:
    """Every command with its options; also used by the tests of the README."""
    top = argparse.ArgumentParser(
        prog="affetto", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    top.add_argument("--version", action="version", version=f"affetto {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parts: dict[str, argparse.ArgumentParser] = {}
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
                help=f"configuration; default: {ETC} if it exists, otherwise the one that came with the program",
            )
        parts[name] = part
    parts["run"].add_argument(
        "--eye-socket", metavar="PATH", help="connect to an eye there instead of starting one; systemd's unit says so"
    )
    parts["run"].add_argument(
        "--scan-socket", type=Path, metavar="PATH", help="have music analysed by the process that answers there"
    )
    parts["eye"].add_argument("--fd", type=int, metavar="N", help="serve on this open socket, then exit")
    parts["eye"].add_argument("--listen", type=Path, metavar="PATH", help="wait for one connection on a Unix socket")
    parts["demo"].add_argument("--seconds", type=positive, metavar="N", help="stop by itself after N seconds")
    parts["demo"].add_argument("--fps", type=positive, default=8.0, help="frames looked at in a second")
    parts["demo"].add_argument("--rendered", action="store_true", help="rendered people even if there is a webcam")
    parts["demo"].add_argument("--keep", type=Path, metavar="DIR", help="work in this folder and leave it there")
    parts["check"].add_argument("--json", action="store_true", help="print the findings as JSON")
    parts["check"].add_argument("--camera", action="store_true", help="take one frame even if the switch is off")
    parts["scan"].add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="instead of the configured ones")
    parts["scan"].add_argument(
        "--again", action="store_true", help="read all files anew, also those that look unchanged; analyses are kept"
    )
    parts["scan"].add_argument(
        "--plot", nargs="?", const="-", metavar="FILE.png", help="show the library in the plane, here or as a picture"
    )
    parts["watch"].add_argument("--host", metavar="HOST", help="broker, instead of the configured one")
    parts["watch"].add_argument("--port", type=int, metavar="PORT", help="its port")
    parts["watch"].add_argument("--id", metavar="ID", help="device id, instead of the configured one")
    parts["boot"].add_argument("--template", action="store_true", help="print the file to begin with, and do nothing")
    parts["boot"].add_argument(
        "--from", dest="places", action="append", type=Path, metavar="DIR", help="boot partition; default: where it is"
    )
    parts["bench"].add_argument("--seconds", type=positive, default=20.0, metavar="N", help="how long to measure")
    parts["bench"].add_argument("--source", metavar="SOURCE", help="video or folder of pictures; default: the demo's")
    parts["bench"].add_argument("--json", action="store_true", help="print the figures as JSON")
    return top


def positive(text: str) -> float:
    """A number above 0, for argparse."""
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return value


def find_config(given: Path | None) -> Path:
    """The configuration file that counts."""
    return given or (ETC if ETC.exists() else SHIPPED)


def load(options: argparse.Namespace) -> schema.Config:
    """The configuration that counts, checked."""
    return files.load(find_config(options.config))


def run(options: argparse.Namespace) -> int:
    """`affetto run`."""
    from device import conductor

    settings = load(options)
    if options.eye_socket:
        settings = replace(settings, camera=replace(settings.camera, eye_socket=options.eye_socket))
    return conductor.run(settings, find_config(options.config), options.scan_socket)


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
    from device import check as doctor

    return doctor.run(find_config(options.config), as_json=options.json, take_frame=options.camera)


def scan(options: argparse.Namespace) -> int:
    """`affetto scan`."""
    from device import scan as reader

    return reader.run(load(options), options.folders, options.plot, again=options.again)


def watch(options: argparse.Namespace) -> int:
    """`affetto watch`."""
    from device import watch as view

    return view.run(load(options), host=options.host, port=options.port, device_id=options.id)


def boot(options: argparse.Namespace) -> int:
    """`affetto boot`."""
    from device.config import boot as partition

    if options.template:
        return partition.show_template()
    return partition.run(options.places or partition.PLACES, (options.config or ETC).parent)


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

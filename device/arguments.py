"""The arguments of the command `affetto`: every command with its options, help and limits. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

from device import __version__
from device.argument_types import add_setting, duration, whole, within
from device.config import schema

ETC = Path("/etc/affetto/config.yaml")

ABOUT = """\
Affetto sees the faces in a room, works out the room's mood, plays music that fits from its own storage,
and speaks MQTT to Home Assistant. Pictures never leave the process that reads the camera.

Start here:
  affetto demo      see it work in a minute, without camera, music or broker
  affetto check     find what is missing on this machine, and what to do about it
  affetto run       run the appliance; normally systemd starts this command
"""

COMMANDS = {
    "run": "run the appliance: mood, music and MQTT; it starts the eye when you switch the camera on",
    "eye": "read the camera and send numbers; affetto run or systemd starts this command",
    "page": "serve the page for phones; systemd starts this command",
    "demo": "run the whole program with rendered people, synthesised music and a private broker",
    "check": "check settings, camera, sound, models, broker and library, and say what to do",
    "scan": "read the music folders, analyse new files, and list the result",
    "tags": "write likes and moods into the tags of your music files, or undo that",
    "watch": "show a device live in the terminal, over MQTT, from any machine",
    "status": "show what the device on this machine plays and why, its mood, timers and problems",
    "play": "continue, or play what your words name: a song, an artist, an album, a playlist or a mood",
    "pause": "pause the music",
    "stop": "stop the music",
    "next": "skip to the next song",
    "previous": "go back to the previous song, or to the beginning of this one",
    "queue": "list what plays next",
    "sleep": "fade the music out after some minutes",
    "set": "set the volume, the mood, the policy, an alarm and everything else that MQTT commands can set",
    "mqtt-setup": "write a user, access rules and TLS settings for Mosquitto, so that no stranger controls a device",
    "mqtt-contract": "print every topic and payload of a device as an AsyncAPI document, for programmers",
    "privacy": "print what the device stores about people, and delete it",
    "boot": "copy affetto.yaml from the boot partition; systemd runs this at every start",
    "bench": "measure the time of each stage, and each process's processor time and memory",
}

EXAMPLES = {
    "run": """\
  affetto run --config my.yaml      use your own settings; if they have mistakes, list them and exit with 2
  mosquitto_pub -t affetto/affetto/camera/set -m ON     the camera is off until you switch it on""",
    "eye": """\
  affetto eye --listen /tmp/eye     serve one conductor whose settings have camera.eye_socket: /tmp/eye""",
    "page": """\
  affetto page                      serve http://affetto.local for the conductor with the same settings
  affetto page --hash               ask for a password, and print its hash for page.password""",
    "demo": """\
  affetto demo                      run until Ctrl-C, with your webcam if there is one
  affetto demo --rendered --seconds 30     rendered people, then a summary; exits with 0 if everything worked
  sudo affetto demo --rooms 3       three devices on this machine that play as one group, in one view""",
    "check": """\
  affetto check                     exits with 0 if there is no problem
  affetto check --camera            also take a picture with a camera that is switched off""",
    "scan": """\
  affetto scan                      the folders of your settings
  affetto scan ~/Music              another folder; subfolders named happy, sad, calm ... set their songs' mood
  affetto scan --plot               also show where each track is in the plane of valence and arousal
  affetto scan --plot library.png   the same as a picture (needs matplotlib); after Ctrl-C, run it again to continue""",
    "tags": """\
  affetto tags write --dry-run      print what the settings music.write_ratings and write_moods would write
  affetto tags write --ratings      likes become five stars, dislikes one; write nothing else
  affetto tags write --moods yours /srv/music/new     moods that you set, in this folder
  affetto tags undo                 give the files back the tags that they had before""",
    "watch": """\
  affetto watch                     the device in the settings of this machine
  affetto watch --host broker.local --id kitchen     another device""",
    "status": """\
  affetto status                    works on the device itself, as root or a member of the group affetto""",
    "play": """\
  affetto play                      continue the music
  affetto play abba                 songs by this artist, at once
  affetto play "Sunday"             the playlist Sunday, at once; a radio station if the playlist begins with one
  affetto play --next dancing queen     this song after the current one; --later: when its turn comes""",
    "pause": """\
  affetto pause                     affetto play continues at the same place""",
    "stop": """\
  affetto stop                      affetto play chooses another song""",
    "next": """\
  affetto next                      the device then plays the skipped song less often""",
    "previous": """\
  affetto previous                  after the first seconds of a song, go to its beginning""",
    "queue": """\
  affetto queue                     requests, and what the device has chosen so far""",
    "sleep": """\
  affetto sleep 30                  stop the music in half an hour
  affetto sleep off                 cancel the sleep timer""",
    "set": """\
  affetto set volume 40             or +5, or -5
  affetto set mood calm             auto follows the room again
  affetto set alarm mon-fri 7:00 calm
  affetto set feedback like""",
    "mqtt-setup": """\
  affetto mqtt-setup --out mosquitto                 write files for the broker, with instructions
  affetto mqtt-setup --out mosquitto --control ha    also let the broker's user ha control the device""",
    "mqtt-contract": """\
  affetto mqtt-contract > affetto.yaml               open it in an AsyncAPI viewer
  affetto mqtt-contract --json""",
    "privacy": """\
  affetto privacy                   print what is stored about people, and what leaves the device
  affetto privacy --forget person Ada     delete what is stored about Ada, here and in the running program
  affetto privacy --forget day 2026-11-28
  affetto privacy --forget everything --yes""",
    "boot": """\
  affetto boot                      if the file has mistakes, list them in affetto-errors.txt beside it and exit with 2
  affetto boot --template > /boot/firmware/affetto.yaml     write a file to start from""",
    "bench": """\
  affetto bench                     use the clip of the demo
  affetto bench --source party.mp4 --json > figures.json""",
}


def parser() -> argparse.ArgumentParser:
    """Every command with its options; the tests of the README use it too."""
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
    part.add_argument("--eye-socket", metavar="PATH", help="connect to the eye at this socket (default: start one)")
    part.add_argument(
        "--scan-socket", type=Path, metavar="PATH", help="use the analysis process at this socket (default: start one)"
    )


def add_eye(part: Parser) -> None:
    part.add_argument("--fd", type=whole, metavar="N", help="serve on this open socket, then exit")
    part.add_argument("--listen", type=Path, metavar="PATH", help="wait for one connection on a Unix socket")


def add_page(part: Parser) -> None:
    part.add_argument("--hash", action="store_true", help="print the hash of a password, and do nothing else")


def add_demo(part: Parser) -> None:
    part.add_argument("--seconds", type=duration, metavar="N", help="stop after N seconds (default: until Ctrl-C)")
    add_setting(part, "--fps", "camera", "fps", "frames per second")
    part.add_argument("--rendered", action="store_true", help="use rendered people even if there is a webcam")
    part.add_argument("--keep", type=Path, metavar="DIR", help="keep the data in this folder (default: temporary)")
    part.add_argument("--rooms", type=int, choices=range(2, 8), metavar="N",
                      help="2 to 7 devices that play as one group, with rendered people; needs root")


def add_check(part: Parser) -> None:
    part.add_argument("--json", action="store_true", help="print the findings as JSON")
    part.add_argument("--camera", action="store_true", help="take a picture even if the camera is switched off")


def add_scan(part: Parser) -> None:
    part.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="default: the folders of your settings")
    part.add_argument(
        "--again", action="store_true", help="read all tags again, even of unchanged files; keep the analysis"
    )
    part.add_argument(
        "--plot", nargs="?", const="-", metavar="FILE.png", help="plot the library in the terminal, or as a picture"
    )


def add_tags(part: Parser) -> None:
    part.add_argument("action", choices=("write", "undo"), help="write into files, or take back what was written")
    part.add_argument("folders", nargs="*", type=Path, metavar="FOLDER", help="default: all music of the library")
    part.add_argument("--ratings", action="store_true", help="write likes and dislikes as stars, whatever the settings")
    part.add_argument("--moods", choices=("yours", "all"), help="write moods that you set; all: also the model's")
    part.add_argument("--dry-run", action="store_true", help="print what would change, and change nothing")


def add_watch(part: Parser) -> None:
    add_setting(part, "--host", "mqtt", "host", "broker", ours=True)
    add_setting(part, "--port", "mqtt", "port", "port of the broker", ours=True)
    add_setting(part, "--username", "mqtt", "username", "user name for the broker", ours=True)
    add_setting(part, "--password", "mqtt", "password", "password for the broker", ours=True)
    part.add_argument("--tls", action="store_true", default=None, help="use TLS (default: your settings)")
    add_setting(part, "--ca-file", "mqtt", "ca_file", "certificate authority to check the broker against", ours=True)
    add_setting(part, "--base-topic", "mqtt", "base_topic", "first part of every topic", ours=True)
    add_setting(part, "--id", "device", "id", "device to show", ours=True)


def add_nothing(part: Parser) -> None:
    """The command has no options of its own."""


def add_play(part: Parser) -> None:
    part.add_argument("words", nargs="*", metavar="WORD", help="a name, or words from a title, artist, album or folder")
    part.add_argument("--next", action="store_true", help="play it after the current song")
    part.add_argument("--later", action="store_true", help="play it when its turn comes")


def add_sleep(part: Parser) -> None:
    part.add_argument("minutes", metavar="MINUTES", help="0 to 720, or off")


def add_set(part: Parser) -> None:
    part.add_argument("name", metavar="NAME", help="what to set; affetto set help lists everything")
    part.add_argument("words", nargs="*", metavar="VALUE", help="its new value, as over MQTT")


def add_privacy(part: Parser) -> None:
    part.add_argument("--json", action="store_true", help="print it as JSON")
    part.add_argument(
        "--forget", nargs="+", metavar=("WHAT", "NAME"), help="delete: day DATE, person NAME, or everything"
    )
    part.add_argument("--yes", action="store_true", help="delete without asking")


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
        "--source",
        type=within(schema.setting("camera", "source")),
        metavar="SOURCE",
        help="video, or folder of pictures (default: the clip of the demo)",
    )
    part.add_argument("--json", action="store_true", help="print the figures as JSON")


def add_mqtt_setup(part: Parser) -> None:
    part.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder for the files; created if missing")
    part.add_argument(
        "--control", action="append", default=[], metavar="USER",
        help="a user of the broker who may control the device, such as Home Assistant's; repeat for more",
    )  # fmt: skip
    add_setting(part, "--id", "device", "id", "device", ours=True)
    add_setting(part, "--base-topic", "mqtt", "base_topic", "first part of every topic", ours=True)


def add_mqtt_contract(part: Parser) -> None:
    part.add_argument("--json", action="store_true", help="print JSON (default: YAML)")
    add_setting(part, "--base-topic", "mqtt", "base_topic", "first part of every topic", ours=True)


ARGUMENTS: dict[str, Callable[[Parser], None]] = {
    "run": add_run,
    "eye": add_eye,
    "page": add_page,
    "demo": add_demo,
    "check": add_check,
    "scan": add_scan,
    "tags": add_tags,
    "watch": add_watch,
    "status": add_nothing,
    "play": add_play,
    "pause": add_nothing,
    "stop": add_nothing,
    "next": add_nothing,
    "previous": add_nothing,
    "queue": add_nothing,
    "sleep": add_sleep,
    "set": add_set,
    "mqtt-setup": add_mqtt_setup,
    "mqtt-contract": add_mqtt_contract,
    "privacy": add_privacy,
    "boot": add_boot,
    "bench": add_bench,
}

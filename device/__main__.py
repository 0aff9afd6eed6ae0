"""The command `affetto`: reads arguments and settings, and calls the part that does the work.

Each command imports its part only when it runs, so that the eye never loads MQTT and `--help` is instant.
"""

from __future__ import annotations

import argparse
import errno
import getpass
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import yaml

from device.arguments import ETC, parser
from device.config import files, schema
from device.errors import AffettoError, ConfigError

SHIPPED = Path(__file__).resolve().parent.parent / "config.yaml"
NO_OUTPUT = {errno.EIO, errno.ENOSPC}  # a terminal that is gone, a full disk


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command. Returns the exit status: 0 done, 1 failed, 2 wrong arguments or settings."""
    prepare_streams()
    words = sys.argv[1:] if argv is None else list(argv)
    options = parser().parse_args(words) if words else argparse.Namespace(command="")
    # NumPy's threads gain nothing on products as small as ours, and lose much when the cores have other work.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=log_format())
    try:
        if options.command:
            status = HANDLERS[options.command](options)
        else:
            print(parser().format_help(), end="")
            status = 0
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
        print(f"affetto: the output cannot be written ({error.strerror})", file=sys.stderr)
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
    """Discard the rest of the output, so that Python's own flush at exit succeeds."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def log_format() -> str:
    """The log format: without time and level for the journal, which adds both."""
    return "%(message)s" if "JOURNAL_STREAM" in os.environ else "%(asctime)s %(levelname)s %(message)s"


def find_config(given: Path | None) -> Path:
    """The file with the user's settings."""
    return given or (ETC if ETC.exists() else SHIPPED)


def load(options: argparse.Namespace) -> schema.Config:
    """The settings, checked; command-line options override them."""
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


def page(options: argparse.Namespace) -> int:
    """`affetto page`."""
    os.environ.setdefault("SSL_CERT_FILE", os.devnull)  # aiohttp loads all certificates; the page uses no TLS
    from device.music.library.browse.browser import Browser
    from device.page import access, server
    from device.store.diary import DiaryReader

    if options.hash:
        print(access.hashed(getpass.getpass("Password: ")))
        return 0
    config = load(options)
    data_dir = Path(config.device.data_dir)
    return server.run(config, find_config(options.config), Browser(data_dir).warm(), DiaryReader(data_dir))


def demo(options: argparse.Namespace) -> int:
    """`affetto demo`."""
    from device.demo import rooms, show

    if options.rooms:
        return rooms.run(options.rooms, seconds=options.seconds, keep=options.keep)
    return show.run(seconds=options.seconds, fps=options.fps, rendered=options.rendered, keep=options.keep)


def check(options: argparse.Namespace) -> int:
    """`affetto check`."""
    from device import check as examination

    return examination.run(find_config(options.config), as_json=options.json, take_frame=options.camera)


def scan(options: argparse.Namespace) -> int:
    """`affetto scan`."""
    from device import scan as library

    return library.run(load(options), options.folders, options.plot, again=options.again)


def tags(options: argparse.Namespace) -> int:
    """`affetto tags`."""
    from device import tags as writer

    return writer.run(
        load(options), options.action, options.folders,
        ratings=options.ratings, moods=options.moods or "", dry=options.dry_run,
    )  # fmt: skip


def watch(options: argparse.Namespace) -> int:
    """`affetto watch`."""
    from device import watch as view

    config = load(options)
    if options.tls:
        config = replace(config, mqtt=replace(config.mqtt, tls=True))
    if config.mqtt.password and not config.mqtt.username:
        raise ConfigError("a password needs a user: --username")
    return view.run(config)


def status(options: argparse.Namespace) -> int:
    """`affetto status`."""
    from device import remote

    return remote.status(load(options))


def queue(options: argparse.Namespace) -> int:
    """`affetto queue`."""
    from device import remote

    return remote.queue(load(options))


def play(options: argparse.Namespace) -> int:
    """`affetto play`."""
    from device import remote
    from device.domain import Where

    where = Where.NEXT if options.next else Where.LATER if options.later else Where.NOW
    return remote.play(load(options), options.words, where)


def transport(options: argparse.Namespace) -> int:
    """`affetto pause`, `stop`, `next` and `previous`."""
    from device import remote
    from device.domain import SetPlayback, Transport

    return remote.give(load(options), SetPlayback(Transport(options.command)))


def sleep(options: argparse.Namespace) -> int:
    """`affetto sleep`."""
    from device import remote

    return remote.set_to(load(options), "sleep", [options.minutes])


def set_to(options: argparse.Namespace) -> int:
    """`affetto set`."""
    from device import remote

    return remote.set_to(load(options), options.name, options.words)


def mqtt_setup(options: argparse.Namespace) -> int:
    """`affetto mqtt-setup`."""
    from device.mqtt import broker_setup
    from device.rooms import discovery
    from device.rooms.topics import GroupTopics

    config = load(options)
    name = config.rooms.group
    group = discovery.announcement(config, GroupTopics(config.mqtt.base_topic, name)).topic if name else ""
    broker_setup.write(options.out, config, options.control, group)
    print(f"Wrote the files for the broker to {options.out}. {options.out / 'README.txt'} says what to do with them.")
    return 0


def mqtt_contract(options: argparse.Namespace) -> int:
    """`affetto mqtt-contract`."""
    from device.mqtt import contract
    from device.rooms.contract import rows

    document = contract.document(load(options).mqtt.base_topic, contract.channels(rows()))
    if options.json:
        print(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        print(yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


def privacy(options: argparse.Namespace) -> int:
    """`affetto privacy`."""
    from device import privacy as report

    return report.run(load(options), options.forget, as_json=options.json, yes=options.yes)


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
    "page": page,
    "demo": demo,
    "check": check,
    "scan": scan,
    "tags": tags,
    "watch": watch,
    "status": status,
    "play": play,
    "pause": transport,
    "stop": transport,
    "next": transport,
    "previous": transport,
    "queue": queue,
    "sleep": sleep,
    "set": set_to,
    "mqtt-setup": mqtt_setup,
    "mqtt-contract": mqtt_contract,
    "privacy": privacy,
    "boot": boot,
    "bench": bench,
}

if __name__ == "__main__":
    sys.exit(main())

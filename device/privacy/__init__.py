"""`affetto privacy`: prints what the device stores about people, and deletes it. Main thread.

It reads the files in the data folder. To delete, it asks the running conductor, which forgets what it has in memory,
too; if none runs, it deletes from the files itself.
"""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from device.config.schema import Config
from device.console import open_console
from device.control.client import ControlClient
from device.domain import Forget, Scope, erasure, without
from device.errors import AffettoError, ConfigError
from device.parts import first_memory
from device.privacy.kept import read_kept
from device.privacy.report import lines
from device.store.database import Store
from device.store.diary import DiaryStore
from device.store.instance import InstanceLock, read_running


def run(config: Config, forget: list[str] | None = None, *, as_json: bool = False, yes: bool = False) -> int:
    """Print what is kept, or forget it. `forget`: a scope, and a date or a name where it needs one."""
    folder = Path(config.device.data_dir)
    if forget:
        delete(config, folder, read_command(forget), yes=yes)
        return 0
    kept = read_kept(config, folder)
    if as_json:
        print(json.dumps(asdict(kept), indent=2))
    else:
        console = open_console()
        for line in lines(kept, config):
            console.print(line, highlight=False, markup=False)
    return 0


def read_command(words: list[str]) -> Forget:
    """The command in words such as ["person", "Ada"]. Raises ConfigError."""
    scope, name = words[0], " ".join(words[1:])
    if scope not in tuple(Scope):
        raise ConfigError(f"--forget takes {', '.join(Scope)}, not {scope[:40]!r}")
    command = Forget(Scope(scope), name)
    if command.scope is Scope.EVERYTHING and name:
        raise ConfigError(f"--forget everything takes no name; for one person, write --forget person {name[:40]}")
    if isinstance(wrong := erasure(command), str):
        raise ConfigError(wrong)
    return command


def delete(config: Config, folder: Path, command: Forget, *, yes: bool) -> None:
    """Forget, after a question. Raises AffettoError if it is not confirmed, or does not work."""
    what = f"the {command.scope} {command.name}" if command.name else "everything"
    if not yes and not confirmed(f"Forget {what}? This cannot be undone. Type yes: "):
        raise AffettoError("nothing was deleted; --yes deletes without asking")
    if read_running(folder) is not None:
        with ControlClient(folder) as client:
            if refused := client.do(command):
                raise AffettoError(refused)
    else:
        delete_files(config, folder, command)
    print(f"Forgot {what}.")


def confirmed(question: str) -> bool:
    """Whether somebody at the terminal types yes."""
    if not sys.stdin.isatty():
        return False
    try:
        return input(question).strip().lower() == "yes"
    except EOFError:
        return False


def delete_files(config: Config, folder: Path, command: Forget) -> None:
    """Delete from the files of a device that does not run. Raises StateError."""
    gone = erasure(command)
    assert not isinstance(gone, str)
    with (
        closing(InstanceLock(folder)),
        closing(Store.open(folder, first_memory(config))) as store,
        closing(DiaryStore(folder, config.diary.keep_days)) as diary,
    ):
        for problem in filter(None, (store.problem, diary.problem)):
            raise AffettoError(f"{problem}; run it as the user affetto: sudo -u affetto affetto privacy ...")
        store.erase(gone)
        store.write(without(store.memory, gone))
        diary.erase(gone)

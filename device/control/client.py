"""A client of the control socket for a command line: connect, ask, done. Blocks; one thread at a time."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from device.control import address, commands
from device.domain import Command
from device.errors import ControlError

TIMEOUT_S = 10.0
LARGEST_ANSWER = 8_388_608  # bytes


class ControlClient:
    """A connection to the conductor that uses `data_dir`; use as a context manager. `who` appears in its log.

    Raises ControlError if no conductor runs there, if this user may not reach it, or if it does not answer in time.
    """

    def __init__(self, data_dir: Path, who: str = "command line", timeout_s: float = TIMEOUT_S) -> None:
        path = address.socket_path(data_dir)
        try:
            self._socket = address.connect(path, timeout_s)
        except PermissionError:
            raise ControlError(f"{path} is not open to you; use sudo, or join the group affetto") from None
        except OSError as error:
            raise ControlError(
                f"Affetto does not run with the data in {data_dir} ({error.strerror or error}); start it, or choose "
                "its settings with --config"
            ) from None
        self._who, self._number, self._rest = who, 0, b""

    def __enter__(self) -> ControlClient:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect. Idempotent."""
        with contextlib.suppress(OSError):
            self._socket.close()

    def do(self, command: Command) -> str:
        """Give a command, and wait until it took effect. Returns why it was refused or limited; empty if it was not."""
        name, fields = commands.encode(command)
        return str(self._request({"do": name, "with": fields, "as": self._who})["message"])

    def ask(self, question: str) -> Any:
        """The answer to a question that the conductor knows. Raises ControlError if it knows none."""
        answer = self._request({"ask": question})
        if not answer["ok"]:
            raise ControlError(str(answer["message"]))
        return answer["answer"]

    def state(self) -> dict[str, Any]:
        """The parts of the present Snapshot; see documents.py."""
        self._request({"subscribe": True})
        while True:
            if (state := self._receive().get("state")) is not None:
                return dict(state)

    def _request(self, request: dict[str, object]) -> dict[str, Any]:
        self._number += 1
        try:
            self._socket.sendall(msgspec.json.encode({"id": self._number, **request}) + b"\n")
        except OSError as error:
            raise ControlError(f"Affetto ended the connection ({error.strerror or error})") from None
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                return answer
            if answer.get("id") == 0:
                raise ControlError(str(answer.get("message")))

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._rest:
            try:
                chunk = self._socket.recv(65_536)
            except TimeoutError:
                raise ControlError("Affetto runs, but does not answer; its log may say why") from None
            except OSError as error:
                raise ControlError(f"Affetto ended the connection ({error.strerror or error})") from None
            if not chunk or len(self._rest) > LARGEST_ANSWER:
                raise ControlError("Affetto ended the connection")
            self._rest += chunk
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            return msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ControlError("Affetto sent an answer that is not valid; is it another version?") from None

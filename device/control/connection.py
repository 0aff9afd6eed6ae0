"""One connection to the control socket: its requests, its answers and its stream. Only the socket's thread uses it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from device.control.commands import LONGEST_NAME, parse, shown
from device.domain import Command
from device.errors import AffettoError

LARGEST_LINE = 65_536  # bytes
MOST_WAITING = 100  # commands of one connection that wait for their answer
FULL = 262_144  # bytes: a client that leaves more unread gets no snapshot for now
TOO_FULL = 16_777_216  # bytes: a client that leaves more unread is dropped
PATIENCE_S = 30.0  # a client that stays full for this long is dropped

Obey = Callable[["Connection", int, str, str, Command | str], None]
"""Puts a command, or the sentence about a mistake, into the inbox: connection, number, who, line, command."""
Questions = Mapping[str, Callable[[], object]]
"""What clients may ask for: name -> function that returns a JSON value at once. Called on the socket's thread."""
SlowQuestions = Mapping[str, Callable[[], object]]
"""The same for what takes long: called on a thread of its own, one at a time."""


class Connection:
    """Answers go out in the order in which they are ready; `id` tells which request each belongs to."""

    def __init__(
        self,
        writer: asyncio.StreamWriter,
        obey: Obey,
        questions: Questions,
        find_out: Callable[[str], Awaitable[object]],
    ) -> None:
        """`find_out` answers the questions that are not in `questions`; it raises KeyError for unknown ones."""
        self.subscribed = False
        self.waiting = 0
        self._writer, self._obey, self._questions = writer, obey, questions
        self._find_out = find_out
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent: dict[str, bytes] = {}
        self._full_since: float | None = None

    def take(self, line: bytes) -> None:
        """Handle one line from the client."""
        try:
            request = msgspec.json.decode(line, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self.answer(0, 'Each line is one JSON object, such as {"do": "volume", "with": {"percent": 40}}.')
            return
        number = request.get("id")
        number = number if isinstance(number, int) and 0 <= number < 2**53 else 0
        match request:
            case {"do": str(name)}:
                self._do(number, request, name, line)
            case {"ask": str(name)}:
                self._ask(number, name)
            case {"subscribe": True}:
                self.subscribed = True
                self.answer(number, "")
            case _:
                self.answer(number, "A request needs `do`, `ask` or `subscribe`.")

    def _do(self, number: int, request: dict[str, Any], name: str, line: bytes) -> None:
        given, who = request.get("with", {}), request.get("as", "")
        if not isinstance(given, dict) or not isinstance(who, str) or not who.isprintable() or len(who) > LONGEST_NAME:
            self.answer(number, "`with` holds the fields of the command, and `as` is the name of who asks.")
        elif self.waiting >= MOST_WAITING:
            self.answer(number, f"More than {MOST_WAITING} commands wait; send fewer at once.")
        else:
            self.waiting += 1
            self._obey(self, number, who, line.decode("utf-8", "replace").strip()[:200], parse(name, given))

    def _ask(self, number: int, name: str) -> None:
        if (question := self._questions.get(name)) is not None:
            self.send({"id": number, "ok": True, "message": "", "answer": question()})
        elif self.waiting >= MOST_WAITING:
            self.answer(number, f"More than {MOST_WAITING} requests wait; send fewer at once.")
        else:
            self.waiting += 1
            task = asyncio.get_running_loop().create_task(self._ask_slowly(number, name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _ask_slowly(self, number: int, name: str) -> None:
        try:
            self.send({"id": number, "ok": True, "message": "", "answer": await self._find_out(name)})
        except KeyError:
            self.answer(number, f"There is no question {shown(name)}.")
        except AffettoError as error:
            self.answer(number, str(error))
        finally:
            self.waiting -= 1

    def answer(self, number: int, message: str) -> None:
        """The result of request `number`; `message` says why it was refused, or is empty."""
        self.send({"id": number, "ok": not message, "message": message})

    def offer(self, parts: Mapping[str, bytes], now_s: float) -> None:
        """Send the parts that differ from the last ones, unless the client has not read those: latest wins."""
        if self._backlog() > FULL:
            self._full_since = self._full_since or now_s
            if now_s - self._full_since > PATIENCE_S:
                self.drop()
            return
        self._full_since = None
        news = {name: part for name, part in parts.items() if self._sent.get(name) is not part}
        if news:
            self._sent.update(news)
            self.send({"state": {name: msgspec.Raw(part) for name, part in news.items()}})

    def send(self, message: dict[str, object]) -> None:
        """Send one line; drop a client that does not read."""
        if self._writer.is_closing():
            return
        self._writer.write(msgspec.json.encode(message) + b"\n")
        if self._backlog() > TOO_FULL:
            self.drop()

    def notice(self, event: Mapping[str, object]) -> None:
        """Send something that happened, unless the client is behind."""
        if self.subscribed and self._backlog() <= FULL:
            self.send({"event": event})

    def drop(self) -> None:
        """End the connection without waiting."""
        self._writer.transport.abort()

    def _backlog(self) -> int:
        return self._writer.transport.get_write_buffer_size()

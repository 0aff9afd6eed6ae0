"""What people want forgotten, and what that leaves of the memory. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta

from device.domain.commands import Forget, Scope
from device.domain.context import Context
from device.domain.diary import Erasure
from device.domain.memory import Memory
from device.domain.music import EVERYONE
from device.domain.requests import Request, Requests


def erasure(command: Forget) -> Erasure | str:
    """What this command deletes, or a sentence that says what is wrong with it."""
    match command.scope:
        case Scope.EVERYTHING:
            return Erasure()
        case Scope.PERSON:
            return Erasure(person=command.name) if command.name else "Say whom to forget: the name of a profile."
    try:
        day = datetime.combine(datetime.strptime(command.name, "%Y-%m-%d").date(), time())
        return Erasure(start=day.timestamp(), end=(day + timedelta(days=1)).timestamp())
    except (ValueError, OverflowError, OSError):
        return f"Say which day to forget as a date such as 2026-11-28, not {command.name[:40]!r}."


def without(memory: Memory, gone: Erasure) -> Memory:
    """The memory without the people whom `gone` covers: their presence and their requests. A day leaves no trace in
    it."""
    if not gone.ever:
        return memory
    if gone.everything:
        empty = Requests(last_id=memory.requests.last_id)
        return replace(memory, profiles=(EVERYONE,), requests=empty, context=Context())
    requests, person = memory.requests, gone.person
    return replace(
        memory,
        profiles=tuple(name for name in memory.profiles if name != person) or (EVERYONE,),
        requests=replace(
            requests,
            open=tuple(_without_votes(one, person) for one in requests.open if one.by != person),
            rounds={name: turn for name, turn in requests.rounds.items() if name != person},
            vetoes={name: at for name, at in requests.vetoes.items() if name != person},
        ),
    )


def _without_votes(request: Request, person: str) -> Request:
    return replace(request, votes=tuple(name for name in request.votes if name != person))

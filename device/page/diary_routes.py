"""The routes of the view Today: what the diary says about a day and about a week. They only read."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta

from aiohttp import web

from device.control.documents import plain
from device.domain import Diary
from device.errors import StateError
from device.page.access import Role
from device.page.gate import answer, needs, problem

DAYS = 7
OLDEST = date(2020, 1, 1)


class DiaryRoutes:
    """A day with all entries, and the moods of a week."""

    def __init__(self, diary: Diary) -> None:
        self._diary = diary

    def add_to(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/api/diary/day", needs(Role.HOUSEHOLD, self._day))
        app.router.add_get("/api/diary/week", needs(Role.HOUSEHOLD, self._week))

    async def _day(self, request: web.Request) -> web.StreamResponse:
        day = day_of(request)
        try:
            return answer(await asyncio.to_thread(lambda: self._read(day)))
        except StateError as error:
            return problem(503, str(error))

    async def _week(self, request: web.Request) -> web.StreamResponse:
        last = day_of(request)
        days = [last - timedelta(days=back) for back in range(DAYS)]
        try:
            return answer(await asyncio.to_thread(lambda: [self._read(day, moods_only=True) for day in days]))
        except StateError as error:
            return problem(503, str(error))

    def _read(self, day: date, *, moods_only: bool = False) -> dict[str, object]:
        start, end = limits(day)
        found: dict[str, object] = {"day": day.isoformat(), "start": start, "end": end}
        found["moods"] = plain(self._diary.moods(start, end))
        if not moods_only:
            found["songs"] = plain(self._diary.songs(start, end))
        return found


def limits(day: date) -> tuple[float, float]:
    """When a day begins and ends in local time, as wall-clock seconds; 23 to 25 hours apart."""
    midnight = datetime(day.year, day.month, day.day)
    after = day + timedelta(days=1)
    return midnight.timestamp(), datetime(after.year, after.month, after.day).timestamp()


def day_of(request: web.Request) -> date:
    """The day in the parameter `day`; today without one. Raises HTTPBadRequest."""
    raw = request.query.get("day", "")
    try:
        day = date.fromisoformat(raw) if raw else datetime.now().date()
    except ValueError:
        raise web.HTTPBadRequest(reason="A day is a date such as 2026-11-28.") from None
    if not OLDEST <= day < date(2100, 1, 1):
        raise web.HTTPBadRequest(reason="That day is out of range.")
    return day

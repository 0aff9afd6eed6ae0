"""Measures the page, and takes the pictures of its README: `python -m tests.page_figures [--pictures DIR]`.

Starts a conductor with the demo's songs and people, the page, and Chromium with a phone's speed (four times slower than
this machine, 20 ms and 30 Mbit/s). Prints JSON.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import tempfile
import time
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2

from device.config.schema import CameraConfig
from device.control.client import ControlClient
from device.demo import PEOPLE
from device.domain import MOOD_AFFECT, MoodName, MoodSource, Outcome, SetCamera, SetPresence, SetVolume
from device.domain.diary import Felt, MoodEntry, SongEntry
from device.store.diary import DiaryStore
from tests.page_stage import PageProcess, make_config, state_of, until, whole
from tests.test_page_browser import Browser

PICTURES = [("/", "phone", False), ("/library", "phone", False), ("/today", "phone", True), ("/", "tablet", True)]
TITLES = ["Marmalade", "Slow Clouds", "Last Tram", "Paper Boats", "Lamplight", "Night Bus Leap", "Tidal Garden"]
DAY = [
    (7.0, "calm"), (8.2, "happy"), (9.5, None), (12.1, "neutral"), (13.0, "happy"), (14.2, None), (17.3, "tense"),
    (18.1, "sad"),
    (19.0, "calm"), (20.2, "happy"), (21.5, "excited"), (22.4, "calm"), (23.2, None),
]  # fmt: skip


def write_diary(data_dir: Path) -> None:
    """A week of an invented household."""
    data_dir.mkdir(parents=True)
    diary = DiaryStore(data_dir, 30)
    for back in range(1, 8):
        day = date.today() - timedelta(days=back)
        midnight = datetime(day.year, day.month, day.day).timestamp()
        for number, (hour, name) in enumerate(DAY[back % 3 :]):
            begin = midnight + 3600 * hour + 400 * (back * 7 % 5)
            mood = None if name is None else MoodName(name)
            felt = None if mood is None else Felt(MOOD_AFFECT[mood], 0.8)
            entries: list[Any] = [MoodEntry(begin, mood, MoodSource.CAMERA, felt, 2)]
            for song in range(4 if mood else 0):
                at, after = begin + 420 * song, Felt(MOOD_AFFECT[MoodName.CALM if song % 2 else MoodName.HAPPY], 0.8)
                title = TITLES[(number + song + back) % len(TITLES)]
                outcome = Outcome.SKIPPED if (number + song) % 5 == 0 else Outcome.PLAYED
                artist = "The Affetto Machine"
                entries.append(
                    SongEntry(
                        at, at + 400, 400.0, title, title, artist, mood or MoodName.CALM, "Ada", outcome, felt, after
                    )
                )
            diary.write(entries)
    diary.close()


def memory(page: PageProcess) -> dict[str, float]:
    """Resident memory, and the share that is this process's own, in MB."""
    text = Path(f"/proc/{page.process.pid}/smaps_rollup").read_text()
    rows = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in text.splitlines() if line.endswith("kB")}
    return {"resident": round(rows["Rss"]), "proportional": round(rows["Pss"]), "private": round(rows["Private_Dirty"])}


def first_view(browser: Browser) -> dict[str, float]:
    """Times (ms) and bytes of a first visit, with a phone's speed."""
    browser.driver.execute_cdp_cmd("Network.enable", {})
    browser.driver.execute_cdp_cmd("Network.clearBrowserCache", {})
    speed = {"offline": False, "latency": 20, "downloadThroughput": 30e6 / 8, "uploadThroughput": 10e6 / 8}
    browser.driver.execute_cdp_cmd("Network.emulateNetworkConditions", speed)
    browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 4})
    browser.open("/")
    until(lambda: browser.find("#song-title"), "no song")
    found = browser.driver.execute_script(
        "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];"
        "return {first_paint_ms: performance.getEntriesByType('paint')[0].startTime, requests: all.length,"
        " bytes: all.reduce((sum, one) => sum + one.transferSize, 0)}"
    )
    browser.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
    return {name: round(value) for name, value in found.items()}


def stream_bytes(page: PageProcess, cookie: str, seconds: float) -> int:
    """Bytes a second that an open page receives, while music plays and faces are seen."""
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=30)
    connection.request("GET", "/api/stream", headers={"Host": page.host, "Cookie": cookie})
    response = connection.getresponse()
    until_s, received, first = time.monotonic() + seconds, 0, True
    while time.monotonic() < until_s:
        line = response.readline()
        received += 0 if first else len(line)
        first = first and not line.startswith(b"data")
    connection.close()
    return round(received / seconds)


def timed(job: Any, times: int = 30) -> float:
    """The median time of a job in ms."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        job()
        taken.append(time.perf_counter() - began)
    return round(1000 * statistics.median(taken), 1)


def take_pictures(browser: Browser, folder: Path) -> None:
    """The pictures of the README, as small WebP files."""
    folder.mkdir(parents=True, exist_ok=True)
    for path, size, dark in PICTURES:
        browser.resize(size, dark)
        browser.open(path)
        if path == "/library":
            browser.button("Plane").click()
        if path == "/today":
            browser.button("Previous day").click()
        time.sleep(1.5)
        raw = folder / "raw.png"
        browser.driver.save_screenshot(str(raw))
        picture = cv2.imread(str(raw))
        raw.unlink()
        name = f"{path.strip('/') or 'now'}-{size}.webp"
        cv2.imwrite(str(folder / name), picture, [cv2.IMWRITE_WEBP_QUALITY, 82])
    browser.resize("phone")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--pictures", type=Path, metavar="DIR", help="write the pictures of the README here")
    given = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="affetto-page-") as name:
        home = Path(name)
        config = make_config(home, announce=True)
        config = replace(config, camera=CameraConfig(source=str(PEOPLE)))
        write_diary(Path(config.device.data_dir))
        with whole(config, home) as (_, page):
            figures: dict[str, Any] = {"memory_mb_at_start": memory(page)}
            cookie = page.log_in()
            with ControlClient(Path(config.device.data_dir)) as client:
                for command in (SetCamera(True), SetVolume(42), SetPresence("Ada", True), SetPresence("Ben", True)):
                    client.do(command)
            for words, by in (("slow clouds", "Ada"), ("paper boats", "Ben")):
                [track] = page.ask("GET", f"/api/library/search?q={quote(words)}", cookie=cookie).json["tracks"]
                given_ = {"tracks": [track["key"]], "by": by}
                page.ask("POST", "/api/do", {"do": "enqueue", "with": given_}, cookie=cookie)
            until(lambda: state_of(config)["mood"]["faces"], "no face is seen")
            browser = Browser(page)
            try:
                browser.log_in()
                browser.resize("phone")
                figures["first_view"] = first_view(browser)
                figures["stream_bytes_per_s"] = stream_bytes(page, cookie, 20.0)
                figures["command_ms"] = timed(
                    lambda: page.ask("POST", "/api/do", {"do": "volume", "with": {"percent": 42}}, cookie=cookie)
                )
                figures["search_ms"] = timed(lambda: page.ask("GET", "/api/library/search?q=a", cookie=cookie))
                if given.pictures:
                    take_pictures(browser, given.pictures)
            finally:
                browser.driver.quit()
            figures["memory_mb_in_use"] = memory(page)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()

"""The page in a real browser: every view on a phone and a tablet, by touch, mouse and keyboard. Chromium, headless."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests import audio
from tests.appliance import Appliance
from tests.page_stage import PageProcess, make_config, state_of, until, whole
from tests.web_server import web_server

webdriver = pytest.importorskip("selenium.webdriver")
axe_core = pytest.importorskip("axe_core_python.selenium")

from selenium.common.exceptions import StaleElementReferenceException  # noqa: E402
from selenium.webdriver.common.action_chains import ActionChains  # noqa: E402
from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="chromium and chromedriver are not installed"),
]

NETWORK_CHANGED = "ERR_NETWORK_CHANGED"  # of the machine that runs the tests
VIEWS = ["/", "/library", "/today", "/people", "/settings"]
SIZES = {"small phone": (320, 568), "phone": (390, 844), "tablet": (1180, 820)}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Appliance, PageProcess]]:
    home = tmp_path_factory.mktemp("browser")
    config, own = make_config(home), home / "music"  # playlists go to the first folder
    own.mkdir()
    music = replace(config.music, folders=(str(own), *config.music.folders))
    with whole(replace(config, music=music), home) as running:
        yield running


@pytest.fixture(scope="module")
def page(stage: tuple[Appliance, PageProcess]) -> PageProcess:
    return stage[1]


class Browser:
    """A browser window with short words for what people do."""

    def __init__(self, page: PageProcess) -> None:
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
            options.add_argument(argument)
        options.binary_location = CHROMIUM
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver: Any = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
        self.page = page

    def log_in(self) -> None:
        self.driver.get(self.page.url + "/favicon.ico")
        name, _, value = self.page.log_in().partition("=")
        self.driver.add_cookie({"name": name, "value": value, "path": "/"})

    def resize(self, size: str, dark: bool = False) -> None:
        width, height = SIZES[size]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [scheme, still]})

    def open(self, path: str) -> None:
        """Chromium gives up a page while a network card of the machine comes or goes; then people load it again."""
        for _ in range(3):
            self.driver.get(self.page.url + path)
            with contextlib.suppress(AssertionError):
                until(lambda: self.find("main .card") and not self.find("#loading"), f"{path} stays empty", 15.0)
                break
        assert self.find("main .card"), f"{path} stays empty: {self.complaints()}"
        until(lambda: "Loading" not in self.text(), f"{path} loads for ever")

    def find(self, css: str) -> list[Any]:
        return self.driver.find_elements(By.CSS_SELECTOR, css)

    def press(self, name: str) -> None:
        """Click a button of a list that may be drawn again at any moment."""

        def pressed() -> bool:
            try:
                self.button(name).click()
            except (StaleElementReferenceException, StopIteration):
                return False
            return True

        until(pressed, f"{name} cannot be pressed")

    def button(self, label: str) -> Any:
        found = next(
            one
            for one in self.find("button, a.button, [role=button]")
            if one.is_displayed() and (one.get_attribute("aria-label") or one.text).startswith(label)
        )
        self.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", found)
        return found

    def text(self) -> str:
        return str(self.driver.execute_script("return document.body.innerText"))

    def playback(self) -> dict:
        return state_of(self.page.config)["playback"]

    def complaints(self) -> list[str]:
        severe = [line["message"] for line in self.driver.get_log("browser") if line["level"] == "SEVERE"]
        return [message for message in severe if NETWORK_CHANGED not in message]


@pytest.fixture(scope="module")
def browser(page: PageProcess) -> Iterator[Browser]:
    browser = Browser(page)
    try:
        browser.log_in()
        yield browser
    finally:
        browser.driver.quit()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("view", VIEWS)
def test_every_view_fits_and_has_no_serious_fault(browser: Browser, view: str, size: str) -> None:
    browser.resize(size, dark=size == "tablet")
    browser.open(view)
    until(lambda: state_of(browser.page.config)["playback"]["choice"], "no music")
    for details in browser.find("details"):
        browser.driver.execute_script("arguments[0].open = true", details)
    assert browser.driver.execute_script("return document.documentElement.scrollWidth") <= SIZES[size][0]
    found = axe_core.Axe().run(browser.driver)["violations"]
    serious = [f"{one['id']}: {one['nodes'][0]['html']}" for one in found if one["impact"] in ("serious", "critical")]
    assert serious == []
    assert browser.complaints() == []
    assert "Camera off" in browser.text()  # always in sight


def test_a_stranger_meets_the_login_and_the_pin_opens_it(page: PageProcess) -> None:
    browser = Browser(page)
    try:
        browser.resize("phone")
        browser.driver.get(page.url)
        until(lambda: browser.find("dialog[open] #secret"), "no login")
        [field] = browser.find("#secret")
        field.send_keys("0" if page.pin != "0" else "1", Keys.ENTER)
        until(lambda: "That is not the PIN" in browser.text(), "the wrong PIN is not refused")
        field.clear()
        field.send_keys(page.pin, Keys.ENTER)
        until(lambda: browser.find("#song-title"), "the right PIN does not open the page")
    finally:
        browser.driver.quit()


def test_the_music_obeys_the_buttons(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")
    until(lambda: browser.playback()["state"] == "playing", "no music")
    until(lambda: browser.find("button[aria-label=Pause]"), "no button")
    browser.button("Pause").click()
    until(lambda: browser.playback()["state"] == "paused", "it does not pause")
    until(lambda: browser.find("button[aria-label=Play]"), "the button does not follow")
    browser.find("button[aria-label=Play]")[0].send_keys(Keys.SPACE)  # by keyboard
    until(lambda: browser.playback()["state"] == "playing", "it does not play")
    before = browser.playback()["choice"]["track"]["key"]
    browser.button("Next song").click()
    until(lambda: browser.playback()["choice"]["track"]["key"] != before, "it does not skip")
    title = browser.playback()["choice"]["track"]["title"]
    until(lambda: browser.find("#song-title")[0].text == title, "the page does not follow")
    volume = next(one for one in browser.find("input[type=range]") if one.get_attribute("aria-label") == "Volume")
    before = browser.playback()["volume"]
    volume.send_keys(Keys.ARROW_RIGHT)
    until(lambda: browser.playback()["volume"] == before + 1, "the volume does not follow")


def test_the_mood_is_set_on_the_plane_by_mouse_and_keyboard(browser: Browser) -> None:
    browser.resize("tablet")
    browser.open("/")
    browser.button("Set the mood to sad").click()
    until(lambda: state_of(browser.page.config)["mood"]["name"] == "sad", "the mood does not follow")
    until(lambda: "The room is sad" in browser.text(), "the page does not say so")
    browser.button("Set the mood to calm").send_keys(Keys.ENTER)
    until(lambda: "The room is calm" in browser.text(), "not by keyboard")
    browser.button("Follow the room").click()
    until(lambda: state_of(browser.page.config)["mood"]["source"] != "manual", "it does not follow the room again")


def test_a_song_is_found_asked_for_moved_and_removed(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/library")
    [search] = browser.find("input[type=search]")
    for words, title in (("slow", "Slow Clouds"), ("tidal", "Tidal Garden")):
        search.clear()
        search.send_keys(words)
        until(lambda title=title: title in browser.text(), f"{title} is not found")
        browser.button(f"Ask for {title}").click()
        until(lambda title=title: f"{title} comes later" in browser.text(), "no answer")

    def asked() -> list[str]:
        return [one["choice"]["track"]["title"] for one in state_of(browser.page.config)["queue"] if one["id"]]

    assert asked() == ["Slow Clouds", "Tidal Garden"]
    browser.open("/")
    until(lambda: "Tidal Garden" in browser.text(), "the queue is not shown")
    browser.press("Play Tidal Garden earlier")
    until(lambda: asked() == ["Tidal Garden", "Slow Clouds"], "it does not move")
    until(lambda: browser.find("ol.list li")[0].text.startswith("Tidal"), "the page does not follow")
    browser.press("Remove Tidal Garden")
    until(lambda: asked() == ["Slow Clouds"], "it is not removed")


def test_a_dot_is_dragged_to_its_mood(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/library")
    browser.button("Plane").click()
    until(lambda: browser.find("canvas.dots") and "15 songs" in browser.text(), "no plane")
    [canvas] = browser.find("canvas.dots")
    side = canvas.rect["width"]

    def offset(valence: float, arousal: float) -> tuple[int, int]:
        """From the middle of the canvas."""
        return round(valence * (side - 24) / 2), round(-arousal * (side - 24) / 2)

    browser.button("Move dots").click()
    drag = ActionChains(browser.driver).move_to_element_with_offset(canvas, *offset(-0.7, -0.3)).click_and_hold()
    for part in (0.3, 0.6, 1.0):
        drag.move_to_element_with_offset(canvas, *offset(-0.7 + 1.4 * part, -0.3 - 0.3 * part))
    drag.release().perform()
    until(lambda: "is calm now" in browser.text(), "the dot does not move: " + browser.text())
    assert browser.complaints() == []


def test_a_playlist_is_saved_changed_played_and_deleted(browser: Browser) -> None:
    file = Path(browser.page.config.music.folders[0]) / "Evening.m3u8"
    browser.resize("phone")
    browser.open("/library")
    browser.press("calm")
    browser.press("Save as a playlist")
    until(lambda: browser.find("dialog input"), "no dialog")
    [name] = browser.find("dialog input")
    name.send_keys(Keys.CONTROL, "a", Keys.DELETE)
    name.send_keys("Evening", Keys.ENTER)
    until(lambda: "Saved Evening with 3 songs" in browser.text(), "not saved: " + browser.text())
    assert len(file.read_text().splitlines()) == 7

    browser.find("input[type=search]")[0].send_keys("marm")
    browser.press("Marmalade")
    until(lambda: browser.find("dialog option[value=Evening]"), "the song's dialog does not know the playlist")
    browser.find("dialog option[value=Evening]")[0].click()
    until(lambda: "Marmalade is in Evening now" in browser.text(), "not added")
    browser.press("Lists")
    browser.press("Evening\n4 songs")
    browser.press("Take Marmalade out")
    until(lambda: "Marmalade" not in file.read_text(), "it is not taken out")
    browser.press("Play it now")
    until(lambda: len([one for one in state_of(browser.page.config)["queue"] if one["id"]]) == 2, "it does not play")
    browser.press("Delete")
    browser.find("dialog .bad")[0].click()
    until(lambda: not file.exists(), "it is not deleted")
    until(lambda: "There is no playlist yet" in browser.text(), "the list still has it")
    assert browser.complaints() == []


def test_what_people_do_quiet_hours_and_seeking(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")

    def schedule() -> dict:
        return state_of(browser.page.config)["schedule"]

    for on in (True, False):
        browser.press("dinner")
        until(lambda on=on: (state_of(browser.page.config)["context"]["activity"] == "dinner") is on, "no activity")
        browser.press("Quiet now")
        until(lambda on=on: schedule()["quiet"] is on, "no quiet hours")
    until(lambda: browser.playback()["state"] == "playing" and browser.playback()["position"], "no music")
    before = browser.playback()["position"]["track_s"]
    bar = next(one for one in browser.find("input[type=range]") if "Position" in one.get_attribute("aria-label"))
    bar.send_keys(Keys.PAGE_UP)
    until(lambda: browser.playback()["position"]["track_s"] != before, "the keyboard does not seek")


def test_media_from_elsewhere_are_shown_and_stopped(browser: Browser, tmp_path: Path) -> None:
    with web_server() as server:
        url = server.file(audio.tone(tmp_path / "radio.wav", 60.0).read_bytes(), "audio/wav")
        media = {"do": "media", "with": {"url": url, "title": "Radio"}}
        assert browser.page.ask("POST", "/api/do", media, cookie=browser.page.log_in()).json["ok"]
        browser.open("/")
        until(lambda: "This comes from outside the library" in browser.text(), "the page does not say so")
        browser.press("Stop it")
        until(lambda: not browser.playback()["foreign"], "it does not stop")


def test_a_group_needs_a_broker_and_an_update_a_source(browser: Browser) -> None:
    browser.resize("tablet")
    browser.open("/settings")
    browser.press("Join a group")
    browser.find("dialog input")[0].send_keys(Keys.ENTER)
    until(lambda: "find one another over MQTT" in browser.text(), "the reason does not lie above the dialog")
    assert browser.find("dialog[open]"), "the dialog is gone, with the name"
    browser.press("Cancel")
    browser.press("Look for a new version")
    until(lambda: "There is no source of updates" in browser.text(), "no answer")


def test_never_has_a_way_back(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")
    until(lambda: browser.find("button[aria-label='Never play this song again']:enabled"), "no song")
    title = browser.playback()["choice"]["track"]["title"]
    browser.button("Never play this song again").click()
    until(lambda: state_of(browser.page.config)["never"], "it is not banned")
    browser.open("/library")
    browser.button("Never").click()
    until(lambda: title in browser.text(), "the ban is not listed")
    browser.button("Allow again").click()
    until(lambda: not state_of(browser.page.config)["never"], "it is not allowed again")


def test_a_setting_is_changed_and_a_mistake_explained(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/settings")
    until(lambda: browser.find("details"), "no settings")
    player = next(one for one in browser.find("details") if one.text.startswith("Player"))
    player.find_element(By.CSS_SELECTOR, "summary").send_keys(Keys.ENTER)
    [field] = browser.find("#player-max_volume")
    field.clear()
    field.send_keys("500", Keys.ENTER)
    until(lambda: "must be from 0 to 100, not 500" in browser.text(), "no explanation")
    field.clear()
    field.send_keys("65", Keys.ENTER)
    until(lambda: "Restart now?" in browser.text(), "not saved: " + browser.text())
    browser.button("Cancel").click()


def test_an_alarm_and_the_sleep_timer_are_set(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")
    until(lambda: browser.find("select option"), "no sleep timer")
    browser.find("select")[0].send_keys("30")
    until(lambda: state_of(browser.page.config)["schedule"]["sleep_until"], "the sleep timer is not set")
    until(lambda: "The music stops at" in browser.text(), "the page does not say so")
    browser.press("Add an alarm")
    browser.press("Sun")
    browser.find("dialog button[type=submit]")[0].click()
    until(lambda: [one["days"] for one in state_of(browser.page.config)["schedule"]["alarms"]], "no alarm")
    [alarm] = state_of(browser.page.config)["schedule"]["alarms"]
    assert (alarm["minute"], alarm["days"]) == (420, [0, 1, 2, 3, 4, 6])
    until(lambda: browser.find("button[aria-label='Remove the alarm at 07:00']"), "the alarm is not listed")
    browser.button("Remove the alarm at 07:00").click()
    until(lambda: not state_of(browser.page.config)["schedule"]["alarms"], "the alarm is not removed")


def test_the_week_leads_to_its_days_and_people_invite_guests(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/today")
    until(lambda: len(browser.find(".weekday")) == 7, "no week")
    browser.find(".weekday")[6].click()
    until(lambda: "Nothing played on this day" in browser.text(), "the day does not open")
    browser.open("/people")
    browser.press("Invite guests")
    until(lambda: browser.find("dialog svg.qr path"), "no QR code")
    assert "/g/" in browser.find("dialog a")[0].get_attribute("href")


def test_a_guest_sees_songs_and_no_switches(page: PageProcess) -> None:
    url = page.ask("POST", "/api/invitation", {}, cookie=page.log_in()).json["url"]
    browser = Browser(page)
    try:
        browser.resize("phone")
        browser.driver.get(page.url + "/g/" + url.rpartition("/")[2])
        until(lambda: browser.find("#song-title") and browser.find("nav a"), "the invitation does not open the page")
        assert [one.text for one in browser.find("nav a")] == ["Now", "Library"]
        assert not browser.find("button[aria-label=Pause], button[aria-label='Next song']")
        until(lambda: "Vote to skip" in browser.text(), "no vote")
        found = axe_core.Axe().run(browser.driver)["violations"]
        assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
        assert browser.complaints() == []
    finally:
        browser.driver.quit()


def test_the_page_says_that_the_device_is_away(stage: tuple[Appliance, PageProcess], browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")
    until(lambda: not browser.find("#link")[0].is_displayed(), "not connected")
    stage[0].stop()
    until(lambda: browser.find("#link")[0].is_displayed(), "it does not say so")

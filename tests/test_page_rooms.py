"""The page of a device in a group, with a real broker: the volume of all rooms, times over MQTT, radio, a question."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from test_page_browser import CHROMIUM, DRIVER, Browser

from device.config.schema import RoomsConfig
from device.demo import MUSIC
from device.demo.broker import PrivateBroker
from device.domain.rooms import Member
from device.rooms.documents import encode
from tests.appliance import Ear
from tests.page_stage import PageProcess, make_config, state_of, until, whole
from tests.rooms_home import _free_port

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="chromium and chromedriver are not installed"),
]


@pytest.fixture(scope="module")
def ear() -> Iterator[Ear]:
    with PrivateBroker() as broker, closing(Ear(broker)) as listener:
        listener.broker = broker
        yield listener


@pytest.fixture(scope="module")
def page(ear: Ear, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageProcess]:
    home = tmp_path_factory.mktemp("rooms")
    config, own = make_config(home), home / "music"
    own.mkdir()
    config = replace(
        config,
        camera=replace(config.camera, enabled=True),
        music=replace(config.music, folders=(str(own), str(MUSIC))),
        mqtt=ear.broker.config,
        rooms=RoomsConfig(group="home", address="127.0.0.20", port=_free_port()),
    )
    with whole(config, home) as (_, running):
        yield running


@pytest.fixture(scope="module")
def browser(page: PageProcess) -> Iterator[Browser]:
    browser = Browser(page)
    try:
        browser.log_in()
        yield browser
    finally:
        browser.driver.quit()


def bath(ear: Ear, volume: int) -> None:
    """Another device of the group says how loud it is."""
    for topic, payload in (("", encode(Member("bath", "Bath", volume=volume)).decode()), ("/availability", "online")):
        ear.say(f"affetto/group/home/member/bath{topic}", payload)


def group(browser: Browser) -> dict:
    return state_of(browser.page.config).get("group") or {}


@pytest.mark.parametrize("size", ["small phone", "phone", "tablet"])
def test_the_volume_of_all_rooms(browser: Browser, ear: Ear, size: str) -> None:
    browser.resize(size)
    browser.open("/")
    until(lambda: group(browser).get("leader") == browser.page.config.device.id, "it does not lead")
    bath(ear, 60)
    until(lambda: group(browser)["volume"] == 60, "the page does not know the other device")
    slider = "input[aria-label='Volume of all rooms']"
    until(lambda: browser.find(slider) and browser.find(slider)[0].get_attribute("value") == "60", "no slider")
    assert browser.driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    own = browser.playback()["volume"]
    place = ear.mark()
    browser.driver.execute_script(
        "const bar = document.querySelector(arguments[0]); bar.value = 30;"
        "for (const name of ['input', 'change']) bar.dispatchEvent(new Event(name))",
        slider,
    )
    ear.wait(lambda m: m.topic.endswith("/group/home/order") and m.json["name"] == "group_volume", since=place)
    until(lambda: browser.playback()["volume"] == int(own / 2 + 0.5), "the volume is not halved")
    bath(ear, 30)
    assert browser.complaints() == []


def test_without_another_device_there_is_no_volume_of_all_rooms(browser: Browser, ear: Ear) -> None:
    bath(ear, 30)
    ear.say("affetto/group/home/member/bath/availability", "offline")
    browser.open("/")
    until(lambda: len(group(browser)["members"]) == 1, "the other device stays")
    slider = "input[aria-label='Volume of all rooms']"
    until(lambda: not browser.find(slider)[0].is_displayed(), "the slider stays")


def test_people_are_asked_whether_they_like_it(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/")
    browser.press("Ask who likes it")
    until(lambda: "Nod, or shake your head" in browser.text(), "nobody is asked")
    until(lambda: not any(one.is_displayed() for one in browser.find("main button") if one.text == "Ask who likes it"),
          "one can ask twice")
    assert browser.complaints() == []


def test_a_radio_station_is_added_by_its_address(browser: Browser) -> None:
    browser.resize("phone")
    browser.open("/library")
    browser.press("Lists")
    for number, address in enumerate(("http://radio.example/one", "https://radio.example/two"), 1):
        browser.press("Add a radio station")
        [entry] = browser.find("dialog input")
        entry.clear()
        entry.send_keys(address, "\n")
        until(lambda: "The station is in Radio now" in browser.text(), "not added: " + browser.text())
        until(lambda: not browser.find("dialog[open]"), "the dialog stays")
        if number == 1:
            browser.press("Radio\n1 song")
        until(lambda address=address: address in browser.text(), "the station is not listed")
    assert browser.find("button[aria-label^='Play ']")
    assert "Radio" in state_of(browser.page.config)["playlists"]
    browser.press("Add a radio station")
    [entry] = browser.find("dialog input")
    entry.clear()
    entry.send_keys("no address", "\n")
    until(lambda: browser.find("dialog[open]"), "a wrong address closes the dialog")
    browser.press("Cancel")


def test_settings_say_what_was_set_over_mqtt(browser: Browser, ear: Ear) -> None:
    name = browser.page.config.device.id
    ear.say(f"affetto/{name}/schedule/set", '{"quiet": "22:00-07:00", "children_minutes": 45}')
    until(lambda: state_of(browser.page.config)["schedule"]["overridden"], "nothing is set")
    browser.resize("tablet")
    browser.open("/settings")
    until(lambda: browser.find("details"), "no settings")
    until(
        lambda: "Set over MQTT, which counts instead: quiet, children minutes."
        in browser.driver.execute_script("return document.body.textContent"),
        "no hint",
    )

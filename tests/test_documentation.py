"""What the pages say is there is there: links, files, commands, settings, topics, event types."""

from __future__ import annotations

import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from device.arguments import COMMANDS
from device.config.schema import Config
from device.domain import EventType
from device.mqtt.topics import Topics

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted(
    ROOT / name
    for name in subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.md"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if (ROOT / name).exists()
) or sorted(page for page in ROOT.rglob("*.md") if ".venv" not in page.parts)
SETTINGS = {section.name: {key.name for key in fields(getattr(Config(), section.name))} for section in fields(Config)}
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")
CODE = re.compile(r"`([^`\n]+)`")
MODULE = re.compile(r"(?<![\w*./-])[\w./-]*\w\.py\b")
MODULES = [str(path) for top in ("device", "tests", "tools") for path in (ROOT / top).rglob("*.py")]


def names(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_the_front_door_fits_on_a_few_screens() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_links_lead_somewhere(page: Path) -> None:
    targets = [target for target in LINK.findall(page.read_text()) if "://" not in target]
    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_commands_exist(page: Path) -> None:
    words = set(re.findall(r"^\s*(?:sudo )?affetto ([a-z-]+)", page.read_text(), re.M))
    words |= {found[1] for code in CODE.findall(page.read_text()) if (found := re.match(r"affetto ([a-z-]+)", code))}
    assert words - set(COMMANDS) - {"command"} == set()


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_files_named_in_commands_exist(page: Path) -> None:
    files = re.findall(r"(?:python3?|pip install -r|bash) ((?:tools|tests|device)/[\w./-]+)", page.read_text())
    modules = re.findall(r"python3? -m (tools|device)\.([\w.]+)", page.read_text())
    files += [f"{package}/{rest.replace('.', '/')}" for package, rest in modules]
    missing = [name for name in files if not (ROOT / name).exists() and not (ROOT / f"{name}.py").exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_modules_named_in_the_pages_exist(page: Path) -> None:
    """`eye.py`, `perception/eye.py`, `tests/test_eye.py`: a renamed module leaves no old name behind."""
    said = {name for code in CODE.findall(page.read_text()) for name in MODULE.findall(code)}
    assert [name for name in sorted(said) if not any(path.endswith(f"/{name.lstrip('./')}") for path in MODULES)] == []


@pytest.mark.parametrize("page", PAGES, ids=names)
def test_settings_exist(page: Path) -> None:
    """`section.key` in code is a setting, whenever the section is one."""
    found = [re.match(r"([a-z]+)\.([a-z_]+)(?:[:= ]|$)", code) for code in CODE.findall(page.read_text())]
    pairs = [(one[1], one[2]) for one in found if one and one[1] in SETTINGS and one[2] not in ("py", "yaml")]
    assert [f"{section}.{key}" for section, key in pairs if key not in SETTINGS[section]] == []


def test_the_mqtt_page_lists_every_topic_and_event() -> None:
    page = (ROOT / "device/mqtt/README.md").read_text()
    topics = Topics("affetto", "kit")
    said = set(re.findall(r"`([a-z_/]+)`", page))
    below = [getattr(topics, name) for name in vars(Topics) if name.endswith(("_state", "_set", "_cover"))]
    below += [topics.availability, topics.event, topics.health, topics.error]
    assert {topic.removeprefix("affetto/kit/") for topic in below} - said == set()
    assert {str(kind) for kind in EventType} - said == set()

"""The import arrows of the design hold: read from the source, so that no import hides in a branch."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEVICE = ROOT / "device"

# A C library is imported in its adapter only; everybody else sees the adapter's own words. The demo paints pictures.
ADAPTERS = {
    "cv2": {"device.perception", "device.music.metadata.picture"},
    "vlc": {"device.music.playback.libvlc"},
    "av": {"device.music.analysis.decode", "device.music.metadata.ffmpeg"},
    "tflite_runtime": {"device.model"},
    "ai_edge_litert": {"device.model"},
    "picamera2": {"device.perception.picamera"},
    "libcamera": {"device.perception.picamera"},
    "paho": {"device.mqtt"},
    "zeroconf": {"device.mqtt.broker_discovery", "device.page.announcement"},
    "aiohttp": {"device.page", "device.upnp"},
    "async_upnp_client": {"device.upnp"},
}
# The parts know nothing of one another: what one says to another goes through the inbox.
PARTS = ("perception", "mood", "music", "mqtt", "upnp", "rooms")
# Where people see the device and ask for things; later ones dock on beside MQTT.
SURFACES = ("mqtt", "listenbrainz", "upnp", "rooms", "page")
# What the core and the domain must not know.
OUTER = (
    *(*SURFACES, "control", "perception", "store", "watch", "check", "scan", "bench", "demo", "setup", "conductor"),
    "inbox",
)
# The rooms of the music, and whom each may know. What two of them share stands beside them.
ROOMS = {
    "metadata": set(),
    "analysis": {"metadata"},
    "workers": {"metadata", "analysis"},
    "library": {"metadata", "workers"},
    "recommend": set(),
    "audio": set(),
    "snapcast": {"audio"},
    "playback": {"audio"},
}
# What reaches hardware, network, disk, threads or the clock. Nothing that the session imports, however far, may use it.
IMPURE = (
    "cv2",
    "vlc",
    "paho",
    "mutagen",
    "sqlite3",
    "socket",
    "subprocess",
    "threading",
    "queue",
    "asyncio",
    "time",
    "os",
    "pathlib",
    "logging",
    "device.model",
    "device.perception",
)
NOT_FOR_THE_EYE = ("paho", "vlc", "sqlite3", "http", "urllib", "ssl", "device.mqtt", "device.music", "device.mood")
# Those who build the program from its parts. Nobody imports them from below.
WIRING = {
    *("device.__main__", "device.conductor", "device.core.session", "device.demo", "device.watch", "device.scan"),
    *("device.parts", "device.check", "device.bench", "device.privacy", "device.group", "device.tags"),
}


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted(DEVICE.rglob("*.py"))}


def imports_of(tree: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    """Full names of everything imported anywhere in the module: within functions, under `if TYPE_CHECKING`, and, where
    `import_module` is used, every text that names a library."""
    by_text = any(isinstance(node, ast.Attribute) and node.attr == "import_module" for node in ast.walk(tree))
    for node in ast.walk(tree):
        if by_text and isinstance(node, ast.Constant) and str(node.value).split(".")[0] in ADAPTERS:
            yield str(node.value)
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                above = parts[: len(parts) - node.level + is_package]
                base = ".".join([*above, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


IMPORTS = {
    module: set(imports_of(ast.parse(path.read_bytes()), module, path.name == "__init__.py"))
    for module, path in MODULES.items()
}


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def offenders(importers: str, forbidden: str) -> list[str]:
    return [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if within(module, importers)
        for name in sorted(names)
        if within(name, forbidden)
    ]


def test_relative_imports_are_read_as_full_names() -> None:
    tree = ast.parse("from . import eye_client\nfrom ..mood import policy\nfrom .eye import serve\nimport cv2.dnn")
    assert set(imports_of(tree, "device.perception.camera", False)) == {
        "device.perception",
        "device.perception.eye_client",
        "device.mood",
        "device.mood.policy",
        "device.perception.eye",
        "device.perception.eye.serve",
        "cv2.dnn",
    }
    assert "device.perception.eye" in set(imports_of(ast.parse("from . import eye"), "device.perception", True))


def test_the_modules_are_found() -> None:
    assert {"device", "device.domain", "device.config.schema", "device.model"} <= set(MODULES)
    assert all(any(within(module, f"device.{part}") for module in MODULES) for part in PARTS)


def test_domain_and_errors_are_leaves() -> None:
    assert [line for line in offenders("device.domain", "device") if " imports device.domain." not in line] == []
    assert offenders("device.errors", "device") == []


@pytest.mark.parametrize("part", PARTS)
def test_parts_do_not_know_one_another(part: str) -> None:
    others = [other for other in PARTS if other != part]
    assert [line for other in others for line in offenders(f"device.{part}", f"device.{other}")] == []


def test_the_rooms_of_the_music_know_only_those_below_them() -> None:
    assert {path.name for path in (DEVICE / "music").iterdir() if (path / "__init__.py").exists()} == set(ROOMS)
    wrong = [
        line
        for room, below in ROOMS.items()
        for other in set(ROOMS) - below - {room}
        for line in offenders(f"device.music.{room}", f"device.music.{other}")
    ]
    assert wrong == []


def test_the_rooms_of_the_library_know_only_those_below_them() -> None:
    below = {"files": set[str](), "sql": {"files"}, "browse": {"sql"}}
    library = DEVICE / "music" / "library"
    assert {path.name for path in library.iterdir() if (path / "__init__.py").exists()} == set(below)
    for room, allowed in below.items():
        for other in set(below) - allowed - {room}:
            assert offenders(f"device.music.library.{room}", f"device.music.library.{other}") == []
    assert offenders("device.music.library.files", "device.music.library.catalogue") == []


def test_what_the_rooms_of_the_music_share_knows_none_of_them() -> None:
    beside = (module for module in MODULES if module.rpartition(".")[0] == "device.music")
    shared = ["device.music", *(module for module in beside if module.rpartition(".")[2] not in ROOMS)]
    assert "device.music.track_mood" in shared
    assert [f"{module} imports {name}" for module in shared for name in IMPORTS[module] if "device.music" in name] == []


def reach(module: str) -> set[str]:
    """The module and every module of ours that it imports, directly or through others."""
    found: set[str] = set()
    ahead = [module]
    while ahead:
        here = ahead.pop()
        if here in IMPORTS and here not in found:
            found.add(here)
            ahead.extend(IMPORTS[here])
    return found


@pytest.mark.parametrize("inner", ["core", "domain"])
def test_the_core_looks_outward_at_nobody(inner: str) -> None:
    """Surfaces, players, stores and the network dock on to the core. It knows none of them, not even through others."""
    reached = {name for module in MODULES if within(module, f"device.{inner}") for name in reach(module)}
    assert f"device.{inner}" in reached
    assert [name for name in sorted(reached) if any(within(name, f"device.{outer}") for outer in OUTER)] == []


@pytest.mark.parametrize("surface", SURFACES)
def test_surfaces_do_not_know_one_another(surface: str) -> None:
    others = [other for other in SURFACES if other != surface]
    assert [line for other in others for line in offenders(f"device.{surface}", f"device.{other}")] == []


def test_the_page_speaks_to_the_conductor_through_the_socket_only() -> None:
    """Its process holds nothing of the program: no player, no model, no writer of the database."""
    reached = {name for module in MODULES if within(module, "device.page") for name in reach(module)}
    forbidden = ("device.core", "device.perception", "device.mood", "device.music", "device.store", "numpy", "sqlite3")
    assert "device.control.live_client" in reached
    assert [name for name in sorted(reached) if any(within(name, one) for one in forbidden)] == []


def test_session_decides_with_pure_parts_only() -> None:
    assert "device.domain" in reach("device.core.session")
    wrong = [
        f"{module} imports {name}"
        for module in sorted(reach("device.core.session"))
        for name in sorted(IMPORTS[module])
        if any(within(name, forbidden) for forbidden in IMPURE)
    ]
    assert wrong == []


@pytest.mark.parametrize("library", sorted(ADAPTERS))
def test_c_libraries_stay_in_their_adapter(library: str) -> None:
    strangers = [
        module
        for module, names in IMPORTS.items()
        if any(within(name, library) for name in names)
        and not any(within(module, adapter) for adapter in ADAPTERS[library])
    ]
    assert strangers == []


def test_the_device_needs_no_tool_and_no_test() -> None:
    assert offenders("device", "tools") + offenders("device", "tests") == []


def test_wiring_is_imported_only_by_wiring() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, names in IMPORTS.items()
        if not any(within(module, top) for top in WIRING)
        for name in sorted(names)
        if any(within(name, top) for top in WIRING)
    ]
    assert wrong == []


def test_only_the_conductor_knows_the_session() -> None:
    """One owner of state: whoever else imported it could own a second one. The bench measures its decisions."""
    knows = {module for module, names in IMPORTS.items() if any(within(n, "device.core.session") for n in names)}
    assert knows - {"device.conductor", "device.bench.deciding"} == set()


def test_only_the_conductor_knows_the_core() -> None:
    """The conductor builds the session; the bench measures its decisions. Nobody else reaches into the core."""
    outsiders = [line for line in offenders("device", "device.core") if not line.startswith("device.core.")]
    builders = ("device.conductor ", "device.parts ", "device.bench.deciding ")
    assert [line for line in outsiders if not line.startswith(builders)] == []


def test_the_eye_knows_nothing_of_network_and_music() -> None:
    """The process with the camera never even loads what could send a picture away or store it."""
    wrong = [
        f"{module} imports {name}"
        for module in sorted(reach("device.perception.eye"))
        for name in sorted(IMPORTS[module])
        if any(within(name, forbidden) for forbidden in NOT_FOR_THE_EYE)
    ]
    assert wrong == []

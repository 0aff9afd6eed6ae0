"""Measure what UPnP adds to the conductor's resident memory, in MB: `python tools/measure_upnp.py`.

Runs the conductor on the demo's music twice, without and with UPnP; with it, a control point subscribes and browses.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

SETTLE_S = 8.0


def resident_mb(pid: int) -> float:
    """The resident memory of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))


def settings_text(folder: Path, enabled: bool, port: int) -> str:
    """A settings file that plays the demo's music without a sound device."""
    music = ROOT / "device" / "demo" / "music"
    return (
        f"device: {{data_dir: {folder}/data}}\nmusic: {{folders: [{music}]}}\nplayer: {{output: dummy}}\n"
        f"mqtt: {{enabled: false}}\npage: {{enabled: false}}\n"
        f"upnp: {{enabled: {str(enabled).lower()}, port: {port}, interfaces: [lo]}}\n"
    )


async def use(port: int) -> None:
    """Subscribe to the renderer as Home Assistant does, and browse the library."""
    from async_upnp_client.aiohttp import AiohttpNotifyServer, AiohttpRequester
    from async_upnp_client.client_factory import UpnpFactory
    from async_upnp_client.profiles.dlna import DmrDevice, DmsDevice

    requester = AiohttpRequester(20)
    server = AiohttpNotifyServer(requester, ("127.0.0.1", 0))
    await server.async_start_server()
    factory, base = UpnpFactory(requester), f"http://127.0.0.1:{port}"
    renderer = DmrDevice(await factory.async_create_device(f"{base}/MediaRenderer.xml"), server.event_handler)
    await renderer.async_subscribe_services()
    for _ in range(20):
        await renderer.async_update()
    browser = DmsDevice(await factory.async_create_device(f"{base}/MediaServer.xml"), None)
    for container in ("0", "moods", "artists", "albums", "tracks"):
        await browser.async_browse_direct_children(container)
    await renderer.async_unsubscribe_services()
    await server.async_stop_server()


def measure(enabled: bool, port: int) -> float:
    """The resident memory of a conductor that plays."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "affetto.yaml"
        path.write_text(settings_text(Path(name), enabled, port))
        command = [sys.executable, "-m", "device", "run", "--config", str(path)]
        process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        try:
            time.sleep(SETTLE_S)
            if enabled:
                asyncio.run(use(port))
            time.sleep(SETTLE_S)
            return resident_mb(process.pid)
        finally:
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(20)


def main() -> None:
    """Print both figures and their difference."""
    without, using = measure(False, 18300), measure(True, 18300)
    print(f"without UPnP {without:.1f} MB, with UPnP {using:.1f} MB: {using - without:.1f} MB more")


if __name__ == "__main__":
    main()

"""Messages between a service and systemd: ready, status, watchdog, and sockets that systemd opened.

The protocols are sd_notify(3) and sd_listen_fds(3); they need a datagram socket and three environment variables.
Without systemd, every call does nothing. Any thread may call.
"""

from __future__ import annotations

import os
import socket

FIRST_FD = 3


def ready() -> None:
    """The service is up."""
    notify("READY=1")


def stopping() -> None:
    """The service shuts down."""
    notify("STOPPING=1")


def status(text: str) -> None:
    """One line for `systemctl status`."""
    notify("STATUS=" + text.replace("\n", " "))


def watchdog() -> None:
    """Notify the watchdog that the service is alive."""
    notify("WATCHDOG=1")


def watchdog_s() -> float | None:
    """The watchdog's timeout, or None without a watchdog. Notify it twice as often."""
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    period = os.environ.get("WATCHDOG_USEC", "")
    return int(period) / 1e6 if period.isdecimal() and int(period) > 0 else None


def notify(state: str) -> bool:
    """Send `state` to systemd. Returns whether that worked; a systemd that does not listen is not an error."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return False
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.connect(address)
            sock.sendall(state.encode())
    except OSError:
        return False
    return True


def listen_fds() -> list[int]:
    """The sockets that systemd opened for this process. Removes the variables, so that no child process uses them; a
    second call returns nothing."""
    pid, count = os.environ.pop("LISTEN_PID", ""), os.environ.pop("LISTEN_FDS", "")
    os.environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    fds = list(range(FIRST_FD, FIRST_FD + int(count)))
    for fd in fds:
        os.set_inheritable(fd, False)
    return fds

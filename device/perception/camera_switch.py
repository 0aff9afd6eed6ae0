"""A hardware switch for the camera: a key of a Linux input device, which counts as on while the key is held down.

With `dtoverlay=gpio-key,gpio=27,keycode=212,label=camera`, a slide switch between GPIO 27 and ground is such a device,
and the kernel knows its position at any time, also at boot. A broken wire reads as off. The eye and the conductor each
ask the kernel; neither believes the other.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass

from device.domain import SwitchTurned
from device.errors import CameraError

# linux/input-event-codes.h and linux/input.h: EVIOCGKEY(len) is _IOC(_IOC_READ, 'E', 0x18, len); one bit for each key
KEY_CAMERA, KEY_BYTES = 212, 96
ASK_KEYS = 2 << 30 | KEY_BYTES << 16 | ord("E") << 8 | 0x18
OFF = "The camera's switch is off; slide it to on."


@dataclass(frozen=True, slots=True)
class CameraSwitch:
    """The switch whose input device is at `path`; empty: there is no switch. Stateless."""

    path: str

    def read(self) -> SwitchTurned:
        """Its position now. A switch that cannot be read is off."""
        if not self.path:
            return SwitchTurned(True)
        try:
            handle = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                keys = fcntl.ioctl(handle, ASK_KEYS, bytes(KEY_BYTES))
            finally:
                os.close(handle)
        except OSError as error:
            problem = (
                f"The camera's switch {self.path} cannot be read ({error.strerror or error}), so the camera stays off; "
                "correct camera.switch, or leave it empty."
            )
            return SwitchTurned(False, problem)
        return SwitchTurned(bool(keys[KEY_CAMERA // 8] >> KEY_CAMERA % 8 & 1))

    def require(self) -> None:
        """Raises CameraError unless the switch is on."""
        if not (position := self.read()).on:
            raise CameraError(position.problem or OFF)


class SwitchWatch:
    """Reports how the switch turns. The conductor's main thread uses it."""

    def __init__(self, path: str) -> None:
        self._switch = CameraSwitch(path)
        self._last: SwitchTurned | None = None

    def look(self) -> SwitchTurned | None:
        """Its position, if it differs from the last one; None without a switch. Takes some 20 microseconds."""
        if not self._switch.path or (position := self._switch.read()) == self._last:
            return None
        self._last = position
        return position

"""The name of this device on UPnP. Home Assistant lists its player by it; MQTT names it too, so both are one device."""

from __future__ import annotations

import uuid

NAMESPACE = uuid.UUID("5c9a7d0e-7d3b-5a0c-9a51-0d0c6b1f8a11")


def unique_name(identifier: str, kind: str = "MediaRenderer") -> str:
    """The unique device name of the device with this id in the settings. It depends on nothing else."""
    return f"uuid:{uuid.uuid5(NAMESPACE, f'{identifier}/{kind}')}"

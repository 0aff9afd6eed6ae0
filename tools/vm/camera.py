"""The camera's switch, over MQTT from outside: on, off within 2 s, and off for good."""

from __future__ import annotations

from collections.abc import Iterator

from tools.vm.stage import Stage
from tools.vm.start import holders, journal
from tools.vm.table import Row, equal, within

SWITCH_OFF_S = 2.0
# Watches in the machine, whose processes it is about; the clocks of both are compared.
RELEASED = r"""
python3 - <<'END'
import os, subprocess, time
def holding(pid):
    try:
        return any(os.readlink(f"/proc/{pid}/fd/{fd}").startswith(("/dev/video", "/dev/media"))
                   for fd in os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return False
def eye():
    return int(subprocess.check_output(["systemctl", "show", "-P", "MainPID", "affetto-eye.service"]))
end_s = time.monotonic() + 300
while not holding(pid := eye()):
    assert time.monotonic() < end_s, "the eye has no camera open"
    time.sleep(0.2)
print("watching", flush=True)
while holding(pid):
    time.sleep(0.01)
print(f"{time.time():.3f}", flush=True)
END
"""


def switch_on(stage: Stage) -> Iterator[Row]:
    """Consent over MQTT opens the camera"""
    mark = stage.outside.mark()
    stage.outside.say("camera/set", "ON")
    stage.outside.wait_for("camera/state", lambda one: one.payload == "ON", since=mark)
    event = stage.outside.event("camera_on", since=mark, patience_s=600)
    yield Row(
        "camera ON over MQTT: what looks", str(event.json.get("camera")), "a camera", bool(event.json.get("camera"))
    )
    yield Row(
        "processes with a video device open", who := holders(stage), "the eye alone", who != "none" and "," not in who
    )


def switch_off(stage: Stage) -> Iterator[Row]:
    """Camera OFF over MQTT: nobody has it open"""
    with stage.shell.stream(RELEASED) as lines:
        assert next(lines, "").strip() == "watching"
        skew_s = stage.skew_s()
        mark = stage.outside.mark()
        said_s = stage.outside.say("camera/set", "OFF")
        gone_s = float(next(lines)) - skew_s
    stage.outside.wait_for("camera/state", lambda one: one.payload == "OFF", since=mark)
    yield within("camera OFF over MQTT: no video device open after", gone_s - said_s, "s", SWITCH_OFF_S, 2)
    stage.until("! systemctl is-active -q affetto-eye.service", "the eye does not end")
    yield equal("processes with a video device open", holders(stage), "none")


def still_off(stage: Stage) -> Iterator[Row]:
    """After a restart the camera is still off"""
    said = stage.outside.wait_for("camera/state", lambda one: not one.retained, since=stage.started)
    yield equal("camera after a power cut", said.payload, "OFF")
    yield equal("processes with a video device open after it", holders(stage), "none")
    lines = journal(stage, "The camera is off: consent was withdrawn")
    yield Row("the log says who switched it off", lines[-1][1][:90] if lines else "nothing", "so", bool(lines))

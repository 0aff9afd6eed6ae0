"""The eye's process: frames in, readings out. It has the camera; it has no network and writes no file.

`Eye.step` turns one frame into one reading, and decides how much work the frame needs. `serve` sends the readings over
a socket until the other side closes it: camera on means connected. Everything runs on the main thread except the
watchdog (see watchdog.py), which ends the process if the camera hangs.
"""

from __future__ import annotations

import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from device import systemd
from device.config.schema import Config
from device.domain import Face, Reading, Scores, SeenFace
from device.errors import AffettoError, CameraError, LinkError
from device.model import SHIPPED_MODELS
from device.perception.camera import Camera, open_camera
from device.perception.crop import align
from device.perception.emotion import EmotionClassifier
from device.perception.face_quality import certainty
from device.perception.faces import FaceDetector
from device.perception.frame import Frame, Gray
from device.perception.gestures import BURST_FPS, GestureDetector, Seen
from device.perception.memory_lock import keep_private
from device.perception.motion import MotionGate
from device.perception.protocol import HEARTBEAT_S, MAX_FACES, OPENING_S, Hello, Trouble, encode, silence_s
from device.perception.tracker import Tracked, Tracker, overlap
from device.perception.watchdog import Watchdog

LOOK_AGAIN_S = 2.0  # the longest time between two detections, to find somebody who sits still from the start
REST_S = 0.2  # the time between two detections of still faces; their emotions are scored in every frame
STILL = 0.8  # intersection over union of the boxes in two sightings of a still face

T = TypeVar("T")


class Detector(Protocol):
    def find(self, gray: Gray) -> list[Face]: ...


class Classifier(Protocol):
    def scores(self, crop: Gray) -> npt.NDArray[np.float32]: ...


class Eye:
    """A camera, a face detector and an emotion classifier, which it uses sparingly.

    While nothing moves and no face is known, a frame costs only the motion gate. Owns the camera and closes it.

    While a head begins to move, as in a nod, the eye looks at every frame of a faster camera; it reads the emotions no
    more often than otherwise.
    """

    def __init__(
        self, camera: Camera, detector: Detector, classifier: Classifier, fps: float = 8.0, *, gestures: bool = True
    ) -> None:
        """`fps`: the camera's usual rate."""
        self.camera = camera
        self._detector, self._classifier = detector, classifier
        self._gate, self._tracker = MotionGate(), Tracker()
        self._gestures = GestureDetector() if gestures else None
        self._usual_fps, self._bursting = fps, False
        self._made: dict[int, Seen] = {}  # the gestures that ended in this frame
        self._scores: dict[int, Scores] = {}  # the emotions of each face, as last read
        self._scored_s = -math.inf
        self._seen: tuple[Tracked, ...] = ()
        self._still = False
        self._looked_s = -LOOK_AGAIN_S

    def readings(self) -> Iterator[Reading]:
        """A reading for every frame with motion or a face, and after the last face has left; at least one a second."""
        spoke_s, had_faces = -HEARTBEAT_S, False
        for frame in self.camera.frames():
            reading = self.step(frame)
            due = reading.at_s - spoke_s >= HEARTBEAT_S
            if due or reading.moved or reading.faces or had_faces:
                spoke_s, had_faces = reading.at_s, bool(reading.faces)
                yield reading

    @property
    def tracked(self) -> tuple[Tracked, ...]:
        """The faces in the last frame."""
        return self._seen

    def step(self, frame: Frame) -> Reading:
        """The reading of `frame`. It depends on the frames before, but not on the clock."""
        costs = {"read": frame.cost_ms}
        self._made = {}
        moved = _timed(costs, "gate", lambda: self._gate.moved(frame.gray, frame.at_s))
        if self._worth_a_look(moved, frame.at_s):
            found = _timed(costs, "find", lambda: self._detector.find(frame.gray))
            _timed(costs, "track", lambda: self._track(found, frame.at_s))
        elif not self._still:
            self._seen = ()
        faces = _timed(costs, "score", lambda: self._read_faces(frame))
        self._set_pace(frame.at_s)
        return Reading(frame.at_s, faces, moved, costs)

    def close(self) -> None:
        self.camera.close()

    def _worth_a_look(self, moved: bool, at_s: float) -> bool:
        waited_s = at_s - self._looked_s
        if self._still and not self._bursting:
            return waited_s >= REST_S
        return moved or bool(self._tracker.known) or waited_s >= LOOK_AGAIN_S

    def _track(self, found: list[Face], at_s: float) -> None:
        before = {known.number: known.face for known in self._tracker.known}
        best = sorted(found, key=lambda face: face.score, reverse=True)[:MAX_FACES]
        tracked = self._tracker.update(best, at_s)
        self._seen = tuple(one for one in tracked if one.confirmed)
        if self._gestures is not None:
            self._made = self._gestures.update(self._seen, at_s)
        self._looked_s = at_s
        self._still = bool(self._seen) and all(
            one.confirmed
            and one.at_s == at_s
            and one.number in before
            and overlap(before[one.number], one.face) >= STILL
            for one in self._tracker.known  # a face that is lost or not confirmed yet: keep looking
        )

    def _set_pace(self, at_s: float) -> None:
        """Let the camera hurry while a head moves, and then rest again."""
        bursting = self._gestures is not None and self._gestures.bursting(at_s)
        if bursting != self._bursting:
            self._bursting = bursting
            self.camera.set_rate(max(self._usual_fps, BURST_FPS) if bursting else self._usual_fps)

    def _read_faces(self, frame: Frame) -> tuple[SeenFace, ...]:
        """The faces of the frame. In a burst, most frames repeat the emotions of the one before."""
        due = not self._bursting or frame.at_s - self._scored_s >= 1.0 / self._usual_fps
        for one in self._seen:
            if due or one.number not in self._scores:
                scores = self._classifier.scores(align(frame.gray, one.face))
                self._scores[one.number] = tuple(map(float, scores))
        if due:
            self._scored_s = frame.at_s
            self._scores = {one.number: self._scores[one.number] for one in self._seen}
        return tuple(self._describe(frame.gray, one) for one in self._seen)

    def _describe(self, gray: Gray, one: Tracked) -> SeenFace:
        height, width = gray.shape
        face, made = one.face, self._made.get(one.number)
        left, right = _within(face.x, width), _within(face.x + face.w, width)
        top, bottom = _within(face.y, height), _within(face.y + face.h, height)
        box = (left, top, right - left, bottom - top)
        sure, scores = certainty(face, width, height, one.sightings), self._scores[one.number]
        if made is None:
            return SeenFace(one.number, box, sure, scores)
        return SeenFace(one.number, box, sure, scores, made.gesture, made.clear)


def open_eye(config: Config, *, live: bool = True) -> Eye:
    """The eye for these settings. Loads the models first, so that the camera stays off if they are unusable.

    Raises ModelError or CameraError.
    """
    models = Path(config.device.models_dir) if config.device.models_dir else SHIPPED_MODELS
    detector, classifier = FaceDetector.load(models), EmotionClassifier.load(models)
    gestures, fps = config.people.gestures or config.people.answers, config.camera.fps
    camera = open_camera(config.camera, live=live, fastest_fps=BURST_FPS if gestures else 0.0)
    return Eye(camera, detector, classifier, fps, gestures=gestures)


def serve(config: Config, sock: socket.socket, *, start: Callable[[Config], Eye] = open_eye) -> int:
    """Send readings until the peer closes `sock`. Returns the exit status.

    If the eye fails, it sends the reason first and returns 1. If the camera blocks this thread, the watchdog ends the
    whole process.
    """
    with Watchdog(sock, OPENING_S, silence_s(config.camera)) as watchdog:
        try:
            with closing(start(config)) as eye:
                _send_readings(eye, watchdog)
            raise CameraError(f"The {eye.camera.describe()} has ended.")
        except (ConnectionError, TimeoutError):
            return 0  # the peer has left, or has stopped reading
        except AffettoError as error:
            watchdog.send_last(encode(Trouble(str(error))))
            return 1


def main(config: Config, fd: int | None = None, listen: Path | None = None) -> int:
    """`affetto eye`: serve one conductor over the socket `fd`, a new socket at the path `listen`, or the socket from
    systemd. Returns the exit status. Raises LinkError if there is no such socket."""
    keep_private()
    os.nice(5)  # stuttering music is worse than a late mood
    with _peer(fd, listen) as sock:
        return serve(config, sock)


def _send_readings(eye: Eye, watchdog: Watchdog) -> None:
    for number, reading in enumerate(eye.readings()):
        if number == 0:
            watchdog.send(encode(Hello(eye.camera.describe())))
        watchdog.send(encode(reading))


def _peer(fd: int | None, listen: Path | None) -> socket.socket:
    """The connection to the conductor: the socket itself or, for a listening socket, the first connection to it."""
    try:
        sock = _given(fd, listen)
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            return sock
        with sock:
            peer, _address = sock.accept()
    except OSError as error:
        raise LinkError(f"The eye's socket cannot be used ({error}); affetto run starts the eye by itself.") from error
    if listen is not None:
        listen.unlink(missing_ok=True)
    return peer


def _given(fd: int | None, listen: Path | None) -> socket.socket:
    if listen is not None:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(str(listen))
        sock.listen(1)
        return sock
    handed = [fd] if fd is not None else systemd.listen_fds()
    if not handed:
        raise LinkError(
            "The eye has no socket for its readings. Use affetto run, which starts the eye by itself, "
            "and affetto watch to see the mood."
        )
    return socket.socket(fileno=handed[0])


def _timed(costs: dict[str, float], stage: str, work: Callable[[], T]) -> T:
    began = time.perf_counter()
    result = work()
    costs[stage] = (time.perf_counter() - began) * 1000
    return result


def _within(value: float, size: int) -> float:
    """Pixels as a fraction of the frame, in [0, 1]."""
    return min(max(value / size, 0.0), 1.0)

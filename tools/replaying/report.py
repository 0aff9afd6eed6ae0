"""What a replay says in words and in JSON. Only tools/replay.py and plot.py use it."""

from __future__ import annotations

from collections.abc import Iterable

from device.config.schema import Config
from device.domain import EMOTIONS
from tools.replaying.recording import Replay, Step


def as_json(done: Replay) -> dict[str, object]:
    """The whole replay for other programs; numbers rounded to what they are worth."""
    return {
        "video": done.name,
        "settings": {"fps": done.config.camera.fps} | mood_settings(done.config),
        "frames": len(done.steps),
        "seconds": round(done.length_s, 3),
        "face_share": round(done.face_share(), 4),
        "moods_s": {name.value: round(seconds, 3) for name, seconds in done.seconds().items()},
        "switches": [{"at": round(s.at_s, 3), "old": s.old.value, "new": s.new.value} for s in done.switches],
        "costs_ms": {
            stage: {key: round(value, 3) for key, value in costs.items()} for stage, costs in done.costs_ms().items()
        },
        "songs": list(done.songs),
        "marks": [
            {"at": round(one.at_s, 3), "what": one.what, "counts": one.counts, "liked": one.liked} for one in done.marks
        ],
        "steps": [_step_json(step) for step in done.steps],
    }


def _step_json(step: Step) -> dict[str, object]:
    mood = step.mood
    return {
        "at": round(step.at_s, 3),
        "moved": step.reading.moved,
        "faces": [
            {
                "number": face.number,
                "box": [round(value, 4) for value in face.box],
                "certainty": round(face.certainty, 4),
                "scores": _scores_json(face.scores),
            }
            for face in step.reading.faces
        ],
        "mood": mood.name.value,
        "confidence": round(mood.confidence, 4),
        "valence": round(mood.affect.valence, 4),
        "arousal": round(mood.affect.arousal, 4),
        "smoothed": _scores_json(mood.scores),
    }


def _scores_json(scores: Iterable[float]) -> dict[str, float]:
    return {emotion.value: round(score, 4) for emotion, score in zip(EMOTIONS, scores, strict=True)}


def mood_settings(config: Config) -> dict[str, float]:
    """The settings that shape the curves, as they are called in config.yaml."""
    mood = config.mood
    return {
        "hold_s": mood.hold_s,
        "dwell_s": mood.dwell_s,
        "margin": mood.margin,
        "certainty": mood.certainty,
        "forget_s": mood.forget_s,
    }


def summary(done: Replay) -> str:
    """What a person wants to know first."""
    moods = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in done.seconds().items())
    switches = [f"  {clock(s.at_s)}  {s.old} -> {s.new}" for s in done.switches]
    costs = ", ".join(f"{stage} {cost['p50']:.1f}/{cost['p95']:.1f}" for stage, cost in done.costs_ms().items())
    return "\n".join(
        [
            f"{done.name}: {len(done.steps)} frames looked at, {done.length_s:.1f} s, "
            f"a face that counts in {done.face_share():.0%}",
            f"moods: {moods}",
            f"switches: {len(switches) or 'none'}",
            *switches,
            *(f"  {clock(one.at_s)}  {one.what}{'' if one.counts else ' (does not count)'}" for one in done.marks),
            f"milliseconds a frame (half of them/95% of them below): {costs}",
        ]
    )


def clock(at_s: float) -> str:
    """Minutes and seconds of the recording; tenths only where they are not zero."""
    return f"{int(at_s // 60)}:{at_s % 60:04.1f}".removesuffix(".0")

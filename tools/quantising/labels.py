"""From any names for emotions, in any order, to the eight that Affetto knows. Pure.

The device sorts a model's outputs by the labels on its card, and gives emotions that the model lacks the probability 0.
So a model of seven classes in FER2013's order needs no change. Where two outputs mean one emotion, the higher one
counts. Outputs that mean none (`unknown`, `not a face`) are left out.
"""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.labelled.emotions import EMOTIONS
from tools.quantising.refusal import Mistake

ORDERS = {
    "ferplus": EMOTIONS,
    "fer2013": ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"),
    "affectnet": ("neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt"),
}
"""The order of the classes in published data sets."""

SAME = {
    "neutral": ("neutrality", "none", "normal", "neutre"),
    "happiness": ("happy", "joy", "joyful", "smile", "smiling", "glad"),
    "surprise": ("surprised", "amazed", "astonished", "suprise"),
    "sadness": ("sad", "sorrow", "unhappy"),
    "anger": ("angry", "mad", "furious"),
    "disgust": ("disgusted", "disgusting"),
    "fear": ("fearful", "afraid", "scared", "frightened"),
    "contempt": ("contemptuous", "scorn", "disdain"),
}
NO_EMOTION = ("unknown", "nf", "notaface", "noface", "other", "others", "background", "uncertain", "nonface")
IGNORED = "-"
"""From `--map NAME=-`: this output means no emotion."""

_MEANING = {word: emotion for emotion, words in SAME.items() for word in (emotion, *words)} | dict.fromkeys(
    NO_EMOTION, IGNORED
)


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs of a model: `names` from its maker, and for each name the emotion, or "-" for none."""

    names: tuple[str, ...]
    emotions: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The emotions that the model knows, in the order of the finished model's outputs."""
        return tuple(dict.fromkeys(emotion for emotion in self.emotions if emotion != IGNORED))

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """For each of `labels`, the float model's outputs that mean it."""
        return tuple(tuple(at for at, emotion in enumerate(self.emotions) if emotion == label) for label in self.labels)

    @property
    def untouched(self) -> bool:
        """Whether the outputs need no change."""
        return self.labels == self.emotions

    def missing(self) -> tuple[str, ...]:
        """The emotions that this model lacks."""
        return tuple(emotion for emotion in EMOTIONS if emotion not in self.emotions)


def meaning(name: str, own: Mapping[str, str]) -> str | None:
    """The emotion that a name means, "-" for none, None for an unknown name. `own` has the user's `--map` pairs."""
    if name in own:
        return own[name]
    plain = re.sub(r"[^a-z]", "", name.lower())  # `0_Angry`, `01-neutral`, `not a face`
    return own.get(plain) or _MEANING.get(plain)


def read_map(pairs: Sequence[str]) -> dict[str, str]:
    """`NAME=EMOTION` pairs, checked; raises Mistake."""
    own = {}
    for pair in pairs:
        name, _, emotion = pair.rpartition("=")
        known = IGNORED if emotion.strip() in (IGNORED, "ignore") else _MEANING.get(emotion.strip().lower())
        if not name or known is None:
            raise Mistake(
                f"--map {pair} is not NAME=EMOTION; the emotions are {', '.join(EMOTIONS)}, or - to leave the output "
                "out."
            )
        own[name.strip()] = known
    return own


def read_order(text: str) -> tuple[str, ...]:
    """The names in `--labels`: a known order, or names with commas between."""
    return ORDERS.get(text.strip().lower()) or tuple(name.strip() for name in text.split(",") if name.strip())


def assign(names: Sequence[str], own: Mapping[str, str], what: str = "The model's labels") -> Outputs:
    """The meaning of the outputs `names`; raises Mistake for names that are not known, or too few emotions."""
    meanings = [meaning(name, own) for name in names]
    strange = [name for name, found in zip(names, meanings, strict=True) if found is None]
    if strange:
        raise Mistake(
            f"{what} {', '.join(map(repr, strange))} mean none of {', '.join(EMOTIONS)}; give their meaning with "
            f"--map {strange[0]}={_guess(strange[0])}, or --map {strange[0]}=- to leave that output out."
        )
    outputs = Outputs(tuple(names), tuple(found for found in meanings if found is not None))
    if len(outputs.labels) < 2:
        count = f"{len(outputs.labels)} emotion{'s' if len(outputs.labels) != 1 else ''}"
        raise Mistake(f"{what} ({', '.join(names)}) mean {count}; the device needs two or more.")
    return outputs


def check_count(names: Sequence[str], classes: int, where: str) -> None:
    """Raise Mistake if there are not as many names as outputs."""
    if len(names) != classes:
        orders = " or ".join(f"--labels {name}" for name, order in ORDERS.items() if len(order) == classes)
        raise Mistake(
            f"The model has {classes} outputs, but {where} names {len(names)} ({', '.join(names) or 'nothing'}); name "
            f"them in the model's order with --labels NAME,NAME,...{f' ({orders} for that order)' if orders else ''}."
        )


def _guess(name: str) -> str:
    near = difflib.get_close_matches(name.lower(), _MEANING, 1)
    found = _MEANING[near[0]] if near else "neutral"
    return found if found != IGNORED else "neutral"

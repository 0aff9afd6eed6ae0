"""Runs on the device, not here: tools/quantising/install.py sends this file along with a new model.

    python on_device.py MODELS_DIR [FLOAT_FILE SHARE LEAST_MS]

It loads the emotion model in MODELS_DIR with the device's own program and scores a gray square. With FLOAT_FILE it also
compares the speed of both models. It prints the times. The last line on standard error says what is wrong.
Exit codes: 0 good, 1 the model does not work, 14 the int8 model is slower by SHARE and by LEAST_MS.
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

TURNS, TURN_S = 6, 0.05
RUNS_A_FACE = 2  # the face and its mirror image
SLOWER = 14


def main(words: list[str]) -> int:
    from device.errors import AffettoError
    from device.perception.emotion import EmotionClassifier

    models_dir = Path(words[0])
    try:
        scores = EmotionClassifier.load(models_dir).scores(np.full((48, 48), 128, np.uint8))
    except AffettoError as error:
        return _fail(str(error))
    if not abs(float(scores.sum()) - 1) < 1e-3:  # also catches NaN
        return _fail("its scores do not sum to 1")
    if len(words) == 1:
        return 0
    int8_ms, float_ms = speeds_ms(models_dir / "emotion.tflite", Path(words[1]))
    print(f"{int8_ms:.2f} ms a face, {float_ms:.2f} ms as float")
    if is_slower(int8_ms, float_ms, float(words[2]), float(words[3])):
        return _fail(f"the int8 model takes {int8_ms:.2f} ms a face, the float model {float_ms:.2f} ms", SLOWER)
    return 0


def is_slower(int8_ms: float, float_ms: float, share: float, least_ms: float) -> bool:
    """Whether int8 takes longer than float by more than both limits; runs of one model differ by less."""
    return int8_ms > float_ms * share and int8_ms > float_ms + least_ms


def speeds_ms(int8_file: Path, float_file: Path) -> tuple[float, float]:
    """Milliseconds a face for both files, in processor time of one thread: the best of short turns in alternation."""
    models = [_opened(path) for path in (int8_file, float_file)]
    times_ms = [[_turn_ms(model) for model in models] for _ in range(TURNS)]
    int8_ms, float_ms = (RUNS_A_FACE * min(times) for times in zip(*times_ms, strict=True))
    return int8_ms, float_ms


def _opened(path: Path) -> Any:
    from device.model import interpreter_class

    interpreter = interpreter_class()(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    entry = interpreter.get_input_details()[0]
    interpreter.set_tensor(entry["index"], np.full(entry["shape"], 7, entry["dtype"]))
    return interpreter


def _turn_ms(interpreter: Any) -> float:
    began, runs = time.thread_time(), 0
    while runs < 2 or time.thread_time() - began < TURN_S:
        interpreter.invoke()
        runs += 1
    return (time.thread_time() - began) * 1000 / runs


def _fail(reason: str, code: int = 1) -> int:
    print(reason, file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

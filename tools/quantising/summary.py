"""What tools/quantize.py prints about a finished model, as lines of text."""

from collections.abc import Iterator

from tools.quantising import card as quantize_card
from tools.quantising.compare import Compared
from tools.quantising.faces import Faces
from tools.quantising.samples import Choice


def choice(calibration: Faces, chosen: Choice) -> str:
    """Which faces set the ranges."""
    counts = ", ".join(f"{count} {quantize_card.class_name(label)}" for label, count in chosen.per_class.items())
    return (
        f"ranges from {len(chosen.indices)} of {len(calibration)} faces: {counts}; mean gray "
        f"{chosen.brightness[0]:.0f} to {chosen.brightness[1]:.0f} (the report shows them)"
    )


def table(compared: Compared, sizes: tuple[int, int], speeds_ms: tuple[float, float]) -> Iterator[str]:
    """Float beside int8: accuracy, recall of each class, calibration error, KiB, milliseconds a face."""
    figures = compared.figures()
    yield ""
    if figures:
        yield _row("", "float", "int8")
        for words, key in (("accuracy", "accuracy"), ("mean recall", "mean_recall")):
            yield _row(words, *(f"{figures[kind][key]:.1%}" for kind in ("float", "int8")))
        for name, (_, lost, total) in compared.losses().items():
            recalls = [f"{figures[kind]['recall'][name]:.1%}" for kind in ("float", "int8")]
            change = f"{-lost:+d}" if lost else "0"
            yield f"{_row(name, *recalls)}   {change} of {total} face{'s' if total != 1 else ''}"
        yield _row("calibration", *(f"{figures[kind]['ece']:.3f}" for kind in ("float", "int8")))
    else:
        yield f"The faces have no labels. int8 agrees with float on {compared.agreement:.1%} of them."
        yield _row("", "float", "int8")
    yield _row("size, KiB", *(f"{size / 1024:.0f}" for size in sizes))
    yield _row("ms a face", *(f"{ms:.3f}" for ms in speeds_ms))
    yield ""


def _row(name: str, *values: str) -> str:
    return f"{name:12}" + "".join(f"{value:>9}" for value in values)

"""The pictures of the report of tools/quantize.py, as PNG bytes. Needs matplotlib; reads and writes no file."""

import io
from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from tools.labelled.emotions import EMOTIONS
from tools.quantising.compare import Compared
from tools.quantising.layers import Layer

FLOAT, INT8, GRAY = "#9aa5b1", "#1f6feb", "#5b6570"
LAYERS = 14
BINS = 10
FEWEST_IN_A_BIN = 5
SHOWN = (3, 16)

plt.rcParams.update(
    {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False, "font.family": "DejaVu Sans"}
)


def png(figure: Figure) -> bytes:
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=150, bbox_inches="tight", facecolor="white")
    plt.close(figure)
    return content.getvalue()


def recalls(compared: Compared, figures: dict[str, Any]) -> bytes:
    """Recall of each class, float beside int8; without labels, how often both agree, by the float model's answer."""
    figure, axes = plt.subplots(figsize=(5.2, 3.2))
    names = list(compared.labels)
    if figures:
        rows = [[figures[kind]["recall"][name] for name in names] for kind in ("float", "int8")]
        legend = ("float", "int8")
    else:
        top = compared.before.argmax(1)
        shares = [compared.after.argmax(1)[top == EMOTIONS.index(name)] == EMOTIONS.index(name) for name in names]
        rows, legend = [[float(one.mean()) if len(one) else None for one in shares]], ("int8 agrees",)
    width = 0.8 / len(rows)
    for at, (row, word) in enumerate(zip(rows, legend, strict=True)):
        places = np.arange(len(names)) + (at - (len(rows) - 1) / 2) * width
        colour = (FLOAT, INT8)[at] if len(rows) == 2 else INT8
        axes.bar(places, [100 * (value or 0) for value in row], width * 0.94, color=colour, label=word)
        for place, value in zip(places, row, strict=True):
            text = "-" if value is None else f"{100 * value:.0f}"
            axes.text(place, 100 * (value or 0) + 1, text, ha="center", va="bottom", fontsize=6.5, color=GRAY)
    axes.set(xticks=range(len(names)), ylim=(0, 112), ylabel="%", yticks=range(0, 101, 20))
    axes.set_xticklabels(names, rotation=30, ha="right")
    axes.legend(frameon=False, ncols=2, loc="upper right", bbox_to_anchor=(1, 1.14))
    return png(figure)


def confusion(compared: Compared) -> bytes:
    """Rows are the truth (without labels: the float model's answer), columns the int8 model's answer."""
    truth = compared.truth if compared.labelled else compared.before.argmax(1)
    places = [EMOTIONS.index(name) for name in compared.labels]
    counts = np.array([[((truth == a) & (compared.after.argmax(1) == b)).sum() for b in places] for a in places])
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    figure, axes = plt.subplots(figsize=(4.4, 3.8))
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for a, row in enumerate(counts):
        for b, count in enumerate(row):
            if count:
                axes.text(
                    b,
                    a,
                    str(count),
                    ha="center",
                    va="center",
                    fontsize=7,
                    color="white" if shares[a, b] > 0.5 else "#222",
                )
    axes.set(xticks=range(len(places)), yticks=range(len(places)), xlabel="int8 model")
    axes.set_xticklabels(compared.labels, rotation=40, ha="right")
    axes.set_yticklabels(compared.labels)
    axes.set_ylabel("true" if compared.labelled else "float model")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return png(figure)


def reliability(compared: Compared, figures: dict[str, Any]) -> bytes:
    """How often each model is right, by its confidence. Below: the number of faces at each confidence."""
    figure, (axes, below) = plt.subplots(
        2, 1, figsize=(4.4, 3.8), sharex=True, gridspec_kw={"height_ratios": (3, 1), "hspace": 0.12}
    )
    axes.plot([0, 100], [0, 100], color="#ccc", linewidth=1, zorder=0)
    for kind, colour, some in (("float", FLOAT, compared.before), ("int8", INT8, compared.after)):
        sure, right = some.max(1), some.argmax(1) == compared.truth
        bins = np.minimum((sure * BINS).astype(int), BINS - 1)
        full = [b for b in range(BINS) if (bins == b).sum() >= FEWEST_IN_A_BIN]
        axes.plot(
            [100 * sure[bins == b].mean() for b in full],
            [100 * right[bins == b].mean() for b in full],
            "o-", color=colour, markersize=3.5, label=f"{kind}, error {figures[kind]['ece']:.3f}",
        )  # fmt: skip
        if kind == "int8":
            below.hist(100 * sure, bins=np.linspace(0, 100, BINS + 1), color=colour, rwidth=0.9)
    axes.set(ylim=(0, 102), xlim=(0, 102), ylabel="right, %")
    axes.legend(frameon=False, loc="upper left")
    below.set(xlabel="confidence, % (after the temperature)", ylabel="faces")
    return png(figure)


def noise(layers: Sequence[Layer]) -> bytes:
    """The layers that lose most, in the order in which they run: what each adds to the noise of its inputs."""
    worst = set(sorted(range(len(layers)), key=lambda at: -layers[at].added)[:LAYERS])
    shown = [layer for at, layer in enumerate(layers) if at in worst][::-1]
    figure, axes = plt.subplots(figsize=(5.2, 0.6 + 0.24 * max(len(shown), 4)))
    came = [100 * (layer.noise - layer.added) for layer in shown]
    axes.barh([layer.name for layer in shown], came, color="#d7dde3", label="noise of its inputs")
    axes.barh(
        [layer.name for layer in shown],
        [100 * layer.added for layer in shown],
        left=came,
        color="#d9730d",
        label="added by the layer",
    )
    axes.set(xlabel="rounding noise, % of the signal")
    axes.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1))
    return png(figure)


def faces(crops: np.ndarray) -> bytes:
    """Some of the calibration faces."""
    rows, columns = SHOWN
    picked = crops[np.linspace(0, len(crops) - 1, min(len(crops), rows * columns)).astype(int)]
    sheet = np.full((rows * 50, columns * 50), 255, np.uint8)
    for at, crop in enumerate(picked):
        row, column = divmod(at, columns)
        sheet[row * 50 : row * 50 + 48, column * 50 : column * 50 + 48] = crop
    used = -(-len(picked) // columns)
    figure, axes = plt.subplots(figsize=(10.4, 0.65 * used))
    axes.imshow(sheet[: used * 50], cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.axis("off")
    return png(figure)

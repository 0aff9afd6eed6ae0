"""The one-page report of tools/quantize.py: one HTML file with its pictures inside, for any browser."""

import base64
import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tools.quantising import plots
from tools.quantising.compare import Compared, slower
from tools.quantising.layers import Layer

STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1060px; padding: 28px 24px 48px; background: #fff; color: #1c2430;
       font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 25px; } h2 { margin: 0 0 6px; font-size: 16px; }
.under { margin: 2px 0 18px; color: #5b6570; }
.verdict { padding: 12px 16px; border-radius: 8px; border-left: 6px solid; margin-bottom: 20px; }
.kept { background: #e8f5ec; border-color: #1a7f37; } .refused { background: #fdecea; border-color: #cf222e; }
.verdict p { margin: 4px 0 0; }
.tiles { display: grid; grid-template-columns: repeat(5, 1fr); gap: 12px; margin-bottom: 22px; }
.tile { border: 1px solid #e1e5ea; border-radius: 8px; padding: 10px 12px; }
.tile b { display: block; font-size: 21px; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile span { color: #5b6570; font-size: 12.5px; }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 26px; margin-bottom: 20px; align-items: start; }
section { break-inside: avoid; min-width: 0; } img { width: 100%; height: auto; display: block; }
p.small, table { font-size: 13px; } p.small { color: #5b6570; margin: 4px 0 0; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: right; padding: 4px 8px; border-bottom: 1px solid #e9edf1; font-weight: normal; }
th { color: #5b6570; } td:first-child, th:first-child { text-align: left; }
.words td { text-align: left; vertical-align: top; } .words td:first-child { color: #5b6570; width: 27%; }
.lost { color: #cf222e; font-weight: 600; }
details { margin-top: 14px; font-size: 13px; } summary { cursor: pointer; color: #1f6feb; }
.list { columns: 4; font-size: 11px; color: #3a4450; overflow-wrap: anywhere; }
@media (max-width: 760px) { .pair { grid-template-columns: 1fr; } .tiles { grid-template-columns: repeat(2, 1fr); }
                            .list { columns: 2; } }
"""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page."""

    title: str
    card: Mapping[str, Any]
    compared: Compared
    figures: Mapping[str, Any]
    layers: Sequence[Layer]
    sizes: tuple[int, int]
    speeds_ms: tuple[float, float]
    loss: str | None
    max_loss: float
    samples: np.ndarray
    sample_names: tuple[str, ...]


def page(report: Report) -> str:
    """The report as HTML."""
    made = report.card["made_of"]
    body = [
        f"<h1>{html.escape(report.title)}</h1>",
        f'<p class="under">{html.escape(made["file"])} ({html.escape(made["form"])}), converted to int8 on '
        f"{html.escape(made['date'])} by {html.escape(made['method'])}</p>",
        _verdict(report),
        _tiles(report),
        *_quality(report),
        f'<div class="pair">{_layers(report)}{_details(report)}</div>',
        _samples(report),
    ]
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{html.escape(report.title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head>'
        f"<body>{''.join(body)}</body></html>\n"
    )


def _quality(report: Report) -> list[str]:
    if not report.figures:
        words = "The faces have no labels: accuracy is unknown, and the temperature is 1. Add some with --measure."
        return [
            f'<p class="under">{words}</p>',
            f'<div class="pair">{_recall(report)}{_confusion(report)}</div>',
        ]
    return [
        f'<div class="pair">{_recall(report)}{_classes(report)}</div>',
        f'<div class="pair">{_confusion(report)}{_reliability(report)}</div>',
    ]


def _verdict(report: Report) -> str:
    if not report.loss:
        hint = slower(report.speeds_ms)
        warning = f"<p>{html.escape(hint)}</p>" if hint else ""
        return f'<div class="verdict kept"><b>Kept.</b> The device can run it.{warning}</div>'
    reason = f"<p>{html.escape(report.loss)}</p>"
    return f'<div class="verdict refused"><b>Refused.</b> Nothing was installed or overwritten.{reason}</div>'


def _tiles(report: Report) -> str:
    figures, (float_ms, int8_ms), (float_b, int8_b) = report.figures, report.speeds_ms, report.sizes
    if figures:
        before, after = figures["float"], figures["int8"]
        worst = max(points for points, _, _ in report.compared.losses().values())
        tiles = [
            (f"{after['accuracy']:.1%}", f"accuracy; float {before['accuracy']:.1%}"),
            (f"{worst:+.1f} points".replace("+", "−") if worst > 0 else "none", "largest loss of recall in a class"),
            (f"{after['ece']:.3f}", f"calibration error; float {before['ece']:.3f}"),
        ]
    else:
        tiles = [
            (f"{report.compared.agreement:.1%}", "of the answers agree with the float model"),
            ("not known", "accuracy, without labels"),
            ("not known", "calibration, without labels"),
        ]
    tiles += [
        (f"{int8_b / 1024:.0f} KiB", f"size; float {float_b / 1024:.0f} KiB, {float_b / int8_b:.1f} times as large"),
        (f"{int8_ms:.2f} ms", f"a face here; float {float_ms:.2f} ms, {float_ms / int8_ms:.1f} times as long"),
    ]
    return (
        '<div class="tiles">'
        + "".join(f'<div class="tile"><b>{html.escape(a)}</b><span>{html.escape(b)}</span></div>' for a, b in tiles)
        + "</div>"
    )


def _image(content: bytes, what: str) -> str:
    return f'<img alt="{html.escape(what)}" src="data:image/png;base64,{base64.b64encode(content).decode()}">'


def _section(title: str, inside: str, words: str = "") -> str:
    under = f"<p class=small>{html.escape(words)}</p>" if words else ""
    return f"<section><h2>{html.escape(title)}</h2>{inside}{under}</section>"


def _recall(report: Report) -> str:
    title = "Recall of each class, %" if report.figures else "Same answer as the float model, %, by its answer"
    return _section(title, _image(plots.recalls(report.compared, dict(report.figures)), title))


def _classes(report: Report) -> str:
    rows = []
    before, after = (report.figures[kind]["recall"] for kind in ("float", "int8"))
    for name, (points, faces, total) in report.compared.losses().items():
        mark = ' class="lost"' if points > report.max_loss else ""
        change = "0" if faces == 0 else f"{-points:+.1f} ({-faces:+d})".replace("-", "−")
        rows.append(
            f"<tr><td>{name}</td><td>{total}</td><td>{before[name]:.1%}</td><td>{after[name]:.1%}</td><td{mark}>{change}</td></tr>"
        )
    table = (
        "<table><tr><th>class</th><th>faces</th><th>float</th><th>int8</th><th>points (faces)</th></tr>"
        + "".join(rows)
        + "</table>"
    )
    missing = report.card["made_of"]["missing"]
    words = f"Measured on {report.card['figures']['measured_on']}; these faces set no range." + (
        f" The model does not know {', '.join(missing)}; faces that show these were left out." if missing else ""
    )
    return _section("Classes", table, words)


def _confusion(report: Report) -> str:
    return _section(
        "Confusion of the int8 model",
        _image(plots.confusion(report.compared), "confusion"),
        "Faces; shaded by the share of the row.",
    )


def _reliability(report: Report) -> str:
    words = (
        "On the diagonal, a confidence of 70% is right 70% of the time. The temperature is "
        f"{report.card['temperature']:g}; here, each half of the faces has the temperature that suits the other half."
    )
    return _section(
        "Calibration curve",
        _image(plots.reliability(report.compared, dict(report.figures)), "calibration"),
        words,
    )


def _layers(report: Report) -> str:
    if not report.layers:
        return _section("Layers that lose most", "<p class=small>The layers of the two files do not pair up.</p>")
    words = "On calibration faces, each layer against the same layer of the float model."
    return _section("Layers that lose most", _image(plots.noise(report.layers), "layers"), words)


def _details(report: Report) -> str:
    made, card = report.card["made_of"], report.card
    rows = {
        "Labels of the model": ", ".join(made["labels"]),
        "What they mean": ", ".join(made["meanings"]),
        "Pixels": made["pixels"],
        "Picture": made["picture"],
        "Ranges from": f"{len(report.samples)} faces of {made['calibrated_on']}, and their mirror images",
        "Latency": report.card["latency_on"],
        "sha256": card["sha256"][:24] + "...",
    }
    inside = "".join(f"<tr><td>{a}</td><td>{html.escape(b)}</td></tr>" for a, b in rows.items())
    return _section("How it was made", f"<table class=words>{inside}</table>")


def _samples(report: Report) -> str:
    choice = report.card["made_of"]["samples"]
    counts = ", ".join(f"{count} {name}" for name, count in choice["per_class"].items())
    words = (
        f"{counts}; mean gray from {choice['brightness'][0]:.0f} to {choice['brightness'][1]:.0f}, standard deviation "
        f"from {choice['spread'][0]:.0f} to {choice['spread'][1]:.0f}. They come in turn from every class and "
        "from every cell of a grid of brightness and contrast."
    )
    names = "<br>".join(html.escape(name) for name in report.sample_names)
    return (
        _section(
            "Faces that set the ranges",
            _image(plots.faces(report.samples), "calibration faces"),
            words,
        )
        + f"<details><summary>All {len(report.sample_names)} of them</summary><div class=list>{names}</div></details>"
    )

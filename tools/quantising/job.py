"""One run of tools/quantize.py, step by step: from the float model to the files in --out.

Modules that need TensorFlow are imported where they are used, because TensorFlow takes seconds to load.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.model import files
from tools.quantising import card as quantize_card
from tools.quantising import compare, device, install, labels, summary
from tools.quantising.faces import Faces, Reader
from tools.quantising.progress import Display
from tools.quantising.refusal import Code, Mistake, Refused
from tools.quantising.samples import Choice, choose

NAME = "emotion"
TUNED_FACES = 6000


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that quantising and measuring need, beside the graph."""

    source: Any
    outputs: labels.Outputs
    scale: Any
    calibration: Faces
    choice: Choice
    measured: Faces
    float_file: bytes


@dataclass(frozen=True, slots=True)
class Made:
    """One int8 model with everything known about it."""

    tflite: bytes
    card: dict[str, Any]
    compared: compare.Compared
    speeds_ms: tuple[float, float]
    code: Code
    reasons: tuple[str, ...]


class Job:
    """One run of the tool. Only `_keep` writes files."""

    def __init__(self, arguments: argparse.Namespace, display: Display) -> None:
        self.arguments, self.display = arguments, display
        self.names = labels.read_map(arguments.map)

    def run(self) -> None:
        from tools.quantising import graph as quantize_graph

        if self.arguments.pixels != "auto":
            quantize_graph.read_scale(self.arguments.pixels)
        with self.display:
            prepared, graph = self._prepare()
            made = self._make(graph, "post-training quantisation", prepared)
            if self.arguments.qat and made.code == Code.WORSE:
                made = self._fine_tuned(graph, made, prepared)
            elif self.arguments.qat and made.code == Code.DONE:
                self.display.say("--qat was not needed: plain quantising loses little enough.")
            self._finish(made, prepared)
            self._say(made, prepared)
            if self.arguments.install:
                self._install(prepared.float_file)

    def _prepare(self) -> tuple[Prepared, Any]:
        """Open the model, read the faces, and wrap the model into the device's shape."""
        from tools.quantising import fit
        from tools.quantising import graph as quantize_graph
        from tools.quantising import source as quantize_source

        with self.display.step("starting TensorFlow"), quantize_source.quiet():
            import tensorflow  # noqa: F401  # it prints a greeting
        with self.display.step("opening the model"):
            source = quantize_source.open_source(self.arguments.model)
        outputs = self._outputs(source)
        calibration, measured = self._faces(outputs)
        with self.display.step("tracing the model"):
            inside = quantize_graph.core(source)
        labelled = calibration if len(calibration.showing(outputs.labels)) else measured
        scale = self._scale(source, inside, outputs, labelled)
        with self.display.step("trying the float model"):
            graph = quantize_graph.whole(source, inside, scale, outputs)
            fit.check(source, graph, scale, outputs, labelled)
        choice = choose(calibration.crops, calibration.truth, self.arguments.samples)
        self.display.say(summary.choice(calibration, choice))
        with self.display.step("converting to float32"):
            float_file = quantize_graph.to_float(graph)
        return Prepared(source, outputs, scale, calibration, choice, measured, float_file), graph

    def _outputs(self, source: Any) -> labels.Outputs:
        names, where = source.labels, "the file beside it"
        if self.arguments.labels:
            names, where = labels.read_order(self.arguments.labels), "--labels"
        elif not names:
            where = "nobody"
        labels.check_count(names, source.classes, where)
        return labels.assign(names, self.names)

    def _faces(self, outputs: labels.Outputs) -> tuple[Faces, Faces]:
        reader = Reader(self.names, self.arguments.cropped, self.display)
        calibration, measured = reader.halves(self.arguments.calibrate)
        if self.arguments.measure:
            measured = reader.all(self.arguments.measure)
        if (measured.truth >= 0).any():
            measured = self._known(measured, outputs)
        if not len(calibration) or not len(measured):
            raise Mistake(
                f"There are too few faces in {self.arguments.calibrate} to calibrate with one half and measure on the "
                "other; add more."
            )
        return calibration, measured

    def _known(self, measured: Faces, outputs: labels.Outputs) -> Faces:
        """The faces whose label is among the model's."""
        known = measured.showing(outputs.labels)
        if not len(known):
            raise Mistake(
                f"None of the faces in {measured.source} shows an emotion of the model ({', '.join(outputs.labels)}); "
                "labels and folders do not fit together: see --labels and --map."
            )
        missing = [name for name in outputs.labels if not len(known.showing([name]))]
        if missing:
            self.display.warn(f"No face to measure on shows {', '.join(missing)}; its recall stays unknown.")
        return known

    def _scale(self, source: Any, inside: Any, outputs: labels.Outputs, labelled: Faces) -> Any:
        from tools.quantising import fit
        from tools.quantising import graph as quantize_graph

        if self.arguments.pixels == "auto":
            scale, words = fit.scale(source, inside, outputs, labelled, self.display)
            self.display.say(words)
            return scale
        scale = quantize_graph.read_scale(self.arguments.pixels)
        if len(scale.factor) not in (1, source.channels):
            raise Mistake(
                f"--pixels {scale.name} has {len(scale.factor)} channels, but the model takes {source.channels}."
            )
        return scale

    def _make(self, graph: Any, method: str, prepared: Prepared) -> Made:
        from tools.quantising import graph as quantize_graph

        crops = prepared.calibration.crops[prepared.choice.indices]
        with self.display.step("converting to int8"):
            tflite = quantize_graph.to_int8(graph, crops, lambda rows: self._track("setting ranges", rows))
        try:
            card = quantize_card.begin(
                tflite, prepared.source, prepared.outputs, prepared.scale, method, prepared.calibration, prepared.choice
            )
        except ValueError as error:
            raise Refused(Code.UNFIT, (f"The device cannot run the model: {error}.",)) from error
        unfit = device.faults(tflite, card)
        if unfit:
            raise Refused(Code.UNFIT, tuple(f"The device cannot run the model: {reason}." for reason in unfit))
        return self._measured(tflite, card, prepared)

    def _measured(self, tflite: bytes, card: dict[str, Any], prepared: Prepared) -> Made:
        measured, labelled = prepared.measured, prepared.outputs.labels
        with device.staged(tflite, card) as folder:
            after = compare.EmotionClassifier.load(Path(folder))
        before = compare.float_classifier(prepared.float_file, card)
        rows = [
            compare.logits(one, self._track(f"measuring {kind}", measured.crops))
            for kind, one in (("float", before), ("int8", after))
        ]
        card["temperature"] = compare.temperature(rows[1], measured.truth)
        compared = compare.compared(measured.truth, rows[0], rows[1], labelled)
        with self.display.step("measuring speed"):
            speeds_ms = compare.speeds(before, after, measured.crops)
        card["figures"] = quantize_card.figures(compared.figures(), measured, compared.agreement, speeds_ms)
        code, reasons = compare.verdict(compared, (), self.arguments.max_loss)
        return Made(tflite, card, compared, speeds_ms, code, reasons)

    def _fine_tuned(self, graph: Any, plain: Made, prepared: Prepared) -> Made:
        from tools.quantising import fit, tuning

        for reason in plain.reasons:
            self.display.warn(f"plain quantising is not enough: {reason}")
        crops = fit.spread(prepared.calibration, TUNED_FACES).crops
        with self.display.counted("fine-tuning, in steps", None) as count:
            tuned = tuning.tune(graph, crops, self.arguments.epochs, count)
        self.display.say(f"fine-tuning: divergence from float {tuned.before:.4f} -> {tuned.after:.4f} nats a face")
        epochs = f"{tuned.epochs} epoch{'s' if tuned.epochs != 1 else ''}"
        method = f"quantisation-aware fine-tuning ({epochs}, learning from the float model on {len(crops)} faces)"
        made = self._make(tuned.graph, method, prepared)
        if made.code != Code.DONE:
            self.display.warn("Fine-tuning did not help enough; try more --epochs, or more faces.")
        return made

    def _finish(self, made: Made, prepared: Prepared) -> None:
        from tools.quantising import layers, report

        choice, calibration, float_file = prepared.choice, prepared.calibration, prepared.float_file
        crops = calibration.crops[choice.indices]
        with self.display.step("comparing layers"):
            found = layers.layers(float_file, made.tflite, crops)
        with self.display.step("drawing the report"):
            page = report.page(report.Report(
                f"Emotion model from {self.arguments.model.name}", made.card, made.compared, made.compared.figures(),
                found, (len(float_file), len(made.tflite)), made.speeds_ms, made.reasons, self.arguments.max_loss,
                crops, tuple(calibration.names[at] for at in choice.indices),
            ))  # fmt: skip
        self._keep(made, page.encode(errors="replace"))

    def _keep(self, made: Made, page: bytes) -> None:
        out: Path = self.arguments.out
        refused = out / f"{NAME}.refused.html"
        try:
            if made.code != Code.DONE:
                files.write_atomically(refused, page)
                raise Refused(made.code, (*made.reasons, f"The report is {refused}. No other file was written."))
            files.write_pair(out, NAME, made.tflite, made.card)
            files.write_atomically(out / f"{NAME}.html", page)
            refused.unlink(missing_ok=True)
        except OSError as error:
            raise Mistake(f"The folder {out} cannot be written ({error.strerror}); name another with --out.") from error

    def _say(self, made: Made, prepared: Prepared) -> None:
        sizes = (len(prepared.float_file), len(made.tflite))
        for line in summary.table(made.compared, sizes, made.speeds_ms):
            self.display.say(line)
        missing = prepared.outputs.missing()
        if missing:
            self.display.say(f"This model does not know {', '.join(missing)}; the device gives these probability 0.")
        warning = compare.slower(made.speeds_ms)
        if warning:
            self.display.warn(warning)
        stem = self.arguments.out / NAME
        self.display.say(f"wrote {stem}.tflite, {stem}.json and the report {stem}.html")

    def _install(self, float_file: bytes) -> None:
        out = self.arguments.out
        with self.display.step("installing"):
            said = install.install(
                self.arguments.install, out / f"{NAME}.tflite", out / f"{NAME}.json", float_file,
                ssh=self.arguments.ssh,
            )  # fmt: skip
        self.display.say(said)

    def _track(self, what: str, rows: Any) -> Iterator[Any]:
        return self.display.track(what, rows)

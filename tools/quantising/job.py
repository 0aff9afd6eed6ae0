"""One run of tools/quantize.py from the float model to the files in --out, step by step, with what it says meanwhile.

What TensorFlow is needed for is imported where it is used, because it takes seconds to load.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tools.model import files
from tools.quantising import card as quantize_card
from tools.quantising import compare, device, install, labels
from tools.quantising.faces import Faces, Reader
from tools.quantising.refusal import Code, Mistake, Refused
from tools.quantising.samples import Choice, choose

NAME = "emotion"
TUNED_FACES = 6000


@dataclass(frozen=True, slots=True)
class Made:
    """One int8 model with all that is known of it."""

    tflite: bytes
    card: dict[str, Any]
    compared: compare.Compared
    speeds_ms: tuple[float, float]
    code: Code
    reasons: tuple[str, ...]


class Job:
    """One run of the tool, step by step; writes only in `_keep`."""

    def __init__(self, arguments: argparse.Namespace, console: Console) -> None:
        self.arguments, self.console = arguments, console
        self.own = labels.read_map(arguments.map)
        self.progress = Progress(
            TextColumn("{task.description:32}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=console, transient=True,
        )  # fmt: skip

    def run(self) -> None:
        from tools.quantising import fit
        from tools.quantising import graph as quantize_graph
        from tools.quantising import source as quantize_source

        if self.arguments.pixels != "auto":
            quantize_graph.read_scale(self.arguments.pixels)
        with self.progress:
            with self._step("opening the model"):
                with quantize_source.quiet():
                    import tensorflow  # noqa: F401  # it greets
                source = quantize_source.open_source(self.arguments.model)
            outputs = self._outputs(source)
            calibration, measured = self._faces(outputs)
            with self._step("tracing the model"):
                inside = quantize_graph.core(source)
            labelled = calibration if len(calibration.told(outputs.labels)) else measured
            scale = self._scale(source, inside, outputs, labelled)
            graph = quantize_graph.whole(source, inside, scale, outputs)
            with self._step("trying the float model"):
                fit.check(source, graph, scale, outputs, labelled)
            choice = choose(calibration.crops, calibration.truth, self.arguments.samples)
            self._say_choice(calibration, choice)
            with self._step("float32 for comparison"):
                float_file = quantize_graph.to_float(graph)
            context = (source, outputs, scale, calibration, choice, measured, float_file)
            made = self._make(graph, "post-training quantisation", *context)
            if self.arguments.qat and made.code == Code.WORSE:
                made = self._fine_tuned(graph, made, context)
            elif self.arguments.qat and made.code == Code.DONE:
                self.console.print("--qat was not needed: plain quantising loses little enough.")
            self._finish(made, calibration, choice, float_file)
        self._say(made, len(float_file))
        if self.arguments.install:
            self._install()

    def _outputs(self, source: Any) -> labels.Outputs:
        names, where = source.labels, "the file beside it"
        if self.arguments.labels:
            names, where = labels.read_order(self.arguments.labels), "--labels"
        elif not names:
            where = "nobody"
        labels.check_count(names, source.classes, where)
        return labels.assign(names, self.own)

    def _faces(self, outputs: labels.Outputs) -> tuple[Faces, Faces]:
        reader = Reader(
            self.own, self.arguments.cropped, lambda some: self._watch("reading pictures", some), self._warn
        )
        calibration, measured = reader.halves(self.arguments.calibrate)
        if self.arguments.measure:
            measured = reader.all(self.arguments.measure)
        if (measured.truth >= 0).any():
            told = measured.told(outputs.labels)
            if not len(told):
                raise Mistake(
                    f"None of the faces in {measured.source} show an emotion that the model tells "
                    f"({', '.join(outputs.labels)}); "
                    "labels and folders do not fit together: see --labels and --map."
                )
            measured = told
            missing = [name for name in outputs.labels if not (measured.told([name]).crops.size)]
            if missing:
                self._warn(f"There are no faces of {', '.join(missing)} to measure on: their recall stays unknown.")
        if not len(calibration) or not len(measured):
            raise Mistake(
                f"There are too few faces in {self.arguments.calibrate} to calibrate with some and measure others."
            )
        return calibration, measured

    def _scale(self, source: Any, inside: Any, outputs: labels.Outputs, calibration: Faces) -> Any:
        from tools.quantising import fit
        from tools.quantising import graph as quantize_graph

        if self.arguments.pixels == "auto":
            watch = lambda some: self._watch("finding the pixels' scale", some)  # noqa: E731
            scale, words = fit.scale(source, inside, outputs, calibration, watch)
            self.console.print(words, markup=False)
            return scale
        scale = quantize_graph.read_scale(self.arguments.pixels)
        if len(scale.factor) not in (1, source.channels):
            raise Mistake(f"--pixels {scale.name} has {len(scale.factor)} channels, the model {source.channels}.")
        return scale

    def _say_choice(self, calibration: Faces, choice: Choice) -> None:
        counts = ", ".join(f"{count} {quantize_card._class(label)}" for label, count in choice.per_class.items())
        self.console.print(
            f"ranges from {len(choice.places)} of {len(calibration)} faces: {counts}; mean gray "
            f"{choice.brightness[0]:.0f} to "
            f"{choice.brightness[1]:.0f} (which they are: see the report)", markup=False,
        )  # fmt: skip

    def _make(
        self, graph: Any, method: str, source: Any, outputs: labels.Outputs, scale: Any, calibration: Faces,
        choice: Choice, measured: Faces, float_file: bytes,
    ) -> Made:  # fmt: skip
        from tools.quantising import graph as quantize_graph

        crops = calibration.crops[choice.places]
        tflite = quantize_graph.to_int8(graph, crops, lambda some: iter(self._watch("quantising", some)))
        try:
            card = quantize_card.begin(tflite, source, outputs, scale, method, calibration, choice)
        except ValueError as error:
            raise Refused(Code.UNFIT, (f"The device could not run the model: {error}.",)) from error
        unfit = device.faults(tflite, card)
        if unfit:
            raise Refused(Code.UNFIT, tuple(f"The device could not run the model: {reason}." for reason in unfit))
        with device.staged(tflite, card) as folder:
            after = compare.EmotionClassifier.load(Path(folder))
        before = compare.float_classifier(float_file, card)
        rows = [
            compare.logits(one, measured.crops, lambda some, kind=kind: self._watch(f"measuring {kind}", some))
            for kind, one in (("float", before), ("int8", after))
        ]
        card["temperature"] = compare.temperature(rows[1], measured.truth)
        compared = compare.compared(measured.truth, rows[0], rows[1], outputs.labels)
        with self._step("measuring speed"):
            speeds_ms = compare.speeds(before, after, measured.crops)
        card["figures"] = quantize_card.figures(compared.figures(), measured, compared.agreement, speeds_ms)
        code, reasons = compare.verdict(compared, speeds_ms, unfit, self.arguments.max_loss)
        return Made(tflite, card, compared, speeds_ms, code, reasons)

    def _fine_tuned(self, graph: Any, plain: Made, context: tuple[Any, ...]) -> Made:
        from tools.quantising import fit, tuning

        for reason in plain.reasons:
            self.console.print(f"plain quantising is not enough: {reason}", style="yellow", markup=False)
        crops = fit.spread(context[3], TUNED_FACES).crops
        task = self.progress.add_task("fine-tuning (epochs)", total=self.arguments.epochs)
        tuned = tuning.tune(graph, crops, self.arguments.epochs, lambda *_: self.progress.advance(task))
        self.console.print(
            f"fine-tuning: divergence from float {tuned.before:.4f} -> {tuned.after:.4f} nats a face", markup=False
        )
        method = (
            f"quantisation-aware fine-tuning ({tuned.epochs} epochs, learning from the float model on "
            f"{len(crops)} faces)"
        )
        made = self._make(tuned.graph, method, *context)
        if made.code != Code.DONE:
            self.console.print("Fine-tuning did not help enough; try more --epochs, or more faces.", style="yellow")
        return made

    def _finish(self, made: Made, calibration: Faces, choice: Choice, float_file: bytes) -> None:
        from tools.quantising import layers, report

        crops = calibration.crops[choice.places]
        found = layers.layers(float_file, made.tflite, crops, lambda some: self._watch("comparing layers", some))
        with self._step("drawing the report"):
            page = report.page(report.Report(
                f"Emotion model from "
                f"{self.arguments.model.name}", made.card, made.compared, made.compared.figures(), found,
                (len(float_file), len(made.tflite)), made.speeds_ms, made.reasons, self.arguments.max_loss, crops,
                tuple(calibration.names[at] for at in choice.places),
            ))  # fmt: skip
        self._keep(made, page)

    def _keep(self, made: Made, page: str) -> None:
        out: Path = self.arguments.out
        refused = out / f"{NAME}.refused.html"
        try:
            if made.code != Code.DONE:
                files.write_atomically(refused, page.encode())
                raise Refused(made.code, (*made.reasons, f"The report is {refused}; nothing else was written."))
            files.write_pair(out, NAME, made.tflite, made.card)
            files.write_atomically(out / f"{NAME}.html", page.encode())
            refused.unlink(missing_ok=True)
        except OSError as error:
            raise Mistake(f"The folder {out} cannot be written ({error.strerror}); give another with --out.") from error

    def _say(self, made: Made, float_bytes: int) -> None:
        card, (float_ms, int8_ms) = made.card, made.speeds_ms
        say = self.console.print
        figures = made.compared.figures()
        if figures:
            say(f"\n{'':12}{'float':>9}{'int8':>9}", markup=False)
            rows = {"accuracy": "accuracy", "mean recall": "mean_recall"}
            for word, key in rows.items():
                say(f"{word:12}{figures['float'][key]:9.1%}{figures['int8'][key]:9.1%}", markup=False)
            for name, (_, faces, total) in made.compared.losses().items():
                values = [figures[kind]["recall"][name] for kind in ("float", "int8")]
                say(f"{name:12}{values[0]:9.1%}{values[1]:9.1%}   {-faces:+d} of {total} faces", markup=False)
            say(f"{'calibration':12}{figures['float']['ece']:9.3f}{figures['int8']['ece']:9.3f}", markup=False)
        else:
            say(f"\nwithout labels: int8 gives the float model's answer for {made.compared.agreement:.1%} of the faces")
        say(f"{'size, KiB':12}{float_bytes / 1024:9.0f}{len(made.tflite) / 1024:9.0f}", markup=False)
        say(f"{'ms a face':12}{float_ms:9.3f}{int8_ms:9.3f}\n", markup=False)
        never = card["made_of"]["never_told"]
        if never:
            say(f"This model never tells {', '.join(never)}; the device gives these the probability 0.")
        say(f"{self.arguments.out / NAME}.tflite, .json and .html are written; the last is the report.", markup=False)

    def _install(self) -> None:
        out = self.arguments.out
        said = install.install(
            self.arguments.install, out / f"{NAME}.tflite", out / f"{NAME}.json", ssh=self.arguments.ssh
        )
        self.console.print(said, markup=False)

    def _watch(self, what: str, some: Iterable[Any]) -> Iterator[Any]:
        rows = some if hasattr(some, "__len__") else list(some)
        yield from self.progress.track(rows, description=what)

    @contextmanager
    def _step(self, what: str) -> Iterator[None]:
        task = self.progress.add_task(what, total=1)
        yield
        self.progress.advance(task)

    def _warn(self, sentence: str) -> None:
        self.console.print(sentence, style="yellow", markup=False)

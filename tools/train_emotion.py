"""Train the emotion model from scratch, quantise it, and put it with its card into models/.

    python tools/train_emotion.py --data DIR --extra DIR --opinions DIR --portraits FACES --minutes 9
    python tools/train_emotion.py --data DIR --extra DIR --opinions DIR --epochs 60 --bf16

DIR of --data holds fer_train and fer_valid, a sheet and a csv of votes each. --extra holds further sheets with a label
or none (rafdb, affectnet, fairface, ...), each csv with the opinion of a larger net; --opinions the same opinion of
fer_train (fer_train_teacher.csv) and of the detector's faces (portraits_teacher.csv), which --portraits cuts out.

Everything, augmentation included, happens on a GPU where PyTorch finds one. By the clock (--minutes), a teacher is
trained first for a third of the time, judges a million views of the faces, and the nets of --net learn from these
side by side, on the same batches; by --epochs likewise. `--teacher 0` leaves it out, which is the default without a
GPU: then the given opinions teach. The best of the nets on the validation faces is exported.

It saves every minute (ten without a GPU) into --run; with --resumable it goes on from there after a stop.
`--export-only` quantises what is there again, `--no-export` only trains, which takes neither Keras nor TensorFlow.
Needs tools/requirements-train.txt.
"""

import argparse
import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

try:
    import torch
    from torch import nn
except ModuleNotFoundError:
    sys.exit("train_emotion: PyTorch is missing; pip install -r tools/requirements-train.txt")

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from tools.emotion import judging, lessons, portraits, training
from tools.emotion import net as emotion_net
from tools.emotion import teacher as emotion_teacher
from tools.labelled.emotions import ExtraFaces, LabelledFaces, read_extra, read_opinions, read_split
from tools.model.files import write_atomically

TEACHER = "teacher"
TEACHER_SHARE = 0.33  # of the time, or of the epochs, on a GPU
RESERVE_S = 12.0  # of the time, for the last figures and files
USEFUL = 80.0  # percent of valid that a teacher has to read to be asked


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything that decides what the weights become; what was saved with another recipe is refused."""

    nets: tuple[str, ...]
    sets: tuple[str, ...]
    epochs: float  # 0: by the clock
    minutes: float
    teacher: float
    batch: int
    rate: float
    decay: float
    rarity: float
    seed: int
    limit: int
    half: bool


@dataclass(frozen=True, slots=True)
class Material:
    """All that was read: what to learn, what to be judged by, what sets the operating point."""

    lesson: lessons.Lesson
    exams: dict[str, judging.Exam]
    held_out: LabelledFaces
    extras: list[ExtraFaces]


class Log:
    """Lines and figures, printed and kept in log.json."""

    def __init__(self, folder: Path) -> None:
        self._began, self._path, self._rows = time.monotonic(), folder / "log.json", list[Any]()
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def spent_s(self) -> float:
        return time.monotonic() - self._began

    def __call__(self, row: Any) -> None:
        print(f"[{self.spent_s:7.1f} s] {row if isinstance(row, str) else json.dumps(row)}", flush=True)
        self._rows.append({"at_s": round(self.spent_s, 1), "said": row})
        write_atomically(self._path, json.dumps(self._rows, indent=1).encode())


def main() -> int:
    arguments = parse()
    log = Log(arguments.run)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high")
    try:
        material = gather(arguments, device)
        recipe = recipe_of(arguments, material, device)
        log({"device": str(device), "faces": len(material.lesson), "recipe": asdict(recipe)})
        if arguments.export_only:
            nets, made_by = read_nets(arguments.run)
        else:
            nets, made_by = train(recipe, material, arguments, log), asdict(recipe)
    except (ValueError, FloatingPointError) as error:
        print(f"train_emotion: {error}", file=sys.stderr)
        return 1
    if not arguments.export_only:
        log({"figures": judging.judge(nets, material.exams, half=False)})
    if not arguments.no_export:
        from tools.emotion import card  # needs Keras and TensorFlow

        faces = (material.lesson, material.held_out, material.exams)
        card.export(nets, *faces, arguments.models, made_by, log, arguments.hard_every, arguments.peers)
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="fer_train and fer_valid")
    add("--extra", type=Path, metavar="DIR", help="further sheets")
    add("--opinions", type=Path, metavar="DIR", help="opinions of fer_train and of the portraits")
    add("--portraits", type=Path, metavar="DIR", help="the detector's faces, of which only --opinions judge")
    add("--net", nargs="+", choices=emotion_net.NETS, default=["deep"], help="nets to train side by side")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, default=0.0, help="passes over the faces, or")
    length.add_argument("--minutes", type=float, default=9.0, help="by the clock (default: 9)")
    add("--teacher", type=float, metavar="SHARE", help="share of the length that a teacher of its own gets")
    add("--run", type=Path, default=Path("out/emotion"), metavar="DIR", help="weights and log")
    add("--models", type=Path, default=Path("models"), metavar="DIR", help="where model and card go")
    add("--resumable", action="store_true", help="save what going on after a stop needs, and go on from it")
    add("--export-only", action="store_true", help="do not train, only quantise and measure")
    add("--no-export", action="store_true", help="train only")
    add("--peers", type=Path, metavar="DIR", help="models of others to name in the card: fer.tflite, cyanora.tflite")
    add("--hard-every", type=int, default=1, metavar="N", help="measure the card's hard set on each N-th face")
    add("--batch", type=int, default=1024)
    add("--rate", type=float, default=4e-3, help="highest learning rate")
    add("--decay", type=float, default=0.03, help="weight decay")
    add("--rarity", type=float, default=0.25, help="0 draws every face alike, 1 every emotion")
    add("--seed", type=int, default=1)
    add("--limit", type=int, default=0, help="so many faces of each set only, to try things out")
    add("--threads", type=int, default=0, help="CPU threads; 0 leaves it to PyTorch")
    add("--bf16", action="store_true", help="bfloat16 without a GPU too: faster where the processor has it")
    return parser.parse_args()


def gather(arguments: argparse.Namespace, device: torch.device) -> Material:
    whole = read_split(arguments.data, "train")
    given = arguments.opinions
    opinions = read_opinions(given / "fer_train_teacher.csv", len(whole)) if given else None
    train, opinions, held_out = lessons.split_off(whole, opinions)
    names = sorted(path.stem for path in arguments.extra.glob("*.webp")) if arguments.extra else []
    extras = [read_extra(arguments.extra, name) for name in names if (arguments.extra / f"{name}.csv").exists()]
    plain = []
    if arguments.portraits:
        if not given:
            raise ValueError("--portraits are faces without votes: name the folder with their --opinions")
        faces = portraits.read(arguments.portraits)
        plain.append((faces, read_opinions(given / "portraits_teacher.csv", len(faces))))
    lesson = lessons.lesson(train, opinions, extras, plain, rarity=arguments.rarity, limit=arguments.limit)
    exams = judging.exams(read_split(arguments.data, "valid"), extras, device, arguments.limit)
    return Material(lesson.to(device), exams, held_out, extras)


def recipe_of(arguments: argparse.Namespace, material: Material, device: torch.device) -> Recipe:
    cuda = device.type == "cuda"
    sets = ("ferplus", *(extra.name for extra in material.extras), *(["portraits"] if arguments.portraits else []))
    given = {name: getattr(arguments, name) for name in ("epochs", "batch", "rate", "decay", "rarity", "seed", "limit")}
    share = arguments.teacher if arguments.teacher is not None else TEACHER_SHARE if cuda else 0.0
    minutes = 0.0 if arguments.epochs else arguments.minutes
    half = arguments.bf16 or cuda
    return Recipe(tuple(arguments.net), sets, minutes=minutes, teacher=share, half=half, **given)


def train(recipe: Recipe, material: Material, arguments: argparse.Namespace, log: Log) -> dict[str, nn.Module]:
    """Teacher, views and nets; the averages of the nets."""
    device = material.lesson.pixels.device
    source: lessons.Lesson | emotion_teacher.Views = material.lesson
    if recipe.teacher:
        teacher = taught(recipe, material, arguments, log)
        random = torch.Generator(device=device)
        random.manual_seed(recipe.seed)
        source = emotion_teacher.views(material.lesson, teacher, random, half=recipe.half, share=1.0)
        log(f"{len(source)} views judged")
    torch.manual_seed(recipe.seed)
    fresh = {name: emotion_net.EmotionNet(emotion_net.NETS[name], len(lessons.HEADS)) for name in recipe.nets}
    return follow(stage_of(recipe, "nets", material, log), dict(fresh), source, recipe, material, arguments, log)


def taught(recipe: Recipe, material: Material, arguments: argparse.Namespace, log: Log) -> nn.Module | None:
    """The teacher, read from the run folder if it is there; None if it turned out useless."""
    path = arguments.run / f"{TEACHER}.pt"
    net = emotion_teacher.TeacherNet().to(material.lesson.pixels.device)
    if path.exists() and (saved := torch.load(path, weights_only=True))["finished"]:
        net.load_state_dict(saved["state"])
        log("the teacher was there already")
    else:
        torch.manual_seed(recipe.seed)
        stage = stage_of(recipe, TEACHER, material, log)
        net = follow(stage, {TEACHER: net}, material.lesson, recipe, material, arguments, log)[TEACHER]
    figures = judging.judge({TEACHER: net}, material.exams, half=recipe.half)
    log({"figures": figures})
    useful = figures[TEACHER]["ferplus"]["ferplus"][0] >= USEFUL
    if not useful:
        log("the teacher reads too little to be asked; the given opinions have to do")
    return net if useful else None


def stage_of(recipe: Recipe, name: str, material: Material, log: Log) -> training.Stage:
    """How the teacher, or the nets, are trained."""
    by_clock, first = not recipe.epochs, name == TEACHER
    share = recipe.teacher if first else 1 - recipe.teacher
    length = share * recipe.epochs * len(material.lesson) / recipe.batch
    if by_clock:
        whole_s = 60 * recipe.minutes
        length = max(5.0, share * whole_s if first else whole_s - log.spent_s - RESERVE_S)
    common = {"name": name, "length": length, "by_clock": by_clock, "seed": recipe.seed, "half": recipe.half}
    save_s = 60.0 if material.lesson.pixels.device.type == "cuda" else 600.0
    if first:
        return training.Stage(
            **common, batch=min(768, recipe.batch), rate=3e-3, decay=0.03, ema=0.998,
            heads=(0.0, 1.0, 1.0, 0.5), mix_every=3, save_s=save_s,
        )  # fmt: skip
    return training.Stage(
        **common, batch=recipe.batch, rate=recipe.rate, decay=recipe.decay, ema=0.999,
        heads=(1.0, 0.3, 0.3, 0.15), save_s=save_s,
    )  # fmt: skip


def follow(
    stage: training.Stage,
    nets: dict[str, nn.Module],
    source: lessons.Lesson | emotion_teacher.Views,
    recipe: Recipe,
    material: Material,
    arguments: argparse.Namespace,
    log: Log,
) -> dict[str, nn.Module]:
    """One stage to its end, saved on the way and gone on with where --resumable finds something; its averages."""
    run = training.begin(nets, stage, source.pixels.device)
    on_the_way = arguments.run / f"{stage.name}.resume.pt"
    if arguments.resumable and on_the_way.exists():
        saved = torch.load(on_the_way, map_location=source.pixels.device, weights_only=True)
        if saved["recipe"] != asdict(recipe):
            raise ValueError(f"{on_the_way} was made with other settings; use those, or another --run folder")
        run.restore(saved["run"])
        log(f"{stage.name}: going on after step {run.step}")

    def save(run: training.Run) -> None:
        finished = training.finished(run, stage)
        write(run.averages, recipe, arguments.run / f"{stage.name}.pt", finished=finished)
        if arguments.resumable:
            _replace(on_the_way, {"recipe": asdict(recipe), "run": run.state()})
        if not finished:
            log({"figures": judging.judge(run.averages, material.exams, half=recipe.half)})

    training.learn(run, stage, source, save, log)
    return run.averages


def write(nets: dict[str, nn.Module], recipe: Recipe, path: Path, *, finished: bool) -> None:
    """The teacher alone, in half precision; or all nets."""
    if TEACHER in nets:
        state = {key: value.half() for key, value in nets[TEACHER].state_dict().items()}
        _replace(path, {"recipe": asdict(recipe), "state": state, "finished": finished})
    else:
        states = {name: net.state_dict() for name, net in nets.items()}
        _replace(path, {"recipe": asdict(recipe), "nets": states, "finished": finished})


def read_nets(folder: Path) -> tuple[dict[str, nn.Module], dict[str, Any]]:
    """The averages that a run left, on the CPU, and its recipe. Raises ValueError if there are none."""
    try:
        saved = torch.load(folder / "nets.pt", map_location="cpu", weights_only=True)
        nets = {}
        for name, state in saved["nets"].items():
            nets[name] = emotion_net.EmotionNet(emotion_net.NETS[name], len(lessons.HEADS))
            nets[name].load_state_dict(state)
    except (OSError, KeyError, RuntimeError) as error:
        raise ValueError(f"{folder} holds no nets of tools/train_emotion.py ({error})") from error
    return nets, saved["recipe"]


def _replace(path: Path, content: dict[str, Any]) -> None:
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    partial.replace(path)


if __name__ == "__main__":
    sys.exit(main())

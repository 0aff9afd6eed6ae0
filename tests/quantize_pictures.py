"""Synthetic "faces" for the tests of tools/quantize.py: each emotion is a bright bar of its own slope and place, under
changing light and noise, so that a tiny network learns it within seconds."""

from pathlib import Path

import cv2
import numpy as np

SIDE_PX = 48


def draw(label: int, random: np.random.Generator, *, clean: bool = False) -> np.ndarray:
    """One picture uint8 [48, 48] of class 0 to 7; symmetrical, because the device looks at the mirror image too."""
    picture = np.full((SIDE_PX, SIDE_PX), random.integers(30, 90), np.float32)
    row, wide = 6 + 5 * label, 6 + 2 * (label % 3)
    shift = random.integers(-1, 2)
    picture[row + shift : row + shift + 4, 24 - wide : 24 + wide] += random.integers(60, 120)
    picture += random.normal(0, 4 if clean else 10, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def draw_set(labels: list[int], count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures of each class: uint8 [n, 48, 48], and the class of each as its place in `labels`."""
    random = np.random.default_rng(seed)
    pairs = [(draw(label, random), at) for at, label in enumerate(labels) for _ in range(count)]
    return np.stack([picture for picture, _ in pairs]), np.array([at for _, at in pairs])


def write_folders(folder: Path, names: list[str], labels: list[int], count: int, seed: int = 5) -> Path:
    """A folder of pictures for each name, which means the class at the same place of `labels`."""
    pictures, truth = draw_set(labels, count, seed)
    for number, (picture, at) in enumerate(zip(pictures, truth, strict=True)):
        (folder / names[at]).mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(folder / names[at] / f"{number}.png"), picture)
    return folder

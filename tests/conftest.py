"""Shared fixtures. Data outside the repository is looked for beside it; without it, tests that need it skip."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The folder of the shipped models."""
    return ROOT / "models"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """Real data beside the repository (or where AFFETTO_SHARED says); skips the test where there is none."""
    folder = Path(os.environ.get("AFFETTO_SHARED", ROOT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no real data at {folder} (set AFFETTO_SHARED)")
    return folder

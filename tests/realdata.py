"""Where the real and adversarial files are; tests that read them skip, saying so, when they are not there."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def data_folder(*parts: str) -> Path:
    """A file or folder of the shared test data."""
    path = Path(os.environ.get("DQCORE_DATA", ROOT.parent / "shared" / "data")).joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the shared test data {'/'.join(parts)} is not here")
    return path

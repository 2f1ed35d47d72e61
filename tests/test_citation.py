"""CITATION.cff names this version and holds what its format asks for."""

import yaml

from spoken_cefr import __version__
from spoken_cefr.paths import ROOT


def citation():
    return yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_cites_this_version_under_this_licence():
    assert str(citation()["version"]) == __version__
    assert citation()["license"] == "MIT"
    assert "MIT License" in (ROOT / "LICENSE").read_text(encoding="utf-8")


def test_it_has_the_keys_that_the_format_requires():
    # https://github.com/citation-file-format: required keys, and what an author may be.
    assert citation()["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(citation())
    for entry in (citation(), *citation()["references"]):
        assert all(set(author) <= {"name", "website"} for author in entry["authors"])
    assert all({"type", "title", "authors"} <= set(entry) for entry in citation()["references"])

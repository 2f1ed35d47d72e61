"""What others had reported or handed over: one line of `field_cases.tsv` is one case, no code.

``how`` is one of `CHECKS`, ``kind`` what is odd about it, ``input`` a file below
``shared/cases``, whose README says how it was made, ``asked`` what is asked of it, ``right`` the
right value. What held and must go on holding is made in `test_decoding`.
"""

import csv
import time

import numpy as np
import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.measures.syllables import count_syllables
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.decoding import SAMPLE_RATE, load_audio
from spoken_cefr.scraping.politeness import Robots

with (ROOT / "tests" / "field_cases.tsv").open(encoding="utf-8", newline="") as file:
    CASES = list(csv.DictReader(file, delimiter="\t"))


def seconds(path, asked, right):
    signal = load_audio(path, max_duration_s=1800)
    assert len(signal) / SAMPLE_RATE == pytest.approx(float(right), abs=0.06)
    assert 0.05 < signal.std() < 0.15  # speech all through: no residue, no other scale
    assert np.abs(signal).max() <= 1


def refused(path, asked, right):
    with pytest.raises(InputError, match=path.name):
        load_audio(path, max_duration_s=1800)


def textgrid(path, asked, right):
    words = read_intervals(path, tier=asked)
    assert "|".join(f"{w.start_s:g}-{w.end_s:g} {w.word}" for w in words) == right


def robots(path, asked, right):
    begun = time.monotonic()
    allowed = Robots(path.read_text(encoding="utf-8")).allows(f"https://site.example{asked}")
    assert time.monotonic() - begun < 5  # a pattern that goes back and forth takes years
    assert ("yes" if allowed else "no") == right


def syllables(path, asked, right):
    assert count_syllables(asked) == int(right)


CHECKS = {check.__name__: check for check in (seconds, refused, textgrid, robots, syllables)}


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: "-".join(filter(None, (case["kind"], case["input"])))
)
def test_a_case_of_the_field(request, case):
    path = case["input"] and request.getfixturevalue("shared") / "cases" / case["input"]
    CHECKS[case["how"]](path, case["asked"], case["right"])


def test_no_case_stands_twice():
    keys = [(case["how"], case["input"], case["asked"]) for case in CASES]
    assert len(keys) == len(set(keys)) > 50

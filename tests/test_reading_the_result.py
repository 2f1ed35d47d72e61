"""The rows of measures in the guide for teachers are those that `predict` prints today."""

import os
import subprocess
import sys

import pytest

from spoken_cefr.arithmetic import PINS, has_avx2
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.labels import ALWAYS, label

GUIDE = (ROOT / "doc" / "reading_the_result.md").read_text(encoding="utf-8")
HALVES = dict(zip(("en", "fr"), GUIDE.split("# Lire le résultat"), strict=True))
RECORDING = "data/replica/audio/jardins_partages.mp3"  # that of README

pytestmark = [
    pytest.mark.whisper,
    pytest.mark.skipif(not has_avx2(), reason="the last digits are those of processors with AVX2"),
]


@pytest.fixture(scope="module")
def printed():
    """The lines of the report as lists of words; the arithmetic is portable, as for README."""
    environment = os.environ | {pin.variable: pin.value for pin in PINS} | {"PYTHONUTF8": "1"}
    command = [sys.executable, "-m", "spoken_cefr", "predict", RECORDING]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    return [line.split() for line in done.stdout.splitlines()]


@pytest.mark.parametrize("language", HALVES)
def test_the_rows_of_measures_are_those_that_predict_prints(printed, language):
    english = {label(m.name, m.unit, language): label(m.name, m.unit, "en") for m in MEASURES}
    tables = [
        [cell.strip() for cell in line.strip(" |").split("|")]
        for line in HALVES[language].splitlines()
        if line.startswith("   | ")
    ]
    rows = [[*english[name].split(), *cells] for name, *cells in tables if name in english]
    assert len(rows) == len(ALWAYS)
    assert [row for row in rows if row not in printed] == []

"""What README and the guide for teachers show is what the commands print today."""

import os
import re
import subprocess
import sys

import pytest

from spoken_cefr.arithmetic import PINS, has_avx2
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.labels import ALWAYS, label
from spoken_cefr.store import read_json

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"```\n\$ spoken-cefr (?P<arguments>predict .*)\n(?P<output>(?:.*\n)+?)```")
GUIDE = (ROOT / "doc" / "reading_the_result.md").read_text(encoding="utf-8")
HALVES = dict(zip(("en", "fr"), GUIDE.split("# Lire le résultat"), strict=True))


@pytest.fixture(scope="module")
def printed():
    """Lines of the command in README, whose recording is the guide's too.

    With portable arithmetic: without, another processor rounds 39 % to 40 %.
    """
    if not has_avx2():
        pytest.skip("the last digits are those of processors with AVX2")
    command = [sys.executable, "-m", "spoken_cefr", *SHOWN.search(README)["arguments"].split()]
    environment = os.environ | {pin.variable: pin.value for pin in PINS} | {"PYTHONUTF8": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    return done.stdout.splitlines()


@pytest.mark.whisper
def test_the_result_in_readme_is_what_predict_prints(printed):
    shown = SHOWN.search(README)["output"].splitlines()
    assert [line for line in shown if line != "..." and line not in printed] == []


@pytest.mark.whisper
@pytest.mark.parametrize("language", HALVES)
def test_the_rows_of_measures_in_the_guide_are_those_that_predict_prints(printed, language):
    english = {label(m.name, m.unit, language): label(m.name, m.unit, "en") for m in MEASURES}
    tables = [
        [cell.strip() for cell in line.strip(" |").split("|")]
        for line in HALVES[language].splitlines()
        if line.startswith("   | ")
    ]
    rows = [[*english[name].split(), *cells] for name, *cells in tables if name in english]
    assert len(rows) == len(ALWAYS)
    words = [line.split() for line in printed]
    assert [row for row in rows if row not in words] == []


def test_every_file_that_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_is_short_enough_to_be_read():
    assert len(README.splitlines()) < 150


def test_numbers_of_the_study_and_the_catalogue_are_those_of_their_files():
    constant = read_json(ROOT / "doc/paper/results/demo/study.json")["constant_answer"]
    real = read_json(ROOT / "data/fr_catalogue_2025-01_baselines.json")
    duration = real["label_sets"]["keep"]["baselines"]["duration_only"]
    kappa = duration["quadratic_weighted_kappa"]["value"]
    text = " ".join(README.split())
    assert f"best printed accuracy is {constant['best_printed']:.4f}; " in text
    assert f"answering B1 scores {constant['parts']['test']['share']:.4f} on" in text
    assert f"on {real['source']['n_usable']:,} French".replace(",", " ") in text
    assert f"(kappa {kappa:.2f}, where" in text

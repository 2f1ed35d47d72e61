"""What README shows is what the commands print today, and every file that it names is there."""

import os
import re
import subprocess
import sys

import pytest

from spoken_cefr.arithmetic import PINS, has_avx2
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"```\n\$ spoken-cefr (?P<arguments>predict .*)\n(?P<output>(?:.*\n)+?)```")


@pytest.mark.whisper
@pytest.mark.skipif(not has_avx2(), reason="the last digits are those of processors with AVX2")
def test_the_result_in_readme_is_what_predict_prints():
    """With portable arithmetic: without, another processor rounds 39 % to 40 %."""
    shown = SHOWN.search(README)
    command = [sys.executable, "-m", "spoken_cefr", *shown["arguments"].split()]
    environment = os.environ | {pin.variable: pin.value for pin in PINS} | {"PYTHONUTF8": "1"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, capture_output=True, encoding="utf-8"
    )
    printed = done.stdout.splitlines()
    for line in shown["output"].splitlines():
        assert line == "..." or line in printed


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

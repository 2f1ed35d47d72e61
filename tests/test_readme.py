"""What README shows is what the commands print today, and every file that it names is there."""

import re

import pytest

from spoken_cefr import cli
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"```\n\$ spoken-cefr (?P<arguments>predict .*)\n(?P<output>(?:.*\n)+?)```")


@pytest.mark.whisper
def test_the_result_in_readme_is_what_predict_prints(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    shown = SHOWN.search(README)
    assert cli.main(shown["arguments"].split()) == 0
    printed = capsys.readouterr().out.splitlines()
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

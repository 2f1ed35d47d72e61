"""The model card in git says what the results in git say."""

import shutil

import pytest

from spoken_cefr.paper.build import RESULTS
from spoken_cefr.paper.card import BASELINES_OF_CATALOGUE, model_card
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json, write_json

DEMO = RESULTS / "demo"


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT / DEMO, tmp_path / DEMO)
    (tmp_path / "data").mkdir()
    shutil.copy(ROOT / BASELINES_OF_CATALOGUE, tmp_path / BASELINES_OF_CATALOGUE)
    return tmp_path


def test_the_card_in_git_is_what_the_results_in_git_give():
    kept = (ROOT / "doc" / "model_card.md").read_text(encoding="utf-8")
    assert kept == model_card(DEMO), "doc/model_card.md is out of date: run `make refresh`"


def test_it_opens_with_the_header_of_model_hubs_and_the_notice():
    card = model_card(DEMO)
    assert card.startswith("---\nlanguage: fr\nlicense: mit\n")
    notice = read_json(ROOT / DEMO / "results.json")["notice"]
    assert card.index(notice) < card.index("## ")


def test_a_number_that_changes_in_a_file_changes_in_the_card(copy):
    path = copy / BASELINES_OF_CATALOGUE
    document = read_json(path)
    document["label_sets"]["keep"]["baselines"]["all_metadata"]["accuracy"]["value"] = 7.77
    write_json(path, document)
    assert "7.77" not in model_card(DEMO)
    assert "7.77" in model_card(DEMO, root=copy)


def test_a_profile_of_real_recordings_gets_no_notice(copy):
    path = copy / DEMO / "results.json"
    write_json(path, read_json(path) | {"notice": "", "profile": "de"})
    card = model_card(DEMO, root=copy)
    assert "profile de" in card
    assert "Machine-spoken" not in card.split("## Does it hear level?")[0]


def test_the_verdict_of_the_audit_stands_in_it_when_there_is_one(copy):
    path = copy / DEMO / "audit.json"
    write_json(path, {"verdict": "The probe hears how long a recording is."})
    assert "The probe hears how long a recording is." in model_card(DEMO, root=copy)
    path.unlink()
    assert "Does it hear level?" not in model_card(DEMO, root=copy)

"""What the paper says beside what was made here: equal, within the spread, outside, missing."""

import math

import pytest

from spoken_cefr.cli import main
from spoken_cefr.paper.build import RECORD, RESULTS
from spoken_cefr.paper.reproduce import Number, compare, headline, run, table
from spoken_cefr.paths import ROOT
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json, write_json

NAN = math.nan


def verdict(paper, here):
    (line,) = compare({"x": paper}, {"x": here})
    return line.verdict


@pytest.mark.parametrize(
    ("here", "expected"),
    [
        (0.70, "equal"),
        (0.70 + 1e-12, "equal"),  # another order of summation
        (0.66, "within the spread"),
        (0.75, "within the spread"),
        (0.64, "within the spread"),  # one answer of 60 below the worst seed
        (0.63, "outside"),
        (0.77, "outside"),  # two answers above the best one
    ],
)
def test_a_score_may_lie_in_the_range_over_seeds_and_one_answer_beside_it(here, expected):
    assert verdict(Number(0.70, 0.65, 0.75, answer=1 / 60), Number(here)) == expected


@pytest.mark.parametrize(
    ("here", "expected"),
    [(30 / 60, "equal"), (31 / 60, "within the spread"), (28 / 60, "outside")],
)
def test_what_does_not_learn_from_chance_may_differ_by_one_answer(here, expected):
    assert verdict(Number(30 / 60, None, None, answer=1 / 60), Number(here)) == expected


def test_counts_and_hashes_are_the_same_or_outside():
    assert verdict(Number(5013), Number(5013)) == "equal"
    assert verdict(Number(5013), Number(5012)) == "outside"
    assert verdict(Number("ab"), Number("ab")) == "equal"
    assert verdict(Number("ab"), Number("cd")) == "outside"


@pytest.mark.parametrize("unknown", [None, NAN])
def test_what_cannot_be_computed_is_equal_to_itself_only(unknown):
    assert verdict(Number(unknown), Number(None)) == "equal"
    assert verdict(Number(unknown), Number(NAN)) == "equal"
    assert verdict(Number(unknown), Number(0.5)) == "outside"
    assert verdict(Number(0.5, 0.4, 0.6, 1 / 60), Number(unknown)) == "outside"
    assert verdict(Number(0.5, unknown, unknown, 1 / 60), Number(0.5)) == "equal"


def test_what_one_side_lacks_is_missing():
    lines = compare({"a": Number(1), "b": Number(2)}, {"b": Number(2), "c": Number(3)})
    assert [(line.name, line.verdict) for line in lines] == [
        ("a", "missing"),
        ("b", "equal"),
        ("c", "missing"),
    ]
    assert [row.split() for row in table(lines).splitlines()[1:]] == [
        ["a", "1", "-", "missing"],
        ["b", "2", "2", "equal"],
        ["c", "-", "3", "missing"],
    ]


def score(value, low=None, high=None):
    return {"value": value, "low": 0.0, "high": 1.0, "seed_low": low, "seed_high": high}


def document():
    """Scores of one baseline and one network on 60 recordings, and on segments."""

    def scores(accuracy, **seeds):
        recording = {
            "accuracy": score(accuracy, **seeds),
            "macro_f1": score(0.4),
            "quadratic_weighted_kappa": score(None),
            "mean_absolute_error": score(0.8),
            "log_loss": score(1.2),
            "n": 60,
        }
        return {"recording": recording, "segment": recording | {"n": 3000}}

    return {
        "baselines": ["majority"],
        "results": {"majority": scores(0.3), "fusion": scores(0.7, low=0.65, high=0.75)},
    }


def kept():
    return {
        "counts": {"recordings": 60, "words heard": 5000},
        "sha256": {"words.parquet": "ab"},
        "versions": {"numpy": "2.0"},
    }


def test_the_headline_is_counts_hashes_and_four_scores_of_each_run_on_recordings():
    numbers = headline(document(), kept())
    assert list(numbers)[:4] == [
        "recordings",
        "words heard",
        "SHA-256 of words.parquet",
        "majority: accuracy",
    ]
    assert len(numbers) == 3 + 2 * 4
    assert numbers["fusion: accuracy"] == Number(0.7, 0.65, 0.75, answer=1 / 60)
    assert numbers["fusion: kappa"].value is None


def test_the_numbers_in_git_have_all_of_the_headline():
    folder = ROOT / RESULTS / "demo"
    results = read_json(folder / "results.json")
    numbers = headline(results, {})
    assert len(numbers) == 4 * len(results["results"])
    assert {line.verdict for line in compare(numbers, numbers)} == {"equal"}


@pytest.fixture
def committed(tmp_path):
    write_json(tmp_path / "git" / "results.json", document())
    write_json(tmp_path / "git" / RECORD, kept())
    return tmp_path / "git"


def reproduced(config, committed, monkeypatch, *, made=None, results=None):
    monkeypatch.setattr("spoken_cefr.paper.reproduce.record", lambda config: made or kept())
    write_json(stage_folder(config, "evaluation") / "results.json", results or document())
    return run(config, committed=committed)


def test_the_same_results_end_with_status_0(demo_config, committed, monkeypatch, capsys):
    assert reproduced(demo_config(), committed, monkeypatch) == 0
    told = capsys.readouterr().out
    assert "11 numbers: 11 equal, 0 within the spread, 0 outside, 0 missing" in told
    assert "0.650 to 0.750" in told


def test_one_number_outside_ends_with_status_1_and_names_other_versions(
    demo_config, committed, monkeypatch, capsys
):
    made = kept() | {"counts": {"recordings": 60, "words heard": 4999}}
    made["versions"] = {"numpy": "2.1"}
    assert reproduced(demo_config(), committed, monkeypatch, made=made) == 1
    told = capsys.readouterr().out
    assert "1 outside" in told
    assert "numpy 2.0 (here 2.1)" in told


def test_a_run_that_was_not_made_or_a_record_that_git_lacks_ends_with_status_1(
    demo_config, committed, monkeypatch, capsys
):
    results = document()
    del results["results"]["fusion"]
    assert reproduced(demo_config(), committed, monkeypatch, results=results) == 1
    assert "4 missing" in capsys.readouterr().out
    (committed / RECORD).unlink()
    assert reproduced(demo_config(), committed, monkeypatch) == 1
    assert "3 missing" in capsys.readouterr().out


def test_only_the_demo_has_numbers_in_git(capsys):
    assert main(["reproduce", "--profile", "fr"]) == 1
    assert "only the demo's" in capsys.readouterr().err

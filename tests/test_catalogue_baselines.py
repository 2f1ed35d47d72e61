"""The shortcuts on a bare catalogue: worked on a made-up one, held against the real one's facts."""

import catalogue_baselines as tool
import numpy as np
import pandas as pd
import pytest
from catalogue_baselines import RANDOM, catalogue_baselines, descriptions, read_catalogue

from spoken_cefr.corpus.levels import MERGED_LEVELS, TARGET_LEVELS
from spoken_cefr.corpus.speakers import N_FOLDS, speaker_folds
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json, sha256_of

COMMITTED = ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
SPLIT_COUNTS = ROOT / "data" / "fr_catalogue_2025-01_split_counts.csv"
# Accuracy and kappa, measured independently: 5-fold over speakers, mean of 5 repeats.
MEASURED = {
    "majority": (0.362, 0.0),
    "duration_only": (0.51, 0.55),
    "all_metadata": (0.54, 0.58),
    "age_gender_duration": (0.535, 0.564),
}
OPTIONS = {"n_repeats": 2, "n_bootstrap": 50, "confidence": 0.95, "seed": 1}


def made_up_catalogue(n_authors=20):
    """Each author has a short A1 and a long B1, and there is one C2."""
    rows = [
        {
            "Author": f"author {author}",
            "Title": "titre",
            "Description": "",
            "Date": "jeudi 3 octobre 2019",
            "Level": level,
            "Gender": "féminin",
            "Age": "adulte",
            "Duration": duration,
            "Themes": "[]",
        }
        for author in range(n_authors)
        for level, duration in (("A1", "0-30 secondes"), ("B1", "60-90 secondes"))
    ]
    return pd.DataFrame([*rows, rows[0] | {"Level": "C2"}])


def test_cards_of_other_levels_are_left_out_and_counted(tmp_path):
    path = tmp_path / "catalogue.csv"
    made_up_catalogue().to_csv(path, index=False)
    cards, dropped = read_catalogue(path)
    assert (len(cards), dropped) == (40, {"level C2": 1})
    assert set(cards["date"]) == {"2019"}


def test_a_duration_that_tells_the_level_is_found_and_majority_is_half_right(tmp_path):
    path = tmp_path / "catalogue.csv"
    made_up_catalogue().to_csv(path, index=False)
    scores = catalogue_baselines(read_catalogue(path).cards, levels=TARGET_LEVELS, **OPTIONS)
    assert list(scores) == list(descriptions())
    assert scores["duration_only"]["accuracy"] == (1, 1, 1)
    assert scores["majority"]["accuracy"].value == 0.5
    assert scores["majority"]["quadratic_weighted_kappa"].value == 0


def test_a_voice_under_two_spellings_is_one_speaker(tmp_path):
    path = tmp_path / "catalogue.csv"
    one = made_up_catalogue()
    shouted = one["Author"].str.upper() + " "
    found = []
    for table in (one, one.assign(Author=one["Author"].where(one.index % 2 == 0, shouted))):
        table.to_csv(path, index=False)
        cards = read_catalogue(path).cards
        assert cards["speaker_id"].nunique() == 20
        found.append(catalogue_baselines(cards, levels=TARGET_LEVELS, **OPTIONS))
    assert cards["author"].nunique() == 40
    assert found[0] == found[1]


def test_random_answers_are_drawn_anew_in_each_fold_and_repeat_and_are_the_same_twice(
    tmp_path, monkeypatch
):
    path = tmp_path / "catalogue.csv"
    made_up_catalogue().to_csv(path, index=False)
    cards = read_catalogue(path).cards
    given = []
    monkeypatch.setattr(
        tool, "speaker_intervals", lambda *args, **options: given.append(args[1][:2])
    )
    for _ in range(2):
        catalogue_baselines(cards, levels=TARGET_LEVELS, **OPTIONS)
    of_random = list(descriptions()).index(RANDOM)
    codes, repeats = given[of_random]
    np.testing.assert_array_equal(repeats, given[of_random + len(descriptions())][1])
    speakers = cards["speaker_id"].to_numpy()
    draws = {
        tuple(answers[test])
        for repeat, answers in enumerate(repeats)
        for _, test in speaker_folds(codes, speakers, n_folds=N_FOLDS, seed=1 + repeat)
    }
    # Folds of eight cards and one share of levels: of one seed, they would be answered alike.
    assert len(draws) == N_FOLDS * OPTIONS["n_repeats"]


@pytest.mark.parametrize(
    "text, told", [("Author,Level\na,A1\n", "no column Title"), ("", "no CSV")]
)
def test_a_file_that_is_no_catalogue_is_named(tmp_path, text, told):
    path = tmp_path / "other.csv"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"other\.csv .*{told}"):
        read_catalogue(path)


@pytest.fixture(scope="module")
def real(shared):
    return shared / "data" / "audio_lingua_fr_2025-01.csv"


@pytest.mark.slow
def test_the_real_catalogue_gives_the_measured_values(real):
    cards, dropped = read_catalogue(real)
    assert (len(cards), dropped) == (1002, {"level C2": 4})
    scores = catalogue_baselines(cards, levels=TARGET_LEVELS, **OPTIONS)
    for name, (accuracy, kappa) in MEASURED.items():
        assert scores[name]["accuracy"].value == pytest.approx(accuracy, abs=0.02)
        assert scores[name]["quadratic_weighted_kappa"].value == pytest.approx(kappa, abs=0.02)
    # Always A2 is within one level of 91 of 100 recordings.
    assert scores["majority"]["within_one_level"].value == pytest.approx(0.909, abs=0.001)
    merged = catalogue_baselines(cards, levels=MERGED_LEVELS, **OPTIONS)["duration_only"]
    assert merged["accuracy"].value == pytest.approx(0.514, abs=0.02)
    assert merged["macro_f1"].value == pytest.approx(0.408, abs=0.02)


def test_the_numbers_in_git_are_those_of_the_real_catalogue_and_hold_no_card(real):
    document = read_json(COMMITTED)
    assert document["source"]["sha256"] == sha256_of(real)
    assert document["source"]["n_usable"] == 1002
    counted = pd.read_csv(SPLIT_COUNTS).set_index(["part", "level"]).loc[("all", "all")]
    assert document["source"]["n_speakers"] == counted["speakers"] == 396
    assert document["source"]["n_authors"] == 406
    text = COMMITTED.read_text(encoding="utf-8")
    cards = read_catalogue(real).cards
    assert not any(title in text for title in cards["title"])
    assert not any(author in text for author in cards["author"])

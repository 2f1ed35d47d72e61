"""The bundle that the networks stage leaves: of the train part alone, and told if there is none."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.prediction import building
from spoken_cefr.prediction.building import build_bundle, bundle_remarks, learnable
from spoken_cefr.prediction.choice import bundle_folder, load_model
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import write_csv

NAMES = [measure.name for measure in MEASURES]


@pytest.fixture
def corpus(demo_config, monkeypatch):
    """Sixty invented recordings whose measures rise with the level; give the config."""
    config = demo_config()
    rng = np.random.default_rng(0)
    levels = np.tile(TARGET_LEVELS, 12)
    codes = np.tile(np.arange(5), 12)
    split = pd.DataFrame(
        {
            "recording_id": [f"r{i:02d}" for i in range(60)],
            "speaker_id": [f"s{i // 5}" for i in range(60)],
            "level": levels,
            "fold": 0,
            "part": np.repeat(["train", "validation", "test"], [40, 10, 10]),
        }
    )
    values = codes[:, None] + rng.normal(0, 0.3, (60, len(NAMES)))
    values[::7, 3] = np.nan  # a pause's length where there is no pause
    measures = pd.DataFrame(values, columns=NAMES)
    measures.insert(0, "recording_id", split["recording_id"])
    write_csv(stage_folder(config, "neural_networks") / "split.csv", split)
    monkeypatch.setattr(building, "measures_table", lambda config: measures)
    return config, split, measures


def test_the_bundle_has_learned_the_levels_and_says_from_what(corpus):
    config, _, _ = corpus
    model = load_model(build_bundle(config))
    rows = np.arange(5)[:, None] + np.zeros((5, len(NAMES)))
    assert model.regression.predict_proba(rows).argmax(axis=1).tolist() == [0, 1, 2, 3, 4]
    assert model.card.synthetic
    assert model.card.notice == config.notice
    assert model.card.trained_on.startswith(
        "Trained on 40 recordings of 8 speakers (machine-spoken"
    )


def test_ranges_are_the_quartiles_of_the_train_part(corpus):
    config, split, measures = corpus
    model = load_model(build_bundle(config))
    rows = (split["part"] == "train") & (split["level"] == "B1")
    expected = np.nanquantile(measures.loc[rows, "speech_rate"], [0.25, 0.5, 0.75])
    np.testing.assert_allclose(model.ranges["speech_rate"]["B1"], expected, atol=1e-4)


def test_the_test_part_changes_nothing(corpus, monkeypatch):
    config, split, measures = corpus
    before = [path.read_bytes() for path in sorted(build_bundle(config).iterdir())]
    spoiled = measures.copy()
    spoiled.loc[split["part"] == "test", NAMES] = 1e6
    monkeypatch.setattr(building, "measures_table", lambda config: spoiled)
    assert [path.read_bytes() for path in sorted(build_bundle(config).iterdir())] == before


def test_the_highest_levels_may_be_missing_but_no_lower_one():
    assert learnable(TARGET_LEVELS, {"A1", "A2", "B1"}) == ("A1", "A2", "B1")
    for present in ({"A1", "B1"}, {"A2", "B1"}, {"A1"}, set()):
        with pytest.raises(InputError, match="the train part has no recording of"):
            learnable(TARGET_LEVELS, present)


def test_a_corpus_without_a_model_is_a_remark_and_leaves_no_old_bundle(corpus):
    config, split, _ = corpus
    assert bundle_remarks(config) == []
    kept = split[(split["part"] != "train") | (split["level"] != "A2")]
    write_csv(stage_folder(config, "neural_networks") / "split.csv", kept)
    (remark,) = bundle_remarks(config)
    assert remark["id"] == "bundle"
    assert "no recording of A2" in remark["reason"]
    assert not (bundle_folder(config) / "config.json").exists()

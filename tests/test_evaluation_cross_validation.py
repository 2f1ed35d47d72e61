"""No voice is on two sides of a fold, every recording is answered once a repeat."""

import numpy as np
import pandas as pd
import pytest
from made_up import made_up_corpus
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score, mean_absolute_error
from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.errors import InputError
from spoken_cefr.evaluation import folds, retraining
from spoken_cefr.evaluation.cross_validation import (
    COLUMNS,
    cross_validation_table,
    perform_cross_validation,
    score_table,
)
from spoken_cefr.evaluation.folds import (
    SHORTCUTS,
    fold_variants,
    load_fold_source,
    shortcut_answers,
)
from spoken_cefr.evaluation.tables import Inputs, unit_table
from spoken_cefr.evaluation.writing import write_tables
from spoken_cefr.files import write_csv, write_json
from spoken_cefr.levels import TARGET_LEVELS, level_codes
from spoken_cefr.metadata import COLUMNS as CARD_COLUMNS
from spoken_cefr.neural_networks.experiments import RUNS
from spoken_cefr.paths import ROOT
from spoken_cefr.speakers import speaker_ids
from spoken_cefr.stages import stage_folder

N = 60
N_FOLDS, N_REPEATS, SEED = 3, 2, 42
FOLDING = {"n_folds": N_FOLDS, "n_repeats": N_REPEATS, "seed": SEED}
QUICK = (
    "evaluation.n_bootstrap=50",
    f"evaluation.n_cross_validation_repeats={N_REPEATS}",
    f"neural_networks.n_folds={N_FOLDS}",
    "neural_networks.epochs=2",
    f"seed={SEED}",
)
RUN_OF = {run.name: run for run in RUNS}


def runs_of(*names):
    """The override that names them."""
    return f"evaluation.cross_validated_runs={list(names)}"


def make_inputs(config, monkeypatch):
    """Measures tell the level, durations a part of it; one recording has a single segment."""
    segments, split = made_up_corpus(n=N)
    split = split.sort_values("recording_id", ignore_index=True)
    alone = segments["recording_id"].eq("9007") & segments["segment_id"].ne("9007_0000")
    segments = segments[~alone].reset_index(drop=True)
    codes = level_codes(split["level"])
    rng = np.random.default_rng(0)
    metadata = split[["recording_id", "level"]].assign(
        duration_s=np.exp(3 + 0.3 * codes + rng.normal(scale=0.5, size=N))
    )
    metadata = metadata.reindex(columns=list(CARD_COLUMNS))
    measures = pd.DataFrame(
        {"recording_id": split["recording_id"], "telling": codes + rng.normal(scale=0.1, size=N)}
    )
    of_segment = dict(zip(segments["segment_id"], rng.normal(size=(len(segments), 6)), strict=True))

    def raw(config, rows, noisy=False):
        embeddings = np.stack([of_segment[name] for name in rows["segment_id"]])
        return embeddings.astype(np.float32), np.cos(rows[["start_s"]].to_numpy() / 3)

    monkeypatch.setattr(folds, "raw_speech_embeddings", raw)
    monkeypatch.setattr(retraining, "load_measures", lambda config, run, rows: measures)
    write_json(stage_folder(config, "processing") / "report.json", {})
    write_csv(stage_folder(config, "neural_networks") / "split.csv", split)
    return Inputs(split, segments, metadata, unit_table(split, segments), TARGET_LEVELS)


@pytest.fixture
def corpus(demo_config, monkeypatch):
    """A config and inputs; call it with overrides."""

    def make(*overrides):
        config = demo_config(*QUICK, *overrides)
        return config, make_inputs(config, monkeypatch)

    return make


def perform(corpus, finished=tuple(RUN_OF)):
    config, inputs = corpus
    return perform_cross_validation(finished, inputs, config=config)


def written(corpus):
    """The bytes of the table."""
    config, _ = corpus
    folder = stage_folder(config, "evaluation")
    write_tables(folder, perform(corpus).tables)
    return (folder / "cross_validation.csv").read_bytes()


# --- folds


def recordings_of(path):
    """The usable recordings of a catalogue of the site."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows = rows.assign(speaker_id=speaker_ids(rows["Author"].tolist()))
    rows = rows.rename(columns={"Level": "level"}).query("level in @TARGET_LEVELS")
    ids = [f"{number:04}" for number in range(len(rows))]
    return rows[["speaker_id", "level"]].assign(recording_id=ids)


@pytest.mark.parametrize("where", ["demo", "real"])
def test_no_speaker_is_on_two_sides_of_any_fold_and_each_recording_is_tested_once(where, request):
    path = ROOT / "data" / "replica" / "catalogue.csv"
    if where == "real":
        shared = request.getfixturevalue("shared")
        path = shared / "data" / "audio_lingua_fr_2025-01.csv"
    recordings = recordings_of(path)
    repeats = fold_variants(recordings, TARGET_LEVELS, n_folds=5, n_repeats=3, seed=1)
    assert [len(variants) for variants in repeats] == [5, 5, 5]
    for variants in repeats:
        tested = []
        for variant in variants:
            split = variant.split
            assert sorted(split["recording_id"]) == sorted(recordings["recording_id"])
            speakers = split.groupby("part")["speaker_id"].agg(set)
            assert set(speakers.index) == {"train", "validation", "test"}
            assert not speakers["test"] & (speakers["train"] | speakers["validation"])
            assert not speakers["validation"] & speakers["train"]
            tested += split.loc[split["part"] == "test", "recording_id"].tolist()
        assert sorted(tested) == sorted(recordings["recording_id"])
    names = [variant.name for variants in repeats for variant in variants]
    assert len(set(names)) == 15


def test_what_is_taken_out_of_embeddings_is_learned_without_the_tested_recordings(
    corpus, monkeypatch
):
    config, inputs = corpus()
    split = fold_variants(inputs.split, TARGET_LEVELS, **FOLDING)[0][0].split
    parts = inputs.segments["recording_id"].map(split.set_index("recording_id")["part"])
    run = RUN_OF["attention_speech"]
    before = load_fold_source(config, inputs.segments, split, run, False).array
    raw = folds.raw_speech_embeddings
    tested = set(split.loc[split["part"] == "test", "recording_id"])

    def louder(config, rows, noisy=False):
        embeddings, places = raw(config, rows, noisy=noisy)
        return embeddings + 9 * rows["recording_id"].isin(tested).to_numpy()[:, None], places

    monkeypatch.setattr(folds, "raw_speech_embeddings", louder)
    after = load_fold_source(config, inputs.segments, split, run, False).array
    np.testing.assert_array_equal(before[parts == "train"], after[parts == "train"])
    assert (before[parts == "test"] != after[parts == "test"]).any()


# --- shortcuts


@pytest.mark.parametrize("name", SHORTCUTS)
def test_shortcuts_score_what_scikit_learn_s_own_cross_validation_does(name, corpus):
    _, inputs = made = corpus(runs_of("fusion"))
    scores = perform(made, finished=()).tables["cross_validation"].set_index("run").loc[name]
    model = {
        "majority": DummyClassifier(strategy="most_frequent"),
        "duration_only": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
    }[name]
    logs = np.log(inputs.metadata[["duration_s"]].to_numpy())
    codes = level_codes(inputs.split["level"])
    expected = []
    for repeat in range(N_REPEATS):
        cv = StratifiedGroupKFold(N_FOLDS, shuffle=True, random_state=SEED + repeat)
        told = cross_val_predict(model, logs, codes, groups=inputs.split["speaker_id"], cv=cv)
        kappa = cohen_kappa_score(codes, told, weights="quadratic")
        expected.append(
            (accuracy_score(codes, told), kappa, mean_absolute_error(codes, told)),
        )
    measures = ["accuracy", "quadratic_weighted_kappa", "mean_absolute_error"]
    np.testing.assert_allclose(scores[measures].astype(float), np.mean(expected, axis=0))
    assert (scores["n"], scores["n_speakers"], scores["n_left_out"]) == (N, N // 2, 0)


def test_a_shortcut_answers_the_tested_recordings_and_no_other(corpus):
    _, inputs = corpus()
    for fold in fold_variants(inputs.split, TARGET_LEVELS, **FOLDING)[0]:
        tested = fold.split.loc[fold.split["part"] == "test", "recording_id"]
        for told in shortcut_answers(fold, inputs).values():
            assert sorted(told["recording_id"]) == sorted(tested)


# --- runs


def test_measures_that_tell_the_level_beat_the_duration_on_all_speakers(corpus):
    found = perform(corpus(runs_of("ordinal_measures")))
    assert found.remarks == []
    table = found.tables["cross_validation"].set_index("run")
    assert list(table.index) == [*SHORTCUTS, "ordinal_measures"]
    row = table.loc["ordinal_measures"]
    assert (row["n"], row["n_speakers"], row["n_repeats"]) == (N, N // 2, N_REPEATS)
    assert row["quadratic_weighted_kappa"] > 0.9
    assert row["accuracy_difference_low"] > 0 > row["mean_absolute_error_difference_high"]
    for measure in ("accuracy", "quadratic_weighted_kappa", "mean_absolute_error"):
        expected = row[measure] - table.loc["duration_only", measure]
        assert row[f"{measure}_difference"] == pytest.approx(expected)
    assert np.isnan(table.loc["duration_only", "accuracy_difference"])


def test_every_recording_that_the_run_can_hear_is_answered_once_a_repeat(corpus, monkeypatch):
    given = []
    kept = folds.FoldTrainer.tested

    def tested(self, run, fold):
        given.append(kept(self, run, fold))
        return given[-1]

    monkeypatch.setattr(folds.FoldTrainer, "tested", tested)
    found = perform(corpus(runs_of("attention_speech", "attention_speech_crop")))
    counts = pd.concat(given)["recording_id"].value_counts()
    # A crop needs two segments, and 9007 has one.
    assert len(counts) == N
    assert counts["9007"] == N_REPEATS and counts.drop("9007").eq(2 * N_REPEATS).all()
    table = found.tables["cross_validation"].set_index("run")
    assert (table["n"] + table["n_left_out"] == N).all()
    assert table.loc["attention_speech_crop", "n_left_out"] == 1
    assert found.remarks == [
        {
            "id": "cross-validation: attention_speech_crop",
            "reason": "1 of 60 recordings leave it too little to hear: left out",
        }
    ]


def test_a_stopped_call_goes_on_where_it_was_and_gives_the_same_bytes(corpus, monkeypatch):
    made = corpus(runs_of("ordinal_measures", "attention_speech"))
    first = written(made)
    folder = stage_folder(made[0], "evaluation") / "cross_validated" / "attention_speech"
    lost = folder / "repeat_1_fold_2"
    (lost / "config.json").unlink()  # which comes last: the training was not done
    trained = []
    perform_run = retraining.perform_run

    def counted(run, config, *, folder, **options):
        trained.append(folder)
        return perform_run(run, config, folder=folder, **options)

    monkeypatch.setattr(retraining, "perform_run", counted)
    assert written(made) == first
    assert trained == [lost]


def test_a_run_that_fails_is_told_and_the_rest_go_on(corpus, monkeypatch):
    made = corpus(runs_of("ordinal_measures", "attention_speech"))

    def spoilt(config, run, rows):
        raise InputError("no measures here")

    monkeypatch.setattr(retraining, "load_measures", spoilt)
    found = perform(made)
    assert found.remarks == [
        {"id": "cross-validation: ordinal_measures", "reason": "repeat_0_fold_0: no measures here"}
    ]
    assert found.tables["cross_validation"]["run"].tolist() == [*SHORTCUTS, "attention_speech"]


def test_a_run_that_is_not_in_the_build_is_told(corpus):
    found = perform(corpus(runs_of("fusion", "ordinal_measures")), finished=["ordinal_measures"])
    (remark,) = found.remarks
    assert remark["id"] == "cross-validation: fusion"
    assert "no finished run of that name" in remark["reason"]
    assert "ordinal_measures" in set(found.tables["cross_validation"]["run"])


def test_an_empty_list_switches_it_off(corpus):
    config, _ = made = corpus(runs_of())
    found = perform(made)
    assert (found.tables, found.remarks) == ({}, [])
    shown = cross_validation_table(stage_folder(config, "evaluation"))
    assert shown.empty and "kappa" in shown


def test_a_name_that_no_run_has_is_one_clear_error(corpus):
    with pytest.raises(InputError, match=r"cross_validated_runs: there is no 'nothing'"):
        perform(corpus(runs_of("nothing")))


def test_too_few_speakers_are_a_remark(corpus):
    found = perform(corpus(runs_of("ordinal_measures"), "neural_networks.n_folds=31"))
    (remark,) = found.remarks
    assert found.tables == {} and "30 speakers cannot fill 31 folds" in remark["reason"]


def test_one_bar_tells_of_all_trainings(corpus, capfd):
    perform(corpus(runs_of("attention_speech")))
    told = capfd.readouterr().err
    assert "training/s" in told and "epoch/s" not in told
    assert "\n" not in told.strip()


# --- scores


def test_a_recording_that_one_repeat_leaves_out_is_not_scored(corpus):
    config, inputs = corpus()
    right = inputs.split[["recording_id"]].assign(predicted=inputs.split["level"])
    twice = pd.concat([right.assign(repeat=0), right.assign(repeat=1)])
    answers = {"duration_only": twice, "some": twice.iloc[:-1]}
    table = score_table(answers, inputs, n_folds=N_FOLDS, config=config).set_index("run")
    assert list(table.reset_index().columns) == list(COLUMNS)
    assert (table.loc["some", "n"], table.loc["some", "n_left_out"]) == (N - 1, 1)
    assert table.loc["some", "accuracy"] == 1 and table.loc["some", "accuracy_difference"] == 0


def test_an_answer_that_is_given_twice_is_refused(corpus):
    config, inputs = corpus()
    right = inputs.split[["recording_id"]].assign(predicted=inputs.split["level"], repeat=0)
    with pytest.raises(ValueError, match="duplicate"):
        score_table(
            {"duration_only": pd.concat([right, right])}, inputs, n_folds=N_FOLDS, config=config
        )


def test_the_table_to_look_at_shows_each_value_with_its_interval(corpus):
    config, _ = made = corpus(runs_of("ordinal_measures"))
    written(made)
    shown = cross_validation_table(stage_folder(config, "evaluation")).set_index("run")
    assert shown.loc["ordinal_measures", "recordings"] == N
    assert shown["kappa"].str.fullmatch(r"-?\d\.\d\d \[-?\d\.\d\d, -?\d\.\d\d\]").all()
    assert shown.loc["duration_only", "kappa - duration_only"] == "-"

"""The stage on made-up tables: what it writes, what it refuses, and that its counts add up."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation import run
from spoken_cefr.evaluation.reading import read_inputs, read_runs
from spoken_cefr.evaluation.scores.answers import all_answers
from spoken_cefr.evaluation.scores.differences import difference_table, exceeds_table
from spoken_cefr.evaluation.scores.intervals import Bootstrap
from spoken_cefr.evaluation.scores.results import read_results
from spoken_cefr.evaluation.shortcuts.baselines import BASELINES
from spoken_cefr.evaluation.stage import study_tables
from spoken_cefr.stages import Report, finish_stage, stage_folder
from spoken_cefr.store import read_json, write_csv, write_json, write_parquet

QUICK = ["evaluation.n_bootstrap=50", "evaluation.n_repeats=1", "evaluation.n_permutations=2"]
P = [f"p_{level}" for level in TARGET_LEVELS]
PARTS = ["train"] * 4 + ["validation"] * 2 + ["test"] * 2
N_SEEDS = 2


def make_split():
    """Eight speakers of three recordings each, two speakers a fold; no C1 anywhere."""
    rows = [
        (
            f"{100 + 3 * speaker + n}",
            f"s{speaker}",
            TARGET_LEVELS[(speaker + n) % 4],
            speaker // 2,
            part,
        )
        for speaker, part in enumerate(PARTS)
        for n in range(3)
    ]
    return pd.DataFrame(rows, columns=["recording_id", "speaker_id", "level", "fold", "part"])


def make_segments(split, *, per_recording=4):
    table = split.loc[split.index.repeat(per_recording), ["recording_id", "speaker_id", "level"]]
    number = np.tile(np.arange(per_recording), len(split))
    ids = [f"{r}_{n}" for r, n in zip(table["recording_id"], number, strict=True)]
    return table.assign(segment_id=ids, start_s=number * 0.5, end_s=number * 0.5 + 1, text="")


def make_predictions(split, segments, *, seed=0, skill=0.7, n_seeds=N_SEEDS):
    """Answers that are right with probability ``skill``, for recordings and segments.

    Of each seed every unit is tested once and validated on once.
    """
    columns = ["unit", "id", "recording_id", "speaker_id", "fold", "level"]
    recordings = split.assign(unit="recording", id=split["recording_id"])
    folds = split.set_index("recording_id")["fold"]
    of_segments = segments.assign(unit="segment", id=segments["segment_id"])
    of_segments["fold"] = of_segments["recording_id"].map(folds)
    tested = pd.concat([recordings[columns], of_segments[columns]], ignore_index=True)
    validated = tested.assign(fold=(tested["fold"] + 1) % 4, part="validation")
    both = [tested.assign(part="test"), validated]
    table = pd.concat([one.assign(seed=s) for s in range(n_seeds) for one in both])
    table = table.reset_index(drop=True)
    rng = np.random.default_rng(seed)
    guesses = rng.choice(TARGET_LEVELS[:4], len(table))
    table["predicted"] = np.where(rng.random(len(table)) < skill, table["level"], guesses)
    table[P] = [[0.6 if p == f"p_{answer}" else 0.1 for p in P] for answer in table["predicted"]]
    return table


def write_run(config, name, predictions):
    folder = stage_folder(config, "neural_networks") / name
    write_parquet(folder / "predictions.parquet", predictions)
    write_json(folder / "config.json", {"name": name, "description": f"the run {name}"})
    epochs = np.arange(1, 4)
    measures = ["train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]
    history = {"epoch": epochs} | dict.fromkeys([*measures, "validation_macro_f1"], 1 / epochs)
    trainings = [pd.DataFrame(history).assign(seed=0, fold=fold) for fold in range(4)]
    write_csv(folder / "history.csv", pd.concat(trainings))


def close_networks(config):
    """End the stage before ours as its own code does."""
    folder = stage_folder(config, "neural_networks")
    paths = sorted(folder.glob("*/predictions.parquet"))
    report = Report("neural_networks", "run", n_in=len(paths), n_out=len(paths))
    finish_stage(config, report, [folder / "split.csv", *paths])


def write_inputs(config, split):
    segments = make_segments(split)
    metadata = split[["recording_id", "level"]].assign(
        age_group=["adulte", "enfant", ""] * 8,
        duration_s=np.linspace(10, 60, len(split)),
        usable=True,
    )
    metadata = metadata.reindex(columns=list(COLUMNS))
    write_csv(stage_folder(config, "scraping") / "metadata.csv", metadata)
    write_parquet(stage_folder(config, "processing") / "segments.parquet", segments)
    write_csv(stage_folder(config, "neural_networks") / "split.csv", split)
    return segments


def make_corpus(config):
    """Split and segments of a corpus with the finished runs good and poor."""
    split = make_split()
    segments = write_inputs(config, split)
    write_run(config, "good", make_predictions(split, segments, skill=0.9))
    write_run(config, "poor", make_predictions(split, segments, skill=0.1))
    close_networks(config)
    return split, segments


def read_all_runs(config):
    """What the stage does with the folders of runs, without scoring them."""
    return read_runs(config, read_inputs(config))


@pytest.fixture
def corpus(demo_config):
    """A corpus of one's own, to spoil."""
    config = demo_config(*QUICK)
    return config, *make_corpus(config)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory):
    """A corpus on which the stage has run, with its report; it had stale files and a bad run."""
    data = tmp_path_factory.mktemp("data").as_posix()
    config = load_config("demo", [f'data_dir="{data}"', *QUICK])
    split, segments = make_corpus(config)
    write_run(config, "spoilt", _with("p_A1", np.nan)(make_predictions(split, segments)))
    close_networks(config)
    for old in ("confusion/old_segment.csv", "figures/confusion_old_segment.png"):
        path = stage_folder(config, "evaluation") / old
        path.parent.mkdir(parents=True)
        path.write_text("old")
    return config, run(config)


@pytest.fixture(scope="module")
def folder(evaluated):
    """What the stage has left of that corpus."""
    config, _ = evaluated
    return stage_folder(config, "evaluation")


def test_every_run_and_baseline_is_scored_in_both_units(evaluated, folder):
    _, report = evaluated
    results = read_results(folder)
    assert list(results["run"].unique()) == [*BASELINES, "good", "poor"]
    assert list(results["unit"]) == ["recording", "segment"] * 8
    assert list(results["n"]) == [24, 96] * 8
    assert set(results["n_speakers"]) == {8}
    assert (report.n_in, report.n_out) == (3, 2)
    assert report.dropped == [{"id": "spoilt", "reason": "a probability is not a number"}]
    scores = results.set_index(["run", "unit"])["accuracy"]
    assert scores["good", "segment"] > scores["poor", "segment"]


def test_every_recording_counts_and_what_learns_from_chance_has_a_spread(evaluated, folder):
    config, _ = evaluated
    results = read_results(folder).set_index(["run", "unit"])
    n_seeds = results["n_seeds"].unstack()["recording"].to_dict()
    drawn = config.neural_networks.n_seeds
    assert n_seeds == dict.fromkeys(BASELINES, 1) | {
        "stratified_random": drawn,
        "good": N_SEEDS,
        "poor": N_SEEDS,
    }
    low, high = (
        results.loc[("poor", "recording"), f"accuracy_seed_{end}"] for end in ("low", "high")
    )
    assert low < high
    assert low <= results.loc[("poor", "recording"), "accuracy"] <= high
    assert results.loc["majority", "accuracy_seed_low"].isna().all()
    # The mean of two seeds is in the middle of both.
    middle = results.loc[["good", "poor"], ["log_loss_seed_low", "log_loss_seed_high"]].mean(axis=1)
    np.testing.assert_allclose(results.loc[["good", "poor"], "log_loss"], middle)


def test_the_study_s_tables_can_be_those_of_its_own_split(evaluated):
    config, _ = evaluated
    inputs = read_inputs(config)
    runs, _, _ = read_all_runs(config)
    answers = all_answers({"table2_simple_128": runs["good"]}, TARGET_LEVELS)
    options = dataclasses.replace(config.evaluation, study_split=True)
    config = dataclasses.replace(config, evaluation=options)
    table = study_tables(answers, pd.DataFrame(), inputs, config=config)["study_networks"]
    (row,) = table[table["status"] == "run"].to_dict("records")
    assert (row["run"], row["n"], row["n_speakers"]) == ("table2_simple_128", 24, 2)


def test_the_document_says_the_same_as_the_table(evaluated, folder):
    config, _ = evaluated
    document = read_json(folder / "results.json")
    assert document["notice"] == config.notice != ""
    assert document["profile"] == "demo"
    assert document["counts"]["all"] == {
        "speakers": 8,
        "recordings": {"all": 24, "A1": 6, "A2": 6, "B1": 6, "B2": 6, "C1": 0},
        "segments": {"all": 96, "A1": 24, "A2": 24, "B1": 24, "B2": 24, "C1": 0},
    }
    assert document["counts"]["test"]["recordings"]["all"] == 6
    assert (document["n_folds"], document["n_seeds"]) == (4, config.neural_networks.n_seeds)
    assert document["runs"]["good"] == "the run good"
    # Always B1 is at most one level from A2, B1 and B2: 18 of 24.
    assert document["constant_answers"]["recording"]["B1"] == {
        "accuracy": 0.25,
        "within_one_level": 0.75,
        "mean_absolute_error": 1.0,
    }
    for row in read_results(folder).to_dict("records"):
        told = document["results"][row["run"]][row["unit"]]
        assert told["accuracy"]["value"] == row["accuracy"]
        assert told["macro_f1"]["high"] == row["macro_f1_high"]
        spread = told["macro_f1"]["seed_low"]
        assert spread == row["macro_f1_seed_low"] or spread is None


def test_confusion_tables_add_up_to_all_recordings(folder):
    results = read_results(folder)
    for row in results.itertuples():
        path = folder / "confusion" / f"{row.run}_{row.unit}.csv"
        table = pd.read_csv(path, index_col="level")
        assert list(table.index) == list(table.columns) == list(TARGET_LEVELS)
        assert table.to_numpy().sum() == pytest.approx(row.n)  # means over seeds
        assert np.trace(table) / row.n == pytest.approx(row.accuracy)


def test_per_class_intervals_are_wilson_s_and_those_over_speakers(folder):
    table = pd.read_csv(folder / "per_class.csv")
    assert len(table) == 8 * 2 * len(TARGET_LEVELS) * 2  # runs, units, levels, measures
    # Nobody speaks C1: its recall is unknown, an empty cell.
    nobody = table[(table["level"] == "C1") & (table["measure"] == "recall")]
    assert nobody[["value", "wilson_low", "low"]].isna().all(axis=None)
    # Of one seed the value is the share of the counts; of several, counts are means.
    known = table[table["run"].isin(["majority", "duration_only"])].dropna(subset="value")
    np.testing.assert_allclose(known["value"], known["n_right"] / known["n"])
    assert known["value"].between(known["wilson_low"], known["wilson_high"] + 1e-12).all()
    found = table[(table["measure"] == "recall") & (table["level"] != "C1")]
    np.testing.assert_allclose(found["value"], found["n_right"] / found["n"])


def test_differences_compare_each_run_with_each_baseline_and_the_runs_once(folder):
    table = pd.read_csv(folder / "differences.csv")
    assert len(table) == (2 * len(BASELINES) + 1) * 2 * 3  # pairs, units, measures
    scores = read_results(folder).set_index(["run", "unit"])["accuracy"]
    for row in table[table["metric"] == "accuracy"].itertuples():
        expected = scores[row.run, row.unit] - scores[row.other, row.unit]
        assert row.difference == pytest.approx(expected)
    assert (table["n_speakers"] == 8).all() and table["exceeds"].notna().all()
    exceeds = pd.read_csv(folder / "exceeds.csv")
    assert exceeds["n_shortcuts"].eq(len(BASELINES)).all()
    of_good = exceeds[(exceeds["run"] == "good") & (exceeds["metric"] == "accuracy")]
    assert of_good["exceeds_all"].all()


def answers_by(n_speakers):
    """Four recordings a speaker, two levels, and answers that are right or always A1."""
    n = 4 * n_speakers
    ids = [f"{i:03d}" for i in range(n)]
    truth = pd.DataFrame({"unit": "recording", "id": ids, "recording_id": ids, "part": "test"})
    truth["speaker_id"] = [f"s{i % n_speakers}" for i in range(n)]
    truth["level"] = ["A1", "B1"] * (n // 2)
    truth = truth.assign(**dict.fromkeys(P, 0.2))
    good = pd.concat([truth.assign(predicted=truth["level"], seed=seed) for seed in range(2)])
    constant = truth.assign(seed=0, predicted="A1")
    return all_answers({"good": good, "constant": constant, "same": good}, TARGET_LEVELS)


@pytest.mark.parametrize("n_speakers, told", [(8, True), (4, None)])
def test_only_with_enough_speakers_a_difference_above_zero_exceeds(n_speakers, told):
    table = difference_table(
        answers_by(n_speakers),
        ["good"],
        ["constant", "same"],
        Bootstrap(n_bootstrap=100, confidence=0.95, seed=0),
    )
    row = table[table["metric"] == "accuracy"].set_index("other").loc["constant"]
    assert (row["difference"], row["exceeds"]) == (0.5, told)
    summary = exceeds_table(table).set_index("metric").loc["accuracy"]
    if told:
        assert (summary["n_exceeded"], summary["not_exceeded"]) == (1, "same")
        assert not summary["exceeds_all"]
    else:
        assert summary["exceeds_all"] is None


def test_two_runs_that_answer_alike_agree_right_or_wrong(folder):
    table = pd.read_csv(folder / "agreement.csv")
    assert list(table["unit"]) == ["recording", "segment"]
    assert table["same_answer"].between(0, 1).all()
    assert (table["quadratic_weighted_kappa"] < 0.6).all()  # good and poor


def test_every_figure_is_written(folder):
    names = {path.stem for path in (folder / "figures").iterdir()}
    shown = ["majority", "duration_only", "all_metadata", "good"]
    confusion = {f"confusion_{name}_recording" for name in shown}
    overview = {"classes", "age", "data_balancing", "learning_curves"}
    overview |= {"audit", "learning_curve", "groups", "explanation_segments"}
    overview |= {"calibration_recording", "per_class_recording"}
    assert names == overview | {"scores_recording", "scores_segment"} | confusion


def test_the_audit_says_what_it_could_not_ask(evaluated, folder):
    _, report = evaluated
    remarks = {row["id"]: row["reason"] for row in report.remarks}
    assert "no probe of the sound" in remarks["audit"]
    document = read_json(folder / "audit.json")
    assert document["conclusive"] is True and document["facts"]["n_test_speakers"] == 8
    audit = pd.read_csv(folder / "audit.csv")
    assert set(audit["kind"]) == {"probe", "run"}
    assert set(audit.loc[audit["kind"] == "probe", "model"]) == {"duration"}


def test_mistakes_and_an_explained_recording_are_written_also_without_transcripts(folder):
    mistakes = pd.read_csv(folder / "mistakes.csv", dtype={"recording_id": str})
    assert (mistakes["level"] != mistakes["predicted"]).all()
    assert mistakes.groupby("run")["confidence"].apply(lambda c: c.is_monotonic_decreasing).all()
    explained = read_json(folder / "explanation.json")
    assert explained["run"] == "good"
    # Not that of the best run where all its segments give one answer.
    assert explained["segments_run"] in ("good", "poor")
    assert explained["level"] == explained["predicted"]
    assert len(explained["segments"]) == 4


@pytest.mark.slow
def test_a_second_run_has_nothing_to_do(evaluated, folder):
    config, report = evaluated
    path = folder / "results.csv"
    written = path.stat().st_mtime_ns
    assert run(config) == report
    assert path.stat().st_mtime_ns == written


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(evaluated, folder):
    config, _ = evaluated
    first = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    (folder / "report.json").unlink()
    run(config)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == first


def test_what_a_run_no_longer_there_left_is_removed(folder):
    assert not list(folder.rglob("*old*"))


def _with(column, value):
    """Spoils a table of predictions in its first row."""

    def spoil(table):
        table.loc[0, column] = value
        return table

    return spoil


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (_with("p_A1", np.nan), "not a number"),
        (_with("p_A1", 0.9), "add up to 1"),
        (_with("level", "B2"), "level disagrees"),
        (_with("speaker_id", "s9"), "speaker_id disagrees"),
        (_with("id", "999"), "a unit that the split does not hold"),
        (_with("predicted", "D1"), "not one of the levels"),
        (lambda table: table.assign(fold=(table["fold"] + 1) % 4), "was learned from"),
        (
            lambda table: table[(table["seed"] == 0) | (table["recording_id"] != "100")],
            "seeds answer different units",
        ),
        (lambda table: pd.concat([table, table[:1]]), "predicted twice"),
        (lambda table: table[table["part"] == "validation"], "tests nothing"),
    ],
)
def test_a_run_that_cannot_be_scored_is_dropped_with_the_reason(corpus, spoil, reason):
    config, split, segments = corpus
    write_run(config, "spoilt", spoil(make_predictions(split, segments)))
    close_networks(config)
    runs, dropped, _ = read_all_runs(config)
    (told,) = dropped
    assert told["id"] == "spoilt" and reason in told["reason"]
    assert list(runs) == ["good", "poor"]


def test_unfinished_unreadable_and_left_over_runs_are_dropped(corpus):
    config, split, segments = corpus
    folder = stage_folder(config, "neural_networks")
    for name in ("unfinished", "unreadable"):
        write_run(config, name, make_predictions(split, segments))
    (folder / "unreadable" / "predictions.parquet").write_bytes(b"not Parquet")
    close_networks(config)
    write_run(config, "left_over", make_predictions(split, segments))
    (folder / "unfinished" / "config.json").unlink()
    (folder / "embeddings").mkdir()  # no run's folder
    reasons = {row["id"]: row["reason"] for row in read_all_runs(config)[1]}
    assert set(reasons) == {"unfinished", "unreadable", "left_over"}
    assert reasons["unfinished"] == "unfinished: no config.json"
    assert reasons["unreadable"].startswith("predictions.parquet is damaged")
    assert reasons["left_over"] == "not among the finished runs of the last neural_networks call"


def test_a_run_of_one_unit_is_scored_on_it_and_its_gap_is_told(corpus):
    config, split, segments = corpus
    table = make_predictions(split, segments)
    write_run(config, "whole", table[table["unit"] == "recording"])
    close_networks(config)
    runs, _, remarks = read_all_runs(config)
    answers = all_answers({"whole": runs["whole"]}, TARGET_LEVELS)
    assert [(key, told.ids.size) for key, told in answers.items()] == [(("whole", "recording"), 24)]
    reason = "leaves 96 segments unpredicted"
    assert remarks == [{"id": "whole", "reason": reason}]


@pytest.mark.slow
def test_a_run_that_gives_all_segments_the_recording_s_answer_has_no_score_on_segments(corpus):
    config, split, segments = corpus
    table = make_predictions(split, segments)
    whole = table[table["unit"] == "recording"].drop(columns=["unit", "id"])
    keys = ["recording_id", "part", "seed"]
    copied = table[table["unit"] == "segment"][["unit", "id", *keys]].merge(whole, on=keys)
    write_run(config, "copied", pd.concat([table[table["unit"] == "recording"], copied]))
    close_networks(config)
    run(config)
    results = pd.read_csv(stage_folder(config, "evaluation") / "results.csv")
    units = results.groupby("run")["unit"].agg(sorted).to_dict()
    assert units["copied"] == ["recording"]
    assert units["good"] == units["majority"] == ["recording", "segment"]


@pytest.mark.slow
def test_with_merged_levels_every_table_has_the_merged_class(demo_config):
    config = demo_config(*QUICK, 'neural_networks.rare_levels="merge"')
    split = make_split()
    segments = write_inputs(config, split)
    table = make_predictions(split, segments, skill=0.5).rename(columns={"p_B2": "p_B2+"})
    table = table.replace({"level": {"B2": "B2+"}, "predicted": {"B2": "B2+"}})
    columns = ["p_A1", "p_A2", "p_B1", "p_B2+"]
    table = table.drop(columns="p_C1")
    table[columns] = table[columns].div(table[columns].sum(axis=1), axis=0)
    write_csv(
        stage_folder(config, "neural_networks") / "split.csv",
        split.replace({"level": {"B2": "B2+"}}),
    )
    write_run(config, "merged", table)
    close_networks(config)
    report = run(config)
    folder = stage_folder(config, "evaluation")
    assert report.figures["runs"] == ["merged"]
    assert set(pd.read_csv(folder / "per_class.csv")["level"]) == {"A1", "A2", "B1", "B2+"}
    assert read_json(folder / "results.json")["levels"] == ["A1", "A2", "B1", "B2+"]
    counts = pd.read_csv(folder / "confusion" / "merged_recording.csv", index_col="level")
    assert counts.loc["B2+"].sum() == pytest.approx(6)


def test_a_speaker_in_two_parts_stops_the_stage(corpus):
    config, split, _ = corpus
    write_inputs(config, split.assign(speaker_id=split["speaker_id"].replace("s7", "s0")))
    with pytest.raises(InputError, match="more than one fold"):
        run(config)
    assert not stage_folder(config, "evaluation").exists()

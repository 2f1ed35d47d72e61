"""The audit on made-up corpora whose answer is known: what is hidden in them, it must find."""

import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA
from sklearn.metrics import cohen_kappa_score
from sklearn.neighbors import NearestCentroid
from sklearn.preprocessing import StandardScaler

from spoken_cefr.corpus.cards import duration_class
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.reading import Inputs
from spoken_cefr.evaluation.scores.answers import all_answers, ranked_runs
from spoken_cefr.evaluation.scores.groups import group_table
from spoken_cefr.evaluation.scores.intervals import Bootstrap
from spoken_cefr.evaluation.shortcuts.audit import (
    audit_targets,
    cards_of,
    learning_curve,
    probe_table,
    run_table,
    train_sizes,
)
from spoken_cefr.evaluation.shortcuts.probes import (
    Target,
    answers_to,
    components,
    cross_validation,
    permuted_codes,
    permuted_kappas,
    permuted_rows,
    question,
    usable_folds,
)
from spoken_cefr.evaluation.shortcuts.rows import (
    PERMUTED,
    SILENCE,
    WITHIN,
    marks_of,
    within_strata,
)
from spoken_cefr.evaluation.shortcuts.vectors import (
    frame_times_s,
    inner_frames,
    sound_vectors,
    speech_vectors,
    statistics,
)
from spoken_cefr.evaluation.shortcuts.verdict import verdict
from spoken_cefr.figures.audit import draw_audit, draw_learning_curve
from spoken_cefr.figures.style import png_bytes

N_SPEAKERS, PER_SPEAKER = 20, 6
N = N_SPEAKERS * PER_SPEAKER
BOOTSTRAP = Bootstrap(n_bootstrap=60, confidence=0.95, seed=0)


@pytest.fixture
def config(demo_config):
    return demo_config(
        "evaluation.n_bootstrap=60", "evaluation.n_repeats=2", "evaluation.n_permutations=20"
    )


@pytest.fixture
def speakers():
    names = np.repeat([f"s{n:02d}" for n in range(N_SPEAKERS)], PER_SPEAKER)
    return pd.Series(names, index=[f"r{n:03d}" for n in range(N)])


@pytest.fixture
def level(speakers):
    """Every speaker has recordings of three levels."""
    codes = np.tile([0, 1, 2], N // 3)
    return Target(pd.Series(codes, index=speakers.index), ("A1", "A2", "B1"))


def noisy(codes, *, n_features=40, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    values = np.asarray(codes)[:, None] + noise * rng.standard_normal((N, n_features))
    return pd.DataFrame(values, index=[f"r{n:03d}" for n in range(N)])


# --- probes


def test_a_probe_finds_what_is_in_the_vectors_and_nothing_in_noise(config, speakers, level):
    vectors = {"mel": noisy(level.codes), "mel_silence": noisy(np.zeros(N), seed=2)}
    classes = pd.Series(np.tile(["short", "long"], N // 2), index=speakers.index)
    table, remarks = probe_table(vectors, {"level": level}, speakers, classes, config=config)
    whole, within = (table[(table["condition"] == WITHIN) == inside] for inside in (False, True))
    assert within["model"].tolist() == list(vectors) and within["p_value"].isna().all()
    found = whole.set_index("model")
    assert found.loc["mel", "kappa"] > 0.8 > 0.3 > found.loc["mel_silence", "kappa"]
    assert found.loc["mel", "p_value"] == pytest.approx(1 / 21)
    assert found.loc["mel_silence", "p_value"] > 0.05
    assert found.loc["mel", "chance"] == pytest.approx(1 / 3)
    assert found.loc["mel_silence", "condition"] == "silence only"
    assert remarks == []
    for audit in (table, table.iloc[:0]):
        assert png_bytes(draw_audit(audit, marks_of(audit))).startswith(b"\x89PNG")


def test_no_speaker_is_answered_by_a_model_that_heard_them(speakers):
    """Labels that only the speaker's own other recordings could tell are answered by chance."""
    rng = np.random.default_rng(5)
    of_speaker = pd.Series(rng.integers(0, 2, N_SPEAKERS), index=speakers.unique())
    target = Target(speakers.map(of_speaker), ("no", "yes"))
    signature = rng.standard_normal((N_SPEAKERS, 40))[speakers.factorize()[0]]
    vectors = pd.DataFrame(signature, index=speakers.index)
    asked = question(vectors, target, speakers)
    repeats = cross_validation(asked, n_repeats=3, n_folds=5, seed=1)
    for folds in repeats:
        assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(N))
        for fold in folds:
            assert not set(asked.speakers[fold.train]) & set(asked.speakers[fold.test])
    (given,) = answers_to(repeats, asked.codes[None], n_classes=2)
    assert (given == asked.codes).mean() < 0.75


def test_what_is_unknown_is_left_out_and_counted(speakers, level):
    known = Target(level.codes.iloc[5:], level.classes)
    asked = question(noisy(level.codes).iloc[:-3], known, speakers)
    assert (asked.codes.size, asked.n_dropped) == (N - 8, 8)
    assert list(asked.recording_ids) == sorted(asked.recording_ids)


def nearest_mean(train, codes, rows):
    """Refit by scikit-learn: the nearest class mean by a covariance with a ridge."""
    scaled = StandardScaler().fit(train)
    z = scaled.transform(train)
    covariance = z.T @ z / len(z)
    ridge = np.trace(covariance) / len(z) * np.eye(len(covariance))
    root = np.linalg.cholesky(np.linalg.inv(covariance + ridge))
    model = NearestCentroid().fit(z @ root, codes)
    return model.predict(scaled.transform(rows) @ root)


@pytest.mark.parametrize("n_features", [1, 20, 30])
def test_answers_and_permutations_by_a_product_are_those_of_refitting(speakers, level, n_features):
    vectors = noisy(level.codes, n_features=n_features, noise=2.0)
    few = speakers.iloc[: 5 * PER_SPEAKER]  # 24 rows to train on: fewer or more than features
    asked = question(vectors, level, few)
    repeats = cross_validation(asked, n_repeats=2, n_folds=5, seed=3)
    rows = permuted_rows(asked.speakers, n_permutations=4, seed=[5])
    sets = np.vstack([asked.codes, asked.codes[rows]])
    given = answers_to(repeats, sets, n_classes=3)
    for codes, of_set in zip(sets, given, strict=True):
        for folds, of_repeat in zip(repeats, of_set, strict=True):
            for train, test, *_ in folds:
                expected = nearest_mean(asked.values[train], codes[train], asked.values[test])
                np.testing.assert_array_equal(of_repeat[test], expected)


def test_the_kappa_of_a_permutation_is_the_mean_over_the_repeats(speakers, level):
    asked = question(noisy(level.codes), level, speakers)
    repeats = cross_validation(asked, n_repeats=3, n_folds=5, seed=1)
    kappas = permuted_kappas(repeats, asked, n_classes=3, n_permutations=250, seed=1)
    sets = asked.codes[permuted_rows(asked.speakers, n_permutations=250, seed=[1, 1])]
    for number in (0, 100, 249):
        (given,) = answers_to(repeats, sets[[number]], n_classes=3)
        each = [cohen_kappa_score(sets[number], one, weights="quadratic") for one in given]
        assert kappas[number] == pytest.approx(np.mean(each))
    assert permuted_kappas(repeats, asked, n_classes=3, n_permutations=0, seed=1).size == 0


@pytest.mark.parametrize("n_rows", [40, 80])
def test_components_are_principal_ones_for_more_and_for_fewer_rows_than_features(n_rows):
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((n_rows, 60)) * np.linspace(1, 3, 60)
    others = rng.standard_normal((7, 60))
    trained, tested = components(rows, others)
    scaled = StandardScaler().fit(rows)
    pca = PCA(32, svd_solver="full").fit(scaled.transform(rows))
    variances = pca.explained_variance_ * (n_rows - 1) / n_rows
    spread = np.sqrt(variances + variances.sum() / n_rows)
    for made, given in ((trained, rows), (tested, others)):
        expected = pca.transform(scaled.transform(given)) / spread
        # The order and the sign of components are arbitrary.
        np.testing.assert_allclose(made @ made.T, expected @ expected.T, atol=1e-8)


def test_missing_values_are_medians_and_constant_features_tell_nothing():
    train = np.array([[1.0, np.nan, 5], [2, np.nan, 5], [6, np.nan, 5]])
    rows = np.array([[np.nan, np.nan, 7], [2, 3, 5]])
    trained, tested = components(train, rows)
    weights = tested @ trained.T  # all that answers depend on
    np.testing.assert_allclose(weights[0], weights[1], atol=1e-12)
    trained, _ = components(np.ones((4, 2)), np.ones((1, 2)))
    np.testing.assert_array_equal(trained, 0)


def test_folds_look_at_no_label(speakers, level):
    asked = question(noisy(level.codes), level, speakers)
    other = asked._replace(codes=asked.codes[::-1])
    for one, two in zip(
        *(cross_validation(q, n_repeats=2, n_folds=5, seed=1) for q in (asked, other)), strict=True
    ):
        for a, b in zip(one, two, strict=True):
            np.testing.assert_array_equal(a.test, b.test)


def test_a_common_class_is_not_preferred_and_the_lowest_of_equal_ones_is_answered(speakers):
    """Nothing to be read at all: rare and common classes are equally near."""
    codes = np.where(np.arange(N) % 3 == 0, 1, 2)  # no 0: what no model was trained on is no answer
    target = Target(pd.Series(codes, index=speakers.index), ("a", "b", "c"))
    asked = question(noisy(np.zeros(N), noise=0.0), target, speakers)
    repeats = cross_validation(asked, n_repeats=1, n_folds=5, seed=1)
    assert (answers_to(repeats, asked.codes[None], n_classes=3) == 1).all()


def test_permuted_labels_stay_with_their_speaker(speakers):
    of_speaker = np.arange(N_SPEAKERS)[speakers.factorize()[0]]
    permuted = permuted_codes(of_speaker, speakers.to_numpy(), seed=[1, 2])
    assert (pd.Series(permuted).groupby(speakers.to_numpy()).nunique() == 1).all()
    assert sorted(set(permuted)) == list(range(N_SPEAKERS))
    assert (permuted != of_speaker).any()


@pytest.mark.parametrize("n_speakers, n_classes", [(1, 3), (5, 1), (0, 0)])
def test_too_little_to_ask_is_a_remark(config, speakers, level, n_speakers, n_classes):
    chosen = speakers[speakers.isin(speakers.unique()[:n_speakers])]
    codes = level.codes.loc[chosen.index]
    target = Target(codes[codes < n_classes], level.classes)
    assert usable_folds(question(noisy(level.codes), target, chosen)) == 0
    table, remarks = probe_table(
        {"mel": noisy(level.codes)}, {"level": target}, chosen, chosen, config=config
    )
    assert table.empty and remarks[0]["id"] == "mel -> level"


def test_within_strata_an_answer_by_stratum_alone_is_worth_nothing(config, speakers):
    """Length tells the level here; among recordings of one length it tells nothing."""
    rng = np.random.default_rng(3)
    strata = np.where(rng.random(N) < 0.5, "short", "long")
    truth = np.where(strata == "short", rng.integers(0, 2, N), rng.integers(2, 4, N))
    by_length = np.where(strata == "short", 0, 3)
    told = within_strata(
        truth, by_length[None], speakers.to_numpy(), strata, BOOTSTRAP, n_classes=4
    )
    assert cohen_kappa_score(truth, by_length, weights="quadratic") > 0.7
    assert told["kappa"].value == 0
    perfect = within_strata(truth, truth[None], speakers.to_numpy(), strata, BOOTSTRAP, n_classes=4)
    assert perfect["kappa"] == (1, 1, 1)
    guessed = np.where(rng.random(N) < 0.7, truth, 3 - truth)
    told = within_strata(truth, guessed[None], speakers.to_numpy(), strata, BOOTSTRAP, n_classes=4)
    each = [
        cohen_kappa_score(truth[strata == s], guessed[strata == s], weights="quadratic")
        for s in ("short", "long")
    ]
    counts = [(strata == s).sum() for s in ("short", "long")]
    assert told["kappa"].value == pytest.approx(np.average(each, weights=counts))


# --- vectors


def test_with_half_overlap_every_moment_is_in_the_middle_of_one_segment():
    hop_s, n_frames = 512 / 16000, 32
    inner = inner_frames(n_frames=n_frames, hop_s=hop_s, segment_s=1.0)
    times = frame_times_s(np.array([0.0, 0.5, 1.0]), n_frames=n_frames, hop_s=hop_s)[:, inner]
    gaps = np.diff(np.sort(times.ravel()))
    assert gaps.max() < 1.6 * hop_s


def test_statistics_are_those_of_the_chosen_frames_only():
    rng = np.random.default_rng(0)
    log_mel = rng.standard_normal((4, 6, 8))
    chosen = rng.random((4, 8)) < 0.5
    frames = np.array([log_mel[s, :, f] for s in range(4) for f in range(8) if chosen[s, f]])
    np.testing.assert_allclose(
        statistics(log_mel, chosen), np.concatenate([frames.mean(axis=0), frames.std(axis=0)])
    )
    assert statistics(log_mel, np.zeros((4, 8), dtype=bool)) is None


def test_silence_is_heard_inside_the_pauses_only_and_the_crop_in_the_middle():
    """Speech at 0 dB, the pauses before, between and after two words at -60 dB but for 0.1 s at
    either end, where the words still sound; a second recording is short."""
    hop_s = 512 / 16000
    starts = np.arange(0, 19.5, 0.5)
    segments = pd.DataFrame(
        {"recording_id": "a", "start_s": starts, "end_s": starts + 1, "text": "mot"}
    )
    short = pd.DataFrame({"recording_id": ["b"], "start_s": [0.0], "end_s": [1.0], "text": ["x"]})
    segments = pd.concat([segments, short], ignore_index=True)
    times = frame_times_s(segments["start_s"].to_numpy(), n_frames=32, hop_s=hop_s)
    pauses = [(-1, 2), (9, 11), (18, 21)]
    quiet = np.any([(times >= a + 0.1) & (times <= b - 0.1) for a, b in pauses], axis=0)
    log_mel = np.where(quiet, -60.0, 0.0)[:, None, :].repeat(4, axis=1)
    words = pd.DataFrame(
        {"recording_id": ["a", "a", "b"], "start_s": [2, 11, 0], "end_s": [9, 18, 1.0]}
    )
    found = sound_vectors(log_mel, segments, words, hop_s=hop_s, segment_s=1.0)
    np.testing.assert_allclose(found["mel_silence"].loc["a"], [-60] * 4 + [0] * 4)
    assert list(found["mel"].index) == ["a", "b"]
    assert list(found["mel_silence"].index) == list(found["mel_crop"].index) == ["a"]
    # 1.8 of the 15 s in the middle are quiet; 5.1 of 19.5 s, since no segment has its middle in
    # the first and the last quarter of a second.
    assert found["mel_crop"].loc["a", 0] == pytest.approx(-60 * 1.8 / 15, abs=0.5)
    assert found["mel"].loc["a", 0] == pytest.approx(-60 * 5.1 / 19.5, abs=0.5)


def test_speech_embeddings_are_averaged_over_recordings_and_crops():
    starts = np.arange(0, 20.0)
    long = pd.DataFrame({"recording_id": "1", "start_s": starts, "end_s": starts + 1})
    short = pd.DataFrame({"recording_id": ["2"], "start_s": [0.0], "end_s": [1.0]})
    segments = pd.concat([long, short], ignore_index=True)
    embedded = np.column_stack([np.append(starts, 7), np.ones(21)])
    found = speech_vectors(embedded, segments)
    assert found["speech"].loc["1"].tolist() == [9.5, 1]
    assert found["speech"].loc["2"].tolist() == [7, 1]
    # The middles from 2.5 to 17.5 s: segments 2 to 16.
    assert found["speech_crop"].loc["1"].tolist() == [9, 1]
    assert list(found["speech_crop"].index) == ["1"]


# --- targets


def test_targets_leave_out_what_a_card_does_not_say_or_says_twice():
    split = pd.DataFrame(
        {
            "recording_id": ["a", "b", "c", "d"],
            "speaker_id": list("wxyz"),
            "level": ["A1", "A2", "B1", "B1"],
            "part": "train",
        }
    )
    metadata = pd.DataFrame(
        {
            "recording_id": ["a", "b", "c", "d"],
            "age_group": ["enfant", "adulte, enfant", np.nan, "seniors"],
            "gender": ["féminin", "masculin", "", "féminin, masculin"],
            "duration_class": ["", "30-60 secondes", np.nan, ""],
            "duration_s": [12.0, 40.0, 200.0, np.nan],
            "date": ["2009-01-01", "2012-01-01", "2019-05-01", ""],
        }
    )
    cards = cards_of(Inputs(split, pd.DataFrame(), metadata, pd.DataFrame(), TARGET_LEVELS))
    assert list(cards["duration_class"]) == ["0-30 secondes", "30-60 secondes", ">180 secondes", ""]
    targets = audit_targets(cards, TARGET_LEVELS)
    assert targets["age_group"].codes.to_dict() == {"a": 0, "d": 3}
    assert targets["gender"].codes.to_dict() == {"a": 0, "b": 1}
    assert targets["year"].codes.to_dict() == {"a": 0, "b": 1, "c": 2}
    assert targets["year"].classes == ("2009-2009", "2012-2012", "2019-2019")
    assert list(targets["level"].codes) == [0, 1, 2, 2]


def test_duration_classes_are_those_of_the_site():
    told = [duration_class(s).partition(" ")[0] for s in (30, 30.1, 90, 180, 181)]
    assert told == ["0-30", "30-60", "60-90", "120-180", ">180"]


# --- runs


def predictions_of(truth, answered, speakers, part="test"):
    table = pd.DataFrame(
        {
            "unit": "recording",
            "id": speakers.index,
            "recording_id": speakers.index,
            "speaker_id": speakers.to_numpy(),
            "part": part,
            "level": np.asarray(TARGET_LEVELS)[truth],
            "predicted": np.asarray(TARGET_LEVELS)[answered],
            "seed": 0,
        }
    )
    return table.assign(**dict.fromkeys([f"p_{level}" for level in TARGET_LEVELS], 0.2))


def test_groups_are_compared_with_the_rest(config, speakers):
    truth = np.tile([0, 1, 2], N // 3)
    women = np.arange(N) % 2 == 0
    predictions = predictions_of(truth, np.where(women, truth, (truth + 1) % 3), speakers)
    cards = pd.DataFrame(
        {
            "gender": np.where(women, "féminin", "masculin"),
            "age_group": "adulte",
            "duration_class": ["0-30 secondes"] * 6 + [""] * (N - 6),
        },
        index=speakers.index,
    )
    answers = all_answers({"run": predictions}, TARGET_LEVELS)
    table = group_table(answers, ["run"], cards, BOOTSTRAP, levels=TARGET_LEVELS)
    told = table[table["metric"] == "accuracy"].set_index(["grouping", "group"])
    assert told.loc[("gender", "féminin"), ["value", "difference"]].tolist() == [1, 1]
    assert told.loc[("gender", "masculin"), "difference"] == -1
    assert told.loc[("gender", "féminin"), "differs"] is True
    # All are adults: nobody is left to compare with. One speaker in a class: nothing is told.
    assert np.isnan(told.loc[("age_group", "adulte"), "difference"])
    assert told.loc[("duration_class", "0-30 secondes"), "differs"] is None
    assert told.loc[("duration_class", "unknown"), "n"] == N - 6


def test_runs_are_ranked_by_validation_and_not_by_test(speakers):
    truth = np.tile([0, 1, 2], N // 3)
    wrong = (truth + 1) % 3

    def answering(tested, validated):
        of_validation = predictions_of(truth, validated, speakers, "validation")
        return pd.concat([predictions_of(truth, tested, speakers), of_validation])

    silent = predictions_of(truth, truth, speakers)
    runs = {
        "silent": silent,
        "flattered": answering(truth, wrong),
        "honest": answering(wrong, truth),
    }
    assert ranked_runs(runs, levels=TARGET_LEVELS) == ["honest", "flattered", "silent"]


# --- the paragraph


def made_up_verdict(
    config, speakers, *, by_length=False, exceeds=True, p_value=0.5, n_test=20, again=(), name="net"
):
    truth = np.tile([0, 2], N // 2)
    lengths = pd.Series(np.where(truth == 0, "short", "long"), index=speakers.index)
    if not by_length:
        lengths[:] = np.tile(["short", "short", "long", "long"], N // 4)
    answers = all_answers({name: predictions_of(truth, truth, speakers)}, TARGET_LEVELS)
    table = run_table(answers, [name], lengths, BOOTSTRAP, n_classes=5)
    silence = {"kind": "probe", "model": "mel_silence", "condition": SILENCE}
    silence |= {"target": "level", "kappa": 0.2, "kappa_low": 0.1, "kappa_high": 0.3}
    silence |= {"p_value": p_value, "permuted_kappa_high": 0.1}
    told = {"run": name, "unit": "recording", "metric": "quadratic_weighted_kappa"}
    told |= {"exceeds_all": exceeds, "not_exceeded": "" if exceeds else "duration_only"}
    more = [{"kind": "run", "model": name, "target": "level"} | row for row in again]
    audit = pd.concat([table, pd.DataFrame([silence, *more])], ignore_index=True)
    exceeds = pd.DataFrame([told])
    return verdict(audit, exceeds, run=name, n_test_speakers=n_test, config=config)


BY_SILENCE = {"condition": SILENCE, "kappa": 0.4, "kappa_low": 0.2, "kappa_high": 0.6}


@pytest.mark.parametrize(
    "options, conclusion",
    [
        ({}, "nothing points to the microphone"),
        ({"again": [BY_SILENCE | {"kappa_low": -0.1}]}, "nothing points to the microphone"),
        ({"p_value": 0.04}, "the microphone is not ruled out"),
        ({"p_value": None}, "the microphone is not ruled out"),
        ({"again": [BY_SILENCE]}, "the microphone is not ruled out"),
        ({"exceeds": False}, "not shown to hear more"),
        ({"by_length": True}, "not shown to hear more"),
        ({"name": "ordinal_measures", "p_value": 0.04}, "only through words misheard"),
        ({"name": "ordinal_measures", "by_length": True}, "not shown to read more than length"),
    ],
)
def test_the_paragraph_concludes_no_more_than_its_facts(config, speakers, options, conclusion):
    found = made_up_verdict(config, speakers, **options)
    assert found["conclusive"]
    assert conclusion in found["conclusion"]
    assert found["verdict"].startswith(found["conclusion"])
    assert config.notice in found["verdict"] and config.notice not in found["conclusion"]


def test_the_facts_are_those_of_the_audit(config, speakers):
    by_chance = {"condition": PERMUTED, "kappa": 0.0, "kappa_low": -0.2, "kappa_high": 0.25}
    age = {"condition": "whole recording", "target": "age_group", "kappa": 0.3}
    found = made_up_verdict(config, speakers, exceeds=False, again=[BY_SILENCE, by_chance, age])
    told, facts = found["verdict"], found["facts"]
    # The network as it is stays the one that is asked about.
    kappas = {name: row["kappa"] for name, row in facts.items() if isinstance(row, dict)}
    assert kappas == {
        "run_whole": 1,
        "run_within": 1,
        "run_silence": 0.4,
        "run_permuted": 0,
        "run_age": 0.3,
        "probe_silence": 0.2,
    }
    assert facts["run_gender"] is None and facts["not_exceeded"] == "duration_only"
    assert all(told_kappa in told for told_kappa in ("0.40 [0.20, 0.60]", "0.20 [0.10, 0.30]"))


@pytest.mark.parametrize("high, said", [(-0.1, True), (0.1, False)])
def test_a_kappa_below_zero_is_not_taken_for_knowledge(config, speakers, high, said):
    gender = {"condition": "whole recording", "target": "gender", "kappa": -0.4}
    gender |= {"kappa_low": -0.6, "kappa_high": high}
    found = made_up_verdict(config, speakers, again=[gender])
    assert ("below zero as a whole is no knowledge" in found["verdict"]) is said


def test_few_test_speakers_let_nothing_be_concluded(config, speakers):
    found = made_up_verdict(config, speakers, n_test=3)
    assert not found["conclusive"]
    assert "3 speakers" in found["verdict"] and config.notice in found["verdict"]
    assert "hears" not in found["verdict"]


# --- learning curve


def test_more_speakers_help_where_there_is_something_to_learn(config, speakers, level):
    curve = learning_curve({"mel": noisy(level.codes, noise=3.0)}, level, speakers, config=config)
    assert list(curve["n_train_speakers"]) == train_sizes(16) == [2, 3, 6, 10, 16]
    kappa = curve["quadratic_weighted_kappa"]
    assert kappa.iloc[-1] > kappa.iloc[0]
    for drawn in (curve, curve.iloc[:0]):
        assert png_bytes(draw_learning_curve(drawn)).startswith(b"\x89PNG")

"""Networks trained again on made-up corpora: what is hidden in them is found, and nothing else."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import soundfile
from made_up import made_up_corpus

from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import Inputs, unit_table
from spoken_cefr.evaluation.scores.answers import all_answers, answers_of
from spoken_cefr.evaluation.shortcuts import retraining
from spoken_cefr.evaluation.shortcuts.probes import Target
from spoken_cefr.evaluation.shortcuts.retraining import (
    CURVE_SHARES,
    NO_PART,
    all_variants,
    audited_runs,
    leave_speakers_out,
    left_out_remarks,
    perform_retraining,
    permute_speakers,
    plan_trainings,
)
from spoken_cefr.evaluation.shortcuts.rows import PERMUTED
from spoken_cefr.evaluation.shortcuts.silence import FADE_S, joined, silent_corpus, silent_parts_s
from spoken_cefr.neural_networks import out_of_fold
from spoken_cefr.neural_networks.inputs import Source
from spoken_cefr.neural_networks.out_of_fold import (
    SEGMENT_COLUMNS,
    Heard,
    joined_table,
    train_all,
)
from spoken_cefr.neural_networks.runs import RUNS
from spoken_cefr.processing.segments import segment_table
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import write_csv, write_json, write_parquet

RATE = 16_000
QUICK = (
    "evaluation.n_bootstrap=50",
    "evaluation.n_permuted_trainings=1",
    "neural_networks.n_seeds=1",
)
RUN_OF = {run.name: run for run in RUNS}
N = 60
PARTS = np.array(["train"] * 36 + ["validation"] * 12 + ["test"] * 12)
FOLDS = np.repeat([0, 1, 2, 3, 4], 12)


def split_of(n=N):
    """Two recordings a speaker, every level in every fold."""
    return pd.DataFrame(
        {
            "recording_id": [f"{9000 + i}" for i in range(n)],
            "speaker_id": [f"spk_{i // 2}" for i in range(n)],
            "level": np.resize(TARGET_LEVELS, n),
            "fold": FOLDS,
            "part": PARTS,
        }
    )


# --- silence


def test_joined_parts_are_the_signal_away_from_the_joints():
    signal = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    parts_s = np.array([[0.1, 0.3], [0.5, 0.9]])
    found = joined(signal, parts_s, sample_rate=RATE)
    fade = round(FADE_S * RATE)
    first, second = signal[1600:4800], signal[8000:14400]
    assert len(found) == len(first) + len(second) - fade
    np.testing.assert_array_equal(found[: len(first) - fade], first[:-fade])
    np.testing.assert_array_equal(found[len(first) :], second[fade:])


def test_a_joint_of_two_equal_levels_is_not_heard():
    found = joined(np.ones(RATE, np.float32), np.array([[0, 0.2], [0.4, 0.6]]), sample_rate=RATE)
    np.testing.assert_allclose(found, 1, atol=1e-6)


def test_silent_parts_keep_away_from_words_and_leave_out_what_is_too_short():
    parts_s = silent_parts_s(np.array([1.0, 1.8]), np.array([1.5, 3.0]), 3.1)
    np.testing.assert_allclose(parts_s, [[0.1, 0.9], [1.6, 1.7]])


@pytest.fixture
def spoken(demo_config):
    """Words are loud at 3 kHz, the room hums at 500 Hz; one recording has hardly a pause."""
    config = demo_config("processing.overlap=0.5")
    hum = 0.01 * np.sin(2 * np.pi * 500 * np.arange(4 * RATE) / RATE)
    voice = np.sin(2 * np.pi * 3000 * np.arange(4 * RATE) / RATE)
    times_s = np.arange(4 * RATE) / RATE
    spans_s = {"paused": [(1.0, 2.0), (3.0, 3.5)], "breathless": [(0.0, 3.9)]}
    rows, words = [], []
    for name, spans in spans_s.items():
        spoken_now = sum((times_s >= a) & (times_s < b) for a, b in spans).astype(bool)
        path = stage_folder(config, "scraping") / "audio" / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.where(spoken_now, voice, hum), RATE)
        rows.append((name, "s", "A1", 4 * RATE))
        words += [(name, "mot", a, b) for a, b in spans]
    words = pd.DataFrame(words, columns=["recording_id", "word", "start_s", "end_s"])
    write_parquet(stage_folder(config, "processing") / "words.parquet", words)
    recordings = pd.DataFrame(rows, columns=["recording_id", "speaker_id", "level", "n_samples"])
    segments = segment_table(recordings, words, sample_rate=RATE)
    names = list(spans_s)
    metadata = pd.DataFrame({"recording_id": names, "file_name": [f"audio/{n}.wav" for n in names]})
    return config, Inputs(pd.DataFrame(), segments, metadata, pd.DataFrame(), TARGET_LEVELS)


def test_of_the_pauses_alone_the_room_is_heard_and_no_word(spoken):
    silence = silent_corpus(*spoken)
    assert set(silence.segments["recording_id"]) == {"paused"}
    # 0.8 + 0.8 + 0.3 s of pauses without their edges, two fades: two whole segments.
    assert silence.segments["end_s"].tolist() == [1.0, 1.5]
    log_mel = silence.source(RUN_OF["small_cnn"], False).array
    assert log_mel.shape == (2, 128, 32)
    mel_of_hz = 2595 * np.log10(1 + np.array([500, 3000, 8000]) / 700)
    room, voice = (mel_of_hz[:2] / mel_of_hz[2] * 128).astype(int)
    spectrum = log_mel.mean(axis=(0, 2))
    assert abs(spectrum.argmax() - room) <= 8
    assert spectrum[voice - 5 : voice + 5].max() < spectrum.max() - 40
    noisy = silence.source(RUN_OF["small_cnn"], True).array
    assert noisy.mean(axis=(0, 2))[voice] > noisy.min() + 5


def test_a_corpus_without_pauses_is_one_clear_error(spoken):
    config, inputs = spoken
    segments = inputs.segments[inputs.segments["recording_id"] == "breathless"]
    with pytest.raises(InputError, match="pauses"):
        silent_corpus(config, dataclasses.replace(inputs, segments=segments))


# --- variants


def test_permuted_labels_are_those_of_others_and_the_test_part_keeps_its_own():
    split = split_of()
    one, two = (permute_speakers(split, levels=TARGET_LEVELS, seed=[0, n]) for n in range(2))
    for changed in (one, two):
        tested = split["part"] == "test"
        assert (changed["level"] == split["level"])[tested].all()
        assert (changed["level"] == split["level"])[~tested].mean() < 0.5
        pd.testing.assert_series_equal(changed["part"], split["part"])
        for part in ("train", "validation"):
            rows = split["part"] == part
            assert set(changed["level"][rows]) <= set(split["level"][rows])
    assert (one["level"] != two["level"]).any()


def test_another_answer_leaves_unknown_cards_in_no_part(demo_config):
    split = split_of()
    codes = pd.Series([0, 1] * (N // 2), index=split["recording_id"]).iloc[:-3]
    level = Target(pd.Series(0, index=split["recording_id"]), TARGET_LEVELS)
    nothing = Target(codes.iloc[:0], ())
    targets = {"level": level, "gender": Target(codes, ("f", "m")), "year": nothing}
    variants = all_variants(targets, TARGET_LEVELS, demo_config())
    (variant,) = (one for one in variants if one.target != "level")
    assert (variant.name, variant.target, variant.classes) == ("gender", "gender", ("f", "m"))
    changed = variant.change(split)
    assert (changed["part"].iloc[-3:] == NO_PART).all()
    assert changed["part"].iloc[:-3].tolist() == split["part"].iloc[:-3].tolist()
    assert changed["level"].iloc[:4].tolist() == ["f", "m", "f", "m"]


def test_fewer_speakers_are_within_more_and_only_of_train():
    split = split_of()
    changed = [leave_speakers_out(split, share=share, seed=0) for share in CURVE_SHARES]
    trained = [set(c.loc[c["part"] == "train", "speaker_id"]) for c in changed]
    assert [len(names) for names in trained] == [4, 9, 14]
    assert trained[0] < trained[1] < trained[2]
    for one in changed:
        others = split["part"] != "train"
        assert (one["part"] == split["part"])[others].all()


# --- training again


def make_corpus(config, monkeypatch):
    """Four features of every segment tell the level, four the gender, and none the year."""
    segments, _ = made_up_corpus(n=N)
    split = split_of()
    rng = np.random.default_rng(0)
    gender = pd.Series(np.arange(N) // 2 % 2, index=split["recording_id"])
    year = pd.Series(rng.integers(2, size=N), index=split["recording_id"])
    targets = {
        "level": Target(pd.Series(level_codes(split["level"]), split["recording_id"]), ()),
        "gender": Target(gender.iloc[:-2], ("f", "m")),
        "year": Target(year, ("2020", "2021")),
    }
    truth = split.set_index("recording_id")["level"]
    array = rng.normal(scale=0.1, size=(len(segments), 12)).astype(np.float32)
    array[:, :4] += level_codes(segments["recording_id"].map(truth))[:, None]
    array[:, 4:8] += segments["recording_id"].map(gender).to_numpy()[:, None]

    def hear(run, config, segments, split):
        return Heard(segments[SEGMENT_COLUMNS], Source(array, widths=(12,)))

    monkeypatch.setattr(retraining, "heard_by", hear)
    processing, networks = (
        stage_folder(config, name) for name in ("processing", "neural_networks")
    )
    write_parquet(processing / "segments.parquet", segments)
    write_json(processing / "report.json", {})
    write_csv(networks / "split.csv", split)
    names = split["recording_id"]
    metadata = pd.DataFrame({"recording_id": names, "file_name": names})
    words = pd.DataFrame({"recording_id": names, "word": "mot", "start_s": 0.0, "end_s": 60.0})
    write_parquet(processing / "words.parquet", words)
    inputs = Inputs(split, segments, metadata, unit_table(split, segments), TARGET_LEVELS)
    return config, inputs, targets


@pytest.fixture
def corpus(demo_config, monkeypatch):
    """Of one's own, to spoil; networks train for a moment."""
    return make_corpus(demo_config(*QUICK, "neural_networks.epochs=3", "n_jobs=1"), monkeypatch)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What the networks make of the corpus."""
    data = tmp_path_factory.mktemp("data").as_posix()
    options = ["neural_networks.epochs=60", "neural_networks.patience=0", "n_jobs=1"]
    config = load_config("demo", [f'data_dir="{data}"', *QUICK, *options])
    with pytest.MonkeyPatch.context() as monkeypatch:
        return perform(make_corpus(config, monkeypatch))


def predictions_of(split):
    """Of a run that is always right."""
    table = split.assign(unit="recording", id=split["recording_id"], predicted=split["level"])
    return table.assign(
        part="test", seed=0, **dict.fromkeys([f"p_{c}" for c in TARGET_LEVELS], 0.2)
    )


def perform(corpus, names=("attention_speech",)):
    config, inputs, targets = corpus
    runs = [RUN_OF[name] for name in names]
    own = all_answers({name: predictions_of(inputs.split) for name in names}, TARGET_LEVELS)
    return perform_retraining(runs, own, inputs, targets, config=config)


def silence_variant(config):
    (variant,) = (v for v in all_variants({}, TARGET_LEVELS, config) if v.name == "silence")
    return variant


@pytest.mark.slow
def test_a_network_reads_what_is_there_and_no_more(found):
    kappa = found.audit.set_index(["condition", "target"])["kappa"]
    assert kappa["whole recording", "gender"] > 0.7
    assert abs(kappa["whole recording", "year"]) < 0.6
    assert kappa[PERMUTED, "level"] < 0.5
    of_gender = found.audit.set_index("target").loc["gender"]
    # All recordings are asked, but for those of which the answer is not known.
    assert (of_gender["n"], of_gender["n_dropped"], of_gender["n_speakers"]) == (58, 2, 29)
    assert set(found.audit["kind"]) == {"run"} and set(found.audit["model"]) == {"attention_speech"}
    # Nobody pauses here.
    (remark,) = found.remarks
    assert remark["id"] == "audit: attention_speech, silence"
    assert "no recording has 1 s of pauses" in remark["reason"]


@pytest.mark.slow
def test_the_curve_ends_at_the_run_itself(found):
    curve = found.curve
    assert curve["n_train_speakers"].tolist() == [4, 9, 14, 18]
    assert curve["quadratic_weighted_kappa"].iloc[-1] == 1
    # Fewer speakers, fewer epochs than it takes; but it has learned something.
    assert curve["quadratic_weighted_kappa"].iloc[-2] > 0.2
    assert set(curve["n"]) == {60}


@pytest.mark.slow
def test_a_second_call_trains_nothing_and_gives_the_same(corpus, monkeypatch):
    first = perform(corpus)

    def trained(*args, **kwargs):
        raise AssertionError("trained again")

    monkeypatch.setattr(out_of_fold, "perform_run", trained)
    second = perform(corpus)
    pd.testing.assert_frame_equal(first.audit, second.audit)
    pd.testing.assert_frame_equal(first.curve, second.curve)


@pytest.mark.slow
def test_what_cannot_be_trained_is_a_remark_and_stops_no_other(corpus):
    config, inputs, targets = corpus
    of_one = Target(pd.Series(0, index=inputs.split["recording_id"]), ("f", "m"))
    found = perform((config, inputs, targets | {"gender": of_one}))
    reasons = {remark["id"]: remark["reason"] for remark in found.remarks}
    assert "nothing to tell apart" in reasons["audit: attention_speech, gender"]
    assert "year" in set(found.audit["target"])


@pytest.mark.parametrize("name", ["fusion", "ordinal_measures", "table4_simple_128"])
def test_silence_is_not_given_to_a_run_that_reads_words(name, corpus):
    config, inputs, _ = corpus
    pair = {"it": (RUN_OF[name], silence_variant(config))}
    trainings, failures = plan_trainings(pair, inputs, config)
    assert trainings == {} and list(failures) == ["it"]


@pytest.mark.slow
def test_a_network_that_is_given_silence_answers_from_the_room(demo_config):
    """Each level was recorded in a room of its own, and the words say nothing."""
    config = demo_config(
        "neural_networks.epochs=12",
        "evaluation.n_bootstrap=0",
        "evaluation.n_permuted_trainings=0",
        "processing.overlap=0.5",
    )
    split = split_of().assign(level=np.resize(["A1", "B1"], N))
    rng = np.random.default_rng(0)
    folder = stage_folder(config, "scraping") / "audio"
    folder.mkdir(parents=True)
    times_s = np.arange(3 * RATE) / RATE
    for row in split.itertuples():
        hum = np.sin(2 * np.pi * (300 if row.level == "A1" else 2000) * times_s)
        signal = 0.05 * hum + 0.01 * rng.normal(size=len(times_s))
        signal[RATE : 2 * RATE] += rng.normal(size=RATE)
        soundfile.write(folder / f"{row.recording_id}.wav", signal / 5, RATE)
    names = split["recording_id"]
    metadata = pd.DataFrame({"recording_id": names, "file_name": "audio/" + names + ".wav"})
    words = pd.DataFrame({"recording_id": names, "word": "mot", "start_s": 1.0, "end_s": 2.0})
    words.loc[0, "end_s"] = 3.0  # no second of silence is left
    processing, networks = (stage_folder(config, n) for n in ("processing", "neural_networks"))
    recordings = split.assign(n_samples=3 * RATE)
    segments = segment_table(recordings, words, sample_rate=RATE)
    write_parquet(processing / "words.parquet", words)
    write_json(processing / "report.json", {})
    write_csv(networks / "split.csv", split)
    inputs = Inputs(split, segments, metadata, unit_table(split, segments), TARGET_LEVELS)
    run = dataclasses.replace(RUN_OF["small_cnn"], batch_size=16)
    trainings, _ = plan_trainings({"it": (run, silence_variant(config))}, inputs, config)
    asked = trainings["it"][:2]
    heard = silent_corpus(config, inputs).heard(run)
    assert train_all({"it": asked}, lambda name: heard, config, desc="silence") == {}
    table = joined_table(asked, "predictions.parquet")
    told = answers_of(table, unit="recording", levels=TARGET_LEVELS)
    assert told.ids.size == 23
    assert (told.truth == told.predicted[0]).mean() > 0.9
    (remark,) = left_out_remarks("small_cnn, silence", asked, told.ids)
    assert remark["reason"].startswith("1 of 24 recordings")


# --- which runs


def test_the_best_run_is_audited_with_those_that_the_profile_names(demo_config):
    finished = ["small_cnn", "table2_simple_128", "fusion"]
    config = demo_config('evaluation.audit_runs="fusion, attention_speech"')
    runs, remarks = audited_runs(config, finished, "table2_simple_128")
    assert [run.name for run in runs] == ["table2_simple_128", "fusion"]
    assert [remark["id"] for remark in remarks] == ["audit: attention_speech"]
    assert audited_runs(demo_config('evaluation.audit_runs=""'), finished, "fusion") == ([], [])


def test_a_run_that_there_is_not_is_named_with_its_key(demo_config):
    with pytest.raises(InputError, match=r"evaluation\.audit_runs.*'nothing'"):
        audited_runs(demo_config('evaluation.audit_runs="nothing"'), [], None)

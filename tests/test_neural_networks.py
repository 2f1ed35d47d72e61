"""Split, networks, training and predictions."""

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from sklearn.utils.class_weight import compute_class_weight

from spoken_cefr.errors import InputError
from spoken_cefr.levels import TARGET_LEVELS
from spoken_cefr.neural_networks.embeddings import pool_frames
from spoken_cefr.neural_networks.experiments import (
    RUNS,
    Run,
    check_inputs,
    is_finished,
    perform_run,
    select_runs,
)
from spoken_cefr.neural_networks.models import SimpleDNN, StudyCNN, build_model, count_parameters
from spoken_cefr.neural_networks.predictions import predictions_table, probability_columns
from spoken_cefr.neural_networks.split import check_split, speaker_split
from spoken_cefr.neural_networks.training import Rows, class_weights, predict_logits, train


def made_up_recordings(*, n=60, n_speakers=14, seed=0):
    """Recordings whose levels are as uneven as the corpus'."""
    rng = np.random.default_rng(seed)
    levels = rng.choice(TARGET_LEVELS, size=n, p=[0.2, 0.3, 0.3, 0.13, 0.07])
    speakers = rng.integers(n_speakers, size=n)
    return pd.DataFrame(
        {
            "recording_id": [f"{9000 + i}" for i in range(n)],
            "speaker_id": [f"spk_{speaker}" for speaker in speakers],
            "level": levels,
        }
    )


# --- split


@pytest.mark.parametrize("seed", range(5))
def test_no_speaker_is_in_two_parts_and_no_recording_is_lost(seed):
    recordings = made_up_recordings(seed=seed)
    split = speaker_split(recordings, seed=seed)
    assert split.groupby("speaker_id")["part"].nunique().max() == 1
    assert sorted(split["recording_id"]) == sorted(recordings["recording_id"])
    assert set(split["part"]) == {"train", "validation", "test"}


def test_no_speaker_of_the_real_catalogue_is_in_two_parts(shared):
    catalogue = pd.read_csv(shared / "data" / "audio_lingua_fr_2025-01.csv")
    catalogue = catalogue[catalogue["Level"] != "C2"]
    recordings = pd.DataFrame(
        {
            "recording_id": catalogue.index.astype(str),
            "speaker_id": catalogue["Author"],
            "level": catalogue["Level"],
        }
    )
    split = speaker_split(recordings)
    assert split.groupby("speaker_id")["part"].nunique().max() == 1
    shares = pd.crosstab(split["part"], split["level"], normalize="columns")
    # One fold in five is the test part: every level has about a fifth of its recordings there.
    assert shares.loc["test"].between(0.1, 0.3).all()
    assert shares.loc["train"].between(0.5, 0.7).all()


def test_the_split_does_not_depend_on_the_order_of_the_rows():
    recordings = made_up_recordings()
    shuffled = recordings.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(speaker_split(recordings), speaker_split(shuffled))


def test_too_few_speakers_is_one_clear_error():
    with pytest.raises(InputError, match="3 speakers cannot fill 5 folds"):
        speaker_split(made_up_recordings(n=12, n_speakers=3))


def test_a_speaker_in_two_parts_is_named():
    split = pd.DataFrame({"speaker_id": ["a", "b", "b"], "part": ["train", "validation", "test"]})
    with pytest.raises(InputError, match="speaker b is in more than one part"):
        check_split(split)


# --- networks


def test_the_cnn_has_the_parameters_that_the_study_implies():
    # 3x3 convolutions, then 22x22x64 or 61x61x64 values into Dense(50), then 5 levels.
    small = (9 * 32 + 32) + (9 * 32 * 64 + 64) + (23 * 23 * 64 * 50 + 50) + (50 * 5 + 5)
    assert count_parameters(StudyCNN(50)) == small
    assert count_parameters(StudyCNN(128)) == pytest.approx(12.3e6, rel=0.01)


def test_networks_give_one_logit_a_level():
    assert StudyCNN(50)(torch.zeros(3, 50, 50)).shape == (3, 5)
    assert SimpleDNN(512)(torch.zeros(3, 512)).shape == (3, 5)
    with pytest.raises(ValueError, match="'transformer' is not an architecture"):
        build_model("transformer", (5,))


def test_the_dnn_standardises_by_its_training_rows_and_survives_a_constant_column():
    rows = torch.tensor([[1.0, 5.0], [3.0, 5.0]])
    model = SimpleDNN(2)
    model.fit_inputs(rows)
    assert torch.equal(model.mean, torch.tensor([2.0, 5.0]))
    assert torch.isfinite(model(rows)).all()
    assert {"mean", "deviation"} <= set(model.state_dict())


# --- training


def separable_rows(*, n=200, seed=0):
    """Rows whose class is the place of their largest feature."""
    rng = np.random.default_rng(seed)
    codes = torch.tensor(rng.integers(5, size=n))
    inputs = torch.tensor(rng.normal(scale=0.3, size=(n, 8)), dtype=torch.float32)
    inputs[torch.arange(n), codes] += 2.0
    return Rows(inputs, codes)


def trained(*, seed=0, epochs=8):
    torch.manual_seed(seed)
    model = SimpleDNN(8)
    history = train(
        model,
        separable_rows(),
        separable_rows(seed=1),
        batch_size=32,
        epochs=epochs,
        seed=seed,
    )
    return model, history


def test_training_learns_what_can_be_learnt():
    model, history = trained()
    assert history["validation_accuracy"].iloc[-1] > 0.95
    assert list(history["epoch"]) == list(range(1, 9))
    predicted = predict_logits(model, separable_rows(seed=2).inputs).argmax(dim=1)
    assert (predicted == separable_rows(seed=2).codes).float().mean() > 0.95


def test_the_same_seed_gives_the_same_history_and_the_same_weights():
    (model, history), (again, history_again) = trained(), trained()
    pd.testing.assert_frame_equal(history, history_again)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])


def test_the_weights_kept_are_those_of_the_best_validation_epoch():
    model, history = trained(epochs=6)
    rows = separable_rows(seed=1)
    loss = torch.nn.functional.cross_entropy(predict_logits(model, rows.inputs), rows.codes)
    best = history["validation_macro_f1"].idxmax()
    assert loss.item() == pytest.approx(history.loc[best, "validation_loss"], rel=1e-6)


def test_class_weights_are_scikit_learns_and_nothing_for_an_absent_class():
    codes = torch.tensor([0, 0, 0, 1, 3])
    expected = compute_class_weight("balanced", classes=np.array([0, 1, 3]), y=codes.numpy())
    weights = class_weights(codes, n_classes=5)
    np.testing.assert_allclose(weights[[0, 1, 3]], expected, rtol=1e-6)
    assert weights[2] == weights[4] == 0


# --- embeddings


def test_a_segment_is_the_mean_of_its_frames():
    frames = np.arange(100, dtype=np.float32)[:, None]  # 2 s of 20 ms frames
    pooled = pool_frames(frames, np.array([0.0, 0.5, 1.5]), np.array([1.0, 1.5, 2.0]))
    np.testing.assert_allclose(pooled[:, 0], [24.5, 49.5, 87.0])


def test_a_segment_past_the_last_frame_takes_the_last_frame():
    frames = np.arange(10, dtype=np.float32)[:, None]
    pooled = pool_frames(frames, np.array([0.199, 0.2]), np.array([0.2, 0.21]))
    np.testing.assert_allclose(pooled[:, 0], [9, 9])


# --- predictions


def two_recordings():
    segments = pd.DataFrame(
        {
            "segment_id": ["a_0", "a_1", "b_0"],
            "recording_id": ["a", "a", "b"],
            "speaker_id": ["s", "s", "t"],
            "level": ["A1", "A1", "B1"],
        }
    )
    return segments, pd.Series({"a": "train", "b": "test"})


def test_a_recording_is_the_geometric_mean_of_its_segments():
    segments, parts = two_recordings()
    p = np.array(
        [[0.8, 0.1, 0.05, 0.03, 0.02], [0.2, 0.5, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1]]
    )
    table = predictions_table(segments, parts, np.log(p))
    mean = np.sqrt(p[0] * p[1])
    recording = table[(table["unit"] == "recording") & (table["id"] == "a")]
    np.testing.assert_allclose(recording[probability_columns()].to_numpy()[0], mean / mean.sum())
    assert recording["predicted"].item() == "A1"
    assert table.loc[table["id"] == "a_1", "predicted"].item() == "A2"


def test_probabilities_add_up_to_one_even_for_extreme_logits():
    segments, parts = two_recordings()
    logits = np.array([[1e4, 0, 0, 0, 0], [0, 0, 0, 0, -1e4], [0, 0, 0, 0, 0]], dtype=np.float32)
    table = predictions_table(segments, parts, logits)
    np.testing.assert_allclose(table[probability_columns()].sum(axis=1), 1)
    assert list(table.columns[:7]) == [
        "unit",
        "id",
        "recording_id",
        "speaker_id",
        "part",
        "level",
        "predicted",
    ]
    assert list(table["unit"].value_counts().sort_index()) == [2, 3]


# --- runs


def test_runs_are_chosen_by_name_and_an_unknown_one_is_told():
    assert [run.name for run in select_runs("all")] == [run.name for run in RUNS]
    assert [run.name for run in select_runs(" cnn_50 ")] == ["cnn_50"]
    with pytest.raises(InputError, match=r"name some of cnn_50, dnn_simple_speech"):
        select_runs("cnn_50,resnet")


def test_not_a_number_in_the_inputs_names_the_segment():
    segments, _ = two_recordings()
    inputs = np.zeros((3, 4), dtype=np.float32)
    inputs[1, 2] = np.nan
    with pytest.raises(InputError, match="segment a_1 holds NaN"):
        check_inputs(inputs, segments, name="dnn")
    with pytest.raises(InputError, match="2 input rows for 3 segments"):
        check_inputs(inputs[:2], segments, name="dnn")


TINY_RUN = Run("tiny", "test", inputs="array", architecture="simple_dnn", batch_size=8, epochs=2)


def test_a_run_leaves_a_model_that_gives_the_predictions_that_it_wrote(demo_config, tmp_path):
    recordings = made_up_recordings(n=20, n_speakers=8)
    segments = recordings.loc[recordings.index.repeat(3)].reset_index(drop=True)
    segments["segment_id"] = [f"{r}_{i:04d}" for i, r in enumerate(segments["recording_id"])]
    split = speaker_split(recordings, n_folds=4)
    inputs = np.random.default_rng(0).normal(size=(60, 6)).astype(np.float32)
    written = perform_run(
        TINY_RUN,
        demo_config(),
        segments=segments,
        split=split,
        load_inputs=lambda run, noisy: inputs,
        folder=tmp_path / "tiny",
        key="k",
    )
    model = SimpleDNN(6)
    model.load_state_dict(load_file(tmp_path / "tiny" / "model.safetensors"))
    logits = predict_logits(model, torch.as_tensor(inputs)).numpy()
    again = predictions_table(segments, split.set_index("recording_id")["part"], logits)
    pd.testing.assert_frame_equal(written, again)
    pd.testing.assert_frame_equal(
        written, pd.read_parquet(tmp_path / "tiny" / "predictions.parquet"), check_dtype=False
    )
    assert is_finished(tmp_path / "tiny", "k")
    assert not is_finished(tmp_path / "tiny", "another key")

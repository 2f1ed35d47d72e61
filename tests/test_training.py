"""The training loop: it learns, repeats itself and stops in time."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from made_up import bags, rows
from sklearn.metrics import f1_score

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import SimpleDNN, SmallCNN
from spoken_cefr.neural_networks.training.devices import choose_device, has_bfloat16, use_bfloat16
from spoken_cefr.neural_networks.training.loop import Plan, best_and_stale, macro_f1, predict, train

CPU = torch.device("cpu")
PLAN = Plan(batch_size=32, epochs=8, seed=0)


def trained(*, head="softmax", plan=PLAN, examples=None, **options):
    torch.manual_seed(0)
    model = SimpleDNN(8, n_outputs=5 - HEADS[head].fewer)
    history = train(model, examples or rows(), rows(seed=1), head=HEADS[head], plan=plan, **options)
    return model, history


def share_right(model, examples, head):
    predicted = HEADS[head].predicted(predict(model, examples))
    return (predicted == examples.codes).float().mean().item()


# --- learning


@pytest.mark.parametrize("seed", range(5))
def test_macro_f1_is_scikit_learns_over_the_levels_that_are_there(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = rng.integers(1 + seed, size=30), rng.integers(5, size=30)
    expected = f1_score(truth, predicted, labels=np.unique(truth), average="macro", zero_division=0)
    assert macro_f1(truth, predicted) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("head", HEADS)
def test_training_learns_what_can_be_learnt(head):
    model, history = trained(head=head)
    assert history["validation_accuracy"].iloc[-1] > 0.95
    assert list(history["epoch"]) == list(range(1, 9))
    assert share_right(model, rows(seed=2), head) > 0.95


@pytest.mark.parametrize("crop", [0, 9])
def test_attention_finds_the_one_segment_that_tells(crop):
    torch.manual_seed(0)
    model = AttentionNetwork((8,), n_outputs=4)
    examples = bags(n=150, crop=crop)
    model.fit_inputs(examples.store.in_chunks(), examples.measures)
    plan = replace(PLAN, epochs=60, learning_rate=1e-2)
    train(model, examples, bags(seed=1, crop=crop), head=HEADS["corn"], plan=plan)
    assert share_right(model, bags(n=100, seed=2, crop=crop), "corn") > 0.7


def test_the_same_seed_gives_the_same_history_and_the_same_weights_and_another_does_not():
    (model, history), (again, history_again) = trained(), trained()
    pd.testing.assert_frame_equal(history, history_again)
    for name, value in model.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not history.equals(trained(plan=replace(PLAN, seed=1))[1])


def test_streamed_rows_give_the_same_history_as_held_ones():
    pd.testing.assert_frame_equal(trained()[1], trained(examples=rows(most_bytes=0))[1])


def test_the_weights_kept_are_those_of_the_best_validation_epoch():
    model, history = trained(plan=replace(PLAN, epochs=6))
    examples = rows(seed=1)
    loss = torch.nn.functional.cross_entropy(predict(model, examples), examples.codes)
    best = history["validation_macro_f1"].idxmax()
    assert loss.item() == pytest.approx(history.loc[best, "validation_loss"], rel=1e-6)


def test_class_weights_change_training_and_leave_validation_alone():
    weights = torch.tensor([5.0, 1.0, 1.0, 1.0, 1.0])
    model, history = trained(plan=replace(PLAN, epochs=1, class_weights=weights))
    examples = rows(seed=1)
    loss = torch.nn.functional.cross_entropy(predict(model, examples), examples.codes)
    assert history["validation_loss"].iloc[0] == pytest.approx(loss.item(), rel=1e-6)
    assert (
        history["train_loss"].iloc[0]
        != trained(plan=replace(PLAN, epochs=1))[1].loc[0, "train_loss"]
    )


# --- stopping


def test_training_stops_after_so_many_epochs_without_a_better_score():
    _, history = trained(plan=replace(PLAN, epochs=60, patience=3))
    best = history["validation_macro_f1"].idxmax()
    assert len(history) == best + 1 + 3 < 60


def test_the_first_of_equal_scores_is_the_best():
    history = [{"validation_macro_f1": score} for score in (0.1, 0.5, 0.5, 0.2)]
    assert best_and_stale(history) == (1, 2)
    assert best_and_stale([]) == (-1, 0)


# --- devices


def test_a_device_that_is_not_there_is_told():
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match=r"neural_networks\.device"):
            choose_device("cuda")
    assert choose_device("cpu") == CPU


def test_bfloat16_is_for_convolutions_on_hardware_that_has_it():
    def used(precision, convolutional):
        return use_bfloat16(precision, device=CPU, convolutional=convolutional)

    assert used("auto", True) == has_bfloat16(CPU)
    assert not used("auto", False)
    assert used("bfloat16", False) and not used("float32", True)


def test_bfloat16_keeps_weights_and_losses_in_float32_and_learns():
    model, history = trained(plan=replace(PLAN, bfloat16=True))
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    assert history["validation_accuracy"].iloc[-1] > 0.95


def test_a_network_in_bfloat16_answers_nearly_as_in_float32():
    torch.manual_seed(0)
    model = SmallCNN(16, n_outputs=5).eval()
    spectrograms = torch.randn(4, 16, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        rough = model(spectrograms).float()
    torch.testing.assert_close(rough, model(spectrograms), atol=0.05, rtol=0.05)

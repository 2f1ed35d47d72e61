"""Examples: held or streamed alike, batches that lose nothing, crops of one length."""

import numpy as np
import pytest
import torch
from made_up import CPU, bags, rows, separable

from spoken_cefr.neural_networks.training.examples import (
    Rows,
    Store,
    crop_places,
    middle_starts,
    n_segments_in,
    random_starts,
)


def test_streamed_rows_are_the_held_ones(tmp_path):
    np.save(tmp_path / "rows.npy", separable()[0])
    source = np.load(tmp_path / "rows.npy", mmap_mode="r")
    chosen = np.array([5, 3, 150, 8, 9])
    options = {"device": CPU, "transform": lambda a: a * 2}
    held = Store(source, chosen, **options)
    streamed = Store(source, chosen, most_bytes=0, **options)
    assert held.held is not None and streamed.held is None
    places = torch.tensor([[4, 0], [1, 1]])
    torch.testing.assert_close(held.take(places), streamed.take(places))
    np.testing.assert_allclose(streamed.take(places)[0, 0], 2 * source[9])


@pytest.mark.parametrize("most_bytes", [None, 0])
@pytest.mark.parametrize("n, size", [(33, 16), (64, 16), (7, 16), (16, 15)])
def test_every_row_is_in_one_batch_and_none_is_alone(n, size, most_bytes):
    examples = rows(n=n, most_bytes=most_bytes)
    order = examples.draw(torch.Generator().manual_seed(0))
    seen = []
    for (inputs,), codes in examples.batches(order, size):
        assert len(inputs) == len(codes) >= 2
        seen += [tuple(row.tolist()) for row in inputs]
    assert sorted(seen) == sorted(tuple(row.tolist()) for row in separable(n=n)[0])


# --- crops


def test_a_crop_is_a_run_of_neighbours_and_a_short_recording_is_looped():
    places = crop_places(np.array([0, 10]), np.array([10, 3]), np.array([4, 0]), 5)
    np.testing.assert_array_equal(places, [[4, 5, 6, 7, 8], [10, 11, 12, 10, 11]])


def test_the_middle_crop_leaves_as_much_before_as_after():
    np.testing.assert_array_equal(middle_starts(np.array([9, 10, 5, 3]), 5), [2, 2, 0, 0])


def test_random_crops_lie_inside_and_reach_both_ends():
    generator = torch.Generator().manual_seed(0)
    starts = np.array([random_starts(np.array([8, 3]), 5, generator) for _ in range(200)])
    assert set(starts[:, 0]) == {0, 1, 2, 3}
    assert set(starts[:, 1]) == {0}


@pytest.mark.parametrize(
    "crop_s, overlap, expected", [(15, 0.5, 29), (15, 0, 15), (1, 0.5, 1), (0.5, 0.5, 1)]
)
def test_a_crop_in_seconds_is_so_many_segments(crop_s, overlap, expected):
    assert n_segments_in(crop_s, segment_s=1.0, overlap=overlap) == expected


def test_cropped_recordings_are_all_of_one_length_whatever_theirs():
    examples = bags(crop=4)
    (_, present, _), _ = examples.batch(examples.in_order())
    assert present.shape == (40, 4)
    assert present.all()


def test_cropped_segments_are_as_many_from_each_recording_and_drawn_anew_each_epoch():
    counts = np.array([10, 3, 25])
    inputs = np.arange(38, dtype=np.float32)[:, None]
    examples = Rows(Store(inputs, device=CPU), np.zeros(38, dtype=np.int64), counts, crop=5)
    owners = np.repeat([0, 1, 2], counts)
    first, second = (examples.draw(torch.Generator().manual_seed(i)).numpy() for i in range(2))
    np.testing.assert_array_equal(np.bincount(owners[first]), [5, 5, 5])
    assert set(first) != set(second)
    middles = [*range(2, 7), 10, 10, 11, 11, 12, *range(23, 28)]
    assert sorted(examples.in_order().tolist()) == middles


# --- bags


def test_a_batch_of_recordings_holds_their_segments_and_says_what_is_padding():
    examples = bags()
    picks = examples.draw(torch.Generator().manual_seed(0))[:6]
    (segments, present, _), codes = examples.batch(picks)
    for row, (bag, _) in enumerate(picks.tolist()):
        count = examples.counts[bag]
        assert present[row].sum() == count
        mine = examples.store.held[examples.firsts[bag] :][:count]
        torch.testing.assert_close(segments[row, :count], mine)
        assert codes[row] == examples.codes[bag]

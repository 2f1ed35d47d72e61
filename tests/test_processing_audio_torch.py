"""The audio chain on tensors: the same numbers as on arrays, without leaving the device."""

import numpy as np
import pytest
import torch

from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import (
    add_white_noise,
    hann,
    load_audio,
    log_mel,
    segment,
    to_image,
)

RATE = 16_000
DEVICES = [
    "cpu",
    pytest.param(
        "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
    ),
]


@pytest.fixture(scope="module")
def signal():
    speech = load_audio(ROOT / "tests" / "audio" / "kermesse.mp3")
    return np.concatenate([speech, np.zeros(2 * RATE, dtype=np.float32)])


@pytest.mark.parametrize("device", DEVICES)
def test_the_chain_gives_the_numbers_of_the_arrays(signal, device):
    arrays = segment(signal, RATE)
    tensors = segment(torch.from_numpy(signal).to(device), RATE)
    assert tensors.device.type == device
    np.testing.assert_array_equal(tensors.cpu(), arrays)
    np.testing.assert_allclose(hann(tensors).cpu(), hann(arrays), atol=1e-6)
    for window in (True, False):
        mel = log_mel(tensors, RATE, segment_window=window)
        expected = log_mel(arrays, RATE, segment_window=window)
        assert mel.shape == expected.shape
        np.testing.assert_allclose(mel.cpu(), expected, atol=0.01)
        for size in (50, 128):
            image = to_image(mel, size)
            assert image.device.type == device
            np.testing.assert_allclose(image.cpu(), to_image(expected, size), atol=1e-3)


@pytest.mark.parametrize("device", DEVICES)
def test_noise_is_as_loud_and_reproducible(signal, device):
    tensors = segment(torch.from_numpy(signal).to(device), RATE)
    noisy = add_white_noise(tensors, seed=[1, 2], snr_db=20)
    added = (noisy - tensors).cpu().numpy()
    assert added[0].std() / tensors[0].cpu().numpy().std() == pytest.approx(0.1, rel=0.05)
    assert not added[-1].any()  # silence stays silence
    assert torch.equal(noisy, add_white_noise(tensors, seed=[1, 2], snr_db=20))
    assert not torch.equal(noisy, add_white_noise(tensors, seed=[1, 3], snr_db=20))


def test_nothing_leaves_the_device():
    """A meta tensor has no numbers: whoever copies it to the host fails."""
    segments = segment(torch.empty(5 * RATE, device="meta"), RATE)
    image = to_image(log_mel(hann(segments), RATE), 50)
    assert (image.device.type, tuple(image.shape)) == ("meta", (9, 50, 50))


def test_no_sample_gives_no_segment():
    segments = segment(torch.zeros(0), RATE)
    assert segments.shape == (0, RATE)
    assert log_mel(segments, RATE).shape == (0, 128, 32)

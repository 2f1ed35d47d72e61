"""Hidden states of Whisper and wav2vec2 against other implementations of the same models."""

import urllib.error

import numpy as np
import pytest
import torch
from made_up import tiny_wav2vec2
from whisper.audio import log_mel_spectrogram
from whisper.model import AudioEncoder

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.encoders import (
    SAMPLE_RATE,
    Wav2Vec2Frames,
    WhisperFrames,
    load_frame_encoder,
)
from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.processing.weights.packaged import load_whisper

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def noise(n_samples, *, n=1, seed=0):
    return torch.from_numpy(
        np.random.default_rng(seed).normal(scale=0.1, size=(n, n_samples)).astype(np.float32)
    )


# --- Whisper


def tiny_whisper():
    torch.manual_seed(0)
    return AudioEncoder(n_mels=80, n_ctx=1500, n_state=16, n_head=2, n_layer=3).eval()


def test_each_layer_is_what_whispers_own_forward_pass_computes():
    encoder = tiny_whisper()
    states = []
    for block in encoder.blocks:
        block.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    signals = noise(30 * SAMPLE_RATE)
    with torch.inference_mode():
        states.append(encoder(log_mel_spectrogram(signals)))
    expected = states[:4]
    for layer in range(4):
        torch.testing.assert_close(WhisperFrames(encoder, layer=layer)(signals), expected[layer])
    torch.testing.assert_close(WhisperFrames(encoder, layer=-1)(signals), expected[3])


def test_a_padded_signal_is_encoded_as_whisper_does_and_only_its_own_frames_are_given():
    encoder = tiny_whisper()
    signals = noise(2 * SAMPLE_RATE, n=2)
    frames = WhisperFrames(encoder, layer=-1)(signals, pad=True)
    assert frames.shape == (2, 100, 16)
    for signal, found in zip(signals, frames, strict=True):
        padded = torch.nn.functional.pad(signal, (0, 28 * SAMPLE_RATE))
        with torch.inference_mode():
            expected = encoder(log_mel_spectrogram(padded)[None])[0, :100]
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_signals_of_a_batch_do_not_touch_each_other():
    frames = WhisperFrames(tiny_whisper(), layer=2)
    quiet, loud = noise(16000), 10 * noise(16000, seed=1)
    together = frames(torch.cat([quiet, loud]))
    torch.testing.assert_close(together[:1], frames(quiet), rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_without_padding_the_published_weights_give_what_ctranslate2_gives():
    signal = noise(5 * SAMPLE_RATE)
    mel = log_mel_spectrogram(signal)[0].numpy()
    reference = load_whisper("offline-base", compute_type="float32").encode(mel)
    frames = load_frame_encoder(
        "whisper", layer=-1, whisper_model="offline-base", device=torch.device("cpu")
    )
    np.testing.assert_allclose(frames(signal).numpy(), np.array(reference), atol=2e-3)


@pytest.mark.parametrize("layer", [-2, 4])
def test_a_layer_that_is_not_there_is_one_clear_error(layer):
    with pytest.raises(InputError, match=f"speech_layer is {layer}"):
        WhisperFrames(tiny_whisper(), layer=layer)


# --- wav2vec2


def test_each_layer_is_hugging_faces_hidden_state_of_that_number():
    model, original = tiny_wav2vec2()
    signals = noise(SAMPLE_RATE, n=2)
    with torch.inference_mode():
        expected = original(signals, output_hidden_states=True).hidden_states
    assert len(expected) == 4
    for layer in range(4):
        found = Wav2Vec2Frames(model, layer=layer)(signals)
        assert found.shape == (2, 49, 24)
        torch.testing.assert_close(found, expected[layer], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(Wav2Vec2Frames(model, layer=-1)(signals), expected[3])


def test_the_wrapper_that_bundles_put_around_a_model_changes_nothing():
    model, _ = tiny_wav2vec2()
    from torchaudio.pipelines._wav2vec2.utils import _extend_model

    wrapped = _extend_model(model, normalize_waveform=False, apply_log_softmax=True).eval()
    for layer in (0, 2):
        found = Wav2Vec2Frames(wrapped, layer=layer)(noise(8000))
        torch.testing.assert_close(found, Wav2Vec2Frames(model, layer=layer)(noise(8000)))


def test_a_very_short_signal_still_gives_a_frame():
    model, _ = tiny_wav2vec2()
    assert Wav2Vec2Frames(model, layer=0)(noise(10)).shape == (1, 1, 24)


@pytest.mark.parametrize("name", ["wav2vec2_base", "voxpopuli_fr"])
def test_without_internet_the_weights_are_asked_for_in_one_sentence(name, monkeypatch):
    import_torchaudio()
    from torchaudio.pipelines._wav2vec2 import utils

    asked = {}

    def offline(url, **options):
        asked.update(options, url=url)
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(utils, "load_state_dict_from_url", offline)
    with pytest.raises(InputError, match=f"speech_encoder '{name}'.*need internet") as caught:
        load_frame_encoder(name, layer=0, whisper_model="", device=torch.device("cpu"))
    assert "\n" not in str(caught.value)
    assert asked["url"].startswith("https://") and asked["weights_only"] is True

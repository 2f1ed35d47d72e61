"""Surprisal held against Whisper's own forward pass, and against what it should tell."""

import numpy as np
import pytest
import torch

from spoken_cefr.neural_networks.surprisal import surprisal_measures, token_surprisals
from spoken_cefr.openai_weights import load_openai_whisper

pytestmark = pytest.mark.whisper

TEXTS = [
    "Le chat dort.",
    "Nul n'ignore les dissensions qui minent cette institution.",
    "Il fait beau aujourd'hui.",
]


@pytest.fixture(scope="module")
def surprisals():
    return token_surprisals(TEXTS)


@pytest.mark.parametrize("number", range(len(TEXTS)))
def test_a_text_in_a_batch_has_the_surprisal_of_whisper_itself_on_it_alone(surprisals, number):
    import whisper
    from whisper.tokenizer import get_tokenizer

    model = load_openai_whisper("offline-base")
    tokenizer = get_tokenizer(True, num_languages=99, language="fr", task="transcribe")
    prompt = list(tokenizer.sot_sequence_including_notimestamps)
    tokens = tokenizer.encode(" " + TEXTS[number])
    mel = whisper.log_mel_spectrogram(torch.zeros(whisper.audio.N_SAMPLES), 80)
    with torch.inference_mode():
        logits = model(mel[None], torch.tensor([prompt + tokens]))[0, len(prompt) - 1 : -1]
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor(tokens), reduction="none")
    np.testing.assert_allclose(surprisals[number], expected.numpy() / np.log(2), atol=1e-3)


def test_words_in_disorder_are_less_to_be_expected():
    order, disorder = token_surprisals(
        ["Je voudrais réserver une table pour deux.", "Deux table je pour réserver une voudrais."]
    )
    assert order.mean() + 1 < disorder.mean()


def test_measures_of_a_worked_example():
    found = surprisal_measures(np.array([1.0, 5.0, 2.0, 4.0]), 2)
    spread = np.sqrt(2.5)  # of 1, 2, 4, 5
    np.testing.assert_allclose(found, [3.0, 3.0, 5.0, 11 / 3, spread, 2.0])


def test_a_text_without_tokens_has_no_measure():
    assert np.isnan(surprisal_measures(np.array([]), 0)).all()

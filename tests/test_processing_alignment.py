"""Aligners: words matched by position, times that fit the recording, Whisper's by default."""

import numpy as np
import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment.aligners import Alignment, align, check_aligner, fit, n_astray
from spoken_cefr.processing.transcription.engines import Transcript
from spoken_cefr.processing.transcription.words import Word


def test_whispers_own_times_are_the_default(demo_config):
    words = [Word("Bonjour.", 0.1, 0.6)]
    transcript = Transcript("Bonjour.", words, "fr", "test", "test", -0.5, 0.0)
    check_aligner(demo_config())
    found = align(demo_config(), np.zeros(16_000, dtype=np.float32), transcript)
    assert found == Alignment(words, "whisper", [])


@pytest.mark.parametrize(
    ("expected", "found", "n"),
    [
        (["L’école", "FINIE."], ["l'", "école", "finie"], 0),
        (["l'école", "finie"], ["l'ecole", "finie"], 1),  # an accent is a difference
        (["j'ai", "vu", "Noël"], ["vu", "Noël"], 1),
        (["à", "18", "heures"], ["à", "dix", "huit", "heures"], 2),
        (["un", "deux"], [], 2),
        ([], ["un"], 1),
    ],
)
def test_words_are_matched_by_position(expected, found, n):
    assert n_astray(expected, found) == n


def test_times_fit_the_recording():
    words = [Word("a", 0.5, 1.0), Word("b", 1.0, 2.008)]
    assert fit(words, 2.0)[-1] == Word("b", 1.0, 2.0)
    assert fit([], 2.0) == []
    with pytest.raises(InputError, match=r"2\.01 s.*1\.00 s"):
        fit(words, 1.0)

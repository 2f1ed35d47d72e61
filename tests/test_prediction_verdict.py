"""From probabilities to a level, and when there is none."""

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoken_cefr.corpus.levels import MERGED_LEVELS, TARGET_LEVELS
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.verdict import (
    MIN_WORDS,
    reach_verdict,
    reason_of_spread,
    reason_to_abstain,
)
from spoken_cefr.processing.transcription.engines import Transcript
from spoken_cefr.processing.transcription.words import Word


def heard(n_words=50, *, spoken="fr", spoken_probability=0.95, french=0.95):
    words = [Word(f"mot{i}", i * 0.4, i * 0.4 + 0.3) for i in range(n_words)]
    transcript = Transcript("x", words, "fr", "faster-whisper", "offline-base", -0.2, 0.1)
    signal = np.zeros(16_000 * 30, dtype=np.float32)
    return Heard(Path("a.wav"), signal, transcript, spoken, spoken_probability, french)


def test_the_issue_s_example():
    # 0.3 below B1, 0.5 in it: half of the whole lies 0.2 / 0.5 = 0.4 into B1.
    verdict = reach_verdict(np.array([0.1, 0.2, 0.5, 0.15, 0.05]), TARGET_LEVELS)
    assert verdict.score_name == "B1.4"
    assert verdict.sureness == "fairly sure"
    assert verdict.likely == ("A2", "B2")


def test_merged_levels_have_their_own_names():
    verdict = reach_verdict(np.array([0, 0, 0.1, 0.9]), MERGED_LEVELS)
    assert (verdict.level, verdict.score_name[:3]) == ("B2+", "B2+")


@given(st.lists(st.floats(0.001, 1), min_size=5, max_size=5))
def test_level_and_score_agree(weights):
    p = np.array(weights) / sum(weights)
    verdict = reach_verdict(p, TARGET_LEVELS)
    assert verdict.score_name.startswith(verdict.level)
    assert TARGET_LEVELS[int(verdict.score) - 1] == verdict.level


@pytest.mark.parametrize(
    ("recording", "code", "told"),
    [
        (heard(spoken=None, n_words=0), "no_speech", "nobody was heard"),
        (heard(n_words=0), "no_words", "no word could be made out"),
        (
            heard(spoken="en", french=0.01),
            "other_language",
            r"sounds like English \(95%\), not French",
        ),
        (heard(spoken="de", french=0.01, n_words=0), "other_language", "German"),
        (heard(n_words=MIN_WORDS - 1), "too_few_words", "only 19 words were heard; at least 20"),
    ],
    ids=["no speech", "no words", "English", "German without words", "few words"],
)
def test_it_abstains_with_a_reason(recording, code, told):
    found, sentence = reason_to_abstain(recording, language="fr")
    assert found == code
    assert re.search(told, sentence)


@pytest.mark.parametrize(
    "recording",
    [heard(), heard(n_words=MIN_WORDS), heard(spoken="oc", spoken_probability=0.5, french=0.4)],
    ids=["French", "just enough words", "an accent taken for Occitan"],
)
def test_it_does_not_abstain_without_need(recording):
    assert reason_to_abstain(recording, language="fr") is None


def test_probability_spread_over_four_levels_is_no_answer():
    assert reason_of_spread(np.array([0.2, 0.2, 0.2, 0.2, 0.2]), TARGET_LEVELS) == (
        "undecided",
        "the probability is spread over A1 to C1",
    )
    assert reason_of_spread(np.array([0.2, 0.6, 0.2, 0, 0]), TARGET_LEVELS) is None

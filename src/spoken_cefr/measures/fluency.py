"""How fast and with how many silences a recording is spoken, from the times of its words.

Everything is counted from the start of the first word to the end of the last:
silence before and after depends on who cut the file. The measures are those of
Grosjean & Deschamps (1975), "Analyse contrastive des variables temporelles de
l'anglais et du français", Phonetica 31, with syllables counted from the spelling.
"""

from collections.abc import Sequence

import numpy as np

from spoken_cefr.corpus.languages import FRENCH, find_language
from spoken_cefr.measures.syllables import syllables_of
from spoken_cefr.processing.transcription.words import Word

# Shorter silences are mostly the closures of stop consonants.
# De Jong & Bosker (2013), "Choosing a threshold for silent pauses to measure second
# language fluency", DiSS.
MIN_PAUSE_S = 0.25


def fluency_measures(words: Sequence[Word], *, language: str = FRENCH) -> dict[str, float]:
    """Rates of speech and of pauses, from words in order of time and without overlap.

    ``speech_rate`` and ``articulation_rate`` in syllables/s, ``pause_rate`` in pauses/min,
    ``pause_length_s`` the mean, ``pause_share`` of the time, ``run_length`` in syllables between
    two pauses. All NaN without a syllable, those in syllables where the spelling of the language
    does not tell of them; ``pause_length_s`` NaN without a pause. ValueError as `pause_lengths`.
    """
    starts_s = np.array([word.start_s for word in words], dtype=np.float64)
    ends_s = np.array([word.end_s for word in words], dtype=np.float64)
    pauses_s = pause_lengths(starts_s, ends_s)
    # Together, because a number may stand in two words: 10 000.
    n_syllables = syllables_of(" ".join(word.word for word in words), language)
    spoken = n_syllables if find_language(language).syllables else len(words)
    total_s = float(ends_s[-1] - starts_s[0]) if spoken else float("nan")
    paused_s = float(pauses_s.sum())
    return {
        "speech_rate": n_syllables / total_s,
        "articulation_rate": n_syllables / (total_s - paused_s),
        "pause_rate": 60 * len(pauses_s) / total_s,
        "pause_length_s": float(pauses_s.mean()) if len(pauses_s) else float("nan"),
        "pause_share": paused_s / total_s,
        "run_length": n_syllables / (len(pauses_s) + 1) if n_syllables else float("nan"),
    }


def pause_lengths(starts_s: np.ndarray, ends_s: np.ndarray) -> np.ndarray:
    """Lengths (n_pauses,), in s, of the silences between words that last ``MIN_PAUSE_S`` or more.

    Words are in order of time, (n_words,), in s. ValueError, which gives its index, if one does
    not last or begins before the one before it ends.
    """
    if (ends_s <= starts_s).any():
        raise ValueError(f"word {int(np.argmax(ends_s <= starts_s))} does not end after its start")
    gaps_s = starts_s[1:] - ends_s[:-1]
    if (gaps_s < -1e-6).any():
        word = int(np.argmax(gaps_s < -1e-6)) + 1
        raise ValueError(f"word {word} begins {-gaps_s[word - 1]:.3f} s before the last one ends")
    return gaps_s[gaps_s >= MIN_PAUSE_S - 1e-9]

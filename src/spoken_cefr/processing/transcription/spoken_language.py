"""Is the language that is spoken the profile's? Asked of a few recordings, for all are told it."""

import numpy as np
import pandas as pd

from spoken_cefr.backends import run_in_order
from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.processing.recordings import audio_path
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, FasterWhisper, load_engine
from spoken_cefr.processing.transcription.guards import find_speech
from spoken_cefr.progress import tell

N_ASKED = 3  # each costs as much as half of its transcription
MIN_PROBABILITY = 0.5


def other_languages(config: Config, recordings: pd.DataFrame) -> list[dict[str, str]]:
    """A remark for each of a few recordings in which Whisper hears another language.

    Where that is most of them, it is said at once: the listing may be of another language.

    Parameters
    ----------
    recordings : pd.DataFrame
        Columns recording_id, file_name; those asked are spread over it.
    """
    expected = find_language(config.scraping.language).whisper
    if expected is None or not isinstance(load_engine(config), FasterWhisper):
        return []
    places = np.unique(np.linspace(0, len(recordings) - 1, N_ASKED).round().astype(int))
    asked = recordings.iloc[places]
    heard = run_in_order(
        config, _heard, list(zip(asked["file_name"])), backend=config.processing.backend
    )
    remarks = [
        {"id": name, "reason": f"spoken in {code!r} ({share:.2f}), not in {expected!r}"}
        for name, (code, share) in zip(asked["recording_id"], heard, strict=True)
        if code not in ("", expected) and share > MIN_PROBABILITY
    ]
    if 2 * len(remarks) > len(asked):
        tell(
            f"{len(remarks)} of {len(asked)} recordings that were asked are not spoken in "
            f"{expected!r}: is scraping.language right?"
        )
    return remarks


def _heard(config: Config, file_name: str) -> tuple[str, float]:
    """Code and probability of the most probable language; "" where nobody speaks."""
    signal = load_audio(audio_path(config, file_name), sample_rate=SAMPLE_RATE)
    if not find_speech(signal):
        return "", 0.0
    probabilities = load_engine(config).language_probabilities(signal)
    best = max(probabilities, key=probabilities.get)
    return best, probabilities[best]

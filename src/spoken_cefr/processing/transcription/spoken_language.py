"""Is the language that is spoken the profile's? Whisper says so of each window that it hears."""

from collections.abc import Mapping, Sequence

import numpy as np

from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.progress import tell

MIN_PROBABILITY = 0.5  # of another language that is told
# Whisper often takes a strong accent for a neighbouring language: the one that was asked
# for has to be this improbable too.
MAX_EXPECTED = 0.2


def english_name(code: str) -> str:
    """The name of a language by Whisper's code, or the code where it has none."""
    from whisper.tokenizer import LANGUAGES  # imports torch: only when it is needed

    return LANGUAGES.get(code, code).title()


def is_foreign(probabilities: Mapping[str, float], expected: str) -> bool:
    """Whether a window is in another language than the one expected."""
    spoken = max(probabilities, key=probabilities.__getitem__, default=expected)
    return spoken != expected and probabilities.get(expected, 0.0) < MAX_EXPECTED


def mean_probabilities(windows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """How probable each language is over all windows; nothing without one."""
    codes = sorted({code for window in windows for code in window})
    return {code: float(np.mean([w.get(code, 0.0) for w in windows])) for code in codes}


def other_languages(
    config: Config, heard: Mapping[str, Sequence[Mapping[str, float]]]
) -> list[dict[str, str]]:
    """A remark for each recording, by its id, in whose windows Whisper hears another language.

    Where that is most of them, it is said at once: the listing may be of another language.
    """
    expected = find_language(config.scraping.language).whisper
    remarks = []
    for recording_id, windows in heard.items():
        told = mean_probabilities(windows)
        code = max(told, key=told.__getitem__, default=expected)
        if code != expected and told[code] > MIN_PROBABILITY:
            reason = f"spoken in {code!r} ({told[code]:.2f}), not in {expected!r}"
            remarks.append({"id": recording_id, "reason": reason})
    if 2 * len(remarks) > len(heard):
        tell(
            f"{len(remarks)} of {len(heard)} recordings are not spoken in {expected!r}: "
            "is scraping.language right?"
        )
    return remarks

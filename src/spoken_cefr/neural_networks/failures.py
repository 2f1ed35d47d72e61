"""What makes a run fail, and how that is told."""

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.recordings import Corpus
from spoken_cefr.neural_networks.training.examples import CHUNK

# Errors of one run that others need not have: bad input, too little memory, an unreadable file.
RUN_ERRORS = (RuntimeError, MemoryError, ValueError, OSError, SafetensorError)


def reason_of(error: Exception) -> str:
    """Why a run has failed, one line."""
    if isinstance(error, InputError):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def check_inputs(inputs: np.ndarray, segments: pd.DataFrame, *, name: str) -> None:
    """Raise InputError unless there is one finite row for each segment."""
    if len(inputs) != len(segments):
        raise InputError(
            f"{name}: {len(inputs)} input rows for {len(segments)} segments; run processing again"
        )
    for first in range(0, len(inputs), CHUNK):
        rows = inputs[first : first + CHUNK]
        finite = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
        if not finite.all():
            segment_id = segments["segment_id"].iloc[first + int(np.argmin(finite))]
            raise InputError(
                f"{name}: the input of segment {segment_id} holds NaN or infinity; delete the "
                "stage's folder and run it again"
            )


def check_answers(
    corpus: Corpus, *, of_segments: np.ndarray, of_recordings: np.ndarray, name: str
) -> None:
    """Raise InputError if a segment or a recording that can be answered has no probabilities."""
    ids = corpus.split["recording_id"].to_numpy()
    spoilt = corpus.usable() & ~np.isfinite(of_recordings).all(axis=1)
    unit = "recording"
    if not spoilt.any():
        ids = corpus.segments["segment_id"].to_numpy()
        spoilt = ~np.isfinite(of_segments).all(axis=1)
        unit = "segment"
    if spoilt.any():
        first = ids[int(np.argmax(spoilt))]
        raise InputError(
            f"{name}: the trained model answers {unit} {first} with NaN, and {int(spoilt.sum())} "
            f'{unit}s in all: training has run away, try neural_networks.precision = "float32"'
        )

"""The table of segments: which second of which recording, and the words heard in it."""

import numpy as np
import pandas as pd

from spoken_cefr.processing.audio import segment_count, segment_length

COLUMNS = ("segment_id", "recording_id", "speaker_id", "level", "start_s", "end_s", "text")


def segment_table(
    recordings: pd.DataFrame,
    words: pd.DataFrame,
    *,
    sample_rate: int,
    length_s: float = 1.0,
    overlap: float = 0.5,
) -> pd.DataFrame:
    """One row of `COLUMNS` a segment, in the order of `audio.segment` within each recording.

    As in the study, a word belongs to every segment that it meets for longer than an instant.
    ``recordings`` has recording_id, speaker_id, level and n_samples; ``words`` recording_id, word,
    start_s and end_s, in order and without overlap. ``end_s`` is cut to the recording's duration:
    the last segment is padded with zeros.
    """
    length, step = segment_length(sample_rate, length_s, overlap)
    by_recording = dict(tuple(words.groupby("recording_id", sort=False)))
    none = words.iloc[:0]
    parts = []
    for recording in recordings.sort_values("recording_id").itertuples():
        starts = np.arange(segment_count(recording.n_samples, length, step)) * step
        start_s = starts / sample_rate
        end_s = np.minimum(starts + length, recording.n_samples) / sample_rate
        heard = by_recording.get(recording.recording_id, none)
        parts.append(
            pd.DataFrame(
                {
                    "segment_id": [f"{recording.recording_id}_{i:04d}" for i in range(len(starts))],
                    "recording_id": recording.recording_id,
                    "speaker_id": recording.speaker_id,
                    "level": recording.level,
                    "start_s": start_s,
                    "end_s": end_s,
                    "text": segment_texts(heard, start_s, end_s),
                }
            )
        )
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=_dtype(name)) for name in COLUMNS})
    return pd.concat(parts, ignore_index=True)


def segment_texts(words: pd.DataFrame, start_s: np.ndarray, end_s: np.ndarray) -> list[str]:
    """Join the words that meet each segment: they end after its start and start before its end.

    The words are one recording's, in order, without overlap; times (n,) in seconds.
    """
    labels = words["word"].tolist()
    first = np.searchsorted(words["end_s"].to_numpy(dtype=float), start_s, side="right")
    beyond = np.searchsorted(words["start_s"].to_numpy(dtype=float), end_s, side="left")
    return [" ".join(labels[a:b]) for a, b in zip(first, beyond, strict=True)]


def tell_segments(segments: pd.DataFrame) -> str:
    """How many words a segment holds, in a sentence: of the columns level and text."""
    n_words = segments["text"].fillna("").str.split().str.len()
    mean = n_words.groupby(segments["level"]).mean()
    return (
        f"**What we see.** A segment holds {n_words.mean():.1f} words on average, "
        f"{mean.iloc[0]:.1f} at {mean.index[0]} and {mean.iloc[-1]:.1f} at {mean.index[-1]}; "
        f"{(n_words == 0).mean():.0%} hold none."
    )


def _dtype(column: str) -> str:
    return "float64" if column.endswith("_s") else "str"

"""The table of segments, by an example worked by hand."""

import numpy as np
import pandas as pd

from spoken_cefr.processing.audio import segment
from spoken_cefr.processing.segments import COLUMNS, segment_table, tell_segments

WORDS = pd.DataFrame(
    [
        ("b", "Bonjour,", 0.10, 0.50),
        ("b", "je", 0.50, 0.60),
        ("b", "m'appelle", 0.90, 1.20),
        ("b", "Léa.", 1.50, 2.10),
    ],
    columns=["recording_id", "word", "start_s", "end_s"],
)
RECORDINGS = pd.DataFrame(
    [("b", "s2", "A1", 17_600 * 2), ("a", "s1", "C1", 8000)],
    columns=["recording_id", "speaker_id", "level", "n_samples"],
)


def test_worked_example():
    """2.2 s give segments at 0, 0.5, 1 and 1.5 s; touching is not meeting."""
    table = segment_table(RECORDINGS, WORDS, sample_rate=16_000)
    assert tuple(table.columns) == COLUMNS
    assert list(table.itertuples(index=False, name=None)) == [
        ("a_0000", "a", "s1", "C1", 0.0, 0.5, ""),
        ("b_0000", "b", "s2", "A1", 0.0, 1.0, "Bonjour, je m'appelle"),
        ("b_0001", "b", "s2", "A1", 0.5, 1.5, "je m'appelle"),
        ("b_0002", "b", "s2", "A1", 1.0, 2.0, "m'appelle Léa."),
        ("b_0003", "b", "s2", "A1", 1.5, 2.2, "Léa."),
    ]


def test_rows_are_the_segments_of_the_audio():
    for n_samples in (1, 15_999, 16_000, 16_001, 24_000, 100_003):
        recordings = RECORDINGS.iloc[:1].assign(n_samples=n_samples)
        for overlap in (0.0, 0.5, 0.75):
            table = segment_table(recordings, WORDS, sample_rate=16_000, overlap=overlap)
            cut = segment(np.zeros(n_samples, dtype=np.float32), 16_000, overlap=overlap)
            assert len(table) == len(cut)
            assert table["end_s"].iloc[-1] == n_samples / 16_000


def test_no_recordings_give_an_empty_table():
    table = segment_table(RECORDINGS.iloc[:0], WORDS, sample_rate=16_000)
    assert tuple(table.columns) == COLUMNS
    assert len(table) == 0


def test_words_of_a_segment_are_counted_by_level():
    segments = pd.DataFrame({"level": ["A1", "A1", "C1"], "text": ["oui", "", "je ne sais pas"]})
    told = tell_segments(segments)
    assert "1.7 words on average, 0.5 at A1 and 4.0 at C1; 33% hold none" in told

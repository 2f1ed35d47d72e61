"""The tables of transcripts and words, from what is kept of each recording."""

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.processing.recordings import Record
from spoken_cefr.processing.transcription.words import Word


def transcripts_table(config: Config, records: list[Record]) -> pd.DataFrame:
    """One row a recording."""
    rows = [
        {
            "recording_id": record.recording_id,
            "text": record.transcript.text,
            "language": config.scraping.language,  # the site's code, not Whisper's
            "engine": record.transcript.engine,
            "model": record.transcript.model,
            "avg_logprob": record.transcript.avg_logprob,
            "no_speech_prob": record.transcript.no_speech_prob,
        }
        for record in records
    ]
    return pd.DataFrame(rows).astype({"avg_logprob": "float64", "no_speech_prob": "float64"})


def words_table(records: list[Record]) -> pd.DataFrame:
    """One row a word; ``word_index`` counts from 0 in each recording."""
    rows = [
        (record.recording_id, index, *word, record.alignment.source)
        for record in records
        for index, word in enumerate(record.alignment.words)
    ]
    names = ("recording_id", "word_index", *Word._fields, "source")
    types = ("str", "int64", "str", "float64", "float64", "float64", "str")
    return pd.DataFrame(rows, columns=names).astype(dict(zip(names, types, strict=True)))

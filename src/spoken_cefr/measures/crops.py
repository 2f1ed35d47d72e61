"""The measures of the middle of each recording: the same length of speech from all."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.arithmetic import pins_of
from spoken_cefr.config import Config
from spoken_cefr.measures.table import measure_all, method_keys, read_words
from spoken_cefr.processing.transcription.words import Word
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import Cache, read_parquet


def crop_measures(config: Config, windows: pd.DataFrame) -> pd.DataFrame:
    """Measure the words wholly inside a window of each recording (recording_id, start_s, end_s).

    Gives recording_id and one column a measure, in the order of the windows; kept as
    ``measures_crop.<digest>.parquet``. InputError if processing has left no words.
    """
    words = read_words(config)
    language = config.scraping.language
    heard = [
        words_in(words.get(recording_id, []), start_s, end_s)
        for recording_id, start_s, end_s in windows.itertuples(index=False)
    ]
    texts = [" ".join(word.word for word in inside) for inside in heard]
    depends_on = [
        windows.to_numpy().tolist(),
        heard,
        method_keys(language),
        *pins_of(config.arithmetic),
    ]

    def make(_: Sequence[str]) -> Iterator[pd.DataFrame]:
        lengths_s = np.subtract(windows["end_s"], windows["start_s"]).tolist()
        spoken = list(zip(heard, texts, lengths_s, strict=True))
        table = pd.DataFrame(measure_all(spoken, language, desc="crops"))
        table.insert(0, "recording_id", windows["recording_id"].to_numpy())
        yield table

    def write(table: pd.DataFrame, path: Path) -> None:
        table.to_parquet(path, index=False)

    folder = stage_folder(config, "neural_networks")
    cache = Cache(folder, ".parquet", read=read_parquet, write=write)
    return cache.fill({"measures_crop": depends_on}, make)["measures_crop"]


def words_in(words: Sequence[Word], start_s: float, end_s: float) -> list[Word]:
    """Words of a recording wholly inside a window, their times counted from its start."""
    return [
        word._replace(start_s=word.start_s - start_s, end_s=word.end_s - start_s)
        for word in words
        if word.start_s >= start_s and word.end_s <= end_s
    ]

"""Recordings of their own pauses: what a network can tell from the room and the microphone."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from spoken_cefr.backends import one_core, run_in_order
from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import Inputs, read_table
from spoken_cefr.evaluation.shortcuts.vectors import PAUSE_MARGIN_S, pauses_s
from spoken_cefr.neural_networks.embeddings.encoders import SAMPLE_RATE
from spoken_cefr.neural_networks.embeddings.speech import embed_signal, load_speech_encoder
from spoken_cefr.neural_networks.inputs import Source, of_spectrograms
from spoken_cefr.neural_networks.out_of_fold import SEGMENT_COLUMNS, Heard
from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.processing.audio import segment_length
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.processing.recordings import audio_path
from spoken_cefr.processing.segments import segment_table
from spoken_cefr.processing.stage import noise_seed, signal_spectrograms
from spoken_cefr.stages import stage_folder

FADE_S = 0.01  # pauses are cross-faded: a click at each joint would tell how many there are
LENGTHS_S = (PAUSE_MARGIN_S, FADE_S)
INPUTS = ("image", "log_mel", "speech_embedding")  # what can be made of silence


@dataclass(frozen=True)
class Silence:
    """The recordings that are silent for long enough, cut to their pauses.

    By recording_id: where its pauses begin and end without their edges,
    (n_parts, 2), and its file in the folder of scraping. ``segments`` are as
    processing's, of the pauses joined together; whole ones only.
    """

    config: Config
    parts_s: Mapping[str, np.ndarray]
    file_names: Mapping[str, str]
    segments: pd.DataFrame

    def heard(self, run: Run) -> Heard:
        """What trainings of the run, whose inputs are one of `INPUTS`, are given of it."""
        noisy = self.source(run, True) if run.noisy_training else None
        return Heard(self.segments[SEGMENT_COLUMNS], self.source(run, False), noisy)

    def source(self, run: Run, noisy: bool) -> Source:
        """What the run's network reads of the silent segments."""
        recordings = list(self.segments.groupby("recording_id", sort=False))
        if run.inputs == "speech_embedding":
            encoder = load_speech_encoder(self.config)

            def embedded(config: Config, name: str, rows: pd.DataFrame) -> np.ndarray:
                return embed_signal(
                    self._signal(name, rows, SAMPLE_RATE),
                    rows["start_s"].to_numpy(),
                    rows["end_s"].to_numpy(),
                    encoder=encoder,
                    noise_ratio=config.processing.noise_ratio if noisy else 0.0,
                    seed=noise_seed(config, name),
                )

            with one_core():
                arrays = list(run_in_order(self.config, embedded, recordings, backend="joblib"))
            return Source(np.concatenate(arrays), widths=(arrays[0].shape[1],))
        rate = self.config.processing.sample_rate
        arrays = [
            signal_spectrograms(self.config, name, self._signal(name, rows, rate))[noisy]
            for name, rows in recordings
        ]
        return of_spectrograms(run, np.concatenate(arrays))

    def _signal(self, recording_id: str, rows: pd.DataFrame, sample_rate: int) -> np.ndarray:
        """The joined pauses, cut or padded to the end of the last segment."""
        path = audio_path(self.config, self.file_names[recording_id])
        signal = load_audio(path, sample_rate=sample_rate)
        silent = joined(signal, self.parts_s[recording_id], sample_rate=sample_rate)
        n_samples = round(rows["end_s"].max() * sample_rate)
        return np.pad(silent, (0, max(0, n_samples - len(silent))))[:n_samples]


def silent_corpus(config: Config, inputs: Inputs) -> Silence:
    """Cut every recording to its pauses; one with less than a segment of them is left out.

    InputError if none is left.
    """
    p = config.processing
    path = stage_folder(config, "processing") / "words.parquet"
    words = read_table(path, columns=("recording_id", "start_s", "end_s"))
    length, step = segment_length(p.sample_rate, p.segment_s, p.overlap)
    words_of = dict(list(words.groupby("recording_id")))
    parts, rows = {}, []
    for recording_id, mine in inputs.segments.groupby("recording_id", sort=True):
        heard = words_of.get(recording_id, words.iloc[:0])
        found = silent_parts_s(
            heard["start_s"].to_numpy(), heard["end_s"].to_numpy(), float(mine["end_s"].max())
        )
        n_samples = joined_samples(found, sample_rate=p.sample_rate)
        if n_samples < length:
            continue
        parts[recording_id] = found
        # Whole segments only: the zeros that fill up a last one would tell the length.
        whole = length + (n_samples - length) // step * step
        first = mine.iloc[0]
        rows.append((recording_id, first["speaker_id"], first["level"], whole))
    if not rows:
        raise InputError(f"no recording has {p.segment_s:g} s of pauses: nothing to learn from")
    table = segment_table(
        pd.DataFrame(rows, columns=["recording_id", "speaker_id", "level", "n_samples"]),
        pd.DataFrame(columns=["recording_id", "word", "start_s", "end_s"]),
        sample_rate=p.sample_rate,
        length_s=p.segment_s,
        overlap=p.overlap,
    )
    file_names = inputs.metadata.set_index("recording_id")["file_name"].to_dict()
    return Silence(config, parts, file_names, table)


def silent_parts_s(start_s: np.ndarray, end_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Pauses around words without ``PAUSE_MARGIN_S`` at either end, in s. -> (n_parts, 2)"""
    parts = pauses_s(start_s, end_s, duration_s) + np.array([PAUSE_MARGIN_S, -PAUSE_MARGIN_S])
    return parts[parts[:, 1] - parts[:, 0] > 2 * FADE_S]


def joined_samples(parts_s: np.ndarray, *, sample_rate: int) -> int:
    """How many samples `joined` gives."""
    spans = _spans(parts_s, sample_rate)
    return int(sum(b - a for a, b in spans) - round(FADE_S * sample_rate) * (len(spans) - 1))


def joined(signal: np.ndarray, parts_s: np.ndarray, *, sample_rate: int) -> np.ndarray:
    """Put parts of a signal one after the other, each faded into the next over ``FADE_S``.

    Parts (n_parts, 2) are of more than twice ``FADE_S`` each; gives as many samples,
    float32, as `joined_samples` says. What lies after the signal's end is 0.
    """
    fade = round(FADE_S * sample_rate)
    rise = ((np.arange(fade) + 0.5) / fade).astype(np.float32)
    spans = _spans(parts_s, sample_rate)
    found = np.zeros(max(0, joined_samples(parts_s, sample_rate=sample_rate)), dtype=np.float32)
    place = 0
    for number, (first, last) in enumerate(spans):
        part = np.zeros(last - first, dtype=np.float32)
        taken = signal[first:last]
        part[: len(taken)] = taken
        if number:
            part[:fade] *= rise
        if number < len(spans) - 1:
            part[-fade:] *= rise[::-1]
        found[place : place + len(part)] += part
        place += len(part) - fade
    return found


def _spans(parts_s: np.ndarray, sample_rate: int) -> np.ndarray:
    return np.round(parts_s * sample_rate).astype(int)

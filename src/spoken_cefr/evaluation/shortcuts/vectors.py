"""One vector a recording, of its sound or of parts of it: what the probes of the audit hear.

Statistics are taken from the frames in the middle half of each segment, where
the segment's window weakens nothing; with 50 % overlap every moment is in the
middle of one segment.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import Inputs, read_table
from spoken_cefr.measures.fluency import MIN_PAUSE_S
from spoken_cefr.neural_networks.inputs import speech_embeddings
from spoken_cefr.neural_networks.runs import CROP_S
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_array, read_json

# Word times are not exact, and a frame reaches into its neighbourhood (64 ms for 1024 samples at
# 16 kHz): so much of either end of a pause is left out.
PAUSE_MARGIN_S = 0.1
MIN_FRAMES = 3  # fewer have no spread worth the name


def recording_vectors(
    inputs: Inputs, cards: pd.DataFrame, runs: Iterable[str], config: Config
) -> tuple[dict[str, pd.DataFrame], list[dict[str, str]]]:
    """Every kind of vector that the earlier stages left something for, by name.

    Index recording_id; and a remark for each kind that is missing.
    """
    log_s = np.log(cards["duration_s"].where(cards["duration_s"] > 0)).dropna()
    vectors = {"duration": log_s.to_frame()}
    remarks = []
    processing = stage_folder(config, "processing")
    if (processing / "log_mel.npy").exists() and (processing / "words.parquet").exists():
        words = read_table(
            processing / "words.parquet", columns=("recording_id", "start_s", "end_s")
        )
        log_mel = read_array(processing / "log_mel.npy")
        vectors |= sound_vectors(
            log_mel,
            inputs.segments,
            words,
            hop_s=config.processing.hop_length / config.processing.sample_rate,
            segment_s=config.processing.segment_s,
        )
    else:
        reason = "no log_mel.npy or words.parquet in processing: no probe of the sound"
        remarks.append({"id": "audit", "reason": reason})
    if inputs.measures is not None:
        vectors["measures"] = inputs.measures
    networks = stage_folder(config, "neural_networks")
    cards_of_runs = [read_json(networks / name / "config.json") for name in runs]
    # Where a run reads embeddings they are made already.
    if any(card.get("inputs") in ("speech_embedding", "fusion") for card in cards_of_runs):
        try:
            embedded = speech_embeddings(config, inputs.segments, split=inputs.split)
            vectors |= speech_vectors(embedded, inputs.segments)
        except InputError as error:
            remarks.append({"id": "audit: speech", "reason": str(error)})
    for name, table in vectors.items():
        missing = len(cards) - cards.index.isin(table.index).sum()
        if missing:
            reason = f"{missing} of {len(cards)} recordings have no vector of this kind"
            remarks.append({"id": f"audit: {name}", "reason": reason})
    return vectors, remarks


def frame_times_s(start_s: np.ndarray, *, n_frames: int, hop_s: float) -> np.ndarray:
    """Centre of each frame from the start of the recording. -> (n_segments, n_frames), s"""
    return start_s[:, None] + np.arange(n_frames)[None, :] * hop_s


def inner_frames(*, n_frames: int, hop_s: float, segment_s: float) -> np.ndarray:
    """Which frames lie in the middle half of a segment. -> (n_frames,), bool"""
    times_s = np.arange(n_frames) * hop_s
    return (times_s >= segment_s / 4) & (times_s < 3 * segment_s / 4)


def in_middle(times_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Which times lie in the middle ``CROP_S`` of a recording; none if it is shorter."""
    if duration_s < CROP_S:
        return np.zeros(times_s.shape, dtype=bool)
    first_s = (duration_s - CROP_S) / 2
    return (times_s >= first_s) & (times_s < first_s + CROP_S)


def pauses_s(start_s: np.ndarray, end_s: np.ndarray, duration_s: float) -> np.ndarray:
    """Silences before, between and after the words.

    Those at the ends count too: the question here is what the room and the
    microphone sound like, not how fluent the speaker is.

    Of words in order of time -> (n_pauses, 2): start and end in s, of at least ``MIN_PAUSE_S``.
    """
    edges = np.column_stack([np.append(0.0, end_s), np.append(start_s, duration_s)])
    return edges[edges[:, 1] - edges[:, 0] >= MIN_PAUSE_S]


def in_pauses(times_s: np.ndarray, pauses: np.ndarray) -> np.ndarray:
    """Which times lie in a pause, ``PAUSE_MARGIN_S`` or more from its ends."""
    inside = np.zeros(times_s.shape, dtype=bool)
    for start_s, end_s in pauses:
        inside |= (times_s >= start_s + PAUSE_MARGIN_S) & (times_s < end_s - PAUSE_MARGIN_S)
    return inside


def statistics(log_mel: np.ndarray, chosen: np.ndarray) -> np.ndarray | None:
    """Mean and standard deviation of each band over the chosen frames.

    (n_segments, n_mels, n_frames) and (n_segments, n_frames), bool -> (2 * n_mels,);
    None with fewer than ``MIN_FRAMES`` frames.
    """
    frames = np.moveaxis(log_mel, 1, 2)[chosen].astype(np.float64)
    if len(frames) < MIN_FRAMES:
        return None
    return np.concatenate([frames.mean(axis=0), frames.std(axis=0)])


def sound_vectors(
    log_mel: np.ndarray,
    segments: pd.DataFrame,
    words: pd.DataFrame,
    *,
    hop_s: float,
    segment_s: float,
) -> dict[str, pd.DataFrame]:
    """Vectors of whole recordings, of crops of one length, and of silence.

    From log-mel spectrograms (n_segments, n_mels, n_frames) in the order of the
    segments: mel, mel_crop and mel_silence; index recording_id. A recording shorter
    than ``CROP_S``, or without a pause in a segment that holds speech too
    (decibels are relative to the segment's maximum: without speech there
    they would say nothing of the room), is not in the table concerned.
    """
    found: dict[str, dict[str, np.ndarray | None]] = {
        name: {} for name in ("mel", "mel_crop", "mel_silence")
    }
    rows_of = segments.reset_index(drop=True).groupby("recording_id", sort=True).indices
    words_of = dict(list(words.groupby("recording_id")))
    n_frames = log_mel.shape[2]
    inner = inner_frames(n_frames=n_frames, hop_s=hop_s, segment_s=segment_s)
    for recording_id, rows in rows_of.items():
        mine = segments.iloc[rows]
        spectra = log_mel[rows]
        duration_s = float(mine["end_s"].max())
        times_s = frame_times_s(mine["start_s"].to_numpy(), n_frames=n_frames, hop_s=hop_s)
        of_words = words_of.get(recording_id, words.iloc[:0])
        pauses = pauses_s(of_words["start_s"].to_numpy(), of_words["end_s"].to_numpy(), duration_s)
        with_speech = (mine["text"].fillna("") != "").to_numpy()[:, None]
        masks = {
            "mel": np.broadcast_to(inner, times_s.shape),
            "mel_crop": inner & in_middle(times_s, duration_s),
            "mel_silence": inner & with_speech & in_pauses(times_s, pauses),
        }
        for name, mask in masks.items():
            found[name][recording_id] = statistics(spectra, mask)
    return {name: _table(vectors) for name, vectors in found.items()}


def speech_vectors(embedded: np.ndarray, segments: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Mean speech embedding of whole recordings and of crops of one length.

    From embeddings (n_segments, n_features) in the order of the segments: speech
    and speech_crop; index recording_id. A recording shorter than ``CROP_S`` has
    no crop.
    """
    whole: dict[str, np.ndarray | None] = {}
    crops: dict[str, np.ndarray | None] = {}
    rows_of = segments.reset_index(drop=True).groupby("recording_id", sort=True).indices
    for recording_id, rows in rows_of.items():
        mine = segments.iloc[rows]
        middle_s = (mine["start_s"] + mine["end_s"]).to_numpy() / 2
        chosen = in_middle(middle_s, float(mine["end_s"].max()))
        whole[recording_id] = embedded[rows].mean(axis=0)
        crops[recording_id] = embedded[rows][chosen].mean(axis=0) if chosen.any() else None
    return {"speech": _table(whole), "speech_crop": _table(crops)}


def _table(vectors: Mapping[str, np.ndarray | None]) -> pd.DataFrame:
    known = {name: vector for name, vector in vectors.items() if vector is not None}
    index = pd.Index(list(known), name="recording_id", dtype=str)
    return pd.DataFrame(np.stack(list(known.values())) if known else None, index=index)

"""The arrays that networks read, one row a segment in the order of segments.parquet."""

from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.files import digest, write_array
from spoken_cefr.metadata import read_metadata
from spoken_cefr.neural_networks.embeddings import encode_frames, pool_frames
from spoken_cefr.neural_networks.experiments import Run
from spoken_cefr.processing.audio import load_audio, to_image
from spoken_cefr.processing.stage import load_arrays
from spoken_cefr.progress import progress
from spoken_cefr.stages import stage_folder
from spoken_cefr.weights import load_whisper


def load_run_inputs(run: Run, config: Config, segments: pd.DataFrame, *, noisy: bool) -> np.ndarray:
    """Load or make the inputs of a run, shape (n_segments, ...), float32."""
    if run.inputs == "image":
        return to_image(load_arrays(config)[noisy], run.image_size)
    if run.inputs == "speech_embedding":
        return speech_embeddings(config, segments)
    raise ValueError(f"run {run.name}: {run.inputs!r} is not a kind of input")


def speech_embeddings(config: Config, segments: pd.DataFrame) -> np.ndarray:
    """Embed every segment with the Whisper encoder; each recording is kept once made.

    Returns
    -------
    np.ndarray, shape (n_segments, n_features), float32
    """
    folder = stage_folder(config, "neural_networks") / "speech_embeddings"
    metadata = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    metadata = metadata.set_index("recording_id")
    groups = segments.groupby("recording_id", sort=False)
    paths = {
        recording_id: folder
        / f"{recording_id}.{_key(config, metadata.loc[recording_id], rows)}.npy"
        for recording_id, rows in groups
    }
    missing = [recording_id for recording_id, path in paths.items() if not path.exists()]
    if missing:
        p = config.processing
        model = load_whisper(p.model, compute_type=p.compute_type, n_threads=config.n_jobs)
        for recording_id in progress(missing, desc="speech embeddings", unit="recording"):
            audio = stage_folder(config, "scraping") / metadata.loc[recording_id, "file_name"]
            signal = load_audio(audio, sample_rate=model.feature_extractor.sampling_rate)
            rows = groups.get_group(recording_id)
            frames = encode_frames(model, signal)
            embedded = pool_frames(frames, rows["start_s"].to_numpy(), rows["end_s"].to_numpy())
            _forget_older(folder, recording_id)
            write_array(paths[recording_id], embedded)
    return np.concatenate([np.load(path) for path in paths.values()])


def _key(config: Config, recording: pd.Series, rows: pd.DataFrame) -> str:
    """Short digest of what a recording's embeddings depend on."""
    p = config.processing
    times = rows[["start_s", "end_s"]].to_numpy().tolist()
    return digest([recording["sha256"], p.model, p.compute_type, times])[:12]


def _forget_older(folder: Path, recording_id: str) -> None:
    for path in folder.glob(f"{recording_id}.*.npy"):
        path.unlink()

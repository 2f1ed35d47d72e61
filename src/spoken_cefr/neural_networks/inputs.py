"""The arrays that networks read, one row a segment in the order of segments.parquet."""

import functools
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from spoken_cefr.arithmetic import pins_of
from spoken_cefr.backends import one_core, run_in_order
from spoken_cefr.config import Config
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import method_keys
from spoken_cefr.neural_networks.embeddings.encoders import SAMPLE_RATE
from spoken_cefr.neural_networks.embeddings.places import PlaceEraser
from spoken_cefr.neural_networks.embeddings.speech import (
    SpeechEncoder,
    build_speech_encoder,
    embed_signal,
    place_path,
    segment_places,
)
from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.processing.audio import to_image
from spoken_cefr.processing.decoding import load_audio
from spoken_cefr.processing.stage import load_arrays, noise_seed
from spoken_cefr.progress import progress
from spoken_cefr.stages import stage_folder, written_by
from spoken_cefr.store import Cache, read_parquet, replacing

# To be counted up when the numbers change although no key does.
EMBEDDING_VERSION = 4

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Source:
    """Where a run's rows come from, one a segment.

    ``array`` (n_segments, ...) is memory-mapped where it is large, ``transform`` makes of its
    rows what the network reads, ``widths`` tells how many columns belong to each kind of
    embedding. ``places`` (n_segments, n) of each segment in its window are to be taken out of
    the first kind by whoever trains, who knows which rows are learned from.
    """

    array: np.ndarray
    transform: Callable[[np.ndarray], np.ndarray] | None = None
    widths: tuple[int, ...] = ()
    places: np.ndarray | None = None

    def learn_place(self, rows: np.ndarray) -> PlaceEraser | None:
        """What takes the place out, learned from these rows; None where it is in no input."""
        if self.places is None:
            return None
        return PlaceEraser.fit(self.array[rows, : self.widths[0]], self.places[rows])

    def without_place(self, eraser: PlaceEraser | None) -> "Source":
        """The source with the place taken out of its speech embeddings."""
        if eraser is None:
            return self
        array = self.array.copy()
        array[:, : self.widths[0]] = eraser(array[:, : self.widths[0]])
        return replace(self, array=array, places=None)


def run_source(run: Run, config: Config, segments: pd.DataFrame, *, noisy: bool = False) -> Source:
    """Open or make the inputs of a run, as nobody has learned anything of them yet.

    ValueError if the run reads no segments, or a kind of input that there is not.
    """
    if run.inputs in ("image", "log_mel"):
        return of_spectrograms(run, load_arrays(config)[noisy])
    if run.inputs not in ("speech_embedding", "text_embedding", "fusion"):
        raise ValueError(f"run {run.name}: {run.inputs!r} is not a kind of segment input")
    arrays, places = [], None
    if run.inputs != "text_embedding":
        speech, places = raw_speech_embeddings(config, segments, noisy=noisy)
        arrays.append(speech)
        if config.neural_networks.speech_context == "segment":
            places = None
    if run.inputs != "speech_embedding":
        arrays.append(text_embeddings(config, segments))
    widths = tuple(array.shape[1] for array in arrays)
    return Source(np.concatenate(arrays, axis=1), widths=widths, places=places)


def of_spectrograms(run: Run, log_mel: np.ndarray) -> Source:
    """Spectrograms as the run's network reads them: as they are, or as images."""
    if run.inputs == "image":
        return Source(log_mel, functools.partial(to_image, size=run.image_size))
    return Source(log_mel)


def speech_embeddings(config: Config, segments: pd.DataFrame, *, split: pd.DataFrame) -> np.ndarray:
    """Embed every segment with the profile's encoder, the place in the window taken out.

    What is taken out is learnt from the clean segments of the train part and
    kept in ``speech_embeddings/place.safetensors``.

    Parameters
    ----------
    segments : pd.DataFrame
        Columns recording_id, start_s, end_s.
    split : pd.DataFrame
        Columns recording_id, part.

    Returns
    -------
    np.ndarray, shape (n_segments, n_features), float32

    Raises
    ------
    InputError
        If the split trains on none of these recordings.
    """
    raw, places = raw_speech_embeddings(config, segments)
    if config.neural_networks.speech_context == "segment":
        return raw
    trained = split.loc[split["part"] == "train", "recording_id"]
    rows = segments["recording_id"].isin(trained).to_numpy()
    if not rows.any():
        raise InputError("no segment is in the train part: run processing and neural_networks")
    eraser = PlaceEraser.fit(raw[rows], places[rows])
    with replacing(place_path(config)) as temporary:
        save_file(eraser.state(), temporary)
    return eraser(raw)


def raw_speech_embeddings(
    config: Config, segments: pd.DataFrame, *, noisy: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Embeddings as the encoder gives them, and the place of each segment in its window.

    Each recording is kept once made, under a digest of all that it depends on.

    Returns
    -------
    embeddings : np.ndarray, shape (n_segments, n_features), float32
    places : np.ndarray, shape (n_segments, n), float32
        As `spoken_cefr.neural_networks.embeddings.speech.segment_places` gives them.
    """
    folder = place_path(config).parent / ("noisy" if noisy else "clean")
    table = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    metadata = table.set_index("recording_id")
    groups = segments.groupby("recording_id", sort=False)
    keys = _speech_keys(config, noisy=noisy)
    wanted = {}
    for recording_id, rows in groups:
        times = rows[["start_s", "end_s"]].to_numpy().tolist()
        wanted[recording_id] = [keys, metadata.at[recording_id, "sha256"], times]

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        tasks = [
            (name, metadata.at[name, "file_name"], groups.get_group(name), noisy)
            for name in missing
        ]
        with one_core():
            yield from run_in_order(
                config, _embed_recording, tasks, backend=config.neural_networks.backend
            )

    kept = _kept(folder, wanted, make, desc="speech embeddings")
    return _in_order(segments, kept, "embeddings"), _in_order(segments, kept, "places")


def text_embeddings(config: Config, segments: pd.DataFrame) -> np.ndarray:
    """Embed the words of every segment with the profile's text encoder; a segment may have none.

    From the columns recording_id and text. -> (n_segments, n_features), float32
    """
    texts = {k: rows.tolist() for k, rows in segments.groupby("recording_id")["text"]}
    return _in_order(segments, _embedded_texts(config, texts, "text embeddings"), "embeddings")


def transcript_embeddings(config: Config, recordings: Sequence[str]) -> np.ndarray:
    """Embed the whole transcript of recordings with the profile's text encoder.

    Parameters
    ----------
    recordings : sequence of str
        Their recording_id.

    Returns
    -------
    np.ndarray, shape (n_recordings, n_features), float32

    Raises
    ------
    InputError
        If processing has left no transcripts.
    """
    path = stage_folder(config, "processing") / "transcripts.parquet"
    table = read_parquet(written_by(path, "processing")).set_index("recording_id")
    texts = table["text"].loc[list(recordings)].to_dict()
    kept = _embedded_texts(config, texts, "transcript embeddings")
    return np.stack([kept[recording_id]["embeddings"] for recording_id in recordings])


def _embedded_texts(
    config: Config, texts: Mapping[str, str | list[str]], kind: str
) -> dict[str, Arrays]:
    """Embeddings of each recording's text, or of each of its texts, kept in the kind's folder."""
    from spoken_cefr.neural_networks.embeddings.text import (
        embed_texts,
        embed_whole,
        load_text_encoder,
    )

    name = config.neural_networks.text_encoder

    def make(missing: Sequence[str]) -> Iterator[Arrays]:
        encoder = load_text_encoder(name)
        for told in (texts[recording_id] for recording_id in missing):
            embed = embed_whole if isinstance(told, str) else embed_texts
            yield {"embeddings": embed(told, encoder=encoder)}

    wanted = {k: [EMBEDDING_VERSION, name, told] for k, told in texts.items()}
    folder = stage_folder(config, "neural_networks") / kind.replace(" ", "_")
    return _kept(folder, wanted, make, desc=kind)


def input_keys(kind: str, config: Config) -> list[Any]:
    """The profile's keys that inputs of this kind depend on, beside segments and split.

    ``kind`` is as in ``Run.inputs``: "speech_embedding", "text_embedding" and "measures" have
    keys of their own, "fusion" has all of them. InputError if the measures are asked for and
    spaCy's package is missing.
    """
    speech = _speech_keys(config, noisy=True)
    text = [EMBEDDING_VERSION, config.neural_networks.text_encoder]
    if kind in ("measures", "fusion"):
        measured = method_keys(config.scraping.language)
        return measured if kind == "measures" else [speech, text, measured]
    return {"speech_embedding": speech, "text_embedding": text}.get(kind, [])


def _speech_keys(config: Config, *, noisy: bool) -> list[Any]:
    c, p = config.neural_networks, config.processing
    model = p.model if c.speech_encoder == "whisper" else ""
    noise = [p.noise_ratio, config.seed] if noisy else []
    encoder = [c.speech_encoder, c.speech_layer, c.speech_pooling, c.speech_context]
    return [EMBEDDING_VERSION, model, *encoder, *noise, *pins_of(config.arithmetic)]


def _embed_recording(
    config: Config, recording_id: str, file_name: str, rows: pd.DataFrame, noisy: bool
) -> Arrays:
    audio = stage_folder(config, "scraping") / file_name
    signal = load_audio(audio, sample_rate=SAMPLE_RATE)
    times = rows["start_s"].to_numpy(), rows["end_s"].to_numpy()
    embeddings = embed_signal(
        signal,
        *times,
        encoder=_speech_encoder(config),
        noise_ratio=config.processing.noise_ratio if noisy else 0.0,
        seed=noise_seed(config, recording_id),
    )
    return {"embeddings": embeddings, "places": segment_places(len(signal), *times)}


def _speech_encoder(config: Config) -> SpeechEncoder:
    """Loaded once in each process that embeds, whatever its threads."""
    with _LOADING:
        return _load_speech_encoder(config)


_LOADING = threading.Lock()


@functools.lru_cache(maxsize=1)
def _load_speech_encoder(config: Config) -> SpeechEncoder:
    return build_speech_encoder(config)


def _kept(
    folder: Path,
    wanted: Mapping[str, Any],
    make: Callable[[Sequence[str]], Iterable[Arrays]],
    *,
    desc: str,
) -> dict[str, Arrays]:
    """Arrays of every recording from the cache in a folder; a bar tells of those to be made."""

    def told(missing: Sequence[str]) -> Iterable[Arrays]:
        return progress(make(missing), desc=desc, unit="recording", total=len(missing))

    cache = Cache(folder, ".safetensors", read=load_file, write=_save, damaged=(SafetensorError,))
    return cache.fill(wanted, told)


def _save(arrays: Arrays, path: Path) -> None:
    save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, path)


def _in_order(segments: pd.DataFrame, kept: Mapping[str, Arrays], name: str) -> np.ndarray:
    """One array of all recordings, row for row as the segments."""
    position = segments.groupby("recording_id").cumcount().to_numpy()
    first = next(iter(kept.values()))[name]
    rows = np.empty((len(segments), first.shape[1]), dtype=np.float32)
    ids = segments["recording_id"].to_numpy()
    for recording_id, arrays in kept.items():
        chosen = ids == recording_id
        rows[chosen] = arrays[name][position[chosen]]
    return rows

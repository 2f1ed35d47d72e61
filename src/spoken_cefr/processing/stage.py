"""The stage: scraping's recordings in, transcripts, words, segments and spectrograms out."""

from collections.abc import Callable, Iterator
from itertools import chain
from math import ceil
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from spoken_cefr.backends import n_workers, one_core, run_in_order
from spoken_cefr.config import Config
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment.aligners import check_aligner
from spoken_cefr.processing.audio import (
    add_white_noise,
    load_audio,
    log_mel,
    segment,
    segment_count,
    segment_length,
)
from spoken_cefr.processing.recordings import (
    Record,
    align_again,
    audio_path,
    check_duration,
    checked_sha256,
    forget_others,
    load_speech,
    process_recording,
    read_record,
    remarks_of,
    transcripts_table,
    whisper_language,
    words_table,
)
from spoken_cefr.processing.segments import segment_table
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, load_engine
from spoken_cefr.processing.transcription.spoken_language import other_languages
from spoken_cefr.progress import AudioBar, progress, reach_nothing
from spoken_cefr.stages import Report, begin_stage, finish_stage, is_done, read_report, stage_folder
from spoken_cefr.store import read_array, replacing, write_parquet

ARRAYS = ("log_mel.npy", "log_mel_noisy.npy")
TABLES = ("transcripts.parquet", "words.parquet", "segments.parquet")

Task = tuple[str, Path, str]  # recording_id, file, SHA-256 of the file
Outcome = Record | InputError


def run(config: Config) -> Report:
    """Process every usable recording of ``scraping/metadata.csv``.

    Writes `TABLES` and `ARRAYS`, and for each recording a TextGrid and a JSON
    file from which a killed run goes on. Does nothing if all is there already.

    InputError if scraping has not been run, no recording can be used, the model cannot be loaded,
    the aligner cannot be asked, or, with ``processing.strict``, at the first recording that cannot
    be used.
    """
    if is_done(config, "processing"):
        return read_report(config, "processing")
    check_aligner(config)
    folder = stage_folder(config, "processing")
    begin_stage(config, "processing")
    metadata = read_recordings(config)
    usable = metadata["usable"]
    dropped = [
        {"id": row.recording_id, "reason": row.reason or "not usable"}
        for row in metadata[~usable].itertuples()
    ]
    with one_core():
        records, failed = transcribe_all(config, metadata[usable])
        dropped += failed
        if not records:
            raise InputError(
                f"none of the {len(metadata)} recordings of {stage_folder(config, 'scraping')} "
                f"can be used; the first reason: {dropped[0]['reason']}"
                if dropped
                else f"{stage_folder(config, 'scraping') / 'metadata.csv'} lists no recording"
            )
        kept = metadata.set_index("recording_id").loc[[r.recording_id for r in records]]
        words = words_table(records)
        segments = segments_of(config, records, kept, words)
        write_parquet(folder / "transcripts.parquet", transcripts_table(config, records))
        write_parquet(folder / "words.parquet", words)
        write_parquet(folder / "segments.parquet", segments)
        write_spectrograms(config, records, kept)
        remarks = other_languages(config, {r.recording_id: r.transcript.languages for r in records})
    remarks += [
        {"id": record.recording_id, "reason": told}
        for record in records
        for told in remarks_of(config, record)
    ]
    forget_others(config, {record.recording_id for record in records})
    report = Report(
        stage="processing",
        unit="recording",
        n_in=len(metadata),
        n_out=len(records),
        dropped=sorted(dropped, key=lambda row: row["id"]),
        remarks=sorted(remarks, key=lambda row: row["id"]),
        figures={
            "n_segments": len(segments),
            "n_words": len(words),
            "audio_s": round(sum(record.n_samples for record in records) / SAMPLE_RATE, 3),
        },
    )
    return finish_stage(config, report, [folder / name for name in (*TABLES, *ARRAYS)])


def read_recordings(config: Config) -> pd.DataFrame:
    """Scraping's table, sorted by recording_id; InputError if it names a recording twice."""
    path = stage_folder(config, "scraping") / "metadata.csv"
    table = read_metadata(path)
    twice = table.loc[table["recording_id"].duplicated(), "recording_id"]
    if len(twice):
        raise InputError(f"{path} names the recording {twice.iloc[0]} twice: run scraping again")
    return table.sort_values("recording_id", ignore_index=True)


def transcribe_all(
    config: Config, metadata: pd.DataFrame
) -> tuple[list[Record], list[dict[str, str]]]:
    """Every recording's record in the table's order, from disk or made now; why some have none."""
    found: dict[str, Record] = {}
    dropped: list[dict[str, str]] = []
    to_align: list[Task] = []
    to_transcribe: list[Task] = []
    for row in metadata.itertuples():
        path = audio_path(config, row.file_name)
        try:
            sha256 = checked_sha256(path, row.sha256)
            record = read_record(config, row.recording_id, sha256)
            if record is not None:
                check_duration(config, path, record)
        except InputError as error:
            dropped.append(_reason(config, row.recording_id, error))
            continue
        if record is not None and record.alignment is not None:
            found[row.recording_id] = record
        else:
            waiting = to_transcribe if record is None else to_align
            waiting.append((row.recording_id, path, sha256))
    lengths_s = metadata.set_index("recording_id")["duration_s"].fillna(0)  # "" where unknown
    outcomes = chain(_aligned(config, to_align), _transcribed(config, to_transcribe, lengths_s))
    for (recording_id, _, _), outcome in zip(to_align + to_transcribe, outcomes, strict=True):
        if isinstance(outcome, InputError):
            dropped.append(_reason(config, recording_id, outcome))
        else:
            found[recording_id] = outcome
    return [found[name] for name in metadata["recording_id"] if name in found], dropped


def _aligned(config: Config, waiting: list[Task]) -> Iterator[Outcome]:
    """Align recordings whose transcripts are kept; what they give, in their order."""
    if waiting:
        done = run_in_order(config, _align_one, waiting, backend=config.processing.backend)
        yield from progress(done, desc="aligning", unit="recording", total=len(waiting))


def _align_one(config: Config, recording_id: str, path: Path, sha256: str) -> Outcome:
    return _attempt(config, align_again, config, recording_id, path, sha256)


def _transcribed(config: Config, waiting: list[Task], lengths_s: pd.Series) -> Iterator[Outcome]:
    """Transcribe recordings, some at once in each worker; what they give, in their order."""
    if not waiting:
        return
    # Here, not first in a worker: a model that cannot be loaded is one sentence, once.
    size = min(load_engine(config).at_once, ceil(len(waiting) / n_workers(config)))
    batches = [waiting[i : i + size] for i in range(0, len(waiting), size)]
    with AudioBar({name: lengths_s[name] for name, _, _ in waiting}, desc="transcribing") as bar:
        # A worker in another process cannot reach the bar: there it moves a batch at a time.
        reach = bar.reach if config.processing.backend == "joblib" else reach_nothing
        done = run_in_order(
            config,
            _process_batch,
            [(batch, reach) for batch in batches],
            backend=config.processing.backend,
        )
        for batch, outcomes in zip(batches, done, strict=True):
            for name, _, _ in batch:
                bar.reach(name)
            yield from outcomes


def _process_batch(config: Config, batch: list[Task], reach: Callable[..., None]) -> list[Outcome]:
    """Transcribe recordings together; each is aligned and kept as soon as its text is there.

    What is kept of a recording does not depend on those beside it (see
    `Engine`), so a killed run may go on with others. ``reach`` is an `AudioBar`'s.
    """
    longest_s = config.processing.max_duration_s
    outcomes = [_attempt(config, load_speech, path, longest_s) for _, path, _ in batch]
    good = [i for i, signal in enumerate(outcomes) if not isinstance(signal, InputError)]
    transcripts = load_engine(config).transcribe_each(
        [outcomes[i] for i in good],
        language=whisper_language(config),
        told=lambda k, time_s: reach(batch[good[k]][0], time_s),
    )
    for k, transcript in transcripts:
        (recording_id, _, sha256), signal = batch[good[k]], outcomes[good[k]]
        outcomes[good[k]] = process_recording(config, recording_id, sha256, signal, transcript)
        reach(recording_id)
    return outcomes


def _attempt(config: Config, function: Callable[..., Any], *args: Any) -> Any:
    """What the function gives, or the `InputError` that it raises; in strict mode it is raised."""
    try:
        return function(*args)
    except InputError as error:
        if config.processing.strict:
            raise
        return error


def _reason(config: Config, recording_id: str, error: InputError) -> dict[str, str]:
    """A row for the report; in strict mode the error ends the run instead."""
    if config.processing.strict:
        raise error
    # The report must not depend on where the data lie.
    told = str(error).replace(f"{stage_folder(config, 'scraping')}/", "")
    return {"id": recording_id, "reason": told}


def segments_of(
    config: Config, records: list[Record], metadata: pd.DataFrame, words: pd.DataFrame
) -> pd.DataFrame:
    """`segment_table` of the records; ``metadata`` is indexed by recording_id."""
    recordings = metadata[["speaker_id", "level"]].reset_index()
    # Transcripts are made at 16 kHz; the spectrograms may be at another rate.
    recordings["n_samples"] = [_n_samples(config, record) for record in records]
    p = config.processing
    return segment_table(
        recordings, words, sample_rate=p.sample_rate, length_s=p.segment_s, overlap=p.overlap
    )


def _n_samples(config: Config, record: Record) -> int:
    """Samples of a recording at the profile's rate; what the decoder gives is fitted to it."""
    return round(record.n_samples * config.processing.sample_rate / SAMPLE_RATE)


def write_spectrograms(config: Config, records: list[Record], metadata: pd.DataFrame) -> None:
    """Write `ARRAYS` in the order of ``segments.parquet``, never a whole one in memory."""
    p = config.processing
    folder = stage_folder(config, "processing")
    length, step = segment_length(p.sample_rate, p.segment_s, p.overlap)
    counts = [segment_count(_n_samples(config, record), length, step) for record in records]
    shape = (sum(counts), p.n_mels, 1 + length // p.hop_length)
    with (
        replacing(folder / ARRAYS[0]) as clean_path,
        replacing(folder / ARRAYS[1]) as noisy_path,
        clean_path.open("wb") as clean,
        noisy_path.open("wb") as noisy,
    ):
        for file in (clean, noisy):
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
        for pair, count in zip(_spectrograms(config, records, metadata), counts, strict=True):
            for file, array in zip((clean, noisy), pair, strict=True):
                if array.shape != (count, *shape[1:]):
                    raise ValueError(f"spectrograms of shape {array.shape}, expected {count}")
                # Written, not mapped: pages of a mapped file count as this process' memory.
                file.write(array.astype("<f4", copy=False).data)


def _spectrograms(
    config: Config, records: list[Record], metadata: pd.DataFrame
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    tasks = [
        (
            record.recording_id,
            audio_path(config, metadata.at[record.recording_id, "file_name"]),
            _n_samples(config, record),
        )
        for record in records
    ]
    done = run_in_order(config, recording_spectrograms, tasks, backend=config.processing.backend)
    yield from progress(done, desc="spectrograms", unit="recording", total=len(records))


def recording_spectrograms(
    config: Config, recording_id: str, path: Path, n_samples: int
) -> tuple[np.ndarray, np.ndarray]:
    """`signal_spectrograms` of a file, fitted to so many samples."""
    signal = load_audio(path, sample_rate=config.processing.sample_rate)
    signal = np.pad(signal, (0, max(0, n_samples - len(signal))))[:n_samples]
    return signal_spectrograms(config, recording_id, signal)


def signal_spectrograms(
    config: Config, recording_id: str, signal: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Log-mel (n, n_mels, n_frames) of one recording's segments, clean and with noise.

    The noise is added before the windows, as a microphone would.
    """
    p = config.processing
    segments = segment(signal, p.sample_rate, length_s=p.segment_s, overlap=p.overlap)
    seed = noise_seed(config, recording_id)
    noisy = add_white_noise(segments, ratio=p.noise_ratio, seed=seed)
    options = {
        "n_fft": p.n_fft,
        "hop_length": p.hop_length,
        "n_mels": p.n_mels,
        "segment_window": p.segment_window,
    }
    return log_mel(segments, p.sample_rate, **options), log_mel(noisy, p.sample_rate, **options)


def noise_seed(config: Config, recording_id: str) -> list[int]:
    """Of the profile and the recording alone: neither order nor number of workers changes it."""
    return [config.seed, crc32(recording_id.encode("utf-8"))]


def load_arrays(config: Config) -> tuple[np.ndarray, np.ndarray]:
    """Clean and noisy spectrograms, memory-mapped, rows as in ``segments.parquet``.

    InputError if the stage has not been run.
    """
    folder = stage_folder(config, "processing")
    clean, noisy = (read_array(folder / name) for name in ARRAYS)
    return clean, noisy

"""One recording: checked, transcribed, aligned and kept as one JSON file.

The file is the recording's completed mark: it is written last, and holds the
digest of everything that it depends on. A run that was killed takes it up
from there; a changed parameter re-does only what depends on it.
"""

from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.files import digest, read_json, sha256_of, write_json
from spoken_cefr.languages import find_language
from spoken_cefr.processing.alignment import align
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.textgrid import write_textgrid
from spoken_cefr.processing.transcription import SAMPLE_RATE, Transcript
from spoken_cefr.processing.words import Word
from spoken_cefr.stages import stage_folder

FORMAT = 2  # of the JSON file and of what leads to it; a new number re-does every recording
MIN_DURATION_S = 0.2
_NEAR_S = 1.0  # header, decoder and resampler agree on a duration to within this
SILENCE = 10 ** (-80 / 20)  # a peak below -80 dB of full scale is under the last bit but two


def audio_path(config: Config, file_name: str) -> Path:
    """Where a row of ``metadata.csv`` has its file."""
    return stage_folder(config, "scraping") / file_name


def record_path(config: Config, recording_id: str) -> Path:
    """The kept result of one recording."""
    return stage_folder(config, "processing") / "recordings" / f"{recording_id}.json"


def textgrid_path(config: Config, recording_id: str) -> Path:
    """The TextGrid of one recording."""
    return stage_folder(config, "processing") / "textgrids" / f"{recording_id}.TextGrid"


def whisper_language(config: Config) -> str:
    """Whisper's code of the profile's language.

    Raises
    ------
    InputError
        If Whisper does not know the language.
    """
    language = find_language(config.scraping.language)
    if language.whisper is None:
        raise InputError(
            f"scraping.language is {language.code!r} ({language.name}), which Whisper does not know"
        )
    return language.whisper


def record_key(config: Config, audio_sha256: str) -> str:
    """Digest of all that a recording's transcript and words depend on."""
    p = config.processing
    known = {
        "format": FORMAT,
        "audio": audio_sha256,
        "engine": p.engine,
        "model": p.model,
        "compute_type": p.compute_type,
        "language": whisper_language(config),
        "aligner": p.aligner,
    }
    if p.aligner == "webmaus":
        known["webmaus_url"] = p.webmaus_url
    return digest(known)


def read_record(config: Config, recording_id: str, audio_sha256: str) -> dict[str, Any] | None:
    """The kept result, or None when there is none or it is of something else.

    Also None where WebMAUS was wanted and failed: another run asks it again.
    """
    path = record_path(config, recording_id)
    if not path.exists() or not textgrid_path(config, recording_id).exists():
        return None
    try:
        record = read_json(path)
    except InputError:  # damaged: made again
        return None
    if record.get("key") != record_key(config, audio_sha256):
        return None
    fell_back = bool(record["words"]) and record["source"] != config.processing.aligner
    return None if fell_back else record


def checked_sha256(path: Path, expected: str) -> str:
    """SHA-256 of an audio file.

    Raises
    ------
    InputError
        If the file is missing, or is not the one that scraping wrote down.
    """
    if not path.is_file():
        raise InputError(f"{path} is missing")
    found = sha256_of(path)
    if expected and found != expected:
        raise InputError(f"{path} has changed since scraping (another SHA-256): scrape it again")
    return found


def load_speech(path: Path, max_duration_s: float | None = None) -> np.ndarray:
    """Load a recording as the engines want it, mono float32 at 16 kHz.

    Raises
    ------
    InputError
        As `load_audio`, and if it is shorter than 0.2 s or silent.
    """
    signal = load_audio(path, sample_rate=SAMPLE_RATE, max_duration_s=max_duration_s)
    duration_s = len(signal) / SAMPLE_RATE
    if duration_s < MIN_DURATION_S:
        raise InputError(f"{path} lasts {duration_s:.3f} s; at least {MIN_DURATION_S} s are needed")
    if np.abs(signal).max() < SILENCE:
        raise InputError(f"{path} is silent from end to end")
    return signal


def check_duration(config: Config, path: Path, record: dict[str, Any]) -> None:
    """Pass if a kept recording is not longer than the profile now allows.

    Near the limit the file itself decides: what a run takes must not depend on
    the runs before it.

    Raises
    ------
    InputError
        As `load_audio` on a file that is too long.
    """
    longest_s = config.processing.max_duration_s
    if record["n_samples"] / SAMPLE_RATE > longest_s - _NEAR_S:
        load_audio(path, sample_rate=SAMPLE_RATE, max_duration_s=longest_s)


def process_recording(
    config: Config,
    recording_id: str,
    audio_sha256: str,
    signal: np.ndarray,
    transcript: Transcript,
) -> dict[str, Any]:
    """Align the words of one recording, and keep the result.

    Returns
    -------
    dict
        key, recording_id, n_samples (at 16 kHz), transcript, words, source, remarks.

    Raises
    ------
    InputError
        If the recording cannot be used; the message names the file.
    """
    alignment = align(config, signal, transcript)
    words = alignment.words
    remarks = [*transcript.remarks, *alignment.remarks]
    if not words:
        remarks.append("no word was recognised")
    if len(signal) < config.processing.segment_s * SAMPLE_RATE:
        remarks.append("shorter than one segment: padded with zeros")
    write_textgrid(textgrid_path(config, recording_id), words, duration_s=len(signal) / SAMPLE_RATE)
    record = {
        "key": record_key(config, audio_sha256),
        "recording_id": recording_id,
        "n_samples": len(signal),
        "text": transcript.text,
        "language": config.scraping.language,
        "engine": transcript.engine,
        "model": transcript.model,
        "avg_logprob": transcript.avg_logprob,
        "no_speech_prob": transcript.no_speech_prob,
        "source": alignment.source,
        "words": words,
        "remarks": remarks,
    }
    write_json(record_path(config, recording_id), record)
    return record | {"words": [Word(*word) for word in words]}

"""One recording: checked, transcribed, aligned and kept as one JSON file.

The file holds Whisper's transcript with Whisper's own times, and the words as
the aligner timed them, each with the digest of everything that it depends on. A
run that was killed goes on from there, and a changed parameter re-does only
what depends on it: another aligner needs no new transcript. Transcription takes
95 % of the stage's time.
"""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spoken_cefr.arithmetic import pins_of
from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment.aligners import Alignment, align
from spoken_cefr.processing.alignment.textgrid import write_textgrid
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.decoding import SILENCE
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, Transcript
from spoken_cefr.processing.transcription.words import Word
from spoken_cefr.processing.weights.packaged import model_digest
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import digest, read_json, read_kept, sha256_of, write_json

FORMAT = 4  # of the JSON file and of what leads to it; a new number re-does every recording
MIN_DURATION_S = 0.2
_NEAR_S = 1.0  # header, decoder and resampler agree on a duration to within this


@dataclass(frozen=True)
class Record:
    """What is kept of one recording; its transcript has Whisper's own times, whoever aligns.

    ``n_samples`` are at 16 kHz; ``alignment`` is None where the words are still to be timed.
    """

    recording_id: str
    n_samples: int
    transcript: Transcript
    alignment: Alignment | None = None


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
    """Whisper's code of the profile's language; InputError if it does not know the language."""
    language = find_language(config.scraping.language)
    if language.whisper is None:
        raise InputError(
            f"scraping.language is {language.code!r} ({language.name}), which Whisper does not know"
        )
    return language.whisper


def transcript_key(config: Config, audio_sha256: str) -> str:
    """Digest of all that Whisper's words of a recording depend on."""
    p = config.processing
    known = {
        "format": FORMAT,
        "audio": audio_sha256,
        "engine": p.engine,
        "model": p.model,
        "weights": model_digest(p.model),
        "language": whisper_language(config),
    }
    if p.engine == "faster-whisper":  # openai-whisper computes in float32 whatever the profile says
        known["compute_type"] = p.compute_type
    if pins := pins_of(config.arithmetic):
        known["arithmetic"] = pins
    return digest(known)


def alignment_key(config: Config, audio_sha256: str) -> str:
    """Digest of all that the words' times depend on: the transcript, and who aligns it."""
    p = config.processing
    known = {"transcript": transcript_key(config, audio_sha256), "aligner": p.aligner}
    if p.aligner == "webmaus":
        known |= {"webmaus_url": p.webmaus_url, "language": config.scraping.language}
    return digest(known)


def read_record(config: Config, recording_id: str, audio_sha256: str) -> Record | None:
    """What is kept of a recording, or None when its transcript is missing or of something else.

    Without alignment where that is of something else, and where WebMAUS was
    wanted and failed: another run asks it again.
    """
    kept = read_kept(record_path(config, recording_id), read_json)
    if kept is None or kept.get("transcript_key") != transcript_key(config, audio_sha256):
        return None
    transcript = Transcript(**_with_words(kept["transcript"]))
    record = Record(recording_id, kept["n_samples"], transcript)
    if (
        kept["alignment"] is None
        or kept["alignment_key"] != alignment_key(config, audio_sha256)
        or not textgrid_path(config, recording_id).exists()
    ):
        return record
    alignment = Alignment(**_with_words(kept["alignment"]))
    fell_back = bool(alignment.words) and alignment.source != config.processing.aligner
    return record if fell_back else replace(record, alignment=alignment)


def _with_words(fields: dict[str, Any]) -> dict[str, Any]:
    return fields | {"words": [Word(*word) for word in fields["words"]]}


def write_record(config: Config, record: Record, audio_sha256: str) -> None:
    """Keep a record; one without alignment is taken up by another run to be aligned."""
    keys = {
        "transcript_key": transcript_key(config, audio_sha256),
        "alignment_key": alignment_key(config, audio_sha256),
    }
    write_json(record_path(config, record.recording_id), asdict(record) | keys)


def checked_sha256(path: Path, expected: str) -> str:
    """SHA-256 of an audio file; InputError if it is not the one that scraping wrote down."""
    if not path.is_file():
        raise InputError(f"{path} is missing")
    found = sha256_of(path)
    if expected and found != expected:
        raise InputError(f"{path} has changed since scraping (another SHA-256): scrape it again")
    return found


def load_speech(path: Path, max_duration_s: float | None = None) -> np.ndarray:
    """Load a recording as the engines want it, mono float32 at 16 kHz.

    InputError as `load_audio`, and if it is shorter than 0.2 s or silent.
    """
    signal = load_audio(path, sample_rate=SAMPLE_RATE, max_duration_s=max_duration_s)
    duration_s = len(signal) / SAMPLE_RATE
    if duration_s < MIN_DURATION_S:
        told_s = np.floor(1000 * duration_s) / 1000  # rounded, it could be 0.200 s
        raise InputError(f"{path} lasts {told_s:.3f} s; at least {MIN_DURATION_S} s are needed")
    if np.abs(signal).max() < SILENCE:
        raise InputError(f"{path} is silent from end to end")
    return signal


def check_duration(config: Config, path: Path, record: Record) -> None:
    """InputError if a kept recording is longer than the profile now allows.

    Near the limit the file itself decides: what a run takes must not depend on those before it.
    """
    longest_s = config.processing.max_duration_s
    if record.n_samples / SAMPLE_RATE > longest_s - _NEAR_S:
        load_audio(path, sample_rate=SAMPLE_RATE, max_duration_s=longest_s)


def process_recording(
    config: Config,
    recording_id: str,
    audio_sha256: str,
    signal: np.ndarray,
    transcript: Transcript,
) -> Record:
    """Keep the transcript of one recording, then align its words and keep those.

    The TextGrid is written before the record that says that all is there.
    """
    record = Record(recording_id, len(signal), transcript)
    write_record(config, record, audio_sha256)  # an aligner may take minutes
    alignment = align(config, signal, transcript)
    duration_s = len(signal) / SAMPLE_RATE
    write_textgrid(textgrid_path(config, recording_id), alignment.words, duration_s=duration_s)
    record = replace(record, alignment=alignment)
    write_record(config, record, audio_sha256)
    return record


def align_again(config: Config, recording_id: str, path: Path, audio_sha256: str) -> Record:
    """`process_recording` with the transcript that is kept."""
    kept = read_record(config, recording_id, audio_sha256)
    signal = load_speech(path, config.processing.max_duration_s)
    return process_recording(config, recording_id, audio_sha256, signal, kept.transcript)


def remarks_of(config: Config, record: Record) -> list[str]:
    """What a reader of the report should know of a recording."""
    remarks = [*record.transcript.remarks, *record.alignment.remarks]
    if not record.alignment.words:
        remarks.append("no word was recognised")
    if record.n_samples < config.processing.segment_s * SAMPLE_RATE:
        remarks.append("shorter than one segment: padded with zeros")
    return remarks


def transcripts_table(config: Config, records: list[Record]) -> pd.DataFrame:
    """One row a recording."""
    names = ["recording_id", "text", "language", "engine", "model", "avg_logprob", "no_speech_prob"]
    told = {"language": config.scraping.language}  # the site's code, not Whisper's
    rows = [asdict(r.transcript) | told | {"recording_id": r.recording_id} for r in records]
    return pd.DataFrame(rows)[names].astype(dict.fromkeys(names[-2:], "float64"))


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


def forget_others(config: Config, names: set[str]) -> None:
    """Remove what an earlier run kept of recordings that are no longer there."""
    for example in (record_path(config, "x"), textgrid_path(config, "x")):
        for path in example.parent.glob(f"*{example.suffix}"):
            if path.stem not in names:
                path.unlink()

"""Word times from WebMAUS (LMU Munich): sound and text out, a TextGrid in.

**Voices leave this machine.** So nothing is sent unless the profile says
``processing.aligner = "webmaus"`` and ``processing.accept_terms = true``; files
go by a digest instead of a name, one at a time, and never twice: each answer is
kept as ``processing/webmaus/<key>.TextGrid``.
"""

import io
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import soundfile
from filelock import FileLock

from spoken_cefr.config import WEBMAUS_TERMS, Config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.http import LOCAL_HOSTS, Wait, is_encrypted, user_agent, wait
from spoken_cefr.processing.alignment.bas import BasClient, WebMausError
from spoken_cefr.processing.alignment.textgrid import check_order, read_intervals, snap
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE
from spoken_cefr.processing.transcription.words import Word, plain_text
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import digest, read_kept, replacing, write_text

OPERATION = "runMAUSBasic"
TIER = "ORT-MAU"
FRAME_S = 0.010  # MAUS's grid
MAX_WORDS = 3000  # MAUS cannot do more in one piece
N_FAILURES = 3  # so many recordings in a row without an answer, and ...
REST_S = 600.0  # ... the service is left alone for so long


@dataclass(frozen=True)
class Result:
    """The service's words with their times, and its warnings."""

    words: list[Word]
    warnings: list[str] = field(default_factory=list)


@lru_cache(maxsize=8)
def service(config: Config) -> "WebMaus":
    """The one `WebMaus` that all threads of a run share."""
    return WebMaus(config)


class WebMaus:
    """The aligner of one profile; threads may share it, they wait for each other.

    InputError without the terms, a language that the service knows, or an address of it.
    """

    def __init__(
        self,
        config: Config,
        *,
        wait: Wait = wait,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        p = config.processing
        if not p.accept_terms:
            raise InputError(WEBMAUS_TERMS)
        language = find_language(config.scraping.language)
        if language.bas is None:
            raise InputError(
                f"scraping.language is {language.code!r} ({language.name}), which WebMAUS does not "
                'know: set processing.aligner to "whisper"'
            )
        _check_address(p.webmaus_url, p.webmaus_delay_s)
        self._client = BasClient(
            p.webmaus_url,
            delay_s=p.webmaus_delay_s,
            timeout_s=p.webmaus_timeout_s,
            agent=user_agent(config.scraping.contact),
            wait=wait,
        )
        self._fields = {"LANGUAGE": language.bas, "OUTFORMAT": "TextGrid"}
        self._folder = stage_folder(config, "processing") / "webmaus"
        self._clock = clock
        self._n_failures = 0
        self._rest_until_s = float("-inf")

    def align(self, signal: np.ndarray, words: list[str]) -> Result:
        """Times of the words said in a recording (float32 at 16 kHz): the labels of the tier.

        Words may be missing, merged or cut. WebMausError if the service gives none.
        """
        if len(words) > MAX_WORDS:
            raise WebMausError(f"{len(words)} words are too many (the most is {MAX_WORDS})")
        wav, text = wav_bytes(signal), " ".join(plain_text(" ".join(words)).split())
        key = digest(
            {
                "service": self._client.base_url,
                "audio": sha256(wav).hexdigest(),
                "text": text,
                "operation": OPERATION,
                "fields": self._fields,
            }
        )
        path = self._folder / f"{key}.TextGrid"
        self._folder.mkdir(parents=True, exist_ok=True)
        # Threads of this process, and other processes on the same data, wait for their turn.
        with FileLock(self._folder / ".lock"):
            kept = read_kept(path, _read_answer, damaged=(WebMausError,))
            return kept or self._ask(path, wav, text)

    def _ask(self, path: Path, wav: bytes, text: str) -> Result:
        """Send the job, unless the service has just failed several times; keep the answer."""
        if self._clock() < self._rest_until_s:
            raise WebMausError(f"not asked: the service has just failed {N_FAILURES} times")
        stem = path.stem[:32]  # ASCII, and tells nobody who speaks
        files = {
            "SIGNAL": (f"{stem}.wav", wav, "audio/wav"),
            "TEXT": (f"{stem}.txt", text.encode("utf-8"), "text/plain"),
        }
        try:
            content, reply = self._client.run(OPERATION, files, self._fields)
        except WebMausError as error:
            self._n_failures = self._n_failures + 1 if error.transient else 0
            if self._n_failures >= N_FAILURES:
                self._n_failures = 0
                self._rest_until_s = self._clock() + REST_S
            raise
        self._n_failures = 0
        return _keep(path, content, reply.warnings)


def _check_address(url: str, delay_s: float) -> None:
    try:
        host, is_safe = urlsplit(url).hostname, is_encrypted(url)
    except ValueError:
        host, is_safe = None, False
    if not host or not is_safe:
        raise InputError(
            f"processing.webmaus_url is {url!r}: voices must be sent encrypted, give an https "
            "address"
        )
    if host not in LOCAL_HOSTS and delay_s <= 0:
        raise InputError(
            f"processing.webmaus_delay_s is {delay_s}: {host} needs a delay between requests "
            "(1 s is usual); 0 is for this machine only"
        )


def _read_answer(path: Path) -> Result:
    """An earlier answer, with its warnings."""
    notes = _notes(path)
    warnings = notes.read_text(encoding="utf-8").splitlines() if notes.exists() else []
    return Result(read_words(path), warnings)


def _keep(path: Path, content: bytes, warnings: list[str]) -> Result:
    """Keep an answer that can be read, its warnings first: the TextGrid is the completed mark."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)
        words = read_words(temporary)
        _notes(path).unlink(missing_ok=True)
        if warnings:
            write_text(_notes(path), "".join(f"{warning}\n" for warning in warnings))
    return Result(words, warnings)


def _notes(path: Path) -> Path:
    return path.with_suffix(".warnings.txt")


def read_words(path: Path) -> list[Word]:
    """The words of the service's TextGrid, without marks such as ``<p:>`` or ``<usb>``.

    Those that overlap by a rounding error are mended. WebMausError, which holds no path, if it is
    no TextGrid.
    """
    try:
        words = snap(read_intervals(path, tier=TIER))
        check_order(words, where=f"{path} (tier {TIER!r})")
    except InputError as error:
        told = str(error).replace(str(path), "its TextGrid")
        raise WebMausError(told) from None
    return [word for word in words if any(map(str.isalnum, word.word)) and word.word[0] != "<"]


def wav_bytes(signal: np.ndarray) -> bytes:
    """A mono float32 signal in -1..1 at 16 kHz as a WAV file of 16-bit samples."""
    samples = np.round(np.clip(signal, -1, 1) * 32767).astype("<i2")
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, SAMPLE_RATE, format="WAV")
    return buffer.getvalue()

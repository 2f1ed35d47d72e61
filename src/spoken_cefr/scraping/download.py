"""Download recordings: each once, whole, checked, and to a temporary name first."""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from urllib.parse import urlsplit

import requests
import soundfile

from spoken_cefr.corpus.sound_files import open_sound
from spoken_cefr.http import Refused, chunks
from spoken_cefr.scraping.archive import Journal
from spoken_cefr.scraping.client import Client
from spoken_cefr.store import replacing, sha256_of

BODY_TIMEOUTS = 20  # a whole file may take so many times scraping.timeout_s
PROBE_FRAMES = 1152  # one frame of MP3, decoded to see that the file is audio


@dataclass(frozen=True)
class Audio:
    """A recording on disk; ``file_name`` is relative to the stage's folder, with ``/``."""

    file_name: str
    sha256: str
    duration_s: float


class AudioFolder:
    """The recordings of the stage, and a journal of what was fetched from where."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._journal = Journal(folder / "audio.jsonl")
        self._known = {(row["recording_id"], _path(row["url"])): row for row in self._journal.rows}

    def kept(self, recording_id: str, url: str) -> Audio | None:
        """The recording, if it was fetched from this address and is still whole.

        Host and port do not count: the site has moved before, and the replica's port varies.
        """
        sha256 = self._known.get((recording_id, _path(url)), {}).get("sha256")
        path = self._path(recording_id)
        if sha256 is None or not path.is_file() or sha256_of(path) != sha256:
            return None
        with open_sound(path) as audio:
            return self._describe(path, sha256, audio.frames / audio.samplerate)

    def fetch(self, recording_id: str, url: str, client: Client | None, *, max_mb: float) -> Audio:
        """Return the kept recording, or download it; a failure leaves no partial file.

        Refused if the site does not give it, or what it gives is not audio. Without a client
        nothing is fetched: a recording that is not here is refused for the reason that it had
        when it was tried. InputError if the run must stop.
        """
        audio = self.kept(recording_id, url)
        if audio:
            return audio
        if client is None:
            tried = self._known.get((recording_id, _path(url)), {})
            raise Refused(
                tried.get("reason", "not on disk"), transient=tried.get("transient", True)
            )
        path = self._path(recording_id)
        try:
            with replacing(path) as temporary:
                sha256, duration_s = client.fetch(
                    url, lambda reply: _save(reply, temporary, client.timeout_s, max_mb)
                )
        except Refused as error:
            self._note(recording_id, url, reason=error.reason, transient=error.transient)
            raise
        self._note(recording_id, url, sha256=sha256)
        return self._describe(path, sha256, duration_s)

    def _note(self, recording_id: str, url: str, **facts: str | bool) -> None:
        row = {"recording_id": recording_id, "url": url} | facts
        self._journal.append(row)
        self._known[(recording_id, _path(url))] = row

    def _path(self, recording_id: str) -> Path:
        return self._folder / "audio" / f"{recording_id}.mp3"

    def _describe(self, path: Path, sha256: str, duration_s: float) -> Audio:
        name = path.relative_to(self._folder).as_posix()
        return Audio(name, sha256, round(duration_s, 3))


def _save(
    reply: requests.Response, path: Path, timeout_s: float, max_mb: float
) -> tuple[str, float]:
    """Write the body to a file, check that it is whole and is audio; SHA-256 and seconds."""
    body = chunks(
        reply,
        max_bytes=int(max_mb * 1e6),
        too_long=f"over {max_mb:g} MB",
        end_s=monotonic() + BODY_TIMEOUTS * timeout_s,
    )
    sha256 = hashlib.sha256()
    with path.open("wb") as file:
        for chunk in body:
            file.write(chunk)
            sha256.update(chunk)
    if path.stat().st_size == 0:
        raise Refused("empty file")
    seconds = duration_s(path)
    if not seconds:
        content_type = reply.headers.get("Content-Type", "no type").partition(";")[0]
        raise Refused(f"not an audio file ({content_type})")
    return sha256.hexdigest(), seconds


def duration_s(path: Path) -> float:
    """Length of a recording; 0 where nothing of it can be decoded."""
    with suppress(soundfile.LibsndfileError), open_sound(path) as audio:
        if len(audio.read(PROBE_FRAMES, dtype="float32")):
            return audio.frames / audio.samplerate
    return 0.0


def _path(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"

"""A stand-in for the BAS web services on 127.0.0.1, with their faults.

It checks what the real service checks and answers in its form, but its times
come from a rule (speech is where there is energy, shared out by letters): they
prove the plumbing and nothing about accuracy. Of the services' operations it
knows getLoadIndicator and runMAUSBasic; any other is 404. What a polite client
never does is noted in ``offences``.
"""

import io
import re
import threading
import time
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from xml.sax.saxutils import escape

import numpy as np

SERVICES, DATA = "/BASWebServices/services", "/BASWebServices/data/"
LANGUAGES = ("deu-DE", "eng-GB", "fra", "fra-FR", "ita-IT", "spa-ES")
HTML = b"<!DOCTYPE html>\n<html><body><h1>503 Service Unavailable</h1></body></html>"
FRAME_S, MIN_WORD_S = 0.01, 0.03

FAULTS = (
    "refused",  # success=false and a reason
    "refused in warnings",  # the same with an empty output
    "warnings",  # success, and two warnings joined by a pilcrow sign
    "500",  # an HTML page with HTTP 500
    "503",
    "html",  # an HTML page with HTTP 200
    "garbage",  # bytes that are no text
    "entities",  # XML with a document type that explodes
    "other xml",
    "late",  # the answer comes after `delay_s`
    "reset",  # the connection is closed without an answer
    "cut",  # the answer is shorter than announced
    "no link",  # success with an empty link
    "elsewhere",  # the link leads to another host
    "file link",  # the link is file:///etc/passwd
    "expired",  # the link is 404
    "moved",  # the link redirects to another host
    "data 500",  # the link answers HTTP 500
    "empty file",
    "huge file",
    "word missing",
    "tiny overlap",  # words that overlap by a rounding error
    "other text",  # the TextGrid of another recording
    "other length",  # times beyond the recording's end
    "no tier",  # a TextGrid without ORT-MAU
    "truncated",
    "slashes",  # repeated slashes in the link
    "busy",  # the load indicator stays at 2
    "bad load",  # the load indicator is a page
)


@dataclass
class Stage:
    """What the server shall do, and what it saw.

    ``faults`` is used up job by job (None: no fault), then ``fault`` holds.
    ``loads`` likewise, then "0".
    """

    fault: str | None = None
    faults: list[str | None] = field(default_factory=list)
    loads: list[str] = field(default_factory=list)
    delay_s: float = 0.5
    base_url: str = ""
    jobs: list[dict] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    offences: list[str] = field(default_factory=list)
    files: dict[str, tuple[bytes, str | None]] = field(default_factory=dict)
    last_load: str | None = None
    in_flight: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


class Handler(BaseHTTPRequestHandler):
    """One request."""

    stage: Stage

    def log_message(self, *args):
        """Say nothing."""

    def do_GET(self):
        with self.counted():
            if self.path == f"{SERVICES}/getLoadIndicator":
                return self.load()
            content, fault = self.stage.files.get(self.path, (b"", "expired"))
            if fault == "moved":
                return self.answer(302, b"", location="http://example.org/stolen")
            if fault in ("expired", "data 500"):
                return self.answer(404 if fault == "expired" else 500, HTML)
            self.answer(200, content, kind="text/plain")  # without a charset, as the real one

    def do_POST(self):
        with self.counted():
            body = self.rfile.read(int(self.headers["Content-Length"]))
            stage = self.stage
            if stage.last_load in ("2", None):
                stage.offences.append(f"a job when the last load indicator was {stage.last_load}")
            stage.last_load = None  # each job must ask again
            fault = stage.faults.pop(0) if stage.faults else stage.fault
            if self.path != f"{SERVICES}/runMAUSBasic":
                return self.answer(404, HTML)
            job = read_multipart(self.headers["Content-Type"], body)
            stage.jobs.append(job)
            self.reply(job, fault)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Note requests that overlap."""
        stage = self.stage
        with stage.lock:
            stage.requests.append(f"{self.command} {self.path}")
            stage.in_flight += 1
            if stage.in_flight > 1:
                stage.offences.append(f"{stage.in_flight} requests at once")
        self.left = False
        try:
            yield
        finally:
            self.leave()

    def leave(self):
        """This request counts no more: once its body is sent, the next one may come at once."""
        with self.stage.lock:
            self.stage.in_flight -= not self.left
            self.left = True

    def load(self):
        stage = self.stage
        stage.last_load = stage.loads.pop(0) if stage.loads else "0"
        if stage.fault == "busy":
            stage.last_load = "2"
        content = HTML if stage.fault == "bad load" else f"{stage.last_load}\n".encode()
        self.answer(200, content, kind="text/plain")

    def reply(self, job: dict, fault: str | None):
        if fault in ("500", "503"):
            return self.answer(int(fault), HTML)
        if fault == "late":
            time.sleep(self.stage.delay_s)
        if fault == "reset":
            self.close_connection = True
            return None
        wrong = check(job)
        if fault in ("refused", "refused in warnings"):
            wrong = "text and signal do not match"
        if wrong:
            told = {"warnings": wrong} if fault == "refused in warnings" else {"output": wrong}
            return self.answer(200, envelope(False, **told))
        pages = {
            "html": HTML,
            "garbage": bytes(range(128, 256)),
            "entities": b'<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>',
            "other xml": b"<html><body>hello</body></html>",
        }
        if fault in pages:
            return self.answer(200, pages[fault])
        warnings = "low energy\N{PILCROW SIGN}unknown word" if fault == "warnings" else ""
        body = envelope(True, link=self.publish(job, fault), warnings=warnings)
        self.answer(200, body, cut=fault == "cut")

    def publish(self, job: dict, fault: str | None) -> str:
        """Put the result where the link says."""
        special = {"no link": "", "file link": "file:///etc/passwd"}
        special["elsewhere"] = "http://example.org/BASWebServices/data/x/y.TextGrid"
        if fault in special:
            return special[fault]
        name = job["SIGNAL"][0].removesuffix(".wav") + ".TextGrid"
        stamp = f"2026.01.02_03.04.05_{len(self.stage.jobs):032X}"
        path = f"{DATA}{stamp}/{name}"
        if fault == "slashes":
            path = f"/BASWebServices//data////{stamp}//{name}"
        self.stage.files[path] = (result(job, fault), fault)
        return f"http://127.0.0.1:{self.server.server_port}{path}"

    def answer(self, status, content, *, kind="application/xml", location=None, cut=False):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        if location:
            self.send_header("Location", location)
        self.leave()
        try:
            self.end_headers()
            self.wfile.write(content[: len(content) // 2] if cut else content)
        except OSError:
            pass  # the client has lost patience
        self.close_connection = True


def read_multipart(content_type: str, body: bytes) -> dict:
    """Parts by name: text, or for a file its name and content."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    job = {}
    for part in message_from_bytes(head + body).get_payload():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        job[name] = (part.get_filename(), content) if part.get_filename() else content.decode()
    return job


def check(job: dict) -> str:
    """What the service has against a job; nothing if it is empty."""
    for name in ("SIGNAL", "TEXT", "LANGUAGE"):
        if name not in job:
            return f"The mandatory parameter {name} is missing! Aborting!"
    if job["LANGUAGE"] not in LANGUAGES:
        return (
            f"The value {job['LANGUAGE']} of the type LANGUAGE (Language) is not in the closed "
            f"vocabulary [{', '.join(LANGUAGES)}]! Aborting!"
        )
    for name in ("SIGNAL", "TEXT"):
        if not re.fullmatch(r"[A-Za-z0-9._-]+", job[name][0]):
            return f"The name of {name} has blanks or other characters! Aborting!"
    try:
        signal, rate = read_wav(job["SIGNAL"][1])
    except (wave.Error, EOFError, ValueError) as error:
        return f"The audio cannot be read ({error})! Aborting!"
    if rate != 16_000 or len(signal) == 0:
        return "The audio is not mono 16-bit PCM at 16 kHz! Aborting!"
    return "" if words_of(job) else "The text is empty! Aborting!"


def read_wav(data: bytes) -> tuple[np.ndarray, int]:
    with wave.open(io.BytesIO(data)) as file:
        if (file.getnchannels(), file.getsampwidth()) != (1, 2):
            raise ValueError("not mono PCM16")
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
        return samples / 32768, file.getframerate()


def words_of(job: dict) -> list[str]:
    """Words of the text, without punctuation; the text must be UTF-8."""
    stripped = [word.strip('.,;:!?«»…"()') for word in job["TEXT"][1].decode("utf-8").split()]
    return [word for word in stripped if word]


def result(job: dict, fault: str | None) -> bytes:
    """The content behind the link."""
    signal, rate = read_wav(job["SIGNAL"][1])
    duration_s = len(signal) / rate
    words = words_of(job)
    if fault == "word missing":
        words = words[:1] + words[2:]
    if fault == "other text":
        words = ["tout", "autre", "chose", "que", "ce", "qui", "est", "dit"]
    if fault == "other length":
        duration_s += 5
    tier = "TRN" if fault == "no tier" else "ORT-MAU"
    intervals = timed(words, signal, rate, duration_s)
    if fault == "tiny overlap":
        intervals = [(start, end + 1e-5 * bool(label), label) for start, end, label in intervals]
    content = textgrid(intervals, duration_s, tier)
    special = {"empty file": b"", "huge file": b"x" * 17 * 2**20}
    special["truncated"] = content[: len(content) // 2]
    return special.get(fault or "", content)


def timed(words, signal, rate, duration_s) -> list[tuple[float, float, str]]:
    """Contiguous intervals on the 10-ms grid over the part of the signal with energy."""
    loud = np.flatnonzero(np.abs(signal) > 0.05 * np.abs(signal).max())
    first_s = np.floor(loud[0] / rate / FRAME_S) * FRAME_S
    last_s = duration_s if duration_s > len(signal) / rate else loud[-1] / rate
    letters = np.array([max(len(word), 1) for word in words], dtype=float)
    edges = first_s + np.concatenate([[0], np.cumsum(letters)]) / letters.sum() * (last_s - first_s)
    edges = np.round(edges / FRAME_S) * FRAME_S
    for index in range(1, len(edges)):
        edges[index] = max(edges[index], edges[index - 1] + MIN_WORD_S)
    said = [(a, b, word) for (a, b), word in zip(pairwise(edges), words, strict=True)]
    before = [(0.0, first_s, "")] if first_s > 0 else []
    after = [(edges[-1], duration_s, "")] if edges[-1] < duration_s else []
    return [*before, *said, *after]


def textgrid(intervals, duration_s: float, tier: str) -> bytes:
    """As WebMAUS writes it: UTF-8, LF, a blank at the end of two header lines."""
    phones = [(a, b, word[:1].lower() or "<p:>") for a, b, word in intervals]
    canonical = [(a, b, " ".join(word.lower())) for a, b, word in intervals]
    tiers = [(tier, intervals), ("KAN-MAU", canonical), ("MAU", phones)]
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 "]
    lines += [f"xmax = {duration_s:.6f}", "tiers? <exists> ", "size = 3", "item []:"]
    for number, (name, entries) in enumerate(tiers, start=1):
        lines += [f"    item [{number}]:", '        class = "IntervalTier"']
        lines += [
            f'        name = "{name}"',
            "        xmin = 0",
            f"        xmax = {duration_s:.6f}",
        ]
        lines += [f"        intervals: size = {len(entries)}"]
        for index, (start, end, label) in enumerate(entries, start=1):
            label = label.replace('"', '""')
            lines += [f"        intervals [{index}]:", f"            xmin = {start:.6f}"]
            lines += [f"            xmax = {end:.6f}", f'            text = "{label}"']
    return ("\n".join(lines) + "\n").encode("utf-8")


def envelope(success: bool, *, link: str = "", output: str = "", warnings: str = "") -> bytes:
    """The service's XML."""
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><WebServiceResponseLink>'
        f"<success>{str(success).lower()}</success><downloadLink>{escape(link)}</downloadLink>"
        f"<output>{escape(output)}</output><warnings>{escape(warnings)}</warnings>"
        "</WebServiceResponseLink>"
    ).encode()


class QuietServer(ThreadingHTTPServer):
    """Clients that go away are part of the tests."""

    daemon_threads = False  # `server_close` then waits for the requests in flight

    def handle_error(self, request, client_address):
        """Say nothing."""


@contextmanager
def serve_webmaus(**options) -> Iterator[Stage]:
    """Serve on a free port of 127.0.0.1; at the end there must be no offence."""
    stage = Stage(**options)
    server = QuietServer(("127.0.0.1", 0), type("StagedHandler", (Handler,), {"stage": stage}))
    stage.base_url = f"http://127.0.0.1:{server.server_port}{SERVICES}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield stage
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert stage.offences == []

"""HTTP with the BAS web services: one job at a time, politely, with bounds on everything.

A job is asked for only when the load indicator allows it. A reply is XML even
when the job failed; behind a successful one is a link to a file, kept for a day.
Source: help pages and clients of the BAS WebServices (Kisler, Reichel & Schiel
2017, doi 10.1016/j.csl.2017.01.005).
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlsplit
from xml.etree import ElementTree

import requests

from spoken_cefr.http import (
    LOCAL_HOSTS,
    Again,
    Pace,
    Refused,
    TimedOut,
    Wait,
    check_status,
    chunks,
    is_encrypted,
    new_session,
    opened,
    tried,
    wait,
)

MAX_TRIES = 3  # emuR, the services' own client, has no more patience either
BACK_OFF_S = 2.0  # before the second try; doubled before the third
CONNECT_S = 20.0
FULL = "2"  # of the load indicator: 0 low, 1 medium
MAX_LOAD_CHECKS = 8
LOAD_WAIT_S, MAX_LOAD_WAIT_S = 5.0, 60.0  # first and longest wait while it is full
MAX_REPLY_BYTES = 2**20
MAX_FILE_BYTES = 16 * 2**20  # a recording of an hour has about 4 MB
MAX_TOLD = 300  # characters of the service's own words in a message

# Name of the file part -> (file name, content, media type)
Files = Mapping[str, tuple[str, bytes, str]]
T = TypeVar("T")


class WebMausError(Exception):
    """One recording cannot be aligned by the service, and the run goes on.

    The reason holds no path and no address; ``transient`` where the service is to blame.
    """

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.transient = transient


@dataclass(frozen=True)
class Reply:
    """What the service's XML says."""

    success: bool
    link: str
    output: str
    warnings: list[str] = field(default_factory=list)


class BasClient:
    """One visitor of the services; not to be used by two threads at once.

    A job is answered when it is done, after minutes perhaps: ``timeout_s`` is for one answer.
    """

    def __init__(
        self, base_url: str, *, delay_s: float, timeout_s: float, agent: str, wait: Wait = wait
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.host = urlsplit(base_url).hostname
        self.timeout_s = timeout_s
        self.pace = Pace(delay_s, back_off_s=BACK_OFF_S, wait=wait)
        self._agent = agent

    def run(self, operation: str, files: Files, fields: Mapping[str, str]) -> tuple[bytes, Reply]:
        """Have one job done and fetch the file that it gives; WebMausError if it fails."""
        with new_session(self._agent, local=self.host in LOCAL_HOSTS) as session:
            reply = self._try(lambda: self._job(session, operation, files, fields))
            if not reply.success:
                told = reply.output or "; ".join(reply.warnings) or "without a word why"
                raise WebMausError(f"the service refused it: {told}")
            if not reply.link:
                raise WebMausError("the service reports success without a link to the result")
            # As it is given: with its port and its repeated slashes.
            content = self._try(lambda: self._send(session, "GET", reply.link, MAX_FILE_BYTES))
        if not content.strip():
            raise WebMausError("the service's result is an empty file")
        return content, reply

    def _try(self, act: Callable[[], T]) -> T:
        try:
            return tried(act, pace=self.pace, max_tries=MAX_TRIES, host=str(self.host))
        except Again as error:
            told = f"{error.reason}, {MAX_TRIES} times"
            raise WebMausError(told, transient=True) from None
        except Refused as error:
            raise WebMausError(f"the service's answer: {error.reason}") from None

    def _job(
        self, session: requests.Session, operation: str, files: Files, fields: Mapping[str, str]
    ) -> Reply:
        self._await_capacity(session)
        url = f"{self.base_url}/{operation}"
        try:
            body = self._send(session, "POST", url, MAX_REPLY_BYTES, files=files, data=fields)
        except TimedOut:
            # The service may still be at it: sent again, it would be two jobs at once.
            self.pace.postpone(self.timeout_s)
            raise WebMausError(f"no answer within {self.timeout_s:g} s", transient=True) from None
        return parse_reply(body)

    def _await_capacity(self, session: requests.Session) -> None:
        """Return when the load indicator is below 2, which the services ask to respect."""
        for check in range(MAX_LOAD_CHECKS):
            if check:
                self.pace.wait(min(LOAD_WAIT_S * 2 ** (check - 1), MAX_LOAD_WAIT_S))
            if self._load(session) != FULL:
                return
        raise WebMausError(
            f"the service said {MAX_LOAD_CHECKS} times that it is full", transient=True
        )

    def _load(self, session: requests.Session) -> str:
        body = self._send(session, "GET", f"{self.base_url}/getLoadIndicator", 1024)
        load = body.decode("ascii", errors="replace").strip()
        if load not in ("0", "1", FULL):
            raise Again("its load indicator is none of 0, 1, 2")
        return load

    def _send(
        self, session: requests.Session, method: str, url: str, limit: int, **content: object
    ) -> bytes:
        end_s = time.monotonic() + self.timeout_s
        too_long = f"over {limit} bytes"
        try:
            with opened(
                session,
                method,
                url,
                pace=self.pace,
                permit=self._permit,
                timeout_s=(CONNECT_S, self.timeout_s),
                **content,
            ) as answer:
                check_status(answer)
                return b"".join(chunks(answer, max_bytes=limit, too_long=too_long, end_s=end_s))
        finally:
            # From the end of an answer on: it may have taken minutes.
            self.pace.postpone(self.pace.delay_s)

    def _permit(self, url: str) -> None:
        """Pass only if the address is a plain one on the service's own host."""
        try:
            parts = urlsplit(url)
            host = parts.hostname
        except ValueError:
            host = None
        # What programs may read as another host than Python does is refused as well.
        if host != self.host or parts.scheme not in ("http", "https") or re.search(r"[\s\\@]", url):
            raise WebMausError("the service's link leads to another place than the service")
        if not is_encrypted(url):
            raise WebMausError("the service's link is not encrypted (https)")


def parse_reply(body: bytes) -> Reply:
    """Read the service's XML; Again if it is something else: proxies answer with pages in HTML.

    A document type is refused before parsing: without it XML has no entities, and the
    standard library's parser needs no further guard on a bounded body.
    """
    try:
        text = body.decode("utf-8-sig").strip()
        if re.search(r"<!(?!--|\[CDATA\[)", text):
            raise Again("its answer is a page instead of XML")
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, LookupError):
        raise Again("its answer is not XML") from None
    found = {child.tag.rpartition("}")[2]: "".join(child.itertext()) for child in root}
    if root.tag.rpartition("}")[2] != "WebServiceResponseLink" or "success" not in found:
        raise Again("its answer is other XML than expected")
    warnings = [plain(part) for part in found.get("warnings", "").split("\N{PILCROW SIGN}")]
    return Reply(
        success=found["success"].strip().lower() == "true",
        link=found.get("downloadLink", "").strip(),
        output=plain(found.get("output", "")),
        warnings=[warning for warning in warnings if warning],
    )


def plain(text: str) -> str:
    """One line of printable characters, cut to `MAX_TOLD`."""
    line = "".join(c if c.isprintable() else " " for c in text)
    line = " ".join(line.split())
    return line if len(line) <= MAX_TOLD else f"{line[: MAX_TOLD - 3]}..."

"""HTTP with other people's machines: one request at a time, a pause between two, all bounded.

The scraper and the BAS services both go through this. Tries are counted by tenacity; urllib3's
own ``Retry`` starts its first retry at once, and does not cover a body that is cut short.
"""

import datetime
import email.utils
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt

from spoken_cefr import __version__
from spoken_cefr.errors import InputError

AGENT = "spoken_cefr"  # the name to write in a robots.txt
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
MAX_REDIRECTS = 5
TOO_MANY = 429
FORBIDDEN = 403
BACK_OFF_S = 1.0  # before the second try; doubled before each further one
MAX_BACK_OFF_S = 60.0
MAX_RETRY_AFTER_S = 600.0  # a site that asks for a longer pause is left alone
CHUNK_BYTES = 64 * 1024

Wait = Callable[[float], object]
T = TypeVar("T")


class Refused(Exception):
    """One file cannot be had, and the run goes on; another one may have it where ``transient``.

    The reason has no address in it, so that reasons can be counted.
    """

    def __init__(self, reason: str, *, transient: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.transient = transient


class Again(Exception):
    """This try failed in a way that another one may mend."""

    def __init__(self, reason: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_s = retry_after_s


class TimedOut(Again):
    """No (complete) answer in time; what was asked for may still be under way."""


def wait(seconds: float) -> None:
    """Do nothing for so many seconds."""
    threading.Event().wait(seconds)


def user_agent(contact: str) -> str:
    """Who we say we are, such as ``spoken_cefr/0.1.0 (+you@example.org)``."""
    return f"{AGENT}/{__version__}" + (f" (+{contact})" if contact else "")


class Pace:
    """How often we ask: seconds between two requests, by whomever, and before a second try."""

    def __init__(self, delay_s: float, *, back_off_s: float = BACK_OFF_S, wait: Wait) -> None:
        self.delay_s = delay_s
        self.wait = wait
        self._back_off_s = back_off_s
        self._last_s = self._not_before_s = float("-inf")  # on time.monotonic's clock

    def pause(self) -> None:
        """Wait until the delay since the last request is over; call before each one."""
        rest_s = max(self._last_s + self.delay_s, self._not_before_s) - time.monotonic()
        if rest_s > 0:
            self.wait(rest_s)
        self._last_s = time.monotonic()

    def postpone(self, seconds: float) -> None:
        """Let the next request wait for so many seconds from now."""
        self._not_before_s = time.monotonic() + seconds

    def back_off_s(self, attempt: int, *, retry_after_s: float | None, host: str) -> float:
        """Seconds to wait after so many tries, as asked or longer; InputError over ten minutes."""
        if retry_after_s is not None and retry_after_s > MAX_RETRY_AFTER_S:
            raise InputError(
                f"{host} asks to be left alone for {retry_after_s:.0f} s: run the same command "
                "later, it goes on where it stopped"
            )
        own_s = min(self._back_off_s * 2 ** (attempt - 1), MAX_BACK_OFF_S)
        return max(own_s, retry_after_s or 0.0)


def tried(act: Callable[[], T], *, pace: Pace, max_tries: int, host: str) -> T:
    """What ``act`` gives, asked again where it raises `Again`; the last one is raised."""

    def waiting_s(state: RetryCallState) -> float:
        error = state.outcome.exception()
        return pace.back_off_s(state.attempt_number, retry_after_s=error.retry_after_s, host=host)

    retrying = Retrying(
        stop=stop_after_attempt(max_tries),
        retry=retry_if_exception_type(Again),
        wait=waiting_s,
        sleep=pace.wait,
        reraise=True,
    )
    return retrying(act)


def new_session(agent: str, *, local: bool) -> requests.Session:
    """A session that says who we are; no proxy stands between us and our own machine."""
    session = requests.Session()
    session.trust_env = not local
    # Audio does not shrink, and Content-Length then tells the file's size.
    session.headers = {"User-Agent": agent, "Accept-Encoding": "identity"}
    return session


@contextmanager
def opened(
    session: requests.Session,
    method: str,
    url: str,
    *,
    pace: Pace,
    permit: Callable[[str], None],
    timeout_s: float | tuple[float, float],
    **content: object,
) -> Iterator[requests.Response]:
    """The reply to a request, its body unread; each redirect is permitted like an address.

    Refused if there are too many redirects or it is no web address; Again or TimedOut for faults
    of the connection, also while the body is read.
    """
    try:
        for _ in range(MAX_REDIRECTS):
            permit(url)
            pace.pause()
            with _ask(session, method, url, timeout=timeout_s, **content) as reply:
                if not (method == "GET" and reply.is_redirect):
                    yield reply
                    return
                url = urljoin(url, reply.headers["Location"])
    except requests.ConnectTimeout:
        raise Again("timed out") from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise TimedOut("timed out") from None
    except (requests.ConnectionError, urllib3.exceptions.HTTPError, ConnectionError):
        raise Again("connection broke") from None
    except (requests.RequestException, UnicodeError):
        raise Refused("not a web address") from None
    raise Refused(f"over {MAX_REDIRECTS} redirects")


def _ask(session: requests.Session, method: str, url: str, **options: object) -> requests.Response:
    """Send a request; requests looks at where a redirect leads before anybody follows it."""
    try:
        return session.request(method, url, stream=True, allow_redirects=False, **options)
    except requests.RequestException:
        raise
    except ValueError:
        raise Refused("not a web address, or a redirect to none") from None


def check_status(reply: requests.Response) -> None:
    """Pass only an answer of 200; Again for 429 and the server's faults, else Refused."""
    status = reply.status_code
    if status == TOO_MANY or status >= 500:
        raise Again(f"HTTP {status}", retry_after_s=retry_after_s(reply.headers.get("Retry-After")))
    if status != 200:
        raise Refused(f"HTTP {status}")


def chunks(
    reply: requests.Response, *, max_bytes: int, too_long: str, end_s: float
) -> Iterator[bytes]:
    """The body as it comes; Refused (``too_long``) beyond ``max_bytes``, TimedOut after ``end_s``.

    A server that drips cannot hold us for ever; ``end_s`` is on the clock of `time.monotonic`.
    """
    length = reply.headers.get("Content-Length", "")
    announced = int(length) if length.isdecimal() else 0
    if announced > max_bytes:
        raise Refused(too_long)
    n_bytes = 0
    while chunk := reply.raw.read1(CHUNK_BYTES, decode_content=True):
        n_bytes += len(chunk)
        if n_bytes > max_bytes:
            raise Refused(too_long)
        if time.monotonic() > end_s:
            raise TimedOut("timed out")
        yield chunk
    # What is announced is the length of the coded body.
    if n_bytes < announced and "Content-Encoding" not in reply.headers:
        raise Again("shorter than announced")


def retry_after_s(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks for: a number or an HTTP date."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.UTC)
    return max(0.0, (when - datetime.datetime.now(datetime.UTC)).total_seconds())


def is_encrypted(url: str) -> bool:
    """Whether nobody on the way can read or change what comes: https, or this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOCAL_HOSTS)


def origin(url: str) -> str:
    """Scheme, host and port of an address, which is what one robots.txt rules."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()

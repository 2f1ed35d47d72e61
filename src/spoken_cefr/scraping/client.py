"""Fetch files over HTTP: politely, with a bounded number of tries.

urllib3's own ``Retry`` is not used: its first retry comes at once, without the
delay between requests, and it does not cover a body that is cut short.
"""

import datetime
import email.utils
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from spoken_cefr.config import ScrapingConfig
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.politeness import AGENT, Manners, origin
from spoken_cefr.scraping.robots import Robots, parse_robots

MAX_REDIRECTS = 5
MAX_ROBOTS_BYTES = 512 * 1024  # RFC 9309 demands to read at least 500 KiB
TOO_MANY = 429
FORBIDDEN = 403

T = TypeVar("T")


class Refused(Exception):
    """One file cannot be had; the run goes on.

    Parameters
    ----------
    reason : str
        In a few words, without the address, so that reasons can be counted.
    transient : bool
        Whether another run may have more luck.
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


class Client:
    """A session with the site; a context manager that closes its connections."""

    def __init__(self, manners: Manners, config: ScrapingConfig) -> None:
        self.manners = manners
        self.timeout_s = config.timeout_s
        self.max_tries = config.max_tries
        self._session = requests.Session()
        # No proxy stands between us and our own machine.
        self._session.trust_env = not manners.is_local
        # Audio does not shrink, and Content-Length then tells the file's size.
        self._session.headers = {"User-Agent": manners.agent, "Accept-Encoding": "identity"}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *args: object) -> None:
        self._session.close()

    def permit(self, url: str) -> None:
        """Pass only if the address is on a known host and robots.txt allows it.

        Raises
        ------
        Refused
            Otherwise; the reason says which.
        """
        self._permit_host(url)
        if not self.manners.has_rules_for(url):
            self.manners.set_rules(url, self._read_robots(url))
        if not self.manners.allows(url):
            raise Refused("robots.txt forbids it")

    def _permit_host(self, url: str) -> None:
        if not self.manners.knows(url):
            raise Refused(f"another host ({urlsplit(url).hostname})")

    def fetch(self, url: str, handle: Callable[[requests.Response], T]) -> T:
        """GET an address and let ``handle`` read the reply; the whole is tried again on faults.

        Raises
        ------
        Refused
            If it cannot be had, after ``max_tries`` tries where those may help.
        InputError
            If the site answers 403, or 429 to the end: the run must stop.
        """
        return self._fetch(url, handle, self.permit)

    def _fetch(
        self, url: str, handle: Callable[[requests.Response], T], permit: Callable[[str], None]
    ) -> T:
        for attempt in range(1, self.max_tries + 1):
            try:
                with self._open(url, permit) as reply:
                    _check_status(reply)
                    return handle(reply)
            except Again as error:
                last = error
            except (requests.Timeout, urllib3.exceptions.TimeoutError):
                last = Again("timed out")
            except (requests.ConnectionError, urllib3.exceptions.HTTPError, ConnectionError):
                last = Again("connection broke")
            except (requests.RequestException, UnicodeError):
                raise Refused("not a web address") from None
            if attempt < self.max_tries:
                self.manners.back_off(attempt, retry_after_s=last.retry_after_s, url=url)
        if last.reason == f"HTTP {TOO_MANY}":
            raise InputError(
                f"{urlsplit(url).hostname} still says 'too many requests' after "
                f"{self.max_tries} tries: raise scraping.delay_s and run again later"
            )
        raise Refused(last.reason, transient=True)

    @contextmanager
    def _open(self, url: str, permit: Callable[[str], None]) -> Iterator[requests.Response]:
        """Send the request; each redirect is checked like an address of its own."""
        for _ in range(MAX_REDIRECTS):
            permit(url)
            self.manners.pause()
            reply = self._session.get(
                url, timeout=self.timeout_s, stream=True, allow_redirects=False
            )
            with reply:
                if not reply.is_redirect:
                    yield reply
                    return
                url = urljoin(url, reply.headers["Location"])
        raise Refused(f"over {MAX_REDIRECTS} redirects")

    def _read_robots(self, url: str) -> Robots:
        """The host's robots.txt; a host without one (4xx) forbids nothing (RFC 9309)."""
        address = f"{origin(url)}/robots.txt"
        try:
            content = self._fetch(
                address,
                lambda reply: reply.raw.read(MAX_ROBOTS_BYTES, decode_content=True),
                self._permit_host,  # there are no rules yet
            )
        except Refused as error:
            if error.reason.startswith("HTTP 4"):
                return Robots()
            raise InputError(
                f"{address} cannot be read ({error.reason}); without it nothing may be fetched: "
                "check the address and the connection, and run again later"
            ) from None
        return parse_robots(content.decode("utf-8-sig", errors="replace"), AGENT)


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


def forbidden(url: str) -> InputError:
    """What to say when the site answers 403."""
    return InputError(
        f"{urlsplit(url).hostname} answered 403 (forbidden) for {url}: it does not want this "
        "visit, so the run stops; ask the site's owners before trying again"
    )


def _check_status(reply: requests.Response) -> None:
    status = reply.status_code
    if status == FORBIDDEN:
        raise forbidden(reply.url)
    if status == TOO_MANY or status >= 500:
        raise Again(f"HTTP {status}", retry_after_s=retry_after_s(reply.headers.get("Retry-After")))
    if status != 200:
        raise Refused(f"HTTP {status}")

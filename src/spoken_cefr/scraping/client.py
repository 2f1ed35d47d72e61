"""Fetch files of the site: from its hosts, what robots.txt allows, in a bounded number of tries."""

from collections.abc import Callable
from typing import TypeVar
from urllib.parse import urlsplit

import requests

from spoken_cefr.config import ScrapingConfig
from spoken_cefr.errors import InputError
from spoken_cefr.http import (
    FORBIDDEN,
    TOO_MANY,
    Again,
    Refused,
    check_status,
    new_session,
    opened,
    origin,
    tried,
)
from spoken_cefr.scraping.politeness import Manners, Robots

MAX_ROBOTS_BYTES = 512 * 1024  # RFC 9309 demands to read at least 500 KiB
# One file may be closed to us; so many in a row say that the visit is not wanted.
MAX_FORBIDDEN = 3

T = TypeVar("T")


class Client:
    """A session with the site; a context manager that closes its connections."""

    def __init__(self, manners: Manners, config: ScrapingConfig) -> None:
        self.manners = manners
        self.timeout_s = config.timeout_s
        self.max_tries = config.max_tries
        self._session = new_session(manners.agent, local=manners.is_local)
        self._n_forbidden = 0

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *args: object) -> None:
        self._session.close()

    def permit(self, url: str) -> None:
        """Pass only if the address is on a known host and robots.txt allows it, else Refused."""
        self._permit_host(url)
        rules = self.manners.rules_for(url)
        rules = rules or self.manners.set_rules(url, self._read_robots(url))
        if not rules.allows(url):
            raise Refused("robots.txt forbids it")

    def _permit_host(self, url: str) -> None:
        if not self.manners.knows(url):
            raise Refused(f"another host ({urlsplit(url).hostname})")

    def fetch(self, url: str, handle: Callable[[requests.Response], T]) -> T:
        """GET an address and let ``handle`` read the reply; the whole is tried again on faults.

        Refused if it cannot be had; InputError, which ends the run, if the site answers 403 to
        three in a row, or 429 to the end.
        """
        try:
            result = self._fetch(url, handle, self.permit)
        except Refused as error:
            is_closed = error.reason == f"HTTP {FORBIDDEN}"
            self._n_forbidden = self._n_forbidden + 1 if is_closed else 0
            if self._n_forbidden >= MAX_FORBIDDEN:
                raise forbidden(url) from None
            raise
        self._n_forbidden = 0
        return result

    def _fetch(
        self, url: str, handle: Callable[[requests.Response], T], permit: Callable[[str], None]
    ) -> T:
        host = str(urlsplit(url).hostname)

        def once() -> T:
            with opened(
                self._session,
                "GET",
                url,
                pace=self.manners,
                permit=permit,
                timeout_s=self.timeout_s,
            ) as reply:
                check_status(reply)
                return handle(reply)

        try:
            return tried(once, pace=self.manners, max_tries=self.max_tries, host=host)
        except Again as error:
            if error.reason == f"HTTP {TOO_MANY}":
                raise InputError(
                    f"{host} still says 'too many requests' after {self.max_tries} tries: raise "
                    "scraping.delay_s and run again later"
                ) from None
            raise Refused(error.reason, transient=True) from None

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
            if error.reason == f"HTTP {FORBIDDEN}":
                raise forbidden(address) from None
            if error.reason.startswith("HTTP 4"):
                return Robots("")
            raise InputError(
                f"{address} cannot be read ({error.reason}); without it nothing may be fetched: "
                "check the address and the connection, and run again later"
            ) from None
        return Robots(content.decode("utf-8-sig", errors="replace"))


def forbidden(url: str) -> InputError:
    """What to say when the site answers 403."""
    return InputError(
        f"{urlsplit(url).hostname} answered 403 (forbidden) for {url}: it does not want this "
        "visit, so the run stops; ask the site's owners before trying again"
    )

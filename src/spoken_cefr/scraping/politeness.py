"""How we visit: who we say we are, which hosts, what robots.txt allows, how often.

Every request of a run, the browser's and ours, goes through one ``Manners``.
"""

import threading
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from spoken_cefr import __version__
from spoken_cefr.config import ScrapingConfig
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.robots import Robots

AGENT = "spoken_cefr"  # the name to write in a robots.txt
LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")
BACK_OFF_S = 1.0  # before the second try; doubled before each further one
MAX_BACK_OFF_S = 60.0
MAX_RETRY_AFTER_S = 600.0  # a site that asks for a longer pause is left alone
# Above it there is no point in going on: at most this long between two requests.
MAX_CRAWL_DELAY_S = 120.0

Wait = Callable[[float], object]


def wait(seconds: float) -> None:
    """Do nothing for so many seconds."""
    threading.Event().wait(seconds)


class Manners:
    """The rules of one visit.

    Parameters
    ----------
    base_url : str
        The site; its host and ``audio_hosts`` are the only ones visited.
    wait : callable
        Takes seconds; tests give one that only notes them.

    Raises
    ------
    InputError
        If a host that is not this machine is to be visited without a contact
        or without a delay.
    """

    def __init__(self, base_url: str, config: ScrapingConfig, *, wait: Wait = wait) -> None:
        self.base_url = base_url
        self.host = urlsplit(base_url).hostname or ""
        self.is_local = self.host in LOCAL_HOSTS
        self.agent = f"{AGENT}/{__version__}" + (f" (+{config.contact})" if config.contact else "")
        self.delay_s = config.delay_s
        self._hosts = {self.host, *(host.lower() for host in config.audio_hosts)}
        self._robots: dict[str, Robots] = {}
        self._wait = wait
        self._last_s = float("-inf")
        self._check(config)

    def _check(self, config: ScrapingConfig) -> None:
        if urlsplit(self.base_url).scheme not in ("http", "https") or not self.host:
            raise InputError(
                f"scraping.base_url is {self.base_url!r}; give the site's address (https://...), "
                "or set scraping.replica_dir"
            )
        remote = sorted(self._hosts - set(LOCAL_HOSTS))
        if remote and not config.contact:
            raise InputError(
                f"scraping.contact is empty: set it to your e-mail address in the profile, because "
                f"{remote[0]} must be able to tell who visits it"
            )
        if remote and self.delay_s <= 0:
            raise InputError(
                f"scraping.delay_s is {self.delay_s}: {remote[0]} needs a delay between requests "
                "(1 s is usual); 0 is for this machine only"
            )

    def knows(self, url: str) -> bool:
        """Whether the address is on one of the visit's hosts."""
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and parts.hostname in self._hosts

    def has_rules_for(self, url: str) -> bool:
        """Whether the robots.txt of the address's host has been read."""
        return origin(url) in self._robots

    def set_rules(self, url: str, robots: Robots) -> None:
        """Obey this robots.txt on the address's host from now on.

        Raises
        ------
        InputError
            If it asks for a delay that no run could keep.
        """
        if robots.crawl_delay_s > MAX_CRAWL_DELAY_S:
            raise InputError(
                f"robots.txt of {urlsplit(url).hostname} asks for {robots.crawl_delay_s:g} s "
                "between requests: ask the site for the data instead"
            )
        self._robots[origin(url)] = robots
        self.delay_s = max(self.delay_s, robots.crawl_delay_s)

    def allows(self, url: str) -> bool:
        """Whether robots.txt lets us fetch the address."""
        return self._robots[origin(url)].allows(url)

    def pause(self) -> None:
        """Wait until the delay since the last request is over; call before each one."""
        rest_s = self._last_s + self.delay_s - time.monotonic()
        if rest_s > 0:
            self._wait(rest_s)
        self._last_s = time.monotonic()

    def back_off(self, attempt: int, *, retry_after_s: float | None, url: str) -> None:
        """Wait before another try.

        Parameters
        ----------
        attempt : int
            Number of tries that failed, 1 or more.
        retry_after_s : float or None
            What the site asked for, in seconds.

        Raises
        ------
        InputError
            If the site asks for more than ten minutes.
        """
        if retry_after_s is not None and retry_after_s > MAX_RETRY_AFTER_S:
            raise InputError(
                f"{urlsplit(url).hostname} asks to be left alone for {retry_after_s:.0f} s: run "
                "the same command later, it goes on where it stopped"
            )
        own_s = min(BACK_OFF_S * 2 ** (attempt - 1), MAX_BACK_OFF_S)
        self._wait(max(own_s, retry_after_s or 0.0))


def origin(url: str) -> str:
    """Scheme, host and port of an address, which is what one robots.txt rules."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()

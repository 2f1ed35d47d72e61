"""How we visit: who we say we are, which hosts, what robots.txt allows, how often.

Every request of a run, the browser's and ours, goes through one ``Manners``.
"""

import posixpath
import re
from urllib.parse import urlsplit

from protego import Protego

from spoken_cefr.config import ScrapingConfig
from spoken_cefr.errors import InputError
from spoken_cefr.http import (
    AGENT,
    LOCAL_HOSTS,
    Pace,
    Wait,
    origin,
    user_agent,
    wait,
)

# Above it there is no point in going on: at most this long between two requests.
MAX_CRAWL_DELAY_S = 120.0
VERSION = re.compile(r"(?im)^([ \t]*user-agent[ \t]*:[ \t]*[^\s/#]+)/[^\s#]*")


class Robots:
    """A robots.txt as RFC 9309 reads it, for us; "" forbids nothing."""

    def __init__(self, text: str) -> None:
        # A group may name us with a version, which is no part of a name (RFC 9309, 2.2.1).
        self._rules = Protego.parse(VERSION.sub(r"\1", text))
        self.crawl_delay_s = float(self._rules.crawl_delay(AGENT) or 0)

    def allows(self, url: str) -> bool:
        """Whether the address may be fetched: as it is written, and as a server resolves it.

        Servers take ``/a/..//no/`` for ``/no/``, and a rule may name either.
        """
        return all(self._rules.can_fetch(form, AGENT) for form in (url, _resolved(url)))


def _resolved(url: str) -> str:
    """The address with its path as a server resolves it."""
    parts = urlsplit(url)
    plain = re.sub("%2e", ".", parts.path, flags=re.IGNORECASE).lstrip("/")
    path = posixpath.normpath(f"/{plain}")
    if parts.path.endswith("/") and path != "/":
        path += "/"
    return parts._replace(path=path).geturl()


class Manners(Pace):
    """The rules of one visit, to the site's host and ``audio_hosts`` alone.

    InputError if a host that is not this machine is to be visited without a contact or a delay.
    """

    def __init__(self, base_url: str, config: ScrapingConfig, *, wait: Wait = wait) -> None:
        super().__init__(config.delay_s, wait=wait)
        self.base_url = base_url
        self.host = urlsplit(base_url).hostname or ""
        self.is_local = self.host in LOCAL_HOSTS
        self.agent = user_agent(config.contact)
        self._hosts = {self.host, *(host.lower() for host in config.audio_hosts)}
        self._robots: dict[str, Robots] = {}
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

    def rules_for(self, url: str) -> Robots | None:
        """The robots.txt of the address's host, if it has been read."""
        return self._robots.get(origin(url))

    def set_rules(self, url: str, robots: Robots) -> Robots:
        """Obey this robots.txt on the address's host; InputError if no run could keep its delay."""
        if robots.crawl_delay_s > MAX_CRAWL_DELAY_S:
            raise InputError(
                f"robots.txt of {urlsplit(url).hostname} asks for {robots.crawl_delay_s:g} s "
                "between requests: ask the site for the data instead"
            )
        self._robots[origin(url)] = robots
        self.delay_s = max(self.delay_s, robots.crawl_delay_s)
        return robots

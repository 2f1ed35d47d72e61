"""robots.txt as RFC 9309 reads it: the longest rule that fits decides.

``urllib.robotparser`` takes the first rule that fits and does not know ``*``
and ``$`` in paths, which sites do use.
"""

import posixpath
import re
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit


@dataclass
class Robots:
    """The rules for one user agent.

    Parameters
    ----------
    rules : list of (str, bool)
        Path patterns, and whether they allow.
    crawl_delay_s : float
        Seconds that the file wants between two requests; 0 if it wants none.
    """

    rules: list[tuple[str, bool]] = field(default_factory=list)
    crawl_delay_s: float = 0.0

    def allows(self, url: str) -> bool:
        """Whether the address may be fetched; of rules of one length, Allow wins."""
        parts = urlsplit(url)
        path = _resolved(parts.path) + (f"?{unquote(parts.query)}" if parts.query else "")
        fitting = [
            (len(pattern), allowed) for pattern, allowed in self.rules if _fits(pattern, path)
        ]
        return max(fitting)[1] if fitting else True


def parse_robots(text: str, agent: str) -> Robots:
    """Take the groups that name the agent, else those for ``*``.

    Unknown lines (Sitemap, content signals) are skipped.
    """
    groups: dict[str, Robots] = {}
    names: list[str] = []
    in_rules = False
    for line in text.splitlines():
        key, _, value = (part.strip() for part in line.partition("#")[0].partition(":"))
        key = key.lower()
        if key == "user-agent":
            names = [value.lower()] if in_rules else [*names, value.lower()]
            in_rules = False
            groups.setdefault(value.lower(), Robots())
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for name in names:
                _add(groups[name], key, value)
    return groups.get(agent.lower()) or groups.get("*") or Robots()


def _add(robots: Robots, key: str, value: str) -> None:
    if key == "crawl-delay":
        if re.fullmatch(r"\d+(\.\d+)?", value):
            robots.crawl_delay_s = float(value)
    elif value:  # an empty Disallow forbids nothing
        robots.rules.append((unquote(value), key == "allow"))


def _fits(pattern: str, path: str) -> bool:
    body, end = (pattern[:-1], r"\Z") if pattern.endswith("$") else (pattern, "")
    return re.match(".*".join(map(re.escape, body.split("*"))) + end, path, re.DOTALL) is not None


def _resolved(path: str) -> str:
    """The path that a server sees: ``/a/../no/`` is ``/no/``."""
    plain = posixpath.normpath("/" + unquote(path).lstrip("/"))
    return f"{plain}/" if path.endswith("/") and plain != "/" else plain

"""The replica's pages: a catalogue in, HTML out. Nothing here opens a socket.

The markup is in ``site.html.j2``, where jinja2 escapes every value, so that quotes, ``&`` and
``<`` of a title stay text.
"""

import functools
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import jinja2

from spoken_cefr.corpus.languages import LANGUAGES
from spoken_cefr.replica.catalogue import Entry

FIRST_UNKNOWN_RUBRIQUE = 21  # for the languages whose number on the site is not known
SHUFFLE_SEED = 3


@dataclass(frozen=True)
class SiteOptions:
    """What is not known about the real site, or differs between its pages.

    The accordion's content is in the page ("static"), or fetched by the script on the first
    "click"; cards then have no player either. ``last_next`` is what becomes of the link to the
    next page on the last page, ``tile_href`` how the home page writes the link of a tile.
    """

    page_size: int = 10
    accordion: Literal["static", "click"] = "static"
    last_next: Literal["no_href", "missing"] = "no_href"
    tile_href: Literal["relative", "absolute", "lang"] = "relative"
    shuffled_tiles: bool = False
    robots: str = "User-agent: *\nDisallow: /ecrire/\n"


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
    )
    return environment.get_template("site.html.j2")


def rubriques() -> dict[str, int]:
    """Number of the listing of each language, by its name on the site."""
    free = iter(range(FIRST_UNKNOWN_RUBRIQUE, FIRST_UNKNOWN_RUBRIQUE + len(LANGUAGES)))
    return {language.name: language.rubrique or next(free) for language in LANGUAGES}


class Site:
    """The pages of one catalogue, served at ``base_url`` (with a final slash)."""

    def __init__(self, entries: Sequence[Entry], base_url: str, options: SiteOptions) -> None:
        self.base_url = base_url
        self.options = options
        self._articles = {entry.article: entry for entry in entries}
        self._listings = {
            number: (name, [entry for entry in entries if entry.language == name])
            for name, number in rubriques().items()
        }
        self._pages = _template().make_module({"base_url": base_url, "options": options})

    def home(self) -> str:
        """The home page: one tile a language."""
        links = [(name, f"spip.php?rubrique{number}") for name, number in rubriques().items()]
        if self.options.shuffled_tiles:
            random.Random(SHUFFLE_SEED).shuffle(links)
        start = self.base_url if self.options.tile_href == "absolute" else ""
        end = "&lang=fr" if self.options.tile_href == "lang" else ""
        return str(self._pages.home([(name, start + href + end) for name, href in links]))

    def listing(self, rubrique: int, offset: int) -> str | None:
        """One page of a language's listing, or None where there is no such language.

        An offset past the end gives the last page, as SPIP does.
        """
        if rubrique not in self._listings:
            return None
        name, entries = self._listings[rubrique]
        size = self.options.page_size
        last = max(0, (len(entries) - 1) // size * size)
        offset = min(max(0, offset) // size * size, last)
        shown = entries[offset : offset + size]
        return str(self._pages.listing(name, rubrique, shown, offset, last))

    def article(self, number: str) -> str | None:
        """The page of one recording, or None where there is none of this number."""
        entry = self._articles.get(number)
        return str(self._pages.article(entry)) if entry else None

    def download_part(self, number: str) -> str | None:
        """What an accordion holds; None where there is no such recording or no audio."""
        entry = self._articles.get(number)
        return str(self._pages.download(entry)) if entry and entry.slug else None

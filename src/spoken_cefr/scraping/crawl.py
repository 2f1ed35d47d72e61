"""From the home page to every card of a language: which page comes after which."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from spoken_cefr.corpus.languages import Language
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.archive import Archive
from spoken_cefr.scraping.browser import Browser
from spoken_cefr.scraping.pages import (
    CARD,
    TILE,
    Card,
    LayoutChanged,
    Listing,
    Tile,
    find_tile,
    parse_listing,
)

# A record published during the run moves the others one place down, so a page
# may hold known cards only; so many in a row are a listing that repeats itself.
MAX_KNOWN_PAGES = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """One page of the walk: the listing, and those of its cards that are new."""

    listing: Listing
    new: tuple[Card, ...]


def walk(listing_at: Callable[[str], Listing], first_url: str) -> Iterator[Turn]:
    """Follow "next" from the first page to the last.

    Ends also where a page links to one that was seen, and after three pages
    in a row without a new card, so that no listing can hold it for ever. A card
    is known by its identifier and by the address of its audio.
    """
    visited: set[str] = set()
    known: set[str] = set()
    n_known_pages = 0
    url = first_url
    while url and url not in visited and n_known_pages < MAX_KNOWN_PAGES:
        visited.add(url)
        listing = listing_at(url)
        new = []
        for card in listing.cards:
            names = {name for name in (card.recording_id, card.audio_url) if name}
            if not names & known:
                new.append(card)
            known |= names
        n_known_pages = 0 if new else n_known_pages + 1
        yield Turn(listing, tuple(new))
        url = listing.next_url


class Visit:
    """The pages of a site in one language: saved ones, and the browser for the others.

    Parameters
    ----------
    browser : Browser or None
        None: saved pages only.
    site : dict
        What the archive notes beside each new page.
    """

    def __init__(
        self,
        home_url: str,
        language: Language,
        archive: Archive,
        browser: Browser | None,
        *,
        site: dict[str, str],
    ) -> None:
        self.home_url = home_url
        self.language = language
        self._archive = archive
        self._browser = browser
        self._site = site

    def tile(self) -> Tile:
        """The language's tile on the home page."""
        return self._read(
            self.home_url, TILE, lambda html: find_tile(html, self.home_url, self.language)
        )

    def listing(self, url: str) -> Listing:
        """One page of a listing, its accordions opened if they have to be."""
        return self._read(url, CARD, lambda html: parse_listing(html, url))

    def turns(self) -> Iterator[Turn]:
        """Every page of the language's listing, in order."""
        return walk(self.listing, self.tile().url)

    def _read(self, url: str, expect: str, parse: Callable[[str], T]) -> T:
        html = self._archive.find(url)
        if html is not None:
            return parse(html)
        if self._browser is None:
            raise InputError(
                f"{url} is not among the saved pages: run without scraping.from_cache first"
            )
        html = self._browser.open(url, expect=expect)
        try:
            result = parse(html)
        except LayoutChanged as error:
            path = self._archive.save_unreadable(html)
            raise InputError(f"{error}; saved page {path}") from None
        self._archive.save(url, html, site=self._site)
        return result

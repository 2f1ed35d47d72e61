"""From the home page to every card of a language: which page comes after which."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import unquote

from spoken_cefr.corpus.languages import Language
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.archive import Archive
from spoken_cefr.scraping.browser import Browser
from spoken_cefr.scraping.pager import Pager, page_number
from spoken_cefr.scraping.pages import (
    CARD,
    TILE,
    Card,
    LayoutChanged,
    Listing,
    Tile,
    audio_path,
    check_heading,
    find_tile,
    parse_listing,
)
from spoken_cefr.scraping.texts import recording_id

# A record published during the run moves the others one place down, so a page
# may hold known cards only; so many in a row are a listing that repeats itself.
MAX_KNOWN_PAGES = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Turn:
    """A page of the walk, those of its cards that are new, and how it ends.

    ``doubt`` is "" but on the last page, where it says why the end of the listing is not proved.
    """

    listing: Listing
    new: tuple[Card, ...]
    doubt: str = ""


def walk(listing_at: Callable[[str], Listing], first_url: str) -> Iterator[Turn]:
    """Follow "next" from the first page to the last; without it, the pages that are numbered.

    Ends also where a page links to one that was seen, and after three pages
    in a row without a new card, so that no listing can hold it for ever. A card
    that comes again has the same identifier and the same audio file; one that shares only its
    identifier with another is a recording of its own, and named after its file as well.
    """
    urls: set[str] = set()
    known: set[tuple[str, str]] = set()
    names: set[str] = set()
    n_known_pages = n_stated = n_pages = 0
    url = first_url
    while url:
        urls.add(url)
        listing = listing_at(url)
        pager, new = listing.pager, []
        for card in listing.cards:
            key = (card.recording_id, audio_path(card.audio_url))
            if key not in known:
                known.add(key)
                new.append(_renamed(card, names) if card.recording_id in names else card)
                names.add(new[-1].recording_id)
        n_known_pages = 0 if new else n_known_pages + 1
        n_stated, n_pages = max(n_stated, pager.n_stated), max(n_pages, pager.n_pages)
        url = _next_url(pager, urls) if n_known_pages < MAX_KNOWN_PAGES else ""
        doubt = ""
        if url == "" and pager.leads_on:
            doubt = f"its last page has a control {pager.leads_on!r} without an address"
        elif url == "" and n_stated > len(names):
            doubt = f"the site says {n_stated} recordings, and {len(names)} came"
        elif url == "" and n_pages > len(urls):
            doubt = f"the site numbers {n_pages} pages, and {len(urls)} could be opened"
        yield Turn(listing, tuple(new), doubt)


def _next_url(pager: Pager, seen: set[str]) -> str:
    """Where to go on from a page; "" where the walk ends."""
    if pager.next_url:
        return "" if pager.next_url in seen else pager.next_url
    numbers = {page_number(url) for url in seen}
    return next((url for url in pager.other_urls if page_number(url) not in numbers), "")


def _renamed(card: Card, taken: set[str]) -> Card:
    """A card whose number another recording has: named after its file, or counted, as well."""
    slug = unquote(audio_path(card.audio_url).rpartition("/")[2])
    base = recording_id(article="", slug=f"{card.recording_id}_{slug}", text="")
    names = [base, *(f"{base}_{number}" for number in range(2, len(taken) + 3))]
    remark = f"the card has the number of another recording, {card.recording_id}"
    return replace(
        card,
        recording_id=next(name for name in names if name not in taken),
        remarks=(*card.remarks, remark),
    )


class Visit:
    """The pages of a site in one language: saved ones, and the browser (if any) for the others.

    ``site`` is what the archive notes beside each new page.
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
            self.home_url, TILE, lambda html, base_url: find_tile(html, base_url, self.language)
        )

    def listing(self, url: str) -> Listing:
        """One page of a listing, its accordions opened if they have to be."""

        def parse(html: str, base_url: str) -> Listing:
            listing = parse_listing(html, base_url)
            check_heading(listing.heading, self.language, url)
            return listing

        return self._read(url, CARD, parse)

    def turns(self) -> Iterator[Turn]:
        """Every page of the language's listing, in order."""
        return walk(self.listing, self.tile().url)

    def _read(self, url: str, expect: str, parse: Callable[[str, str], T]) -> T:
        """What ``parse`` makes of a page and of the address that it was given at."""
        saved = self._archive.find(url)
        if saved is not None:
            return parse(*saved)
        if self._browser is None:
            raise InputError(
                f"{url} is not among the saved pages: run without scraping.from_cache first"
            )
        html, final_url = self._browser.open(url, expect=expect)
        try:
            result = parse(html, final_url)
        except LayoutChanged as error:
            path = self._archive.save_unreadable(html)
            raise InputError(f"{error}; saved page {path}") from None
        self._archive.save(url, html, final_url=final_url, site=self._site)
        return result

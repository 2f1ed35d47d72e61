"""Page objects: the HTML of a page in, records out. No browser and no network here.

All that depends on the site's markup is in the block of selectors below; when
the site changes, this is the only place to edit (see ``doc/adapting.md``).

Text is kept as the site writes it: no-break spaces, double spaces, typographic
apostrophes and line breaks stay, only white space around a value is removed.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from spoken_cefr.corpus.languages import LANGUAGES, Language
from spoken_cefr.corpus.speakers import fold
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.fields import recording_id

# The site as of January 2025: SPIP with the State's design system (DSFR).
TILE = 'div[class="fr-col-12 fr-col-sm-6 fr-col-lg-2"]'
TILE_LINK = 'a[href*="rubrique"]'
HEADING = "h1"
CARD = "div.fr-alert.fr-alert--info.mp3"
TITLE = "h3.fr-alert__title"
DATE = "p.fr-text--sm .fr-icon-calendar-event-fill"
AUTHOR = "p.fr-text--sm .fr-icon-account-circle-fill"
TAG = "div.fr-pt-2w a"  # the icon in it tells what it is about
LEVEL_ICON = "icon-tag2"
GENDER_ICON = "icon-tag3"
AGE_ICON = "icon-tag4"
DURATION_ICON = "icon-tag5"
THEME_ICON = "icon-tag"
DESCRIPTION = "figure.fr-quote > blockquote"
ACCORDION = "section"
ACCORDION_BUTTON = "button.fr-accordion__btn"
AUDIO_LINK = 'a[href*=".mp3"]'
PLAYER = "audio[src], audio source[src]"
NEXT_PAGE = (  # the first that is there; without href it is the last page
    'a[aria-label="Aller à la page suivante"]',
    "a.fr-pagination__link--next",
    "a[rel=next]",
)
ARTICLE_LINK = 'a[href*="spip.php?article"]'
# A number so long that it fits no file name is none.
ARTICLE_NUMBER = re.compile(r"spip\.php\?article([0-9]{1,15})(?![0-9])")
EMBEDDED_NUMBER = re.compile(r"id_article=([0-9]{1,15})(?![0-9])")
RUBRIQUE_NUMBER = re.compile(r"rubrique(\d+)")
AUDIO_URL = re.compile(r"https?://[^\s\"'<>]+\.mp3", re.IGNORECASE)

# A page of so many cards none of which has a level is a changed page, not chance.
MIN_CARDS_FOR_DRIFT = 5


class LayoutChanged(InputError):
    """The page no longer holds what the selectors expect."""

    def __init__(self, expected: str, found: str, url: str) -> None:
        super().__init__(f"layout changed: expected {expected}, found {found} on {url}")


@dataclass(frozen=True)
class Tile:
    """A language on the home page."""

    name: str
    url: str
    rubrique: int


@dataclass(frozen=True)
class Card:
    """One recording as its card shows it; "" stands for a value that is not there."""

    recording_id: str
    title: str
    author: str
    date: str
    level: str
    gender: str
    age: str
    duration: str
    themes: tuple[str, ...]
    description: str
    page_url: str
    audio_url: str


@dataclass(frozen=True)
class Listing:
    """One page of a language's listing.

    Parameters
    ----------
    next_url : str
        Address of the next page, "" on the last one.
    """

    heading: str
    cards: tuple[Card, ...]
    next_url: str


def parse_tiles(html: str, url: str) -> list[Tile]:
    """The languages of the home page, in its order.

    Raises
    ------
    LayoutChanged
        If there is no tile with a link to a listing.
    """
    tiles = []
    for node in LexborHTMLParser(html).css(TILE):
        link = node.css_first(TILE_LINK)
        number = RUBRIQUE_NUMBER.search(_attribute(link, "href"))
        if number:
            target = _join(url, _attribute(link, "href"))
            tiles.append(Tile(_tile_name(link), target, int(number[1])))
    if not tiles:
        raise LayoutChanged(f"{TILE} with {TILE_LINK}", "0 tiles", url)
    return tiles


def find_tile(html: str, url: str, language: Language) -> Tile:
    """The tile of a language, by its link's text and its listing's number.

    The number decides where it is known, unless the text there names another
    of the site's languages.

    Raises
    ------
    LayoutChanged
        If no tile fits; the message lists those that are there.
    """
    tiles = parse_tiles(html, url)
    named = [tile for tile in tiles if fold(tile.name) == fold(language.name)]
    others = {fold(other.name) for other in LANGUAGES if other != language}
    numbered = [
        tile
        for tile in tiles
        if tile.rubrique == language.rubrique and fold(tile.name) not in others
    ]
    fitting = numbered or named
    if not fitting:
        found = ", ".join(f"{tile.name!r} (rubrique{tile.rubrique})" for tile in tiles)
        raise LayoutChanged(f"a tile {language.name!r}", found, url)
    return fitting[0]


def parse_listing(html: str, url: str) -> Listing:
    """Read one page of a listing.

    Parameters
    ----------
    url : str
        Address of the page; relative links start from it.

    Raises
    ------
    LayoutChanged
        If there is no card, or if a whole page of cards lacks a field that
        nearly every card of the site has.
    """
    page = LexborHTMLParser(html)
    nodes = page.css(CARD)
    if not nodes:
        raise LayoutChanged(CARD, "0 cards", url)
    cards = tuple(_card(node, url) for node in nodes)
    _check_drift(cards, url)
    heading = page.css_first(HEADING)
    return Listing(
        heading=heading.text().strip() if heading else "",
        cards=cards,
        next_url=_next_url(page, url),
    )


def closed_accordions(html: str) -> list[int]:
    """Which cards, by their place on the page, have an accordion but show no audio address yet."""
    return [
        index
        for index, card in enumerate(LexborHTMLParser(html).css(CARD))
        if card.css_first(ACCORDION) and not _audio_url(card, "")
    ]


def _card(node: LexborNode, url: str) -> Card:
    link = _article_link(node)
    audio_url = _audio_url(node, url)
    slug = unquote(urlsplit(audio_url).path.rpartition("/")[2])
    title = node.css_first(TITLE)
    tags = _tags(node)
    return Card(
        recording_id=recording_id(
            article=_article_number(node, link),
            slug=re.sub(r"\.mp3$", "", slug, flags=re.IGNORECASE),
            text=node.text(),
        ),
        # The heading's own text only: its child elements are not the title.
        title=title.text(deep=False).strip() if title else "",
        author=_text(node, AUTHOR),
        date=_text(node, DATE),
        level=_first(tags, LEVEL_ICON),
        gender=_first(tags, GENDER_ICON),
        age=_first(tags, AGE_ICON),
        duration=_first(tags, DURATION_ICON),
        themes=tuple(text for icons, text in tags if THEME_ICON in icons),
        description=_description(node),
        page_url=_join(url, _attribute(link, "href")) or urldefrag(url).url,
        audio_url=audio_url,
    )


def _article_link(node: LexborNode) -> LexborNode | None:
    """The link to the recording's own page; a link in the description is not it."""
    return node.css_first(f"{TITLE} {ARTICLE_LINK}, {ACCORDION} {ARTICLE_LINK}")


def _article_number(node: LexborNode, link: LexborNode | None) -> str:
    """From the link to the recording's page, else from the embed code."""
    match = ARTICLE_NUMBER.search(_attribute(link, "href"))
    accordion = node.css_first(ACCORDION)
    if match is None and accordion:
        match = EMBEDDED_NUMBER.search(accordion.html)
    return match[1] if match else ""


def _audio_url(node: LexborNode, url: str) -> str:
    """Address of the mp3: a link in the accordion, else its visible text, else the player.

    The description is never searched: it may hold an address of its own.
    """
    accordion = node.css_first(ACCORDION)
    if accordion:
        link = accordion.css_first(AUDIO_LINK)
        if link:
            return _join(url, _attribute(link, "href"))
        if match := AUDIO_URL.search(accordion.text()):
            return _join(url, match[0])
    return _join(url, _attribute(node.css_first(PLAYER), "src"))


def _tags(node: LexborNode) -> list[tuple[set[str], str]]:
    """For each tag the classes of its icon, as whole words, and its text."""
    tags = []
    for link in node.css(TAG):
        icon = link.css_first("i")
        tags.append((set(_attribute(icon, "class").split()), link.text().strip()))
    return [(icons, text) for icons, text in tags if text]


def _first(tags: list[tuple[set[str], str]], icon: str) -> str:
    return next((text for icons, text in tags if icon in icons), "")


def _description(node: LexborNode) -> str:
    """Text of the quotation; paragraphs and line breaks become one line break each."""
    quote = node.css_first(DESCRIPTION)
    if quote is None:
        return ""
    for line_break in quote.css("br"):
        line_break.replace_with("\n")
    parts = [part.text() for part in quote.css("p")] or [quote.text()]
    return re.sub(r" *\n\s*", "\n", "\n".join(parts)).strip()


def _next_url(page: LexborHTMLParser, url: str) -> str:
    for selector in NEXT_PAGE:
        link = page.css_first(selector)
        if link:
            return urldefrag(_join(url, _attribute(link, "href"))).url
    return ""


def _check_drift(cards: tuple[Card, ...], url: str) -> None:
    if len(cards) < MIN_CARDS_FOR_DRIFT:
        return
    expected = {"title": TITLE, "date": DATE, "author": AUTHOR, "level": f"{TAG} .{LEVEL_ICON}"}
    for name, selector in expected.items():
        if not any(getattr(card, name) for card in cards):
            raise LayoutChanged(selector, f"none in {len(cards)} cards", url)


def _tile_name(link: LexborNode) -> str:
    """Text of a tile's link; of its picture or its title where it has no text."""
    image = link.css_first("img")
    names = (link.text(), _attribute(image, "alt"), _attribute(link, "title"))
    return next((" ".join(name.split()) for name in names if name.strip()), "")


def _text(node: LexborNode, selector: str) -> str:
    found = node.css_first(selector)
    return found.text().strip() if found else ""


def _join(url: str, href: str) -> str:
    """The address that a link leads to; "" where there is no link or it is no address."""
    try:
        return urljoin(url, href) if href else ""
    except ValueError:
        return ""


def _attribute(node: LexborNode | None, name: str) -> str:
    """An attribute's value; "" where the element, the attribute or the value is missing."""
    return (node.attributes.get(name) or "") if node else ""

"""Page objects: the HTML of a page in, records out. No browser and no network here.

All that depends on the site's markup is in the block of selectors below; when
the site changes, this is the only place to edit (see ``doc/adapting.md``).

Text is kept as the site writes it: no-break spaces, double spaces, typographic
apostrophes and line breaks stay, only white space around a value is removed.
Where a card has two of something, or a page is garbled, the card's remarks say so.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urldefrag, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from spoken_cefr.corpus.languages import LANGUAGES, Language
from spoken_cefr.corpus.speakers import fold
from spoken_cefr.errors import InputError
from spoken_cefr.scraping.pager import Pager, read_pager
from spoken_cefr.scraping.texts import address, recording_id, ungarbled, whole_text

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
PLAYER = "audio[src], audio source[src]"
ARTICLE_LINK = 'a[href*="spip.php?article"]'
# A number so long that it fits no file name is none.
ARTICLE_NUMBER = re.compile(r"spip\.php\?article([0-9]{1,15})(?![0-9])")
EMBEDDED_NUMBER = re.compile(r"id_article=([0-9]{1,15})(?![0-9])")
RUBRIQUE_NUMBER = re.compile(r"rubrique(\d+)")
AUDIO_ENDING = r"\.(?:mp3|m4a|aac|ogg|oga|opus|wav|flac)"
AUDIO_NAME = re.compile(rf"{AUDIO_ENDING}$", re.IGNORECASE)
AUDIO_URL = re.compile(rf"https?://[^\s\"'<>]+{AUDIO_ENDING}(?:\?[^\s\"'<>]*)?", re.IGNORECASE)

SPEAKER_BREAK = ",\n"  # between two speakers of a card, see `corpus.speakers.split_authors`
# Fields that every card of this site has, and where they stand: a page of so many cards none of
# which has one of them is a changed page, not chance.
ALWAYS_THERE = {"title": TITLE, "date": DATE, "author": AUTHOR, "level": f"{TAG} .{LEVEL_ICON}"}
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
    """One recording as its card shows it; "" stands for a value that is not there.

    ``problem`` says why the card cannot be used as it is, ``remarks`` what else is odd in it.
    """

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
    problem: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Listing:
    """One page of a language's listing, and what it says of the other pages."""

    heading: str
    cards: tuple[Card, ...]
    pager: Pager = Pager()  # noqa: RUF009  (frozen)

    @property
    def next_url(self) -> str:
        """Address of the page that follows, "" where no control gives one."""
        return self.pager.next_url


def parse_tiles(html: str, url: str) -> list[Tile]:
    """The languages of the home page, in its order; LayoutChanged if no tile links to a listing."""
    tiles = []
    for node in LexborHTMLParser(html).css(TILE):
        link = node.css_first(TILE_LINK)
        if link is not None:
            number = RUBRIQUE_NUMBER.search(_attribute(link, "href"))
            target = address(url, _attribute(link, "href"))
            tiles.append(Tile(_tile_name(link), target, int(number[1]) if number else 0))
    if not tiles:
        raise LayoutChanged(f"{TILE} with {TILE_LINK}", "0 tiles", url)
    return tiles


def find_tile(html: str, url: str, language: Language) -> Tile:
    """The tile of a language, by its link's text, else by its listing's number.

    Numbers are given anew when a site is rebuilt: one decides only where no tile has the name,
    and never where its text names another of the site's languages. LayoutChanged, which lists
    those that are there, if no tile fits.
    """
    tiles = parse_tiles(html, url)
    fitting = [tile for tile in tiles if fold(tile.name) in names_of(language)] or [
        tile
        for tile in tiles
        if tile.rubrique == language.rubrique and fold(tile.name) not in names_of_others(language)
    ]
    if not fitting:
        found = ", ".join(f"{tile.name!r} (rubrique{tile.rubrique})" for tile in tiles)
        raise LayoutChanged(f"a tile {language.name!r}", found, url)
    return fitting[0]


def check_heading(heading: str, language: Language, url: str) -> None:
    """Raise LayoutChanged where a listing's heading names another of the site's languages."""
    if fold(" ".join(heading.split())) in names_of_others(language) - names_of(language):
        raise LayoutChanged(f"the heading {language.name!r}", repr(heading), url)


def names_of(*languages: Language) -> set[str]:
    """What the site may call these languages, folded."""
    return {fold(name) for one in languages for name in (one.name, *one.other_names)}


def names_of_others(language: Language) -> set[str]:
    """What the site may call any other language."""
    return names_of(*(other for other in LANGUAGES if other != language))


def parse_listing(html: str, url: str) -> Listing:
    """Read one page of a listing, of this address.

    Text that was sent in UTF-8 under another name is put right, and each card told of it.
    LayoutChanged if there is no card, or if a whole page of cards lacks a field that nearly every
    card of the site has.
    """
    html, garbled = ungarbled(html)
    page = LexborHTMLParser(html)
    # Relative links start from there.
    base_url = address(url, _attribute(page.css_first("base[href]"), "href")) or url
    nodes = page.css(CARD)
    if not nodes:
        raise LayoutChanged(CARD, "0 cards", url)
    pager = read_pager(page, url, base_url=base_url, card=CARD)
    heading = page.css_first(HEADING)
    cards = tuple(_card(node, url, base_url, garbled=garbled) for node in nodes)
    _check_drift(cards, url)
    return Listing(heading=heading.text().strip() if heading else "", cards=cards, pager=pager)


def closed_accordions(html: str) -> list[int]:
    """Which cards, by their place on the page, have an accordion but show no audio address yet."""
    return [
        index
        for index, card in enumerate(LexborHTMLParser(html).css(CARD))
        if card.css_first(ACCORDION) and not _audio_urls(card, "")
    ]


def _card(node: LexborNode, url: str, base_url: str, *, garbled: bool) -> Card:
    # To the recording's own page; a link in the description is none.
    link = node.css_first(f"{TITLE} {ARTICLE_LINK}, {ACCORDION} {ARTICLE_LINK}")
    audio_urls = _audio_urls(node, base_url)
    audio_url = audio_urls[0] if audio_urls else ""
    tags = _tags(node)
    levels = _distinct(tags, LEVEL_ICON)
    title = node.css_first(TITLE)
    authors = [whole_text(one, line_break=SPEAKER_BREAK) for one in node.css(AUTHOR)]
    return Card(
        recording_id=recording_id(
            article=_article_number(node, link),
            slug=unquote(audio_path(audio_url).rpartition("/")[2]),
            text=node.text(),
        ),
        title=whole_text(title) if title else "",
        author=SPEAKER_BREAK.join(filter(None, authors)),
        date=_text(node, DATE),
        level=levels[0] if levels else "",
        gender=", ".join(_distinct(tags, GENDER_ICON)),
        age=", ".join(_distinct(tags, AGE_ICON)),
        duration=", ".join(_distinct(tags, DURATION_ICON)),
        themes=tuple(text for icons, text in tags if THEME_ICON in icons),
        description=_description(node),
        page_url=address(base_url, _attribute(link, "href")) or urldefrag(url).url,
        audio_url=audio_url,
        problem=f"several levels: {', '.join(levels)}" if len(levels) > 1 else "",
        remarks=tuple(_remarks(tags, audio_urls, garbled=garbled)),
    )


def _remarks(
    tags: list[tuple[set[str], str]], audio_urls: list[str], *, garbled: bool
) -> Iterator[str]:
    """What a reader of the report should know of a card."""
    for name, icon in (("gender", GENDER_ICON), ("age", AGE_ICON), ("duration", DURATION_ICON)):
        found = _distinct(tags, icon)
        if len(found) > 1:
            yield f"several values of {name}: {', '.join(found)}"
    if len(audio_urls) > 1:
        yield f"{len(audio_urls)} audio files; taken is the first, not {', '.join(audio_urls[1:])}"
    if garbled:
        yield "the page's text was garbled (UTF-8 under another name) and put right"


def _article_number(node: LexborNode, link: LexborNode | None) -> str:
    """From the link to the recording's page, else from the embed code."""
    match = ARTICLE_NUMBER.search(_attribute(link, "href"))
    accordion = node.css_first(ACCORDION)
    if match is None and accordion:
        match = EMBEDDED_NUMBER.search(accordion.html)
    return match[1] if match else ""


def _audio_urls(node: LexborNode, base_url: str) -> list[str]:
    """Addresses of the sound, the best first: links in the accordion, its text, the player.

    A link to share on another site may hold the address too. The description is
    never searched: it may hold an address of its own.
    """
    accordion = node.css_first(ACCORDION)
    found = []
    if accordion:
        links = [address(base_url, _attribute(link, "href")) for link in accordion.css("a[href]")]
        found = [link for link in links if AUDIO_NAME.search(unquote(urlsplit(link).path))]
        found = found or [address(base_url, text) for text in AUDIO_URL.findall(accordion.text())]
        found = found or [link for link in links if _names_audio(link, base_url)]
    found = found or [address(base_url, _attribute(one, "src")) for one in node.css(PLAYER)]
    return list(dict.fromkeys(filter(None, found)))


def _names_audio(link: str, base_url: str) -> bool:
    """Whether an address of this site gives a sound by its query (``get.php?f=a.mp3``)."""
    parts = urlsplit(link)
    values = [value for _, value in parse_qsl(parts.query)]
    return parts.netloc == urlsplit(base_url).netloc and any(map(AUDIO_NAME.search, values))


def audio_path(url: str) -> str:
    """What names the sound in an address, without its ending: the path, or a value of the query.

    Host, port, session and time may differ from page to page.
    """
    parts = urlsplit(url)
    names = [parts.path, *(value for _, value in parse_qsl(parts.query))]
    return AUDIO_NAME.sub("", next(filter(AUDIO_NAME.search, names), names[0]))


def _tags(node: LexborNode) -> list[tuple[set[str], str]]:
    """For each tag the classes of its icon, as whole words, and its text."""
    tags = []
    for link in node.css(TAG):
        icon = link.css_first("i")
        tags.append((set(_attribute(icon, "class").split()), link.text().strip()))
    return [(icons, text) for icons, text in tags if text]


def _distinct(tags: list[tuple[set[str], str]], icon: str) -> list[str]:
    """Texts of the tags with this icon, each once."""
    return list(dict.fromkeys(text for icons, text in tags if icon in icons))


def _description(node: LexborNode) -> str:
    """Text of the quotation; paragraphs and line breaks become one line break each."""
    quote = node.css_first(DESCRIPTION)
    if quote is None:
        return ""
    for line_break in quote.css("br"):
        line_break.replace_with("\n")
    parts = [part.text() for part in quote.css("p")] or [quote.text()]
    return re.sub(r" *\n\s*", "\n", "\n".join(parts)).strip()


def _check_drift(cards: tuple[Card, ...], url: str) -> None:
    if len(cards) < MIN_CARDS_FOR_DRIFT:
        return
    for name, selector in ALWAYS_THERE.items():
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


def _attribute(node: LexborNode | None, name: str) -> str:
    """An attribute's value; "" where the element, the attribute or the value is missing."""
    return (node.attributes.get(name) or "") if node else ""

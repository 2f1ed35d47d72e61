"""What a listing says of its other pages, and of its end.

The end of a listing is proved, not assumed: where a page has a control that leads on but no
address to follow, or says of a size that did not come, that is told (see `crawl.walk`).
"""

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urldefrag, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode

from spoken_cefr.corpus.speakers import fold
from spoken_cefr.scraping.texts import address

# The site's own "next"; without href it is the last page's.
NEXT_PAGE = (
    'a[aria-label="Aller à la page suivante"]',
    "a.fr-pagination__link--next",
    "a[rel=next]",
)
CONTROLS = "a, button, [role=button], [role=link]"
# Folded, white space as single spaces.
NEXT_LABELS = frozenset(
    {"suivant", "suivante", "page suivante", "aller a la page suivante", "next", "next page"}
    | {"siguiente", "weiter", "nachste seite", "pagina successiva", "›", "»", ">", "→"}
)
MORE_LABELS = frozenset(
    {"voir plus", "afficher plus", "charger plus", "plus de resultats", "voir la suite"}
    | {"la suite", "load more", "show more", "see more", "mehr anzeigen", "ver mas"}
)
LABELS = NEXT_LABELS | MORE_LABELS
# A key of the address that numbers pages, or their first recording as SPIP's `debut_articles`.
PAGE_KEY = re.compile(r"debut_\w+|page|p|paged|offset|start")
COUNTED = (
    "ressources?|enregistrements?|resultats?|documents?|fichiers?|articles?|audios?|recordings?|"
    "results?|resources?|items?"
)
N_STATED = re.compile(rf"\(?(\d[\d ]*) (?:{COUNTED})(?: (?:trouve|disponible)\w*)?\)?\.?")
RANGE_STATED = re.compile(rf"(?:{COUNTED})? ?\d+ ?(?:a|-|–|to) ?\d+ (?:sur|of|de) (\d[\d ]*)\b.*")
PAGES_STATED = re.compile(r"page \d+ ?(?:sur|/|of|de|von) ?(\d+)")
TEXTS = "h1, h2, h3, p, span, div, strong, li, caption, output"
MAX_TOLD_CHARS = 60  # longer texts that hold a number speak of something else


@dataclass(frozen=True)
class Pager:
    """What one page says of the others.

    ``leads_on`` is the text of a control that leads on without an address; ``n_stated`` and
    ``n_pages`` are how many recordings and pages the listing has by its own account, 0 where it
    says nothing.
    """

    next_url: str = ""
    other_urls: tuple[str, ...] = ()
    leads_on: str = ""
    n_stated: int = 0
    n_pages: int = 0


def read_pager(page: LexborHTMLParser, url: str, *, base_url: str, card: str) -> Pager:
    """Read what a page of a listing says of the others, outside its cards (a selector).

    Relative links start from ``base_url``.
    """
    controls = _outside(page, CONTROLS, card)
    named = [control for control in controls if _is_next(control)]
    following = next(
        (found for control in named if (found := _address(control, base_url))), ""
    )  # one that is disabled may stand before one that is not
    stuck = [control for control in _after_cards(page, card) if _leads_on(control)]
    texts = [node.text().strip() for node in _outside(page, TEXTS, card)]
    told = [_folded(text) for text in texts if len(text) <= MAX_TOLD_CHARS]
    return Pager(
        next_url=following,
        other_urls=tuple(_numbered(controls, url, base_url)),
        leads_on="" if following or not stuck else min(_labels(stuck[0]) & LABELS),
        n_stated=_largest(told, N_STATED, RANGE_STATED),
        n_pages=max(_largest(told, PAGES_STATED), _largest_number(page)),
    )


def announces_more(html: str, *, card: str) -> bool:
    """Whether a control below the cards offers to show more of them on this page."""
    controls = _after_cards(LexborHTMLParser(html), card)
    return any(_labels(control) & MORE_LABELS and not _is_off(control) for control in controls)


def page_number(url: str) -> int:
    """The number in an address that numbers pages; 0 for the first."""
    numbers = [int(value) for key, value in _query(url) if _numbers_pages(key, value)]
    return numbers[0] if numbers else 0


def _outside(page: LexborHTMLParser, selectors: str, card: str) -> list[LexborNode]:
    """What stands in no card, in the page's order."""
    return page.css(f":is({selectors}):not({card} *)")


def _after_cards(page: LexborHTMLParser, card: str) -> list[LexborNode]:
    """Controls that follow the last card: elsewhere "more" may be more of anything."""
    found = _outside(page, f"{card}, {CONTROLS}", card)
    places = [index for index, node in enumerate(found) if node.css_matches(card)]
    return found[places[-1] + 1 :] if places else []


def _is_next(control: LexborNode) -> bool:
    return any(control.css_matches(selector) for selector in NEXT_PAGE) or bool(
        _labels(control) & NEXT_LABELS
    )


def _leads_on(control: LexborNode) -> bool:
    """Whether a control says that there is more. A "next" link without href is the last page's."""
    labels = _labels(control) & LABELS
    ended = control.tag == "a" and "href" not in control.attributes and labels <= NEXT_LABELS
    return bool(labels) and not ended and not _is_off(control)


def _is_off(control: LexborNode) -> bool:
    told = control.attributes
    switched_off = "disabled" in told or told.get("aria-disabled") == "true"
    return switched_off or "disabled" in (told.get("class") or "").split("-")


def _address(control: LexborNode, base_url: str) -> str:
    """Where a control leads; "" where it leads nowhere that can be asked for."""
    href = (control.attributes.get("href") or "").strip()
    if _is_off(control) or not href or href.startswith(("#", "javascript:")):
        return ""
    return urldefrag(address(base_url, href)).url


def _numbered(controls: list[LexborNode], url: str, base_url: str) -> list[str]:
    """Pages of this listing by the number in their address, in order, each once."""
    own = {pair for pair in _query(url) if not _numbers_pages(*pair)}
    found: dict[int, str] = {}
    for control in controls:
        page_url = _address(control, base_url)
        if not page_url or urlsplit(page_url).path != urlsplit(url).path:
            continue
        query = _query(page_url)
        if own <= set(query) and any(_numbers_pages(*pair) for pair in query):
            found.setdefault(page_number(page_url), page_url)
    return [found[number] for number in sorted(found)]


def _largest(texts: list[str], *patterns: re.Pattern[str]) -> int:
    """The largest number that a text says with nothing but one of the patterns."""
    found = [pattern.fullmatch(text) for text in texts for pattern in patterns]
    return max((int(match[1].replace(" ", "")) for match in found if match), default=0)


def _largest_number(page: LexborHTMLParser) -> int:
    """Of the controls of a pager; its last page is often there when those between are not."""
    texts = [
        control.text().strip()
        for pager in page.css("[class*=pagin], [id*=pagin]")
        for control in pager.css(CONTROLS)
    ]
    numbers = {int(text) for text in texts if re.fullmatch(r"\d{1,4}", text)}
    return max(numbers) if numbers & {1, 2} else 0  # else they are numbers of something else


def _labels(control: LexborNode) -> set[str]:
    told = control.attributes
    texts = (control.text(), told.get("aria-label"), told.get("title"))
    return {_folded(text) for text in texts if text}


def _folded(text: str) -> str:
    return " ".join(fold(text).split())


def _numbers_pages(key: str, value: str) -> bool:
    return bool(PAGE_KEY.fullmatch(key)) and bool(re.fullmatch(r"\d{1,6}", value))


def _query(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)

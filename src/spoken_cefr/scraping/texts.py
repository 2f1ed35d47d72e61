"""From what a page says to what the table holds: words, encodings, addresses, identifiers, places.

No function here reads a file or opens a page.
"""

import hashlib
import re
from urllib.parse import urljoin

from ftfy import fix_encoding
from selectolax.lexbor import LexborNode

# Elements that are part of the words around them: SPIP writes "1<sup>er</sup>".
INLINE = frozenset(
    {"abbr", "b", "bdi", "cite", "dfn", "em", "i", "mark", "q", "s", "small", "strong", "sub"}
    | {"sup", "u"}
)
# What the first and second byte of a letter or a sign in UTF-8 become in Windows-1252.
GARBLED = re.compile("[\u00c2\u00c3][\u0080-\u00bf\u0152-\u017e\u2018-\u203a\u20ac]")
MIN_GARBLED = 3  # in a page: once may be what was meant
MAX_ID_CHARS = 80  # with ".mp3" and a folder this fits every file system
DIGEST_DIGITS = 10  # 16**10 values: no clash among a thousand recordings
RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # no file names on Windows
BRACKETS = re.compile(r"\(([^()]*)\)")


def whole_text(node: LexborNode, *, line_break: str = " ") -> str:
    """Text of an element and of the inline elements in it; links, buttons, hidden notes are not."""
    return _inner(node, line_break).strip()


def _inner(node: LexborNode, line_break: str) -> str:
    parts = []
    for child in node.iter(include_text=True):
        if child.tag == "-text":
            parts.append(child.text())
        elif child.tag == "br":
            parts.append(line_break)
        elif child.tag in INLINE or _is_plain_span(child):
            parts.append(_inner(child, line_break))
    return "".join(parts)


def _is_plain_span(node: LexborNode) -> bool:
    """Whether a span only dresses words, as SPIP's ``<span class="caps">``."""
    names = (node.attributes.get("class") or "").split()
    return node.tag == "span" and not any(name.startswith("fr-") for name in names)


def ungarbled(html: str) -> tuple[str, bool]:
    """A page that was UTF-8 but read as ISO-8859-1 or Windows-1252, as meant; if it was so."""
    html = html.replace("&nbsp;", "\u00a0")  # as a browser writes it, and what a byte may be
    if len(GARBLED.findall(html)) < MIN_GARBLED:
        return html, False
    return fix_encoding(html), True


def address(url: str, href: str) -> str:
    """Where a link on a page leads; "" where there is no link or it is no address."""
    try:
        return urljoin(url, href) if href else ""
    except ValueError:
        return ""


def recording_id(*, article: str, slug: str, text: str) -> str:
    """Name a recording from what the site calls it, never from its title.

    By the number of its page, else the name of its audio file, else a digest of its card's text
    ("" where there is none). Of a-z, digits, ``_`` and ``-``, at most 80 characters; a name that
    had to be changed for that ends in a digest of the original, so that two of them stay two.
    """
    if article:
        return article
    if not slug:
        return f"card_{_digest(text)}"
    # In lower case: some file systems take "A.mp3" and "a.mp3" for one file.
    safe = re.sub(r"[^a-z0-9_-]+", "_", slug.lower())
    if safe == slug and len(slug) <= MAX_ID_CHARS and not RESERVED.fullmatch(slug):
        return slug
    ending = f"_{_digest(slug)}"
    return safe[: MAX_ID_CHARS - len(ending)] + ending


def place(author: str) -> str:
    """What the author string has in brackets, once each: ``Rennes, France``."""
    found = [text.strip() for text in BRACKETS.findall(author)]
    return "; ".join(dict.fromkeys(text for text in found if text))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:DIGEST_DIGITS]

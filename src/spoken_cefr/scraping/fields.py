"""From what a card says to what the table holds: identifiers, speakers, places.

No function here reads a file or a page.
"""

import hashlib
import re
from collections.abc import Sequence

from spoken_cefr.scraping.dates import fold

MAX_ID_CHARS = 80  # with ".mp3" and a folder this fits every file system
SPEAKER_DIGITS = 10  # 16**10 values: no clash among a few hundred speakers
# Two speakers on one card: comma, white space with a line break. A comma
# alone also stands inside one name ("Anna, élève à Montpellier").
AUTHOR_BREAK = re.compile(r",[^\S\n]*\n\s*")
RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # no file names on Windows
BRACKETS = re.compile(r"\(([^()]*)\)")


def recording_id(*, article: str, slug: str, text: str) -> str:
    """Name a recording from what the site calls it, never from its title.

    Parameters
    ----------
    article : str
        Number of the recording's page, "" if the card does not tell.
    slug : str
        Name of its audio file without ``.mp3``, "" if it has none.
    text : str
        All of the card's text; its digest is the name where both are missing.

    Returns
    -------
    str
        Of a-z, digits, ``_`` and ``-`` only, at most 80 characters.
        A slug that had to be changed for that ends in a digest of the
        original, so that two of them stay two.
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


def split_authors(author: str) -> list[str]:
    """The author string of each speaker on the card."""
    return [part.strip() for part in AUTHOR_BREAK.split(author) if part.strip()]


def place(author: str) -> str:
    """What the author string has in brackets, once each: ``Rennes, France``."""
    found = [text.strip() for text in BRACKETS.findall(author)]
    return "; ".join(dict.fromkeys(text for text in found if text))


def speaker_ids(authors: Sequence[str]) -> list[str]:
    """Group recordings that may share a voice.

    Two recordings are in one group when an author string of theirs is the same
    but for case, accents, punctuation and white space. A card of two speakers
    joins the groups of both. Recordings without an author may be anybody's:
    they form one group.

    Parameters
    ----------
    authors : sequence of str
        The author field of each recording, as on the site.

    Returns
    -------
    list of str
        An identifier for each recording, in the same order: ``spk_`` and a
        digest of the group's first normalised author in the alphabet. It
        depends on the set of authors only, not on their order.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    cards = [[_normalised(part) for part in split_authors(author)] or [""] for author in authors]
    for names in cards:
        # The smaller name becomes the root, so that a root is its group's smallest.
        for other in names:
            first, second = sorted((root(names[0]), root(other)))
            parent[second] = first
    return [f"spk_{_digest(root(names[0]))}" for names in cards]


def _normalised(author: str) -> str:
    return " ".join(re.findall(r"\w+", fold(author)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:SPEAKER_DIGITS]

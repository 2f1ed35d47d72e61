"""From what a card says to what the table holds: identifiers, places.

No function here reads a file or a page.
"""

import hashlib
import re

MAX_ID_CHARS = 80  # with ".mp3" and a folder this fits every file system
DIGEST_DIGITS = 10  # 16**10 values: no clash among a thousand recordings
RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]")  # no file names on Windows
BRACKETS = re.compile(r"\(([^()]*)\)")


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

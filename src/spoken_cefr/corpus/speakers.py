"""Which recordings may share a voice, and folds that keep every voice whole."""

import hashlib
import re
import unicodedata
import warnings
from collections.abc import Iterator, Sequence

import numpy as np

SPEAKER_DIGITS = 10  # 16**10 values: no clash among a few hundred speakers
# Two speakers on one card: comma, white space with a line break. A comma
# alone also stands inside one name ("Anna, élève à Montpellier").
AUTHOR_BREAK = re.compile(r",[^\S\n]*\n\s*")

N_FOLDS = 5  # of the cross-validations of the evaluation
PARTS: tuple[str, ...] = ("train", "validation", "test")


def fold(text: str) -> str:
    """Lower-case text without accents, so that ``Février`` and ``fevrier`` are one."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def split_authors(author: str) -> list[str]:
    """The author string of each speaker on the card."""
    return [part.strip() for part in AUTHOR_BREAK.split(author) if part.strip()]


def speaker_ids(authors: Sequence[str], *, by_first_name: bool = False) -> list[str]:
    """Group recordings that may share a voice, by the author field of each, as on the site.

    Two are in one group when an author string of theirs is the same but for case, accents,
    punctuation and white space; by first name (stricter, never finer), when its first word is. A
    card of two speakers joins the groups of both; recordings without an author form one group.

    Gives, in the same order, ``spk_`` and a digest of the group's first normalised name in the
    alphabet: it depends on the set of authors only, not on their order.
    """
    from scipy.cluster.hierarchy import DisjointSet  # here, as scikit-learn below

    n_words = 1 if by_first_name else None
    cards = [[_name(part, n_words) for part in split_authors(a)] or [""] for a in authors]
    groups = DisjointSet(name for names in cards for name in names)
    for first, *others in cards:
        for other in others:
            groups.merge(first, other)
    return [f"spk_{_digest(min(groups.subset(names[0])))}" for names in cards]


def _name(author: str, n_words: int | None) -> str:
    """The first words of an author string, normalised; all of them for None."""
    return " ".join(re.findall(r"\w+", fold(author))[:n_words])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:SPEAKER_DIGITS]


def speaker_folds(
    labels: np.ndarray, speakers: np.ndarray, *, n_folds: int, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield rows to train on and rows to test on for each fold, no speaker in both.

    Folds are stratified by label as far as whole speakers allow; labels and speakers are of
    shape (n,). ValueError if there are fewer speakers than folds.
    """
    # Here, not at the top: who only asks for names of parts need not wait for scikit-learn.
    from sklearn.model_selection import StratifiedGroupKFold

    splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # A level rarer than the number of folds is expected here (C1).
        warnings.filterwarnings("ignore", message="The least populated class in y")
        yield from splitter.split(labels, labels, groups=speakers)

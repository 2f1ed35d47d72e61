"""Score what the real site's catalogue gives away before anything is heard.

    python tools/catalogue_baselines.py ../shared/data/audio_lingua_fr_2025-01.csv

writes ``data/fr_catalogue_2025-01_baselines.json``: scores, counts and the
catalogue's SHA-256, never a row, no card, no name.

A catalogue is the table of cards that the original study's scraper wrote: no
audio, and the duration as a class of the site. The shortcuts of
:mod:`spoken_cefr.evaluation.shortcuts.baselines` are scored on it by
cross-validation over speakers.
"""

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from spoken_cefr.corpus.levels import TARGET_LEVELS, label_set, level_codes, to_label_set
from spoken_cefr.corpus.speakers import N_FOLDS, speaker_folds, speaker_ids
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.scores.intervals import Asked, Bootstrap, Interval, speaker_intervals
from spoken_cefr.evaluation.scores.metrics import METRICS
from spoken_cefr.evaluation.shortcuts.baselines import (
    DESCRIPTIONS,
    FIELDS,
    card_features,
    fit_probabilities,
)
from spoken_cefr.paths import ROOT
from spoken_cefr.store import sha256_of, write_json

N_REPEATS = 5
N_BOOTSTRAP = 1000
CONFIDENCE = 0.95
SEED = 42
# Columns of the study's CSV, and ours.
COLUMNS = {
    "Author": "author",
    "Title": "title",
    "Description": "description",
    "Date": "date",
    "Level": "level",
    "Gender": "gender",
    "Age": "age_group",
    "Duration": "duration_class",
    "Themes": "themes",
}
CONSTANT = "majority"
RANDOM = "stratified_random"


class Catalogue(NamedTuple):
    """The usable cards, and why others are not: reason -> number of cards."""

    cards: pd.DataFrame
    dropped: dict[str, int]


def read_catalogue(path: Path) -> Catalogue:
    """Read the cards whose level can be learned.

    Returns
    -------
    Catalogue
        cards: author, title, description, date (the year first), level,
        gender, age_group, duration_class, themes; "" where the site says
        nothing; speaker_id as `spoken_cefr.corpus.speakers.speaker_ids` groups the
        authors of the whole file. In the order of the file.

    Raises
    ------
    InputError
        If the file is missing, is no CSV or lacks a column.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise InputError(f"{path} is missing: give the path of a catalogue") from None
    except ValueError as error:
        raise InputError(f"{path} is no CSV table ({error})") from None
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise InputError(f"{path} has no column {missing[0]}: it is not a catalogue of the site")
    cards = table[list(COLUMNS)].rename(columns=COLUMNS)
    cards["speaker_id"] = speaker_ids(cards["author"].tolist())
    cards["date"] = cards["date"].str.extract(r"(\d{4})", expand=False).fillna("")
    usable = cards["level"].isin(TARGET_LEVELS)
    dropped = Counter(f"level {level or 'unknown'}" for level in cards["level"][~usable])
    return Catalogue(cards[usable].reset_index(drop=True), dict(sorted(dropped.items())))


def catalogue_baselines(
    cards: pd.DataFrame,
    *,
    levels: Sequence[str],
    n_repeats: int,
    n_bootstrap: int,
    confidence: float,
    seed: int,
) -> dict[str, dict[str, Interval]]:
    """Score every shortcut on a catalogue.

    Each of ``n_repeats`` times, speakers are shared out anew among five folds,
    stratified by level as far as whole speakers allow; each fold is answered by
    a model of the four others.

    Parameters
    ----------
    cards : pd.DataFrame
        From :func:`read_catalogue`.
    levels : sequence of str
        The classes: A1 to C1, or with "B2+".

    Returns
    -------
    dict of str to dict of str to Interval
        By shortcut and measure: mean over the repeats, interval over speakers.
    """
    features = card_features(cards, cards["duration_class"])
    codes = level_codes(to_label_set(cards["level"], levels), classes=levels)
    speakers = cards["speaker_id"].to_numpy(dtype=str)
    answers: dict[str, list[np.ndarray]] = {name: [] for name in (CONSTANT, RANDOM, *FIELDS)}
    for repeat in range(n_repeats):
        folds = list(speaker_folds(codes, speakers, n_folds=N_FOLDS, seed=seed + repeat))
        for name in answers:
            answered = np.empty_like(codes)
            for fold, (train, test) in enumerate(folds):
                # Draws of its own for each fold of each repeat.
                rng = np.random.default_rng([seed, repeat, fold])
                answered[test] = _answer(
                    name, features, codes, train, test, n_classes=len(levels), rng=rng
                )
            answers[name].append(answered)
    asked = {
        name: Asked(codes, np.stack(repeats), speakers, len(levels))
        for name, repeats in answers.items()
    }
    bootstrap = Bootstrap(n_bootstrap, confidence, seed)
    return {name: speaker_intervals(METRICS, one, bootstrap) for name, one in asked.items()}


def descriptions() -> dict[str, str]:
    """What each shortcut of :func:`catalogue_baselines` is, by name."""
    return {
        CONSTANT: "always the most frequent level of the training cards",
        RANDOM: "levels drawn at random with their shares in the training cards",
        **DESCRIPTIONS,
    }


def _answer(
    name: str,
    features: pd.DataFrame,
    codes: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    *,
    n_classes: int,
    rng: np.random.Generator,
) -> np.ndarray:
    shares = np.bincount(codes[train], minlength=n_classes) / train.size
    if name == CONSTANT:
        return np.full(test.size, shares.argmax())
    if name == RANDOM:
        return rng.choice(n_classes, test.size, p=shares)
    probabilities = fit_probabilities(
        FIELDS[name],
        features.iloc[train],
        codes[train],
        features.iloc[test],
        n_classes=n_classes,
    )
    return probabilities.argmax(axis=1)


def main() -> None:
    """Read the arguments, score, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("catalogue", type=Path, help="CSV of cards as the study's scraper wrote it")
    parser.add_argument(
        "--out", type=Path, default=ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
    )
    arguments = parser.parse_args()
    write_json(arguments.out, document(arguments.catalogue, read_catalogue(arguments.catalogue)))


def document(path: Path, catalogue: Catalogue) -> dict[str, object]:
    """All numbers of a catalogue as JSON, with where they come from."""
    cards = catalogue.cards
    return {
        "source": {
            "file": path.name,
            "sha256": sha256_of(path),
            "n_cards": len(cards) + sum(catalogue.dropped.values()),
            "n_usable": len(cards),
            "dropped": catalogue.dropped,
            "n_authors": int(cards["author"].nunique()),
            "n_speakers": int(cards["speaker_id"].nunique()),
        },
        "method": {
            "made_by": "tools/catalogue_baselines.py",
            "unit": "recording",
            "n_folds": N_FOLDS,
            "groups": "speaker: author strings as src/spoken_cefr/corpus/speakers.py joins them",
            "n_repeats": N_REPEATS,
            "n_bootstrap": N_BOOTSTRAP,
            "confidence": CONFIDENCE,
            "seed": SEED,
            "value": "mean over the repeats; low and high: bootstrap over speakers",
            "duration": "the site's duration class, for there is no audio",
        },
        "label_sets": {name: _of_label_set(catalogue, name) for name in ("keep", "merge")},
    }


def _of_label_set(catalogue: Catalogue, name: str) -> dict[str, object]:
    levels = label_set(name)
    scores = catalogue_baselines(
        catalogue.cards,
        levels=levels,
        n_repeats=N_REPEATS,
        n_bootstrap=N_BOOTSTRAP,
        confidence=CONFIDENCE,
        seed=SEED,
    )
    merged = to_label_set(catalogue.cards["level"], levels)
    told = descriptions()
    return {
        "levels": list(levels),
        "counts": {level: merged.count(level) for level in levels},
        "baselines": {
            shortcut: {"description": told[shortcut]}
            | {measure: interval._asdict() for measure, interval in intervals.items()}
            for shortcut, intervals in scores.items()
        },
    }


if __name__ == "__main__":
    main()

"""What the audit asks for: the level, and what a model had better not be hearing."""

import numpy as np
import pandas as pd

from spoken_cefr.corpus.cards import AGE_GROUPS, duration_class
from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.evaluation.reading import Inputs
from spoken_cefr.evaluation.shortcuts.probes import Target

N_PERIODS = 3


def cards_of(inputs: Inputs) -> pd.DataFrame:
    """The split's recordings with their cards: index recording_id, sorted.

    speaker_id, level (the class), part, age_group, gender ("" where unknown),
    duration_class (by the duration where the site gives none), duration_s, year.
    """
    split = inputs.split.set_index("recording_id")[["speaker_id", "level", "part"]]
    columns = ["age_group", "gender", "duration_class", "duration_s", "date"]
    metadata = inputs.metadata.drop_duplicates("recording_id").set_index("recording_id")[columns]
    cards = split.join(metadata, how="left").sort_index()
    for name in ("age_group", "gender", "duration_class", "date"):
        cards[name] = cards[name].fillna("").astype(str)
    cards["duration_s"] = pd.to_numeric(cards["duration_s"], errors="coerce")
    by_length = cards["duration_s"].map(duration_class)
    cards["duration_class"] = cards["duration_class"].where(
        cards["duration_class"] != "", by_length
    )
    cards["year"] = pd.to_numeric(cards.pop("date").str[:4], errors="coerce")
    return cards


def audit_targets(cards: pd.DataFrame, levels: tuple[str, ...]) -> dict[str, Target]:
    """The level, the speaker's age and gender, and the third of the years of recording.

    Recordings with several ages or genders, or none, are left out of that target.
    """
    levels_ = pd.Series(level_codes(cards["level"], classes=levels), index=cards.index)
    genders = tuple(sorted(name for name in cards["gender"].unique() if name and "," not in name))
    return {
        "level": Target(levels_, levels),
        "age_group": _of_names(cards["age_group"], tuple(AGE_GROUPS)),
        "gender": _of_names(cards["gender"], genders),
        "year": _periods(cards["year"].dropna()),
    }


def _of_names(values: pd.Series, classes: tuple[str, ...]) -> Target:
    known = values[values.isin(classes)]
    return Target(pd.Series(level_codes(known, classes=classes), index=known.index), classes)


def _periods(years: pd.Series) -> Target:
    """Thirds of the recordings by year; a year is never cut in two."""
    if years.empty:
        return Target(years.astype(int), ())
    bounds = np.quantile(years, np.arange(1, N_PERIODS) / N_PERIODS, method="lower")
    _, codes = np.unique(np.searchsorted(bounds, years.to_numpy()), return_inverse=True)
    spans = years.groupby(codes).agg(["min", "max"]).astype(int)
    names = tuple(f"{low}-{high}" for low, high in spans.to_numpy())
    return Target(pd.Series(codes, index=years.index), names)

"""Answers that need no recording: a result counts only above these.

Each baseline gives a table of predictions as the networks write it: every recording
and segment is answered by what was learned from the other folds, as by a network.
They learn from the validation part too: they have no epoch to choose.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import numpy as np
import pandas as pd

from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.reading import UNITS
from spoken_cefr.evaluation.shortcuts.metadata_models import (
    DESCRIPTIONS,
    FIELDS,
    card_features,
    fit_probabilities,
)

BASELINES: Mapping[str, str] = MappingProxyType(
    {
        "majority": "always the most frequent level of the other folds",
        "stratified_random": "levels drawn at random with their shares in the other folds",
        **DESCRIPTIONS,
    }
)


def all_baselines(
    units: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    seed: int,
    levels: Sequence[str] = TARGET_LEVELS,
    n_seeds: int = 1,
) -> dict[str, pd.DataFrame]:
    """The predictions of each of ``BASELINES``, by name, in that order.

    Units have the columns unit, id, recording_id, speaker_id, fold, level;
    ``stratified_random`` is drawn ``n_seeds`` times.
    """
    shares = functools.partial(from_shares, levels=levels)
    learners = {
        "majority": shares,
        "stratified_random": lambda told: pd.concat(
            shares(told, seed=seed + number).assign(seed=number) for number in range(n_seeds)
        ),
    } | {
        name: functools.partial(from_metadata, metadata=metadata, fields=fields, levels=levels)
        for name, fields in FIELDS.items()
    }
    return {name: out_of_fold(learner, units) for name, learner in learners.items()}


def out_of_fold(
    learner: Callable[[pd.DataFrame], pd.DataFrame], units: pd.DataFrame
) -> pd.DataFrame:
    """What a baseline answers to each fold when it has learned from the others.

    The learner gets the units with the column part ("train", or "test" for the fold
    that is asked) and gives predictions of all of them.
    """
    tables = []
    for fold in np.unique(units["fold"]):
        told = learner(units.assign(part=np.where(units["fold"] == fold, "test", "train")))
        tables.append(told[told["part"] == "test"])
    table = pd.concat(tables, ignore_index=True)
    return table if "seed" in table else table.assign(seed=0)


def from_shares(
    units: pd.DataFrame, *, seed: int | None = None, levels: Sequence[str] = TARGET_LEVELS
) -> pd.DataFrame:
    """Answer train's most frequent level, or with a seed one drawn from train's shares.

    They are counted in the unit that is scored, and are the probabilities: longer
    recordings weigh more in segments. The lower level wins a tie.
    """
    rng, tables = np.random.default_rng(seed), []
    for unit in UNITS:
        rows = units[units["unit"] == unit]
        train = level_codes(rows["level"][rows["part"] == "train"], classes=levels)
        if rows.empty:
            continue
        if train.size == 0:
            raise InputError(f"the train part has no {unit}: the majority level is unknown")
        shares = np.bincount(train, minlength=len(levels)) / train.size
        table = _predictions(rows, np.tile(shares, (len(rows), 1)), levels=levels)
        if seed is not None:
            table["predicted"] = rng.choice(np.asarray(levels, dtype=object), len(rows), p=shares)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def from_metadata(
    units: pd.DataFrame,
    metadata: pd.DataFrame,
    *,
    fields: Sequence[str],
    levels: Sequence[str] = TARGET_LEVELS,
) -> pd.DataFrame:
    """Answer from fields of the recording's card; a segment gets its recording's answer.

    Fields are one of the values of
    :data:`spoken_cefr.evaluation.shortcuts.metadata_models.FIELDS`.
    InputError if a recording of the split has no duration in the metadata.
    """
    recordings = units[units["unit"] == "recording"]
    cards = metadata.drop_duplicates("recording_id").set_index("recording_id")
    cards = cards.reindex(recordings["recording_id"])
    features = card_features(cards, np.log(_durations_s(cards)))
    codes = level_codes(recordings["level"], classes=levels)
    train = (recordings["part"] == "train").to_numpy()
    probabilities = fit_probabilities(
        fields, features[train], codes[train], features, n_classes=len(levels)
    )
    row_of = pd.Series(np.arange(len(recordings)), index=recordings["recording_id"])
    rows = row_of.loc[units["recording_id"]].to_numpy()
    return _predictions(units, probabilities[rows], levels=levels)


def _durations_s(cards: pd.DataFrame) -> pd.Series:
    durations_s = pd.to_numeric(cards["duration_s"], errors="coerce").astype(np.float64)
    unusable = ~(durations_s > 0)
    if unusable.any():
        raise InputError(
            f"metadata.csv has no duration_s over 0 for recording "
            f"{cards.index[unusable][0]!r}: run scraping again"
        )
    return durations_s


def _predictions(
    rows: pd.DataFrame, probabilities: np.ndarray, *, levels: Sequence[str]
) -> pd.DataFrame:
    table = rows.reset_index(drop=True)
    table["predicted"] = np.asarray(levels, dtype=object)[probabilities.argmax(axis=1)]
    for index, level in enumerate(levels):
        table[f"p_{level}"] = probabilities[:, index]
    return table

"""Answers that need no recording: a result counts only above these.

Each baseline gives a table of predictions as the networks write it, for every
recording and segment of every part, learned from the train part alone.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.tables import UNITS
from spoken_cefr.levels import TARGET_LEVELS, level_codes

BASELINES: dict[str, str] = {
    "majority": "always the most frequent level of the train part",
    "duration_only": "logistic regression on the logarithm of the recording's duration",
}


def majority(units: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS) -> pd.DataFrame:
    """Always answer train's most frequent level, counted in the unit that is scored.

    Recordings and segments may have different answers: longer recordings weigh
    more in segments. The probabilities are train's shares of the levels. The
    lower level wins a tie.
    """
    tables = []
    for unit in UNITS:
        rows = units[units["unit"] == unit]
        if rows.empty:
            continue
        train = level_codes(rows["level"][rows["part"] == "train"], classes=levels)
        if train.size == 0:
            raise InputError(f"the train part has no {unit}: the majority level is unknown")
        shares = np.bincount(train, minlength=len(levels)) / train.size
        tables.append(_predictions(rows, np.tile(shares, (len(rows), 1)), levels=levels))
    return pd.concat(tables, ignore_index=True)


def duration_only(
    units: pd.DataFrame, metadata: pd.DataFrame, *, levels: Sequence[str] = TARGET_LEVELS
) -> pd.DataFrame:
    """Answer from how long the recording is; a segment gets its recording's answer.

    Parameters
    ----------
    metadata : pd.DataFrame
        Columns recording_id and duration_s.

    Raises
    ------
    InputError
        If a recording of the split has no duration in the metadata.
    """
    recordings = units[units["unit"] == "recording"]
    log_s = np.log(_durations_s(recordings["recording_id"], metadata))[:, None]
    codes = level_codes(recordings["level"], classes=levels)
    train = (recordings["part"] == "train").to_numpy()
    probabilities = np.zeros((len(recordings), len(levels)))
    seen = np.unique(codes[train])
    if seen.size == 1:  # nothing to tell apart, and scikit-learn refuses
        probabilities[:, seen] = 1.0
    else:
        model = make_pipeline(StandardScaler(), LogisticRegression())
        probabilities[:, seen] = model.fit(log_s[train], codes[train]).predict_proba(log_s)
    row_of = pd.Series(np.arange(len(recordings)), index=recordings["recording_id"])
    rows = row_of.loc[units["recording_id"]].to_numpy()
    return _predictions(units, probabilities[rows], levels=levels)


def _durations_s(recording_ids: pd.Series, metadata: pd.DataFrame) -> np.ndarray:
    known = metadata.drop_duplicates("recording_id").set_index("recording_id")["duration_s"]
    durations_s = pd.to_numeric(known, errors="coerce").reindex(recording_ids).to_numpy(np.float64)
    unusable = ~(durations_s > 0)
    if unusable.any():
        raise InputError(
            f"metadata.csv has no duration_s over 0 for recording "
            f"{recording_ids.to_numpy()[unusable][0]!r}: run scraping again"
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

"""Would more speakers help? A probe trained on fewer of them, again and again.

`retraining` adds the networks: one training a number of speakers, judged on the test part.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.bootstrap import speaker_intervals
from spoken_cefr.evaluation.scores.metrics import METRICS
from spoken_cefr.evaluation.scores.results import bootstrap_options
from spoken_cefr.evaluation.shortcuts.probes import (
    Target,
    answers,
    cross_validation,
    question,
    usable_folds,
)
from spoken_cefr.progress import progress

SHARES: tuple[float, ...] = (0.1, 0.2, 0.35, 0.6, 1.0)  # of the speakers that a fold trains on
SHOWN: tuple[str, ...] = ("accuracy", "macro_f1", "quadratic_weighted_kappa")
CURVE_COLUMNS: tuple[str, ...] = (
    *("kind", "model", "n_train_speakers", "n", "n_speakers", "n_repeats"),
    *(f"{name}{end}" for name in SHOWN for end in ("", "_low", "_high")),
)


def learning_curve(
    vectors: Mapping[str, pd.DataFrame],
    level: Target,
    speakers: pd.Series,
    *,
    config: Config,
) -> pd.DataFrame:
    """Score a probe of the level by how many speakers it was trained on.

    Each recording is answered by models of randomly drawn speakers of the
    other folds, anew in each repeat.

    Parameters
    ----------
    vectors : mapping of str to pd.DataFrame
        By name; index recording_id.
    speakers : pd.Series
        By recording_id.

    Returns
    -------
    pd.DataFrame
        ``CURVE_COLUMNS``; mean over the repeats, interval over speakers.
        Vectors of which too few recordings are known have no rows.
    """
    rows = []
    for name, table in progress(vectors.items(), desc="learning curve", unit="vector"):
        asked = question(table, level, speakers)
        n_folds = usable_folds(asked)
        if not n_folds:
            continue
        n_speakers = np.unique(asked.speakers).size
        # A fold tests so many at most; every model has the others to train on.
        n_tested = -(-n_speakers // n_folds)
        for n_train in train_sizes(n_speakers - n_tested):
            repeats = cross_validation(
                asked,
                n_repeats=config.evaluation.n_repeats,
                n_folds=n_folds,
                seed=config.seed,
                n_train_speakers=n_train,
            )
            given = answers(repeats, asked.codes[None], n_classes=len(level.classes))[0]
            shared = {"kind": "probe", "model": name, "n_train_speakers": n_train}
            rows.append(
                shared
                | curve_row(
                    asked.codes,
                    given,
                    asked.speakers,
                    n_classes=len(level.classes),
                    config=config,
                )
            )
    return pd.DataFrame(rows, columns=list(CURVE_COLUMNS))


def curve_row(
    truth: np.ndarray,
    given: np.ndarray,
    speakers: np.ndarray,
    *,
    n_classes: int,
    config: Config,
) -> dict[str, float]:
    """The columns of a point that depend on the answers.

    Parameters
    ----------
    truth : np.ndarray, shape (n,), int
    given : np.ndarray, shape (n_repeats, n), int
    speakers : np.ndarray, shape (n,), str
    """
    intervals = speaker_intervals(
        {measure: METRICS[measure] for measure in SHOWN},
        truth,
        given,
        speakers,
        n_classes=n_classes,
        **bootstrap_options(config),
    )
    n_speakers = np.unique(speakers).size
    row = {"n": truth.size, "n_speakers": n_speakers, "n_repeats": len(given)}
    for measure, (value, low, high) in intervals.items():
        row |= {measure: value, f"{measure}_low": low, f"{measure}_high": high}
    return row


def train_sizes(most: int, *, shares: Sequence[float] = SHARES) -> list[int]:
    """Numbers of speakers to train on, up to the most that can be drawn in each fold."""
    return sorted({max(1, round(share * most)) for share in shares})

"""Answers as arrays: what all scores are computed from, read off the predictions once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.evaluation.reading import UNITS
from spoken_cefr.evaluation.scores.intervals import Asked
from spoken_cefr.evaluation.scores.metrics import confusion_matrix, quadratic_weighted_kappa


class Answers(NamedTuple):
    """Answers to n units in order of their id, those of each seed side by side.

    ``ids``, ``recording_ids``, ``speakers`` and ``truth`` (codes) are of shape (n,),
    ``predicted`` (codes) of shape (n_seeds, n), ``probabilities`` (n_seeds, n, n_classes).
    """

    ids: np.ndarray
    recording_ids: np.ndarray
    speakers: np.ndarray
    truth: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray

    def of(self, units: np.ndarray) -> "Answers":
        """Those to some units, given by their numbers or by a mask."""
        each = (values[units] for values in self[:4])
        return Answers(*each, self.predicted[:, units], self.probabilities[:, units])

    @property
    def asked(self) -> Asked:
        """What intervals over speakers are estimated from."""
        return Asked(self.truth, self.predicted, self.speakers, self.probabilities.shape[-1])

    def matrices(self) -> np.ndarray:
        """Confusion matrix of each seed, shape (n_seeds, n_classes, n_classes)."""
        k = self.asked.n_classes
        return np.stack([confusion_matrix(self.truth, one, n_classes=k) for one in self.predicted])

    def kappa(self) -> float:
        """Quadratic weighted kappa, the mean over seeds."""
        return float(quadratic_weighted_kappa(self.matrices()).mean())


# By run (or baseline) and unit.
AllAnswers = Mapping[tuple[str, str], Answers]


def answers_of(
    predictions: pd.DataFrame, *, unit: str, levels: Sequence[str], part: str = "test"
) -> Answers | None:
    """The answers to one unit (recording, segment) of one part; None if there is none.

    Of each seed the predictions hold the same units, each once.
    """
    rows = predictions[(predictions["unit"] == unit) & (predictions["part"] == part)]
    if rows.empty:
        return None
    rows = rows.sort_values(["seed", "id"])
    n_seeds = rows["seed"].nunique()
    first = rows.iloc[: len(rows) // n_seeds]
    probabilities = rows[[f"p_{level}" for level in levels]].to_numpy(dtype=np.float64)
    return Answers(
        *(first[name].to_numpy(dtype=str) for name in ("id", "recording_id", "speaker_id")),
        truth=level_codes(first["level"], classes=levels),
        predicted=level_codes(rows["predicted"], classes=levels).reshape(n_seeds, -1),
        probabilities=probabilities.reshape(n_seeds, len(first), len(levels)),
    )


def all_answers(
    tables: Mapping[str, pd.DataFrame], levels: Sequence[str]
) -> dict[tuple[str, str], Answers]:
    """The test answers of each table of predictions, by its name and each unit that it answers."""
    found = {
        (name, unit): answers_of(table, unit=unit, levels=levels)
        for name, table in tables.items()
        for unit in UNITS
    }
    return {key: told for key, told in found.items() if told is not None}


def repeats_recordings(told: Answers) -> bool:
    """Whether all segments of a recording have one answer: then it is the recording's, copied.

    Asked of answers to segments. Their number would make such scores look surer than they are.
    """
    first = pd.Series(np.arange(told.ids.size)).groupby(told.recording_ids).transform("first")
    same = np.allclose(told.probabilities, told.probabilities[:, first], atol=1e-6)
    return same and told.ids.size > np.unique(told.recording_ids).size


def pairs_of(
    answers: AllAnswers, names: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str, Answers, Answers]]:
    """Two names, a unit, and both answers to the units that both hold, in the same order."""
    for first, second in names:
        for unit in UNITS:
            if (first, unit) in answers and (second, unit) in answers:
                ours, theirs = answers[first, unit], answers[second, unit]
                _, mine, other = np.intersect1d(ours.ids, theirs.ids, return_indices=True)
                if mine.size:
                    yield first, second, unit, ours.of(mine), theirs.of(other)


def ranked_runs(runs: Mapping[str, pd.DataFrame], *, levels: Sequence[str]) -> list[str]:
    """The runs by their mean kappa on the recordings that their models validated on, best first.

    Test answers have no say: a run chosen by its test score would look better
    there than it is. Runs without validation answers, or whose kappa is undefined
    there, come last.
    """
    kappas = {}
    for name, predictions in runs.items():
        told = answers_of(predictions, unit="recording", part="validation", levels=levels)
        kappa = np.nan if told is None else told.kappa()
        kappas[name] = -np.inf if np.isnan(kappa) else kappa
    return sorted(kappas, key=lambda name: -kappas[name])

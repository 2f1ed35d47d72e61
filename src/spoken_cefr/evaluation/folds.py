"""Folds of a repeated cross-validation, and how a run or a shortcut answers one.

In each repeat the speakers are shared out anew among the folds; each fold is
the test part once. Whatever is learned, a network's input among it, is learned
without the fold's test part.
"""

import functools
from collections.abc import Sequence

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.baselines import from_metadata, majority
from spoken_cefr.evaluation.metadata_models import FIELDS
from spoken_cefr.evaluation.results import rows_of
from spoken_cefr.evaluation.retraining import Trainer
from spoken_cefr.evaluation.tables import Inputs
from spoken_cefr.evaluation.variants import Variant
from spoken_cefr.neural_networks.experiments import Run
from spoken_cefr.neural_networks.inputs import Source, raw_speech_embeddings, text_embeddings
from spoken_cefr.neural_networks.performing import SourceLoader
from spoken_cefr.neural_networks.places import PlaceEraser
from spoken_cefr.neural_networks.split import parts_of_fold, repeated_folds
from spoken_cefr.neural_networks.stage import load_source

CONDITION = "cross-validation"
SHORTCUTS: tuple[str, ...] = ("majority", "duration_only")


def fold_variants(
    recordings: pd.DataFrame, levels: Sequence[str], *, n_folds: int, n_repeats: int, seed: int
) -> list[list[Variant]]:
    """What a run is to be trained on, by repeat and fold.

    Parameters
    ----------
    recordings : pd.DataFrame
        recording_id, speaker_id, level.

    Returns
    -------
    list of list of Variant
        The classes are all levels, also where a fold's train part lacks one
        whose speakers are all tested: its recordings are asked, and missed.

    Raises
    ------
    InputError
        If there are fewer speakers than folds.
    """
    table = recordings[["recording_id", "speaker_id", "level"]]
    folds = repeated_folds(table, n_folds=n_folds, n_repeats=n_repeats, seed=seed)
    return [
        [
            Variant(
                f"repeat_{repeat}_fold_{fold}",
                CONDITION,
                "level",
                parts_of_fold(shared_out, fold),
                tuple(levels),
            )
            for fold in np.unique(shared_out["fold"])
        ]
        for repeat, shared_out in folds.merge(table, on="recording_id").groupby("repeat")
    ]


class FoldTrainer(Trainer):
    """Trains a run in a fold, its inputs learned from the fold's train part."""

    place = "cross_validated"

    def tested(self, run: Run, fold: Variant) -> pd.DataFrame:
        """The run's answers to the fold's test part: recording_id, predicted.

        Raises
        ------
        InputError
            If the fold leaves nothing to learn from, or nothing that the run can read.
        """
        return rows_of(self.answers(run, fold), unit="recording")[["recording_id", "predicted"]]

    def _heard(self, variant: Variant) -> tuple[pd.DataFrame, SourceLoader]:
        segments = self._inputs.segments
        return segments, functools.partial(load_fold_source, self._config, segments, variant.split)


def load_fold_source(
    config: Config, segments: pd.DataFrame, split: pd.DataFrame, run: Run, noisy: bool
) -> Source:
    """The rows of a run as `load_source` gives them, but for what is learned of them.

    There the place in the encoder's window is taken out as ``split.csv``'s
    train part tells it, and that part holds recordings which are tested here.

    Parameters
    ----------
    split : pd.DataFrame
        recording_id, part.
    """
    embedded = run.inputs in ("speech_embedding", "fusion")
    if not embedded or config.neural_networks.speech_context == "segment":
        return load_source(config, segments, run, noisy)
    trained = split.loc[split["part"] == "train", "recording_id"]
    rows = segments[segments["recording_id"].isin(trained)]
    eraser = PlaceEraser.fit(*raw_speech_embeddings(config, rows))
    speech, _ = raw_speech_embeddings(config, segments, noisy=noisy)
    arrays = [eraser(speech)]
    if run.inputs == "fusion":
        arrays.append(text_embeddings(config, segments))
    return Source(np.concatenate(arrays, axis=1), widths=tuple(one.shape[1] for one in arrays))


def shortcut_answers(fold: Variant, inputs: Inputs) -> dict[str, pd.DataFrame]:
    """What the shortcuts answer to a fold's test part: recording_id, predicted; by name.

    They learn from the validation part too: they have no epoch to choose.
    """
    parts = fold.split.set_index("recording_id")["part"]
    units = inputs.units[inputs.units["unit"] == "recording"]
    tested = units["recording_id"].map(parts) == "test"
    units = units.assign(part=np.where(tested, "test", "train"))
    tables = {
        "majority": majority(units, levels=inputs.levels),
        "duration_only": from_metadata(
            units, inputs.metadata, fields=FIELDS["duration_only"], levels=inputs.levels
        ),
    }
    return {
        name: rows_of(table, unit="recording")[["recording_id", "predicted"]]
        for name, table in tables.items()
    }

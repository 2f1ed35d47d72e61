"""The recordings of a split and their segments, and what stops a run before or after training."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.neural_networks.training.examples import CHUNK, middle_starts, n_segments_in


@dataclass(frozen=True)
class Corpus:
    """Segments and recordings of the split, side by side.

    ``segments`` (segment_id, recording_id, start_s, end_s) hold those of a recording in a row;
    ``split`` (recording_id, speaker_id, part, level) is in their order. Of each recording
    ``firsts`` and ``counts``, (n_recordings,), tell where its segments begin and how many there
    are. ``crop`` is the segments of a crop, 0 for none.
    """

    segments: pd.DataFrame
    split: pd.DataFrame
    classes: tuple[str, ...]
    codes: np.ndarray
    firsts: np.ndarray
    counts: np.ndarray
    crop: int

    def in_part(self, part: str) -> np.ndarray:
        """Numbers of the recordings of a part that are long enough for the run."""
        return np.flatnonzero((self.split["part"] == part).to_numpy() & self.usable())

    def usable(self) -> np.ndarray:
        """Which recordings the run can learn from and answer: a crop needs two segments."""
        return self.counts >= (2 if self.crop else 1)

    def rows_of(self, recordings: np.ndarray) -> np.ndarray:
        """Rows of the segments of these recordings."""
        spans = zip(self.firsts[recordings], self.counts[recordings], strict=True)
        return np.concatenate([np.arange(first, first + count) for first, count in spans])

    def owners(self) -> np.ndarray:
        """Number of the recording of each segment."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    def windows(self) -> pd.DataFrame:
        """Where the middle crop of each recording begins and ends: recording_id, start_s, end_s."""
        starts = self.firsts + middle_starts(self.counts, self.crop)
        ends = starts + np.minimum(self.counts, self.crop) - 1
        return pd.DataFrame(
            {
                "recording_id": self.split["recording_id"],
                "start_s": self.segments["start_s"].to_numpy()[starts],
                "end_s": self.segments["end_s"].to_numpy()[ends],
            }
        )


def read_corpus(
    run: Run, config: Config, segments: pd.DataFrame, split: pd.DataFrame, classes: tuple[str, ...]
) -> Corpus:
    """Put the tables in order and check what no run could learn from.

    ``classes`` are what the split's column level holds, in order. Train may lack some of
    them: such a class is never answered. InputError if it holds one class only.
    """
    changes = segments["recording_id"].ne(segments["recording_id"].shift())
    firsts = np.flatnonzero(changes)
    order = segments["recording_id"].iloc[firsts]
    if order.duplicated().any():
        raise InputError(
            f"segments.parquet has recording {order[order.duplicated()].iloc[0]} in two places: "
            "run processing again"
        )
    split = split.set_index("recording_id").loc[order].reset_index()
    check_classes(split)
    p = config.processing
    crop = 0
    if run.crop_s:
        crop = n_segments_in(run.crop_s, segment_s=p.segment_s, overlap=p.overlap)
    counts = np.diff(np.append(firsts, len(segments)))
    codes = level_codes(split["level"], classes=classes)
    corpus = Corpus(segments, split, classes, codes, firsts, counts, crop)
    for part in ("train", "validation", "test"):
        if not len(corpus.in_part(part)):
            raise InputError(f"{run.name}: the {part} part has no recording of two segments")
    return corpus


def check_classes(split: pd.DataFrame) -> None:
    """Raise InputError if the train part holds one class, or none."""
    trained = set(split.loc[split["part"] == "train", "level"])
    if len(trained) < 2:
        raise InputError(
            f"all recordings to train on are of level {', '.join(trained) or 'none'}: there is "
            "nothing to tell apart"
        )


def check_inputs(inputs: np.ndarray, segments: pd.DataFrame, *, name: str) -> None:
    """Raise InputError unless there is one finite row for each segment."""
    if len(inputs) != len(segments):
        raise InputError(
            f"{name}: {len(inputs)} input rows for {len(segments)} segments; run processing again"
        )
    for first in range(0, len(inputs), CHUNK):
        rows = inputs[first : first + CHUNK]
        finite = np.isfinite(rows.reshape(len(rows), -1)).all(axis=1)
        if not finite.all():
            segment_id = segments["segment_id"].iloc[first + int(np.argmin(finite))]
            raise InputError(
                f"{name}: the input of segment {segment_id} holds NaN or infinity; delete the "
                "stage's folder and run it again"
            )


def check_answers(
    corpus: Corpus, *, of_segments: np.ndarray, of_recordings: np.ndarray, name: str
) -> None:
    """Raise InputError if a segment or a recording that can be answered has no probabilities."""
    answers = {
        "recording": (
            corpus.split["recording_id"],
            corpus.usable() & ~np.isfinite(of_recordings).all(axis=1),
        ),
        "segment": (corpus.segments["segment_id"], ~np.isfinite(of_segments).all(axis=1)),
    }
    for unit, (ids, spoilt) in answers.items():
        if spoilt.any():
            raise InputError(
                f"{name}: the trained model answers {unit} {ids[spoilt].iloc[0]} with NaN, and "
                f"{spoilt.sum()} {unit}s in all: training has run away, try "
                'neural_networks.precision = "float32"'
            )


def left_out(corpus: Corpus, run: Run) -> list[dict[str, str]]:
    """One remark for each recording that the run can neither learn from nor answer."""
    return [
        {
            "id": run.name,
            "reason": f"recording {recording_id} has one segment, too little for a crop: left out",
        }
        for recording_id in corpus.split.loc[~corpus.usable(), "recording_id"]
    ]

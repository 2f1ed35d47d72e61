"""Every recording answered by models that never heard its speaker.

A run is trained once for each fold and seed; each of these trainings has a folder
of its own. Their answers to the parts that they did not learn from are put
together: over the folds every recording is tested once and validated on once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from spoken_cefr.backends import run_in_order
from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import label_set
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.inputs import Source, input_keys
from spoken_cefr.neural_networks.runs import Run, is_finished, run_key
from spoken_cefr.neural_networks.saved import CONFIG, WEIGHTS, write_card
from spoken_cefr.neural_networks.split import parts_of_fold
from spoken_cefr.neural_networks.training.devices import choose_device
from spoken_cefr.neural_networks.training.performing import CONVOLUTIONAL, perform_run
from spoken_cefr.progress import progress, without_bars
from spoken_cefr.store import digest, read_csv, read_json, read_parquet, write_csv, write_parquet

SEGMENT_COLUMNS = ["segment_id", "recording_id", "start_s", "end_s"]
NUMBERED = ("fold", "seed")
SEED_STEP = 1000  # between repetitions: a profile of the next seed repeats none of them
# Errors of one run that others need not have: bad input, too little memory, an unreadable file.
RUN_ERRORS = (RuntimeError, MemoryError, ValueError, OSError, SafetensorError)


@dataclass(frozen=True)
class Training:
    """One training of a run, in a folder of its own; ``seed`` numbers the repetition, from 0.

    ``split`` holds recording_id, speaker_id, level (the class that is answered) and part.
    Train may lack some of the classes: such a class is never answered.
    """

    run: Run
    split: pd.DataFrame
    classes: tuple[str, ...]
    fold: int
    seed: int
    folder: Path
    key: str


@dataclass(frozen=True)
class Heard:
    """What all trainings of a run are given: made once, learned from by each for itself.

    ``segments`` have ``SEGMENT_COLUMNS``, ``measures`` recording_id and one column a measure.
    What the run does not read is None.
    """

    segments: pd.DataFrame
    clean: Source | None = None
    noisy: Source | None = None
    measures: pd.DataFrame | None = None


def fold_trainings(
    run: Run,
    config: Config,
    split: pd.DataFrame,
    *,
    folder: Path,
    n_seeds: int,
    told: Sequence[Any],
    change: Callable[[pd.DataFrame], pd.DataFrame] | None = None,
    classes: tuple[str, ...] | None = None,
) -> list[Training]:
    """The trainings that give every recording an answer, seed by seed and fold by fold.

    ``split`` holds recording_id, speaker_id, level, fold; ``change`` is applied to that of each
    fold, e.g. to train on fewer speakers. A run that learns from chance is repeated
    ``n_seeds`` times, others are trained once. ``told``, what the inputs depend on beside the
    profile's own keys, enters the trainings' keys. Classes are by default the profile's levels.
    """
    classes = classes or label_set(config.neural_networks.rare_levels)
    trainings = []
    for fold in np.unique(split["fold"].to_numpy(dtype=np.int64)).tolist():
        parts = parts_of_fold(split, fold)
        parts = parts if change is None else change(parts)
        rows = parts[["recording_id", "part", "level"]].to_numpy(dtype=str).tolist()
        depends_on = [list(told), input_keys(run.inputs, config), rows, list(classes)]
        for seed in range(n_seeds if run.learns_from_chance else 1):
            trainings.append(
                Training(
                    run,
                    parts,
                    classes,
                    fold,
                    seed,
                    folder / f"seed_{seed}" / f"fold_{fold}",
                    run_key(run, config, input_digest=digest([*depends_on, seed])),
                )
            )
    return trainings


def train_all(
    trainings: Mapping[str, Sequence[Training]],
    heard: Callable[[str], Heard],
    config: Config,
    *,
    desc: str,
) -> dict[str, str]:
    """Do every training that is not finished, side by side on the profile's cores or cluster.

    Trainings come in groups, by a name such as the run's; ``heard`` gives what a group's
    trainings hear, and is asked only where one is not finished. Gives why a group failed, by
    its name: the others go on, and what was trained is kept.
    """
    failures: dict[str, str] = {}
    tasks: list[tuple[str, Training, Heard]] = []
    for name, group in trainings.items():
        missing = [one for one in group if not is_finished(one.folder, one.key)]
        try:
            given = heard(name) if missing else None
        except RUN_ERRORS as error:
            failures[name] = reason_of(error)
            continue
        tasks += [(name, one, given) for one in missing]
    # The longest first, so that no core waits for the last one.
    tasks.sort(key=lambda task: task[1].run.architecture not in CONVOLUTIONAL)
    # Processes on a CPU; a GPU takes one training after the other.
    on_cpu = choose_device(config.neural_networks.device).type == "cpu"
    done = run_in_order(
        config,
        _train,
        [(one, given) for _, one, given in tasks],
        backend=config.neural_networks.backend,
        processes=True,
        n_jobs=None if on_cpu else 1,
    )
    bar = progress(done, desc=desc, unit="training", total=len(tasks))
    for (name, _, _), reason in zip(tasks, bar, strict=True):
        if reason:
            failures.setdefault(name, reason)
    return failures


def _train(config: Config, training: Training, heard: Heard) -> str | None:
    """Do one training; gives why it failed, or None."""
    try:
        with without_bars():
            perform_run(
                training.run,
                config,
                segments=heard.segments,
                split=training.split,
                clean=heard.clean,
                noisy=heard.noisy,
                measures=heard.measures,
                folder=training.folder,
                key=training.key,
                classes=training.classes,
                seed=config.seed + SEED_STEP * training.seed,
            )
    except RUN_ERRORS as error:
        return reason_of(error)
    return None


def reason_of(error: Exception) -> str:
    """Why a run has failed, one line."""
    if isinstance(error, InputError):
        return str(error)
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__


def joined_table(trainings: Sequence[Training], name: str) -> pd.DataFrame:
    """A table of all trainings (predictions, attention or history) with the columns seed and fold.

    Trainings without it give none.
    """
    read = read_csv if name.endswith(".csv") else read_parquet
    paths = [(one, one.folder / name) for one in trainings]
    tables = [
        read(path).assign(seed=one.seed, fold=one.fold) for one, path in paths if path.exists()
    ]
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()


def write_run(
    folder: Path, trainings: Sequence[Training], *, test_fold: int, facts: Mapping[str, Any]
) -> None:
    """Put the answers, histories and cards of a run's trainings together in its folder.

    ``config.json``, written last, is the card of the training that answers for the run where
    one model is asked: the first seed's, with ``test_fold``, the test part of the study's split,
    as its own. ``facts`` are what a prediction must know beside it (see `bundle.model_facts`).
    """
    key = digest([*(one.key for one in trainings), test_fold, facts])
    if is_finished(folder, key):
        return
    (folder / CONFIG).unlink(missing_ok=True)
    order = ["unit", "seed", "part", "id"]
    predictions = joined_table(trainings, "predictions.parquet").sort_values(order)
    write_parquet(folder / "predictions.parquet", predictions.reset_index(drop=True))
    history = joined_table(trainings, "history.csv")
    if len(history):
        write_csv(folder / "history.csv", history)
    attention = joined_table(trainings, "attention.parquet")
    if len(attention):
        write_parquet(folder / "attention.parquet", _of_test_parts(attention, trainings))
    answering = next(one for one in trainings if (one.seed, one.fold) == (0, test_fold))
    card = read_json(answering.folder / CONFIG)
    n_of = {f"n_{name}s": len({getattr(one, name) for one in trainings}) for name in NUMBERED}
    weights = (answering.folder / WEIGHTS).relative_to(folder).as_posix()
    write_card(folder, card | n_of | facts | {"key": key}, weights=weights)


def _of_test_parts(attention: pd.DataFrame, trainings: Sequence[Training]) -> pd.DataFrame:
    """The rows of recordings that their training tests."""
    tested = {
        (one.fold, recording_id)
        for one in trainings
        for recording_id in one.split.loc[one.split["part"] == "test", "recording_id"]
    }
    pairs = zip(attention["fold"], attention["recording_id"], strict=True)
    return attention[[pair in tested for pair in pairs]].reset_index(drop=True)

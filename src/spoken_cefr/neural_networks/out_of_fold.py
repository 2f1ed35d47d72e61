"""Every recording answered by models that never heard its speaker.

A run is trained once for each fold and seed; each of these trainings has a folder
of its own. Their answers to the parts that they did not learn from are put
together: over the folds every recording is tested once and validated on once.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from safetensors import SafetensorError

from spoken_cefr.backends import run_in_order
from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import label_set
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.inputs import input_keys
from spoken_cefr.neural_networks.runs import Run, is_finished, run_key
from spoken_cefr.neural_networks.saved import CONFIG, WEIGHTS, write_card
from spoken_cefr.neural_networks.split import parts_of_fold
from spoken_cefr.neural_networks.training.devices import choose_device
from spoken_cefr.neural_networks.training.performing import (
    CONVOLUTIONAL,
    Heard,
    Training,
    perform_run,
)
from spoken_cefr.progress import progress, without_bars
from spoken_cefr.store import digest, read_csv, read_json, read_parquet, write_csv, write_parquet

SEGMENT_COLUMNS = ["segment_id", "recording_id", "start_s", "end_s"]
# Errors of one run that others need not have: bad input, too little memory, an unreadable file.
RUN_ERRORS = (RuntimeError, MemoryError, ValueError, OSError, SafetensorError)


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
    try:
        with without_bars():
            perform_run(training, heard, config)
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
    for name, write in (("history.csv", write_csv), ("attention.parquet", write_parquet)):
        table = joined_table(trainings, name)
        if len(table):
            write(folder / name, table)
    answering = next(one for one in trainings if (one.seed, one.fold) == (0, test_fold))
    card = read_json(answering.folder / CONFIG)
    n_of = {
        f"n_{name}s": len({getattr(one, name) for one in trainings}) for name in ("fold", "seed")
    }
    weights = (answering.folder / WEIGHTS).relative_to(folder).as_posix()
    write_card(folder, card | n_of | facts | {"key": key}, weights=weights)

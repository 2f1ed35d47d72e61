"""The table of runs, and how one run goes from arrays to predictions."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.files import digest, read_json, replacing, write_csv, write_json, write_parquet
from spoken_cefr.levels import TARGET_LEVELS, level_codes
from spoken_cefr.neural_networks.models import build_model, count_parameters
from spoken_cefr.neural_networks.predictions import predictions_table
from spoken_cefr.neural_networks.training import (
    Rows,
    choose_device,
    class_weights,
    predict_logits,
    train,
)


@dataclass(frozen=True)
class Run:
    """One line of the table of runs.

    Parameters
    ----------
    inputs : {"image", "speech_embedding"}
        What a row is; an image has ``image_size`` pixels a side.
    noisy_training : bool
        Whether the training rows are those with white noise. Validation and
        test rows never are.
    """

    name: str
    description: str
    inputs: str
    architecture: str
    batch_size: int
    epochs: int
    image_size: int = 0
    noisy_training: bool = False


RUNS: tuple[Run, ...] = (
    Run(
        "cnn_50",
        "the study's CNN on mel images of 50 x 50, noisy training segments (its table 5)",
        inputs="image",
        architecture="study_cnn",
        batch_size=128,
        epochs=10,
        image_size=50,
        noisy_training=True,
    ),
    Run(
        "dnn_simple_speech",
        "the study's simple DNN (its table 2), on embeddings of the Whisper encoder",
        inputs="speech_embedding",
        architecture="simple_dnn",
        batch_size=128,
        epochs=50,
    ),
)

# Gives the rows of a run, shape (n_segments, ...), clean or noisy.
InputLoader = Callable[[Run, bool], np.ndarray]


def select_runs(names: str) -> list[Run]:
    """Find runs by their names, separated by commas, or ``all``.

    Raises
    ------
    InputError
        If there is no run of that name; the message lists those there are.
    """
    if names.strip() == "all":
        return list(RUNS)
    table = {run.name: run for run in RUNS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in table]
    if unknown or not wanted:
        raise InputError(
            f"neural_networks.runs is {names!r}; name some of {', '.join(table)}, or all"
        )
    return [table[name] for name in wanted]


def run_key(run: Run, config: Config, *, input_digest: str) -> str:
    """Digest of all that a run's result depends on."""
    c = config.neural_networks
    keys = {"balance": c.balance, "epochs": c.epochs, "n_folds": c.n_folds, "seed": config.seed}
    return digest({"run": asdict(run), "keys": keys, "input": input_digest})


def is_finished(folder: Path, key: str) -> bool:
    """Whether the folder holds the result that this key stands for."""
    path = folder / "config.json"
    return path.exists() and read_json(path).get("key") == key


def perform_run(
    run: Run,
    config: Config,
    *,
    segments: pd.DataFrame,
    split: pd.DataFrame,
    load_inputs: InputLoader,
    folder: Path,
    key: str,
) -> pd.DataFrame:
    """Train one network and write its folder; ``config.json`` comes last.

    Returns
    -------
    pd.DataFrame
        The predictions table.
    """
    device = choose_device(config.neural_networks.device)
    parts = split.set_index("recording_id")["part"]
    segment_parts = segments["recording_id"].map(parts).to_numpy()
    codes = level_codes(segments["level"])
    inputs = load_inputs(run, False)
    check_inputs(inputs, segments, name=run.name)
    train_inputs = load_inputs(run, True) if run.noisy_training else inputs

    def rows(array: np.ndarray, part: str) -> Rows:
        chosen = np.flatnonzero(segment_parts == part)
        return Rows(
            torch.as_tensor(array[chosen], device=device),
            torch.as_tensor(codes[chosen], device=device),
        )

    train_rows = rows(train_inputs, "train")
    torch.manual_seed(config.seed)
    model = build_model(run.architecture, inputs.shape[1:]).to(device)
    if hasattr(model, "fit_inputs"):
        model.fit_inputs(train_rows.inputs)
    weights = None
    if config.neural_networks.balance == "class_weight":
        weights = class_weights(train_rows.codes.cpu(), n_classes=len(TARGET_LEVELS)).to(device)
    history = train(
        model,
        train_rows,
        rows(inputs, "validation"),
        batch_size=run.batch_size,
        epochs=config.neural_networks.epochs or run.epochs,
        seed=config.seed,
        weights=weights,
        name=run.name,
    )
    logits = predict_logits(model, torch.as_tensor(inputs, device=device)).numpy()
    predictions = predictions_table(segments, parts, logits)

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").unlink(missing_ok=True)
    with replacing(folder / "model.safetensors") as temporary:
        save_file({k: v.cpu().contiguous() for k, v in model.state_dict().items()}, temporary)
    write_csv(folder / "history.csv", history)
    write_parquet(folder / "predictions.parquet", predictions)
    write_json(
        folder / "config.json",
        run_card(run, config, input_shape=inputs.shape[1:], n_parameters=count_parameters(model))
        | {"key": key},
    )
    return predictions


def run_card(
    run: Run, config: Config, *, input_shape: tuple[int, ...], n_parameters: int
) -> dict[str, Any]:
    """What a reader of the run's folder needs to load the model and to trust it."""
    return asdict(run) | {
        "classes": list(TARGET_LEVELS),
        "input_shape": list(input_shape),
        "n_parameters": n_parameters,
        "epochs": config.neural_networks.epochs or run.epochs,
        "balance": config.neural_networks.balance,
        "seed": config.seed,
        "profile": config.profile,
        "notice": config.notice,
    }


def check_inputs(inputs: np.ndarray, segments: pd.DataFrame, *, name: str) -> None:
    """Raise InputError unless there is one finite row for each segment."""
    if len(inputs) != len(segments):
        raise InputError(
            f"{name}: {len(inputs)} input rows for {len(segments)} segments; run processing again"
        )
    finite = np.isfinite(inputs.reshape(len(inputs), -1)).all(axis=1)
    if not finite.all():
        segment_id = segments["segment_id"].iloc[int(np.argmin(finite))]
        raise InputError(f"{name}: the input of segment {segment_id} holds NaN or infinity")

"""How one training of a run goes from arrays to a model and predictions."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import nn

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.places import PlaceEraser
from spoken_cefr.neural_networks.inputs import Source
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_segment import count_parameters
from spoken_cefr.neural_networks.ordinal import OrdinalRegression, fit_best
from spoken_cefr.neural_networks.predictions import pool_segments, predictions_table
from spoken_cefr.neural_networks.recordings import Corpus, check_answers, check_inputs, read_corpus
from spoken_cefr.neural_networks.runs import Run
from spoken_cefr.neural_networks.saved import new_model, save_run
from spoken_cefr.neural_networks.training.balance import class_weights, sampling_weights
from spoken_cefr.neural_networks.training.devices import choose_device, use_bfloat16
from spoken_cefr.neural_networks.training.examples import (
    CHUNK,
    Bags,
    Examples,
    Rows,
    Store,
    middle_starts,
)
from spoken_cefr.neural_networks.training.loop import Plan, best_and_stale, predict, train
from spoken_cefr.store import write_csv, write_parquet

SEED_STEP = 1000  # between repetitions: a profile of the next seed repeats none of them
CONVOLUTIONAL = ("study_cnn", "small_cnn")
# The backward pass of depthwise convolutions is slower in bfloat16 on a CPU.
FASTER_IN_BFLOAT16 = ("study_cnn",)


@dataclass(frozen=True)
class Training:
    """One training of a run, in a folder of its own; ``seed`` numbers the repetition, from 0.

    ``split`` holds recording_id, speaker_id, level (the class that is answered) and part; what is
    in none of the three parts is neither learned from nor asked. Train may lack some of the
    classes: such a class is never answered.
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

    ``segments`` have segment_id, recording_id, start_s, end_s; ``measures`` recording_id and one
    column a measure. What the run does not read is None.
    """

    segments: pd.DataFrame
    clean: Source | None = None
    noisy: Source | None = None
    measures: pd.DataFrame | None = None


def perform_run(training: Training, heard: Heard, config: Config) -> None:
    """Train one model and write its folder, the answers of validation and test among it.

    ``config.json`` comes last. InputError if an input or an answer is missing or not a number, or
    train holds one class only.
    """
    run, folder = training.run, training.folder
    corpus = read_corpus(run, config, heard.segments, training.split, training.classes)
    measures = measures_array(run, corpus, heard.measures)
    card = run_card(run, config, corpus, measures)
    card |= {"seed": config.seed + SEED_STEP * training.seed, "key": training.key}
    values = np.array(measures, dtype=np.float64)
    if run.architecture == "ordinal":
        model, of_recordings = fit_ordinal(corpus, config, values)
        of_segments, place, tables = of_recordings[corpus.owners()], None, {}
        card |= {"l2": model.l2, "n_parameters": model.weights.size + model.cuts.size}
    else:
        model, place, of_segments, of_recordings, tables = _perform_network(
            run, config, corpus, values, heard, card
        )
    check_answers(corpus, of_segments=of_segments, of_recordings=of_recordings, name=run.name)
    of_recordings[~corpus.usable()] = np.nan
    predictions = predictions_table(
        corpus.segments,
        corpus.split,
        of_segments=of_segments,
        of_recordings=of_recordings,
        classes=corpus.classes,
    )
    # What a model says of the rows that it learned from tells nothing.
    predictions = predictions[predictions["part"].isin(("validation", "test"))]
    (folder / "config.json").unlink(missing_ok=True)
    for name, table in (tables | {"predictions.parquet": predictions}).items():
        (write_csv if name.endswith(".csv") else write_parquet)(folder / name, table)
    save_run(folder, model, card, place=place)


def _perform_network(
    run: Run,
    config: Config,
    corpus: Corpus,
    measures: np.ndarray,
    heard: Heard,
    card: dict[str, Any],
) -> tuple[nn.Module, PlaceEraser | None, np.ndarray, np.ndarray, dict[str, pd.DataFrame]]:
    """Train a network; gives it, what takes the place out of its inputs, its answers, its tables.

    The answers are the probabilities of all segments and of all recordings.
    """
    c = config.neural_networks
    device = choose_device(c.device)
    sources = (heard.clean, heard.noisy or heard.clean)
    for rows in sources:
        check_inputs(rows.array, corpus.segments, name=run.name)
    eraser = heard.clean.learn_place(corpus.rows_of(corpus.in_part("train")))
    clean, learned = (rows.without_place(eraser) for rows in sources)
    train_examples = make_examples(run, corpus, learned, measures, "train", device=device)
    validation = make_examples(run, corpus, clean, measures, "validation", device=device)
    card |= {"input_shape": list(train_examples.store.row_shape), "widths": list(clean.widths)}
    torch.manual_seed(card["seed"])
    model = new_model(card)
    if hasattr(model, "fit_inputs"):  # it standardises: by the training rows alone
        told = [train_examples.measures] if isinstance(train_examples, Bags) else []
        model.fit_inputs(train_examples.store.in_chunks(), *told)
    model = model.to(device)
    if run.architecture in CONVOLUTIONAL:
        model = model.to(memory_format=torch.channels_last)
    bfloat16 = use_bfloat16(
        c.precision, device=device, convolutional=run.architecture in FASTER_IN_BFLOAT16
    )
    plan = make_plan(
        run, config, train_examples, n_classes=len(corpus.classes), bf16=bfloat16, seed=card["seed"]
    )
    history = train(model, train_examples, validation, head=HEADS[run.head], plan=plan)
    card |= {
        "n_parameters": count_parameters(model),
        "precision": "bfloat16" if bfloat16 else "float32",
        "device": device.type,
        "best_epoch": best_and_stale(history.to_dict("records"))[0] + 1,
    }
    of_segments, of_recordings, attention = _answers(
        run, model, clean, measures, corpus, device=device
    )
    tables = {"history.csv": history}
    if attention is not None:
        tables["attention.parquet"] = attention
    return model, eraser, of_segments, of_recordings, tables


def _answers(
    run: Run,
    model: nn.Module,
    clean: Source,
    measures: np.ndarray,
    corpus: Corpus,
    *,
    device: torch.device,
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame | None]:
    """Probabilities of all segments and of all recordings; attention weights of those tested."""
    head = HEADS[run.head]

    def answer(examples: Examples) -> np.ndarray:
        return head.probabilities(predict(model, examples).double()).numpy()

    store = Store(clean.array, device=device, transform=clean.transform, most_bytes=0)
    if run.unit == "segment":
        of_segments = answer(Rows(store, np.zeros(len(store), dtype=np.int64)))
        return of_segments, pooled(corpus, of_segments), None
    # A segment's own answer is that of a recording which holds nothing else.
    alone = np.ones(len(store), dtype=np.int64)
    owners = corpus.owners()
    singles = Bags(store, np.arange(len(store)), alone, measures[owners], corpus.codes[owners])
    recordings = Bags(store, corpus.firsts, corpus.counts, measures, corpus.codes, crop=corpus.crop)
    attention = attention_table(model, recordings, corpus)
    tested = corpus.split.loc[corpus.split["part"] == "test", "recording_id"]
    attention = attention[attention["recording_id"].isin(tested)]
    return answer(singles), answer(recordings), attention


def make_examples(
    run: Run,
    corpus: Corpus,
    source: Source,
    measures: np.ndarray,
    part: str,
    *,
    device: torch.device,
) -> Examples:
    """Training or validation examples of a part."""
    recordings = corpus.in_part(part)
    rows = corpus.rows_of(recordings)
    store = Store(source.array, rows, device=device, transform=source.transform)
    counts = corpus.counts[recordings]
    if run.unit == "segment":
        codes = np.repeat(corpus.codes[recordings], counts)
        return Rows(store, codes, counts, crop=corpus.crop)
    firsts = np.cumsum(counts) - counts
    codes = corpus.codes[recordings]
    return Bags(store, firsts, counts, measures[recordings], codes, crop=corpus.crop)


def make_plan(
    run: Run, config: Config, examples: Examples, *, n_classes: int, bf16: bool, seed: int
) -> Plan:
    """How the run is trained by this profile."""
    c = config.neural_networks
    # Crops take as much of a long recording as of a short one: all segments would miscount.
    codes = examples.codes_in_order().numpy()
    weights = class_weights(codes, balance=c.balance, n_classes=n_classes)
    chances = sampling_weights(codes, balance=c.balance)
    device = examples.store.device
    return Plan(
        batch_size=run.batch_size,
        epochs=c.epochs or run.epochs,
        seed=seed,
        learning_rate=run.learning_rate,
        patience=run.patience(config),
        class_weights=None if weights is None else torch.tensor(weights).float().to(device),
        chances=None if chances is None else torch.as_tensor(chances),
        bfloat16=bf16,
        name=run.name,
    )


def fit_ordinal(
    corpus: Corpus, config: Config, measures: np.ndarray
) -> tuple[OrdinalRegression, np.ndarray]:
    """Fit the ordinal regression; gives it and the probabilities of every recording."""
    balance = config.neural_networks.balance
    train_rows, validation = corpus.in_part("train"), corpus.in_part("validation")
    codes = corpus.codes[train_rows]
    n_classes = len(corpus.classes)
    weights = class_weights(codes, balance=balance, n_classes=n_classes)
    # A weighted draw is, on average, a weight.
    rows = sampling_weights(codes, balance=balance) if weights is None else weights[codes]
    model = fit_best(
        measures[train_rows],
        codes,
        n_classes=n_classes,
        validation=(measures[validation], corpus.codes[validation]),
        sample_weight=None if rows is None else rows * len(rows) / rows.sum(),
    )
    return model, model.predict_proba(measures)


def pooled(corpus: Corpus, of_segments: np.ndarray) -> np.ndarray:
    """Probabilities of recordings: the geometric mean of their segments (of the middle crop)."""
    owners = corpus.owners()
    inside = np.arange(len(owners)) - corpus.firsts[owners]
    used = np.ones(len(owners), dtype=bool)
    if corpus.crop:
        start = middle_starts(corpus.counts, corpus.crop)[owners]
        used = (inside >= start) & (inside < start + corpus.crop)
    return pool_segments(of_segments[used], owners[used], len(corpus.counts))


@torch.inference_mode()
def attention_table(model: nn.Module, recordings: Bags, corpus: Corpus) -> pd.DataFrame:
    """How much each segment counts in its recording: segment_id, recording_id, weight.

    Segments outside the crop have no row; in a looped recording a segment's
    weights are added up.
    """
    model.eval()
    tables = []
    for picks in recordings.in_order().split(CHUNK):
        (segments, present, _), _ = recordings.batch(picks)
        weights = model.attention(segments, present).cpu().numpy()
        for (bag, start), row in zip(picks.tolist(), weights, strict=True):
            count = corpus.counts[bag]
            taken = corpus.crop or count
            steps = (start + np.arange(taken)) % count
            summed = np.bincount(steps, weights=row[:taken].astype(np.float64))
            rows = corpus.firsts[bag] + np.unique(steps)
            table = corpus.segments[["segment_id", "recording_id"]].iloc[rows]
            tables.append(table.assign(weight=summed[np.unique(steps)]))
    return pd.concat(tables, ignore_index=True)


def measures_array(run: Run, corpus: Corpus, table: pd.DataFrame | None) -> pd.DataFrame:
    """The run's measures, one row a recording in the corpus' order; no column if it reads none.

    InputError if a recording has no measures or one is infinite.
    """
    ids = corpus.split["recording_id"]
    if run.inputs not in ("measures", "fusion"):
        return pd.DataFrame(index=ids)
    table = table.set_index("recording_id").astype(np.float64)
    unknown = ids[~ids.isin(table.index)]
    if len(unknown):
        raise InputError(
            f"{run.name}: recording {unknown.iloc[0]} has no measures; run processing again"
        )
    table = table.loc[ids]
    infinite = np.isinf(table.to_numpy())
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise InputError(
            f"{run.name}: {table.columns[column]} of recording {ids.iloc[row]} is infinite"
        )
    return table


def run_card(run: Run, config: Config, corpus: Corpus, measures: pd.DataFrame) -> dict[str, Any]:
    """What a reader of the run's folder needs to load the model and to trust it."""
    c = config.neural_networks
    return asdict(run) | {
        "unit": run.unit,
        "classes": list(corpus.classes),
        "input_shape": [],
        "widths": [],
        "measures": list(measures.columns),
        "crop_segments": corpus.crop,
        # Where a segment is not heard alone, its rows repeat what its recording got.
        "segment_rows": "the recording's" if run.architecture == "ordinal" else "own",
        "epochs": c.epochs or run.epochs,
        "patience": run.patience(config),
        "balance": c.balance,
        "speech_encoder": c.speech_encoder,
        "text_encoder": c.text_encoder,
        "profile": config.profile,
        "notice": config.notice,
    }

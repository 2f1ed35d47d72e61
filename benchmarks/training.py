"""How fast networks train and segments are embedded, beside the plain ways.

    python benchmarks/training.py [--device cpu] [--n-threads 2] [--rounds 5]
                                  [--segments 8] [--json FILE]

Training: samples (segments) a second of the study's CNN at 50 x 50 and at
128 x 128, by our loop in the precision that "auto" takes here and in float32,
against the plain loop: a DataLoader over tensors, float32, the same layers,
optimiser and batch size. Beside it the small CNN on log-mel. All of them take
turns, so that a busy machine slows each alike; ratios are medians over rounds.

Embeddings: seconds for a minute of sound, one pass of the encoder for up to
30 s against one pass a segment, of which ``--segments`` are timed and the rest
reckoned. Whisper was trained on 30 s and so is given a segment with silence
after it; without that silence it is faster, and stands beside. Pictures and
sound are random: time does not depend on them. Prints tables; the last line is JSON.
"""

import argparse
import dataclasses
import json
import os
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from spoken_cefr.config import load_config
from spoken_cefr.neural_networks.embeddings.speech import (
    SAMPLE_RATE,
    build_speech_encoder,
    cut_segments,
    embed_signal,
    encode,
)
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_segment import build_model
from spoken_cefr.neural_networks.training.devices import choose_device, use_bfloat16
from spoken_cefr.neural_networks.training.examples import Rows, Store
from spoken_cefr.neural_networks.training.loop import ADAM_EPSILON, Plan, train_epoch
from spoken_cefr.progress import progress

N_CLASSES = 5
# Architecture, shape of a row, batch size of its run, batches a round.
CASES: dict[str, tuple[str, tuple[int, int], int, int]] = {
    "CNN 50 x 50": ("study_cnn", (50, 50), 128, 3),
    "CNN 128 x 128": ("study_cnn", (128, 128), 50, 1),
    "small CNN, log-mel 128 x 32": ("small_cnn", (128, 32), 128, 8),
}
PLAIN, OURS, OURS_FLOAT32 = "plain", "ours", "ours_float32"
Route = Callable[[], object]


def random_rows(shape: tuple[int, int], n: int) -> tuple[np.ndarray, np.ndarray]:
    """Pictures in 0..1 of this shape, and their codes."""
    rng = np.random.default_rng(0)
    return rng.random((n, *shape), dtype=np.float32), rng.integers(N_CLASSES, size=n)


def adam(model: nn.Module) -> torch.optim.Optimizer:
    """The optimiser of both loops."""
    return torch.optim.Adam(model.parameters(), lr=1e-3, eps=ADAM_EPSILON)


def plain_route(
    architecture: str,
    shape: tuple[int, int],
    batch_size: int,
    n_batches: int,
    *,
    device: torch.device,
) -> Route:
    """One epoch as a tutorial writes it."""
    rows, codes = random_rows(shape, batch_size * n_batches)
    # The layers alone: our network lays images out for its own loop.
    model = build_model(architecture, shape).layers.to(device).train()
    optimiser, loss_of = adam(model), nn.CrossEntropyLoss()
    images = torch.from_numpy(rows).unsqueeze(1)
    loader = DataLoader(
        TensorDataset(images, torch.from_numpy(codes)), batch_size=batch_size, shuffle=True
    )

    def route() -> float:
        for inputs, targets in loader:
            optimiser.zero_grad()
            loss = loss_of(model(inputs.to(device)), targets.to(device))
            loss.backward()
            optimiser.step()
        return loss.item()

    return route


def our_route(
    architecture: str,
    shape: tuple[int, int],
    batch_size: int,
    n_batches: int,
    *,
    device: torch.device,
    bfloat16: bool,
) -> Route:
    """One epoch of the loop that the stage runs."""
    rows, codes = random_rows(shape, batch_size * n_batches)
    examples = Rows(Store(rows, device=device), codes)
    model = build_model(architecture, shape)
    if hasattr(model, "fit_inputs"):
        model.fit_inputs(examples.store.in_chunks())
    model = model.to(device).to(memory_format=torch.channels_last)
    plan = Plan(batch_size=batch_size, epochs=1, seed=0, bfloat16=bfloat16)
    optimiser = adam(model)
    return lambda: train_epoch(
        model, examples, optimiser, head=HEADS["softmax"], plan=plan, epoch=1
    )


def take_turns(routes: dict[Any, Route], rounds: int, *, desc: str) -> dict[Any, list[float]]:
    """Seconds of each route in each round, after one to warm up."""
    times: dict[Any, list[float]] = {name: [] for name in routes}
    for round_number in progress(range(rounds + 1), desc=desc, unit="round"):
        for name, route in routes.items():
            start = time.perf_counter()
            route()
            if round_number:
                times[name].append(time.perf_counter() - start)
    return times


def median_ratio(slower: list[float], faster: list[float]) -> float:
    """Median over rounds of how many times faster the second is."""
    return round(statistics.median(a / b for a, b in zip(slower, faster, strict=True)), 2)


def measure_training(device: torch.device, rounds: int) -> dict[str, dict[str, float]]:
    """Samples a second of each case and loop, and how many times faster ours is."""
    automatic = use_bfloat16("auto", device=device, convolutional=True)
    routes: dict[tuple[str, str], Route] = {}
    for name, case in CASES.items():
        routes[name, OURS] = our_route(*case, device=device, bfloat16=automatic)
        if case[0] == "study_cnn":
            routes[name, PLAIN] = plain_route(*case, device=device)
            routes[name, OURS_FLOAT32] = our_route(*case, device=device, bfloat16=False)
    times = take_turns(routes, rounds, desc="training")
    results: dict[str, dict[str, float]] = {}
    for (name, loop), seconds in times.items():
        _, _, batch_size, n_batches = CASES[name]
        row = results.setdefault(name, {})
        row[loop] = round(batch_size * n_batches / statistics.median(seconds), 1)
        if loop != PLAIN and (name, PLAIN) in times:
            row[f"{loop}_to_plain"] = median_ratio(times[name, PLAIN], seconds)
    return results


def measure_embeddings(device: torch.device, rounds: int, n_timed: int) -> dict[str, float]:
    """Seconds for a minute of sound each way, and how many times faster ours is."""
    config = load_config("demo", ["arithmetic=fast", f'neural_networks.device="{device.type}"'])
    encoder = build_speech_encoder(config)
    step_s = config.processing.segment_s * (1 - config.processing.overlap)
    start_s = np.arange(0, 60 - config.processing.segment_s + 1e-6, step_s)
    end_s = start_s + config.processing.segment_s
    noise = np.random.default_rng(0).standard_normal(60 * SAMPLE_RATE).astype(np.float32) / 10
    n_timed = min(n_timed, len(start_s))
    few = slice(0, n_timed)
    alone = dataclasses.replace(encoder, context="segment")
    pieces = cut_segments(noise, start_s[few], end_s[few])
    routes: dict[str, Route] = {
        "windows": lambda: embed_signal(noise, start_s, end_s, encoder=encoder),
        "segments": lambda: embed_signal(noise, start_s[few], end_s[few], encoder=alone),
        "segments_without_silence": lambda: encode(pieces, encoder=encoder),
    }
    times = take_turns(routes, rounds, desc="embeddings")
    for name in ("segments", "segments_without_silence"):
        times[name] = [seconds * len(start_s) / n_timed for seconds in times[name]]
    result = {f"{n}_s_per_minute": round(statistics.median(t), 3) for n, t in times.items()}
    return result | {
        "n_segments": len(start_s),
        "n_timed": n_timed,
        "speech_layer": config.neural_networks.speech_layer,
        "windows_to_segments": median_ratio(times["segments"], times["windows"]),
        "windows_to_segments_without_silence": median_ratio(
            times["segments_without_silence"], times["windows"]
        ),
    }


def device_name(device: torch.device) -> str:
    """What was measured on."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} CPU, {torch.get_num_threads()} threads"


def report(result: dict[str, Any]) -> None:
    """Print both tables."""
    print(f"{result['device']}, torch {result['torch']}, auto is {result['auto_precision']}\n")
    print(f"{'samples a second':30}{'plain':>10}{'ours':>10}{'':>10}{'in float32':>12}")
    for name, row in result["training"].items():
        cells = f"{row[PLAIN]:10.1f}" if PLAIN in row else f"{'':>10}"
        cells += f"{row[OURS]:10.1f}"
        if PLAIN in row:
            cells += f"{row['ours_to_plain']:8.2f} x{row[OURS_FLOAT32]:12.1f}"
            cells += f"{row['ours_float32_to_plain']:8.2f} x"
        print(f"{name:30}{cells}")
    row = result["embeddings"]
    print(f"\n{'embeddings, layer ' + str(row['speech_layer']):40}{'s/minute':>10}{'ours is':>12}")
    print(f"{'windows of up to 30 s (ours)':40}{row['windows_s_per_minute']:10.2f}")
    for name, told in (
        ("segments", "a pass a segment, silence up to 30 s"),
        ("segments_without_silence", "a pass a segment, no silence"),
    ):
        cells = f"{row[f'{name}_s_per_minute']:10.2f}{row[f'windows_to_{name}']:10.1f} x"
        print(f"{told:40}{cells}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", help="auto, cuda, mps or cpu")
    parser.add_argument("--n-threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--segments", type=int, default=8, help="how many are timed")
    parser.add_argument("--json", type=Path, help="write the last line to this file too")
    options = parser.parse_args()
    torch.set_num_threads(options.n_threads)
    device = choose_device(options.device)
    result = {
        "device": device_name(device),
        "torch": torch.__version__,
        "auto_precision": "bfloat16"
        if use_bfloat16("auto", device=device, convolutional=True)
        else "float32",
        "rounds": options.rounds,
        "training": measure_training(device, options.rounds),
        # Long enough to be told apart in fewer rounds.
        "embeddings": measure_embeddings(device, min(options.rounds, 3), options.segments),
    }
    report(result)
    line = json.dumps(result)
    print(line)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

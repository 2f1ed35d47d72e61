"""What portable arithmetic costs, and what it makes equal.

    python benchmarks/arithmetic.py [--rounds 3] [--as haswell raptorlake zen2] [--json FILE]

The demo's own steps in fresh processes, "fast" and "portable" in turns: processor
seconds (so that a busy machine matters little) and their ratio. With ``--as``,
"portable" runs again as other processors, whose results must be the same bytes (see
``tools/other_processor.c``: Linux, a C compiler; skylakex and zen4 need AVX-512).
The last line is JSON.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from spoken_cefr.arithmetic import PINS
from spoken_cefr.config import load_config
from spoken_cefr.paths import ROOT

RECORDINGS = ("mes_animaux2", "j_aime_j_aime_pas", "roller", "le_match")
STEPS = ("transcripts", "spectrograms", "embeddings", "dense training", "CNN training")


def compute(arithmetic: str) -> None:
    """Do every step once; print its processor seconds and a digest of its result, as JSON."""
    precision = "float32" if arithmetic == "portable" else "auto"
    config = load_config(
        "demo", [f"arithmetic={arithmetic}", f"neural_networks.precision={precision}"]
    )
    import numpy as np
    import torch

    from spoken_cefr.backends import one_core
    from spoken_cefr.neural_networks.embeddings.speech import build_speech_encoder, embed_signal
    from spoken_cefr.neural_networks.networks.heads import HEADS
    from spoken_cefr.neural_networks.networks.per_segment import SimpleDNN, StudyCNN
    from spoken_cefr.neural_networks.training.devices import choose_device, use_bfloat16
    from spoken_cefr.neural_networks.training.examples import Rows, Store
    from spoken_cefr.neural_networks.training.loop import Plan, train
    from spoken_cefr.processing.audio import load_audio
    from spoken_cefr.processing.stage import signal_spectrograms
    from spoken_cefr.processing.transcription.engines import load_engine

    cpu = choose_device("cpu")
    signals = [load_audio(ROOT / f"data/replica/audio/{name}.mp3") for name in RECORDINGS]
    engine, encoder = load_engine(config), build_speech_encoder(config)

    def transcripts() -> bytes:
        with one_core():
            heard = engine.transcribe_many(signals, language="fr")
        return repr([(t.text, t.words, t.avg_logprob) for t in heard]).encode()

    def spectrograms() -> bytes:
        with one_core():
            pairs = [signal_spectrograms(config, "9001", signal) for signal in signals]
        return b"".join(array.tobytes() for pair in pairs for array in pair)

    def embeddings() -> bytes:
        starts = [np.arange(0, len(signal) / 16_000 - 1, 0.5) for signal in signals]
        pairs = zip(signals, starts, strict=True)
        made = [embed_signal(s, at_s, at_s + 1, encoder=encoder) for s, at_s in pairs]
        return b"".join(array.tobytes() for array in made)

    def training(build: Callable, shape: tuple[int, ...], *, convolutional: bool) -> bytes:
        rng = np.random.default_rng(0)
        inputs = rng.normal(size=(256, *shape)).astype(np.float32)
        examples = Rows(Store(inputs, device=cpu), rng.integers(5, size=256))
        bf16 = use_bfloat16(precision, device=cpu, convolutional=convolutional)
        plan = Plan(batch_size=32, epochs=3, seed=0, bfloat16=bf16)
        torch.manual_seed(0)
        model = build()
        torch.set_num_threads(1)
        train(model, examples, examples, head=HEADS["softmax"], plan=plan)
        return b"".join(value.numpy().tobytes() for value in model.state_dict().values())

    def cnn() -> StudyCNN:
        return StudyCNN(50).to(memory_format=torch.channels_last)

    done = {}
    for name, step in zip(
        STEPS,
        (
            transcripts,
            spectrograms,
            embeddings,
            lambda: training(lambda: SimpleDNN(300), (300,), convolutional=False),
            lambda: training(cnn, (50, 50), convolutional=True),
        ),
        strict=True,
    ):
        start_s = time.process_time()
        result = step()
        done[name] = (time.process_time() - start_s, hashlib.sha256(result).hexdigest()[:12])
    print(json.dumps(done))


def run(arithmetic: str, **more: str) -> dict[str, tuple[float, str]]:
    """`compute` in a process that inherits no pin."""
    pins = {pin.variable for pin in PINS}
    kept = {name: value for name, value in os.environ.items() if name not in pins}
    done = subprocess.run(
        [sys.executable, __file__, "--compute", arithmetic],
        env=kept | more,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return json.loads(done.stdout)


def main() -> None:
    """Print the table and the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--as", nargs="*", default=[], dest="processors")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--compute", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.compute:
        return compute(options.compute)
    rounds = [(run("fast"), run("portable")) for _ in range(options.rounds)]
    portable = rounds[0][1]
    others = {}
    with tempfile.TemporaryDirectory() as folder:
        library = f"{folder}/other_processor.so"
        source = ROOT / "tools" / "other_processor.c"
        if options.processors:
            subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        for name in options.processors:
            others[name] = run("portable", LD_PRELOAD=library, CPU_AS=name)
    result = {}
    for step in STEPS:
        ratio = statistics.median(slow[step][0] / quick[step][0] for quick, slow in rounds)
        seconds = statistics.median(quick[step][0] for quick, _ in rounds)
        equal = {name: there[step][1] == portable[step][1] for name, there in others.items()}
        result[step] = {"fast_cpu_s": round(seconds, 2), "ratio": round(ratio, 2), "equal": equal}
        told = " ".join(
            f"{name}: {'equal' if same else 'NOT EQUAL'}" for name, same in equal.items()
        )
        print(f"{step:16} fast {seconds:6.2f} s  portable {ratio:4.2f} x  {told}")
    print(json.dumps(result))
    if options.json:
        options.json.write_text(json.dumps(result) + "\n", encoding="utf-8")
    return None


if __name__ == "__main__":
    main()

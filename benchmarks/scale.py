"""How the audio chain grows: many recordings through it, in time and memory.

    python benchmarks/scale.py [--counts 100,300,1000] [--seconds 74] [--n-jobs 2]

For each count, recordings of so many seconds (44.1 kHz stereo MP3, made here:
a few different ones under many names) go through what the stage does to sound:
decoding, segments, noise, both spectrograms, writing. Transcripts are left out
(benchmarks/transcription.py measures those). Each count runs in a process of
its own, whose peak of memory the kernel tells. Prints a table; the last line is
JSON, with the time a recording of the largest count over that of the smallest
(1 is linear).
"""

import argparse
import dataclasses
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import soundfile

from spoken_cefr.backends import one_core
from spoken_cefr.config import load_config
from spoken_cefr.processing.stage import write_spectrograms
from spoken_cefr.stages import stage_folder

RATE, MP3_RATE = 16_000, 44_100
N_DIFFERENT = 5


def make_recordings(folder: Path, *, seconds: float) -> None:
    """Gliding voices with pauses, as MP3 files of 128 kbit/s or so."""
    folder.mkdir(parents=True)
    time_s = np.arange(int(seconds * MP3_RATE)) / MP3_RATE
    for index in range(N_DIFFERENT):
        rng = np.random.default_rng(index)
        pitch_hz = 110 + 20 * index + 20 * np.sin(2 * np.pi * 0.3 * time_s)
        phase = 2 * np.pi * np.cumsum(pitch_hz) / MP3_RATE
        voice = sum(np.sin(k * phase) / k for k in range(1, 20))
        syllables = np.clip(np.sin(2 * np.pi * (2 + 0.2 * index) * time_s), 0, 1)
        sound = 0.1 * voice * syllables + 0.003 * rng.standard_normal(len(time_s))
        both = np.stack([sound, 0.8 * sound], axis=1)
        soundfile.write(folder / f"{index}.mp3", both, MP3_RATE)


def run_chain(data_dir: str, count: int, seconds: float, n_jobs: int) -> None:
    """Process ``count`` recordings; print seconds and peak memory as JSON."""
    config = load_config("demo", [f'data_dir="{data_dir}"', f"n_jobs={n_jobs}", "arithmetic=fast"])
    names = [f"{index:05d}" for index in range(count)]
    n_samples = int(seconds * RATE)
    records = [SimpleNamespace(recording_id=name, n_samples=n_samples) for name in names]
    files = [f"audio/{index % N_DIFFERENT}.mp3" for index in range(count)]
    metadata = pd.DataFrame({"file_name": files}, index=names)
    start = time.perf_counter()
    with one_core():
        write_spectrograms(config, records, metadata)
    taken_s = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    written = sum(path.stat().st_size for path in stage_folder(config, "processing").glob("*.npy"))
    print(json.dumps({"s": taken_s, "peak_mb": peak_mb, "written_mb": written / 2**20}))


def measure(count: int, *, seconds: float, n_jobs: int, folder: Path) -> dict[str, float]:
    """One count in a process of its own; what it wrote is deleted."""
    command = [sys.executable, __file__, "--child", folder, str(count), str(seconds), str(n_jobs)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    for path in (folder / "processing").glob("*.npy"):
        path.unlink()
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure every count, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--counts", default="100,300,1000", help="recordings (100,300,1000)")
    parser.add_argument("--seconds", type=float, default=74.0, help="of each recording (74)")
    parser.add_argument("--n-jobs", type=int, default=2, help="cores (2)")
    arguments = parser.parse_args()
    counts = [int(count) for count in arguments.counts.split(",")]
    rows = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_recordings(folder / "scraping" / "audio", seconds=arguments.seconds)
        print(f"recordings of {arguments.seconds:g} s, {arguments.n_jobs} cores")
        print(f"{'recordings':>10}{'s':>10}{'ms each':>10}{'ms/min':>10}{'peak MB':>10}{'MB':>10}")
        for count in counts:
            row = measure(count, seconds=arguments.seconds, n_jobs=arguments.n_jobs, folder=folder)
            row["ms_each"] = 1000 * row["s"] / count
            per_minute = row["ms_each"] * 60 / arguments.seconds
            print(
                f"{count:10}{row['s']:10.1f}{row['ms_each']:10.1f}{per_minute:10.1f}"
                f"{row['peak_mb']:10.0f}{row['written_mb']:10.0f}",
                flush=True,
            )
            rows[count] = {key: round(value, 2) for key, value in row.items()}
    growth = rows[counts[-1]]["ms_each"] / rows[counts[0]]["ms_each"]
    result = dataclasses.asdict(load_config("demo", ["arithmetic=fast"]).processing)
    keys = ("segment_s", "overlap", "n_fft", "hop_length", "n_mels")
    print(
        json.dumps(
            {"rows": rows, "time_each_last_over_first": round(growth, 3)}
            | {key: result[key] for key in keys}
        )
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        run_chain(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5]))
    else:
        main()

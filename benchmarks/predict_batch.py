"""What `predict` costs for few and for many files: processor time and most memory.

    python benchmarks/predict_batch.py [--files 1 20 200] [--json OUT]

Each number of files is one process of its own, as a user starts it; the files are the shortest
recordings of the demo, again and again under other names. The time of the first row is nearly all
start: what is loaded before anything is heard. Processor time, for wall time means little on a
busy machine. Linux and macOS.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from spoken_cefr.paths import ROOT
from spoken_cefr.store import write_json

AUDIO = ROOT / "data" / "replica" / "audio"
STARTER = ROOT / "data" / "starter"
N_SHORTEST = 10
RSS_PER_KB = 1024 if sys.platform == "darwin" else 1  # bytes there, kilobytes elsewhere


def main() -> None:
    """Print a table, and as the last line the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1, 20, 200])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    shortest = sorted(AUDIO.glob("*.mp3"), key=lambda path: path.stat().st_size)[:N_SHORTEST]
    print(f"{'files':>6}{'processor s':>13}{'wall s':>9}{'most MB':>9}{'s a file more':>15}")
    rows: list[dict[str, float]] = []
    for n in options.files:
        row = cost_of(n, shortest)
        first = rows[0] if rows else row
        more = (row["processor_s"] - first["processor_s"]) / max(1, n - first["n"])
        rows.append(row | {"s_a_file_more": round(more, 2)})
        line = "{n:6}{processor_s:13}{wall_s:9}{most_mb:9}{s_a_file_more:15}"
        print(line.format(**rows[-1]), flush=True)
    if options.json:
        write_json(options.json, rows)
    print(json.dumps(rows))


def cost_of(n: int, recordings: list[Path]) -> dict[str, float]:
    """One process that predicts n files."""
    with tempfile.TemporaryDirectory() as folder:
        for i in range(n):
            (Path(folder) / f"{i:04}.mp3").symlink_to(recordings[i % len(recordings)])
        command = [sys.executable, "-m", "spoken_cefr", "predict", folder, "--model", str(STARTER)]
        start = time.perf_counter()
        with subprocess.Popen(
            [*command, "--csv", f"{folder}/out.csv"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"predict ended with {process.returncode}")
        return {
            "n": n,
            "processor_s": round(used.ru_utime + used.ru_stime, 1),
            "wall_s": round(time.perf_counter() - start, 1),
            "most_mb": round(used.ru_maxrss / RSS_PER_KB / 1000),
        }


if __name__ == "__main__":
    main()

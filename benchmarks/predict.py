"""How fast `predict` is from the second file on, and how long its model takes to load.

    python benchmarks/predict.py [--files N] [--json OUT]

Wall time means little on a busy machine; processor time over the number of
cores is what an idle one would need at best.
"""

import argparse
import json
import os
import time
from pathlib import Path

from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import STARTER, load_model
from spoken_cefr.prediction.command import predict_files
from spoken_cefr.prediction.listening import load_listener
from spoken_cefr.store import write_json

AUDIO = ROOT / "data" / "replica" / "audio"
N_JOBS = 2


def main() -> None:
    """Print a table, and as the last line the same as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=24)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    load_nlp()  # what the demo's other parts load as well
    start = time.perf_counter()
    model = load_model(STARTER)
    load_s = time.perf_counter() - start
    files = sorted(AUDIO.glob("*.mp3"))[: options.files + 1]
    listener = load_listener("offline-base", compute_type="int8", n_jobs=N_JOBS, n_files=len(files))
    shared = {"model": model, "n_jobs": N_JOBS, "listener": listener}
    list(predict_files(files[:1], **shared))
    start, cpu = time.perf_counter(), time.process_time()
    results = list(predict_files(files[1:], **shared))
    wall_s, cpu_s = time.perf_counter() - start, time.process_time() - cpu
    audio_s = sum(result["duration_s"] for result in results)
    told = {
        "n_files": len(results),
        "audio_s": round(audio_s, 1),
        "bundle_load_s": round(load_s, 3),
        "wall_over_real_time": round(wall_s / audio_s, 4),
        "processor_over_real_time_2_cores": round(cpu_s / N_JOBS / audio_s, 4),
        "load_average": round(os.getloadavg()[0], 1),
    }
    for name, value in told.items():
        print(f"{name:36}{value:>10}")
    if options.json:
        write_json(options.json, told)
    print(json.dumps(told))


if __name__ == "__main__":
    main()

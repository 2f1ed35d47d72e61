"""How fast each engine and precision transcribes, and what it loses, on the same weights.

    python benchmarks/transcription.py [--limit 12] [--rounds 2] [--cores 2]

Prints for each way the real-time factor (time / length of the recordings, with
word times, the voice detector and the reading of the words; files are loaded
before), the speed against openai-whisper, the words that differ from
openai-whisper's, and the word error rate against what was written
(data/replica/texts.csv). The last line is JSON. The ways take turns, round by
round, and the least time of each counts, so that a busy machine slows each of
them alike. Weights: ``offline-base``; decoding as in the stage.

int8 in batches is the default. On 16 recordings (1 422 words; two idle cores) it ran at 0.044 of
the recordings' length, 6.0 times as fast as openai-whisper, with a word error rate of 8.0 %
against float32's 8.8 %: 2.6 % of the words differ, and they are not worse. Only int8 gives the
same bits in any batch, so that batches may be used at all (see `FasterWhisper`). Who wants
openai-whisper's own words sets ``processing.compute_type = "float32"``, which is not batched
(0.101).
"""

import argparse
import csv
import json
import re
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import jiwer
import numpy as np
import torch
from threadpoolctl import threadpool_limits

from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.transcription.engines import FasterWhisper, OpenAIWhisper, Transcript

REPLICA = ROOT / "data" / "replica"
RATE = 16_000
MODEL = "offline-base"
LANGUAGE = "fr"

Way = Callable[[list[np.ndarray]], list[Transcript]]


def recordings(limit: int) -> tuple[list[np.ndarray], list[str]]:
    """Signals of the demo's recordings, spread over the corpus, and their written texts."""
    with (REPLICA / "texts.csv").open(encoding="utf-8", newline="") as file:
        texts = {row["slug"]: row["text"] for row in csv.DictReader(file)}
    paths = [path for path in sorted((REPLICA / "audio").glob("*.mp3")) if path.stem in texts]
    if limit:
        paths = paths[:: max(1, len(paths) // limit)][:limit]
    return [load_audio(path, sample_rate=RATE) for path in paths], [texts[p.stem] for p in paths]


def one_by_one(engine: FasterWhisper | OpenAIWhisper) -> Way:
    """One recording after the other; the engine may use all cores."""
    return lambda signals: [engine.transcribe(signal, language=LANGUAGE) for signal in signals]


def in_workers(engine: FasterWhisper, n_workers: int) -> Way:
    """Each worker one recording at a time, on one core."""

    def way(signals: list[np.ndarray]) -> list[Transcript]:
        with ThreadPoolExecutor(n_workers) as pool:
            return list(pool.map(lambda s: engine.transcribe(s, language=LANGUAGE), signals))

    return way


def batched(engine: FasterWhisper, n_workers: int) -> Way:
    """As the stage does: each worker on one core, windows of its recordings together."""

    def way(signals: list[np.ndarray]) -> list[Transcript]:
        size = max(1, min(engine.at_once, -(-len(signals) // n_workers)))
        batches = [signals[i : i + size] for i in range(0, len(signals), size)]
        with ThreadPoolExecutor(n_workers) as pool:
            done = pool.map(lambda b: engine.transcribe_many(b, language=LANGUAGE), batches)
            return [transcript for transcripts in done for transcript in transcripts]

    return way


def ways(cores: int) -> dict[str, Way]:
    """Every engine and precision, each with all the cores; the reference comes first."""

    def faster(precision: str, **options: int) -> FasterWhisper:
        return FasterWhisper(MODEL, compute_type=precision, **options)

    found: dict[str, Way] = {
        "openai-whisper float32": one_by_one(OpenAIWhisper(MODEL, n_threads=cores))
    }
    for precision in ("float32", "int8"):
        alone = faster(precision, n_threads=cores)
        shared = faster(precision, n_workers=cores)
        found |= {
            f"faster-whisper {precision}": one_by_one(alone),
            f"faster-whisper {precision}, {cores} workers of one thread": in_workers(shared, cores),
            f"faster-whisper {precision}, {cores} workers, batches of 8": batched(shared, cores),
        }
    return found


def words_of(text: str) -> list[str]:
    """Lower-case words without punctuation; elisions are words of their own."""
    return re.findall(r"\w+", text.lower().replace("’", "'"))


def differing(reference: list[str], hypothesis: list[str]) -> tuple[int, int]:
    """Substituted, deleted and inserted words over all recordings, and words of the reference."""
    pairs = [
        (" ".join(words_of(a)), " ".join(words_of(b)))
        for a, b in zip(reference, hypothesis, strict=True)
    ]
    pairs = [pair for pair in pairs if pair[0]]
    measured = jiwer.process_words([a for a, _ in pairs], [b for _, b in pairs])
    errors = measured.substitutions + measured.deletions + measured.insertions
    return errors, sum(len(a.split()) for a, _ in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=int, default=12, help="recordings; 0: all (12)")
    parser.add_argument("--rounds", type=int, default=2, help="of which the fastest counts (2)")
    parser.add_argument("--cores", type=int, default=2, help="threads or workers of each way (2)")
    arguments = parser.parse_args()
    signals, written = recordings(arguments.limit)
    audio_s = sum(map(len, signals)) / RATE
    print(f"{len(signals)} recordings, {audio_s:.0f} s, {arguments.cores} cores")
    all_ways = ways(arguments.cores)
    times: dict[str, list[float]] = {name: [] for name in all_ways}
    texts: dict[str, list[str]] = {}
    torch.set_num_threads(1)
    with threadpool_limits(1):
        for way in all_ways.values():
            way([signals[0][: 5 * RATE]])  # what is loaded or compiled on first use
        for _ in range(arguments.rounds):
            for name, way in all_ways.items():
                start = time.perf_counter()
                texts[name] = [transcript.text for transcript in way(signals)]
                times[name].append(time.perf_counter() - start)
    report(times, texts, written, audio_s=audio_s, cores=arguments.cores)


def report(
    times: dict[str, list[float]],
    texts: dict[str, list[str]],
    written: list[str],
    *,
    audio_s: float,
    cores: int,
) -> None:
    """Print the table, and the same as one line of JSON."""
    reference = next(iter(times))
    rows = {}
    head = ("real-time factor", "x openai", "words changed", "word error rate")
    print(f"{'':56}" + "".join(f"{title:>18}" for title in head))
    for name, seconds in times.items():
        changed, n_words = differing(texts[reference], texts[name])
        errors, n_written = differing(written, texts[name])
        rows[name] = {
            "rtf": round(min(seconds) / audio_s, 4),
            "x_openai": round(min(times[reference]) / min(seconds), 2),
            "words_changed": changed,
            "words": n_words,
            "wer": round(errors / n_written, 4),
        }
        row = rows[name]
        share = f"{changed} of {n_words} = {changed / n_words:.1%}"
        print(
            f"{name:56}{row['rtf']:18.3f}{row['x_openai']:18.2f}{share:>18}{row['wer']:18.2%}",
            flush=True,
        )
    print(json.dumps({"audio_s": round(audio_s, 1), "cores": cores, "ways": rows}))


if __name__ == "__main__":
    main()

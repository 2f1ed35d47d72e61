"""What can be said of the word times without knowing the true ones.

    python benchmarks/alignment.py [--limit 12] [--first faster-whisper:int8]
                                   [--second openai-whisper:float32] [--json FILE]

On the demo's recordings the synthesiser's own times of the words are not known.
So this measures what must hold, and what two engines agree on:

1. of each engine, the words against the text that was written to be spoken:
   how many are in it, in its order; the same for the words of each segment;
   whether words are in order, overlap, or lie outside the recording;
2. between two engines (or two precisions of one), how far apart the starts of
   the same words are. Agreement is no accuracy: both may be wrong alike.

An engine is ``name:precision``; openai-whisper has float32 only. Prints a
table; the last line is JSON.
"""

import argparse
import csv
import json
import time
from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.config import load_config
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.alignment.aligners import word_pieces
from spoken_cefr.processing.audio import load_audio, segment_count, segment_length
from spoken_cefr.processing.transcription.engines import SAMPLE_RATE, load_engine
from spoken_cefr.processing.transcription.words import Word

REPLICA = ROOT / "data" / "replica"
SEGMENT_S, OVERLAP = 1.0, 0.5
NEAR_S = (0.05, 0.1)


def read_texts(limit: int) -> dict[str, str]:
    """Written text by slug; with a limit, so many spread evenly over the whole list."""
    with (REPLICA / "texts.csv").open(encoding="utf-8", newline="") as file:
        texts = {row["slug"]: row["text"] for row in csv.DictReader(file)}
    slugs = sorted(texts)
    if 0 < limit < len(slugs):
        slugs = [slugs[i] for i in np.linspace(0, len(slugs) - 1, limit).round().astype(int)]
    return {slug: texts[slug] for slug in slugs}


def bare(word: str) -> str:
    """Letters and digits of a word, in lower case."""
    return "".join(piece for _, piece in word_pieces([word]))


def agreeing(first: list[str], second: list[str]) -> list[tuple[int, int]]:
    """Pairs of indices of words that are the same, in the order of both."""
    before, after = ([bare(word) for word in words] for words in (first, second))
    blocks = SequenceMatcher(None, before, after, autojunk=False).get_matching_blocks()
    return [(a + i, b + i) for a, b, size in blocks for i in range(size) if before[a + i]]


def in_text(words: list[Word], text: str) -> np.ndarray:
    """Which words are in the written text, in its order; shape (n_words,), bool."""
    found = np.zeros(len(words), dtype=bool)
    found[[i for i, _ in agreeing([word.word for word in words], text.split())]] = True
    return found


def check_words(words: list[Word], text: str, n_samples: int) -> dict[str, float]:
    """Counts of one recording."""
    starts_s, ends_s = (np.array([word[i] for word in words], dtype=float) for i in (1, 2))
    known = in_text(words, text)
    length, step = segment_length(SAMPLE_RATE, SEGMENT_S, OVERLAP)
    first_s = np.arange(segment_count(n_samples, length, step)) * step / SAMPLE_RATE
    last_s = np.minimum(first_s + SEGMENT_S, n_samples / SAMPLE_RATE)
    held = (ends_s > first_s[:, None]) & (starts_s < last_s[:, None])  # (n_segments, n_words)
    spoken = held.any(axis=1)
    right = (held & known).sum(axis=1)[spoken] / held.sum(axis=1)[spoken]
    return {
        "words": len(words),
        "written": len(text.split()),
        "words_in_text": int(known.sum()),
        "segments": len(first_s),
        "segments_with_words": int(spoken.sum()),
        "segments_all_in_text": int((right == 1).sum()),
        "segment_share_sum": float(right.sum()),
        "words_in_no_segment": int((~held.any(axis=0)).sum()),
        "out_of_order": int((np.diff(starts_s) < 0).sum()),
        "overlaps": int((starts_s[1:] < ends_s[:-1]).sum()),
        "outside": int(((starts_s < 0) | (ends_s > n_samples / SAMPLE_RATE)).sum()),
        "without_length": int((ends_s <= starts_s).sum()),
    }


def start_differences(first: list[Word], second: list[Word]) -> np.ndarray:
    """Seconds from the first engine's start to the second's, of words that both heard."""
    pairs = agreeing([word.word for word in first], [word.word for word in second])
    return np.array([second[j].start_s - first[i].start_s for i, j in pairs])


def transcribe(
    engine_name: str, signals: dict[str, np.ndarray], n_jobs: int
) -> tuple[dict[str, list[Word]], float]:
    """Words by slug, and the real-time factor."""
    name, _, precision = engine_name.partition(":")
    overrides = [f"processing.engine={name}", f"n_jobs={n_jobs}"]
    overrides += [f"processing.compute_type={precision}"] if precision else []
    engine = load_engine(load_config("demo", ["arithmetic=fast", *overrides]))
    start_s = time.perf_counter()
    words = {slug: engine.transcribe(s, language="fr").words for slug, s in signals.items()}
    spent_s = time.perf_counter() - start_s
    return words, spent_s * SAMPLE_RATE / sum(map(len, signals.values()))


def summary(counts: list[dict[str, float]], rtf: float) -> dict[str, float]:
    """One engine's counts over all recordings, and the shares that follow."""
    total = {name: sum(count[name] for count in counts) for name in counts[0]}
    share = total.pop("segment_share_sum") / total["segments_with_words"]
    return total | {
        "percent_words_in_text": 100 * total["words_in_text"] / total["words"],
        "percent_words_in_text_mean_segment": 100 * share,
        "percent_segments_all_in_text": (
            100 * total["segments_all_in_text"] / total["segments_with_words"]
        ),
        "real_time_factor": rtf,
    }


def agreement(differences_s: np.ndarray) -> dict[str, float]:
    """How far apart two engines' starts of the same words are."""
    apart_s = np.abs(differences_s)
    return {
        "words_compared": len(apart_s),
        "median_ms": 1000 * float(np.median(apart_s)),
        "mean_ms": 1000 * float(apart_s.mean()),
        "median_signed_ms": 1000 * float(np.median(differences_s)),
        "largest_ms": 1000 * float(apart_s.max()),
    } | {
        f"percent_within_{1000 * near:.0f}_ms": 100 * float((apart_s <= near + 1e-9).mean())
        for near in NEAR_S
    }


def measure(
    limit: int, names: list[str], n_jobs: int, tell: Callable[[str], None]
) -> dict[str, Any]:
    """Everything that the benchmark prints."""
    texts = read_texts(limit)
    signals = {s: load_audio(REPLICA / "audio" / f"{s}.mp3") for s in texts}
    minutes = sum(map(len, signals.values())) / SAMPLE_RATE / 60
    tell(f"{len(texts)} recordings, {minutes:.1f} minutes")
    result: dict[str, Any] = {"recordings": len(texts), "minutes": round(minutes, 2), "engines": {}}
    heard = []
    for name in names:
        words, rtf = transcribe(name, signals, n_jobs)
        counts = [check_words(words[s], texts[s], len(signals[s])) for s in texts]
        result["engines"][name] = summary(counts, rtf)
        heard.append(words)
    differences = [start_differences(heard[0][s], heard[1][s]) for s in texts]
    result["agreement"] = agreement(np.concatenate(differences))
    return result


def table(result: dict[str, Any]) -> str:
    """The result for a person."""
    names = list(result["engines"])
    width = max(map(len, names)) + 2
    lines = [" " * 38 + "".join(f"{name:>{width}}" for name in names)]
    for key in result["engines"][names[0]]:
        values = [result["engines"][name][key] for name in names]
        lines.append(f"{key:<38}" + "".join(f"{_short(value):>{width}}" for value in values))
    lines += ["", f"starts of the same words, {' and '.join(names)}"]
    lines += [f"{key:<38}{_short(value):>{width}}" for key, value in result["agreement"].items()]
    return "\n".join(lines)


def _short(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0],
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--limit", type=int, default=12, help="recordings, 0 for all")
    parser.add_argument("--first", default="faster-whisper:int8")
    parser.add_argument("--second", default="openai-whisper:float32")
    parser.add_argument("--n-jobs", type=int, default=1)
    parser.add_argument("--json", type=Path, help="write the result there as well")
    arguments = parser.parse_args()
    if arguments.first == arguments.second:
        parser.error("--first and --second must differ")
    names = [arguments.first, arguments.second]
    result = measure(arguments.limit, names, arguments.n_jobs, print)
    print(table(result))
    line = json.dumps(result, sort_keys=True)
    if arguments.json:
        arguments.json.write_text(line + "\n", encoding="utf-8")
    print(line)


if __name__ == "__main__":
    main()

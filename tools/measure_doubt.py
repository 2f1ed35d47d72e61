"""How sure Whisper is of right and of wrong words, on the demo's recordings of known texts.

    python tools/measure_doubt.py

Prints the figures by which `spoken_cefr.measures.doubt` chooses its thresholds. The demo's stage
processing must have been run.
"""

from difflib import SequenceMatcher

import numpy as np
import pandas as pd

from spoken_cefr.config import load_config
from spoken_cefr.measures.doubt import SURE, SURE_UNKNOWN, mark_doubtful
from spoken_cefr.measures.lexis import is_unknown, lexis_measures
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.transcription.words import Word, plain_text
from spoken_cefr.stages import stage_folder


def letters(word: str) -> str:
    """A word without case and punctuation."""
    return "".join(filter(str.isalnum, plain_text(word).lower()))


def right_words(heard: list[str], written: list[str]) -> np.ndarray:
    """Which of the heard words stand in the written text, in its order."""
    pairs = SequenceMatcher(None, heard, written, autojunk=False).get_matching_blocks()
    right = np.zeros(len(heard), dtype=bool)
    for block in pairs:
        right[block.a : block.a + block.size] = True
    return right


def main() -> None:
    """Print the shares and the errors of one measure."""
    config, nlp = load_config("demo"), load_nlp()
    folder = stage_folder(config, "processing")
    table = pd.read_parquet(folder / "words.parquet").sort_values(["recording_id", "word_index"])
    transcripts = pd.read_parquet(folder / "transcripts.parquet").set_index("recording_id")["text"]
    metadata = pd.read_csv(stage_folder(config, "scraping") / "metadata.csv", dtype=str)
    slugs = metadata.set_index("recording_id")["audio_url"].str.extract(r"([^/]+)\.mp3$")[0]
    texts = pd.read_csv(ROOT / "data" / "replica" / "texts.csv").set_index("slug")["text"]
    rows, zipfs = [], []
    for name, words in table.groupby("recording_id"):
        said = list(map(Word, *(words[field] for field in Word._fields)))
        written = plain_text(texts[slugs[name]])
        right = right_words([letters(w.word) for w in said], [letters(w) for w in written.split()])
        text = transcripts[name]
        unknown = [any(map(is_unknown, nlp(word.word))) for word in said]
        rows += list(zip(words["probability"], right, unknown, strict=True))
        marked = lexis_measures(mark_doubtful(nlp(text), said))["zipf"]
        zipfs.append([lexis_measures(nlp(t))["zipf"] for t in (written, text)] + [marked])
    p, right, unknown = (np.array(column) for column in zip(*rows, strict=True))
    out = (p < SURE) | ((p < SURE_UNKNOWN) & unknown)
    of_text, plain, without = np.array(zipfs).T
    print(f"{len(p)} words, {1 - right.mean():.1%} of them wrong")
    print(f"of those in no list {1 - right[unknown].mean():.0%} are wrong")
    print(
        f"below {SURE}: {(p < SURE)[~right].mean():.0%} of the wrong, "
        f"{(p < SURE)[right].mean():.0%} of the right"
    )
    print(f"left out: {out.mean():.1%}; {out[~right].mean():.0%} of the wrong ones")
    for told, values in (("all words", plain), ("without doubtful ones", without)):
        difference = values - of_text
        print(
            f"Zipf, {told}: off by {np.abs(difference).mean():.3f}, "
            f"too high by {difference.mean():+.3f}"
        )


if __name__ == "__main__":
    main()

"""How well the recogniser heard: its transcripts beside texts that are known, as the demo's are."""

import re
import unicodedata
from functools import partial
from pathlib import PurePosixPath

import jiwer
import pandas as pd
from num2words import CONVERTER_CLASSES, num2words

from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import FRENCH
from spoken_cefr.paths import under_root
from spoken_cefr.processing.transcription.words import UNSPACED

ALL = "all"


def words_of(text: str, *, language: str = FRENCH) -> str:
    """Lower case, no punctuation, apostrophes and hyphens as spaces, numbers in words.

    What a writer and a recogniser may do differently without an error. ``language`` is one of
    `LANGUAGES`. Where words are written without spaces, each character counts as one. Digits
    stay where num2words does not know the language.
    """
    text = unicodedata.normalize("NFC", text).lower().replace("œ", "oe")
    if language == FRENCH:  # as Whisper writes it
        text = re.sub(r"(\d+)\s?h(?![a-z])", r"\1 heures ", text)
    if language in CONVERTER_CLASSES:
        text = re.sub(r"\d+", lambda n: f" {num2words(int(n[0]), lang=language)} ", text)
    text = re.sub(r"[^\w]|_", " ", text)
    return " ".join("".join(text.split()) if language in UNSPACED else text.split())


def known_texts(config: Config, metadata: pd.DataFrame) -> pd.Series:
    """What the demo's speakers were given to say, by recording_id; empty for a real corpus."""
    path = under_root(config.scraping.replica_dir) / "texts.csv"
    if not config.scraping.replica_dir or not path.exists():
        return pd.Series(dtype=str)
    of_slug = pd.read_csv(path, dtype=str, keep_default_na=False).set_index("slug")["text"]
    slugs = metadata.set_index("recording_id")["audio_url"].map(lambda url: PurePosixPath(url).stem)
    return slugs.map(of_slug).dropna().astype(str)


def word_errors(
    known: pd.Series, heard: pd.Series, levels: pd.Series, *, language: str = FRENCH
) -> pd.DataFrame:
    """Words that differ, by level and over all: index level, a row ``all`` at the end.

    recordings, words (known ones), wrong (substituted, left out or put in), error_rate. The
    three are by recording_id; recordings without a known word are left out.
    """
    words = partial(words_of, language=language)
    both = pd.DataFrame({"known": known.map(words), "heard": heard.map(words)}).dropna()
    both = both[both["known"] != ""]
    counted = [jiwer.process_words(row.known, row.heard) for row in both.itertuples()]
    table = pd.DataFrame(
        {
            "level": levels.reindex(both.index).to_numpy(),
            "recordings": 1,
            "words": [one.hits + one.substitutions + one.deletions for one in counted],
            "wrong": [one.substitutions + one.deletions + one.insertions for one in counted],
        }
    )
    table = pd.concat([table, table.assign(level=ALL)]).groupby("level").sum()
    order = [level for level in table.index if level != ALL] + [ALL] * (ALL in table.index)
    return table.loc[order].assign(error_rate=table["wrong"] / table["words"])


def side_by_side(known: str, heard: str, *, language: str = FRENCH) -> str:
    """Two lines, words under each other; S, D and I mark what differs. "" if no text is known."""
    known, heard = (words_of(text, language=language) for text in (known, heard))
    if not known:
        return ""
    measured = jiwer.process_words(known, heard)
    lines = jiwer.visualize_alignment(measured, show_measures=False, line_width=88)
    return lines.partition("\n")[2].strip("\n")


def tell_word_errors(errors: pd.DataFrame, *, n_measures: int) -> str:
    """What the table of `word_errors` says, in a paragraph; so many measures read words."""
    if ALL not in errors.index:
        return "**What we see.** No text is known for this corpus: its words cannot be scored."
    rates = errors["error_rate"].drop(ALL)
    least, most = rates.idxmin(), rates.idxmax()
    return (
        f"**What we see.** {errors.loc[ALL, 'error_rate']:.1%} of "
        f"{errors.loc[ALL, 'words']:,.0f} words are wrong, from {rates[least]:.1%} at {least} to "
        f"{rates[most]:.1%} at {most}. {n_measures} measures read these words: a level whose "
        "words are heard worse may look like a level whose words are odder."
    )

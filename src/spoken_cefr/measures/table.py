"""The measures of a recording: what they are called, what they mean, and their table.

All are rates, shares or means: a total would be the duration in disguise.
"""

from __future__ import annotations  # pandas and spaCy are only named here: see below

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from spoken_cefr.arithmetic import pins_of
from spoken_cefr.config import Config
from spoken_cefr.corpus.languages import FRENCH, find_language
from spoken_cefr.measures.available import IN_WORDS, lacking
from spoken_cefr.measures.doubt import mark_doubtful
from spoken_cefr.measures.fluency import fluency_measures
from spoken_cefr.measures.lexis import lexis_measures
from spoken_cefr.measures.pipeline import has_pipeline, language_of, nlp_of, pipeline_meta
from spoken_cefr.measures.syntax import syntax_measures
from spoken_cefr.processing.transcription.words import Word, plain_text
from spoken_cefr.progress import progress
from spoken_cefr.stages import stage_folder, written_by
from spoken_cefr.store import digest, read_kept, read_parquet, sha256_of, write_parquet

if TYPE_CHECKING:
    import pandas as pd
    from spacy.tokens import Doc


@dataclass(frozen=True)
class Measure:
    """One measure: its key and column, its unit, its kind, what it says and where it comes from.

    A ``share`` is a part of 1. ``fluency`` needs the times of the words, ``lexis`` and
    ``syntax`` the text alone.
    """

    name: str
    unit: str
    kind: str
    description: str
    source: str


_GROSJEAN = "Grosjean & Deschamps (1975), Phonetica 31"
_ZIPF = "van Heuven et al. (2014), QJEP 67; frequencies: wordfreq (Speer, 2022)"
_READABILITY = "François & Fairon (2012), EMNLP-CoNLL"
_TENSES = "Bartning & Schlyter (2004), Journal of French Language Studies 14"
_CLAUSES = "Lu (2010), International Journal of Corpus Linguistics 15"
_VARIETY = "Covington & McFall (2010), Journal of Quantitative Linguistics 17"
_DENSITY = "Ure (1971), Lexical density and register differentiation"

MEASURES: tuple[Measure, ...] = tuple(
    Measure(*row)
    for row in (
        ("speech_rate", "syllables/s", "fluency", "syllables a second, pauses included", _GROSJEAN),
        ("articulation_rate", "syllables/s", "fluency", "the same without pauses", _GROSJEAN),
        ("pause_rate", "pauses/min", "fluency", "silences of 0.25 s or more a minute", _GROSJEAN),
        ("pause_length_s", "s", "fluency", "mean length of those silences", _GROSJEAN),
        ("pause_share", "share", "fluency", "of the time that is silence", _GROSJEAN),
        ("run_length", "syllables", "fluency", "mean number between two pauses", _GROSJEAN),
        ("zipf", "Zipf", "lexis", "mean frequency of content words", _ZIPF),
        ("uncommon_share", "share", "lexis", "of content words below Zipf 4", _ZIPF),
        ("rare_share", "share", "lexis", "of content words below Zipf 3", _ZIPF),
        ("type_token_ratio", "share", "lexis", "of different words among 20 in a row", _VARIETY),
        ("word_letters", "letters", "lexis", "mean length of a word", _READABILITY),
        ("word_syllables", "syllables", "lexis", "mean length of a word", _READABILITY),
        ("lexical_density", "share", "lexis", "of words that are content words or names", _DENSITY),
        ("present_share", "share", "syntax", "of finite verbs in the present", _TENSES),
        ("imparfait_share", "share", "syntax", "of finite verbs in the imparfait", _TENSES),
        ("passe_compose_share", "share", "syntax", "of finite verbs in that tense", _TENSES),
        ("futur_share", "share", "syntax", "of finite verbs in the future, near or not", _TENSES),
        ("conditionnel_share", "share", "syntax", "of finite verbs in the conditional", _TENSES),
        ("subjonctif_share", "share", "syntax", "of finite verbs in the subjunctive", _TENSES),
        ("subordinate_share", "share", "syntax", "of clauses that are subordinate", _CLAUSES),
        ("relative_share", "share", "syntax", "of clauses that are relative", _READABILITY),
        ("passive_share", "share", "syntax", "of clauses in the passive", _CLAUSES),
        ("clause_words", "words", "syntax", "mean length of a clause", _CLAUSES),
        (
            "dependency_distance",
            "words",
            "syntax",
            "mean from a word to its head, inside clauses",
            "Liu (2008), Journal of Cognitive Science 9",
        ),
        (
            "clause_depth",
            "dependencies",
            "syntax",
            "mean longest way down from the verb of a clause",
            "Yngve (1960), Proceedings of the American Philosophical Society 104",
        ),
    )
)
TEXT_MEASURES: tuple[str, ...] = tuple(m.name for m in MEASURES if m.kind != "fluency")


def measures_of(code: str) -> tuple[Measure, ...]:
    """Those of `MEASURES` that a language can be given; French has all."""
    absent, tagged = lacking(code), has_pipeline(code)
    return tuple(
        measure
        for measure in MEASURES
        if measure.name not in absent
        # Without tags only what is known to need none, whatever measure is added.
        if tagged or measure.kind == "fluency" or measure.name in IN_WORDS
    )


def measure_recording(
    words: Sequence[Word], text: str, *, duration_s: float, doc: Doc
) -> dict[str, float]:
    """All measures of one recording: those of `measures_of` its language, in their order.

    Words are in order of time, none is fine; ``doc`` is the transcript as `nlp_of` its language
    parses it, see `doubt.mark_doubtful`. NaN where a measure has no meaning. ValueError if the
    parsed text is another one, or the times are not in order or pass the recording's end.
    """
    if doc.text != plain_text(text):
        raise ValueError(f"the text parsed is {doc.text[:40]!r}..., not {text[:40]!r}...")
    if words and words[-1].end_s > duration_s + 0.05:
        raise ValueError(f"the last word ends at {words[-1].end_s} s of {duration_s} s")
    language = language_of(doc)
    values = fluency_measures(words, language=language) | text_measures(doc)
    return {measure.name: values[measure.name] for measure in measures_of(language)}


def measure_all(
    recordings: Sequence[tuple[Sequence[Word], str, float]], language: str, *, desc: str
) -> list[dict[str, float]]:
    """The measures of each recording, of which its words, text and duration in s are given."""
    docs = nlp_of(language).pipe(text for _, text, _ in recordings)
    told = progress(recordings, desc=desc, unit="recording")
    return [
        measure_recording(words, text, duration_s=duration_s, doc=mark_doubtful(doc, words))
        for (words, text, duration_s), doc in zip(told, docs, strict=True)
    ]


def text_measures(doc: Doc) -> dict[str, float]:
    """The measures that need no times: those of lexis and syntax, in the order of `MEASURES`."""
    values = lexis_measures(doc) | syntax_measures(doc)
    told = measures_of(language_of(doc))
    return {measure.name: values[measure.name] for measure in told if measure.kind != "fluency"}


def measures_table(config: Config) -> pd.DataFrame:
    """Measures of every recording that processing has left.

    Columns are ``recording_id``, by which it is sorted, and a float for each of `measures_of` the
    profile's language. Kept as ``neural_networks/measures.parquet`` (there with a column ``key``):
    only recordings whose words, text or method have changed are measured again. InputError if
    processing has not been run, or the spaCy package of French is missing.
    """
    import pandas as pd

    language = config.scraping.language
    recordings = _read_recordings(config)
    path = stage_folder(config, "neural_networks") / "measures.parquet"
    kept = read_kept(path, _by_key)
    kept = pd.DataFrame() if kept is None else kept
    missing = [recording for recording in recordings if recording["key"] not in kept.index]
    names = [measure.name for measure in measures_of(language)]
    if missing:
        spoken = [(one["words"], one["text"], one["duration_s"]) for one in missing]
        made = pd.DataFrame(
            measure_all(spoken, language, desc="measures"),
            index=[one["key"] for one in missing],
        )
        kept = made if kept.empty else pd.concat([kept, made])
    keys = [recording["key"] for recording in recordings]
    table = kept.reindex(keys)[names].reset_index(drop=True).assign(key=keys)
    table.insert(0, "recording_id", [recording["recording_id"] for recording in recordings])
    if missing or not path.exists():
        write_parquet(path, table)
    return table.drop(columns="key")


def _read_processed(config: Config, name: str) -> pd.DataFrame:
    path = stage_folder(config, "processing") / f"{name}.parquet"
    return read_parquet(written_by(path, "processing"))


def read_words(config: Config) -> dict[str, list[Word]]:
    """The words of each recording in which there are some; InputError if there is no table."""
    words = _read_processed(config, "words").sort_values(["recording_id", "word_index"])
    sure = words["probability"]
    words["probability"] = sure.astype(object).where(sure.notna(), None)
    return {
        recording_id: list(map(Word, *(rows[name] for name in Word._fields)))
        for recording_id, rows in words.groupby("recording_id")
    }


def _read_recordings(config: Config) -> list[dict]:
    """Text, words, duration and key of each recording, sorted by recording_id."""
    words_of, transcripts = read_words(config), _read_processed(config, "transcripts")
    duration_of = _read_processed(config, "segments").groupby("recording_id")["end_s"].max()
    pins, language = pins_of(config.arithmetic), config.scraping.language
    recordings = []
    for row in transcripts.sort_values("recording_id").itertuples():
        heard = words_of.get(row.recording_id, [])
        recordings.append(
            {
                "recording_id": row.recording_id,
                "text": row.text,
                "words": heard,
                "duration_s": float(duration_of[row.recording_id]),
                "key": digest([row.recording_id, row.text, heard, method_keys(language), *pins]),
            }
        )
    return recordings


@functools.cache
def method_keys(language: str = FRENCH) -> list[str]:
    """What the measures depend on beside the recording: our modules, parser and frequencies.

    InputError if the spaCy package is missing.
    """
    modules = [sha256_of(path) for path in sorted(Path(__file__).parent.glob("*.py"))]
    packages = [version(name) for name in ("wordfreq", "pyphen")]
    parser = (
        pipeline_meta(find_language(language).spacy)["version"] if has_pipeline(language) else ""
    )
    return [language, *modules, version("spacy"), parser, *packages]


def _by_key(path: Path) -> pd.DataFrame:
    """The measures made before, by key; KeyError where the table is another one."""
    return read_parquet(path).drop(columns="recording_id").set_index("key")

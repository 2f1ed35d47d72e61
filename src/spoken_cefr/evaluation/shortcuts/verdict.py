"""One paragraph, made from the tables: level, or length, age and microphone?"""

import itertools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.shortcuts.rows import AS_IT_IS, PERMUTED, SILENCE, WITHIN, marks_of

# A result by chance as good as the one found in at most so many of 100 permutations.
MAX_P_VALUE = 0.05
NUMBERS: tuple[str, ...] = (
    *("kappa", "kappa_low", "kappa_high", "accuracy", "chance", "permuted_kappa_high", "p_value"),
)


class Fact(NamedTuple):
    """A row of ``audit.csv``, by a name of ours, and how the paragraph tells its kappa."""

    name: str
    model: str | None  # a probe; None: the run that is asked about
    target: str
    mark: str
    words: str


# The paragraph: each sentence is there if one of its facts is.
SENTENCES: Mapping[str, tuple[Fact, ...]] = {
    "The run {run}, chosen by validation, reaches a kappa {facts}.": (
        Fact(
            "run_whole",
            None,
            "level",
            AS_IT_IS,
            "of {} on recordings of speakers that it never heard",
        ),
        Fact("run_within", None, "level", WITHIN, "of {} within duration classes"),
    ),
    "Trained again, it reaches {facts}.": (
        Fact("run_silence", None, "level", SILENCE, "{} on silence only"),
        Fact("run_permuted", None, "level", PERMUTED, "{} on the labels of other speakers"),
    ),
    "Trained again for another answer than the level, it reads {facts}.": (
        Fact("run_age", None, "age_group", AS_IT_IS, "the age group with {}"),
        Fact("run_gender", None, "gender", AS_IT_IS, "the gender with {}"),
        Fact("run_year", None, "year", AS_IT_IS, "the time of recording with {}"),
    ),
    "A probe reads the level with a kappa of {facts}.": (
        Fact("probe_whole", "mel", "level", AS_IT_IS, "{} from whole recordings"),
        Fact("probe_crop", "mel_crop", "level", AS_IT_IS, "{} from crops of one length"),
        Fact("probe_silence", "mel_silence", "level", AS_IT_IS, "{} from silence only"),
        Fact("probe_duration", "duration", "level", AS_IT_IS, "{} from the duration only"),
    ),
    "From the same sound it reads {facts}.": (
        Fact("probe_age", "mel", "age_group", AS_IT_IS, "the age group with {}"),
        Fact("probe_gender", "mel", "gender", AS_IT_IS, "the gender with {}"),
        Fact("probe_year", "mel", "year", AS_IT_IS, "the time of recording with {}"),
    ),
}
ANSWER = "{run} {shortcuts} and {length}. {silence} So it {conclusion}."
SHORTCUTS = {
    True: "exceeds every shortcut",
    False: "does not exceed every shortcut (not {not_exceeded})",
}
LENGTH = {
    True: "tells levels apart among recordings of one duration class",
    False: "is not shown to tell levels apart among recordings of one duration class",
}
SILENCE_SAYS = {
    "level": "Silence alone gives away the level in part: the microphone is a clue.",
    "nothing": "Silence alone is not shown to give away the level.",
    "not asked": "What silence alone gives away could not be asked.",
    "chance not asked": "What silence gives away by chance was not asked.",
}
CONCLUSIONS = {
    "level": "hears more than length and age, and nothing points to the microphone",
    "level or microphone": "hears more than length and age, but the microphone is not ruled out",
    "shortcuts": "is not shown to hear more than length, age and microphone",
}
NO_RUN = "Nothing can be concluded: no run answers recordings."
FEW_SPEAKERS = (
    "Nothing can be concluded: there are {n_test_speakers} speakers, and intervals over fewer "
    "than {min_speakers} mean little."
)


def verdict(
    audit: pd.DataFrame,
    exceeds: pd.DataFrame,
    *,
    run: str | None,
    n_test_speakers: int,
    config: Config,
) -> dict[str, Any]:
    """Answer the question in words, with the numbers that the words rest on.

    From ``audit.csv`` and ``exceeds.csv``, of one run: conclusive (bool), verdict
    (plain text), facts (what the text uses; None where there is no such number).
    """
    facts = _facts(audit, exceeds, run, n_test_speakers)
    numbers = [_sentence(text, told, facts) for text, told in SENTENCES.items()]
    conclusive = run is not None and n_test_speakers >= MIN_SPEAKERS
    if conclusive:
        parts = [*numbers, _answer(facts), config.notice]
    else:
        reason = FEW_SPEAKERS.format(**facts) if run else NO_RUN
        parts = [reason, config.notice, *numbers]
    return {"conclusive": conclusive, "verdict": " ".join(filter(None, parts)), "facts": facts}


def _facts(
    audit: pd.DataFrame, exceeds: pd.DataFrame, run: str | None, n_test_speakers: int
) -> dict[str, Any]:
    of_run = exceeds[
        (exceeds["run"] == run)
        & (exceeds["unit"] == "recording")
        & (exceeds["metric"] == "quadratic_weighted_kappa")
    ]
    facts = {"run": run, "n_test_speakers": n_test_speakers, "min_speakers": MIN_SPEAKERS}
    for name in ("exceeds_all", "not_exceeded"):
        facts[name] = _plain(of_run[name].iloc[0]) if len(of_run) else None
    rows = audit.assign(mark=marks_of(audit)).set_index(["kind", "model", "target", "mark"])
    for fact in itertools.chain(*SENTENCES.values()):
        kind, model = ("probe", fact.model) if fact.model else ("run", run)
        found = rows[rows.index.isin([(kind, model, fact.target, fact.mark)])]
        told = {number: _plain(found[number].iloc[0]) for number in NUMBERS} if len(found) else None
        facts[fact.name] = told
    return facts


def _sentence(text: str, told: tuple[Fact, ...], facts: Mapping[str, Any]) -> str:
    """A sentence with those of its facts that there are; "" if there are none."""
    parts = [one.words.format(_kappa(facts[one.name])) for one in told if facts[one.name]]
    *first, last = parts or [""]
    joined = f"{', '.join(first)} and {last}" if first else last
    return text.format(run=facts["run"], facts=joined) if parts else ""


def _answer(facts: Mapping[str, Any]) -> str:
    beyond, beyond_length = facts["exceeds_all"] is True, _above_zero(facts["run_within"])
    probe = facts["probe_silence"] or {}
    p_value = probe.get("p_value")
    if (p_value is not None and p_value <= MAX_P_VALUE) or _above_zero(facts["run_silence"]):
        silence = "level"
    elif not probe:
        silence = "not asked"
    else:
        silence = "chance not asked" if p_value is None else "nothing"
    conclusion = "shortcuts"
    if beyond and beyond_length:
        conclusion = "level" if silence == "nothing" else "level or microphone"
    return ANSWER.format(
        run=facts["run"],
        shortcuts=SHORTCUTS[beyond].format(not_exceeded=facts["not_exceeded"]),
        length=LENGTH[beyond_length],
        silence=SILENCE_SAYS[silence],
        conclusion=CONCLUSIONS[conclusion],
    )


def _above_zero(row: Mapping[str, float | None] | None) -> bool:
    """Whether the whole interval of kappa is."""
    low = (row or {}).get("kappa_low")
    return low is not None and low > 0


def _kappa(row: Mapping[str, float | None]) -> str:
    if row["kappa"] is None:
        return "undefined"
    text = f"{row['kappa']:.2f}"
    if row["kappa_low"] is not None:
        text += f" [{row['kappa_low']:.2f}, {row['kappa_high']:.2f}]"
    if row["permuted_kappa_high"] is not None:
        text += f" (labels permuted: up to {row['permuted_kappa_high']:.2f})"
    return text


def _plain(value: Any) -> Any:
    """A JSON value: no NaN, no numpy type."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if hasattr(value, "item") else value

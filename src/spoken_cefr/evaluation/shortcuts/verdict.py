"""One paragraph, made from the tables: level, or length, age and microphone?

Its words are in ``verdict.txt.j2``.
"""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.shortcuts.rows import AS_IT_IS, PERMUTED, SILENCE, WITHIN, marks_of
from spoken_cefr.neural_networks.runs import RUNS

# A result by chance as good as the one found in at most so many of 100 permutations.
MAX_P_VALUE = 0.05
NUMBERS: tuple[str, ...] = (
    *("kappa", "kappa_low", "kappa_high", "accuracy", "chance", "permuted_kappa_high", "p_value"),
)
# Of silence and microphone these are given nothing directly.
READ_NO_SOUND = {one.name for one in RUNS if one.inputs in ("measures", "text_embedding")}
# Rows of ``audit.csv`` by a name of ours: the model (a probe; None: the run that is asked
# about), the target and the mark.
FACTS: Mapping[str, tuple[str | None, str, str]] = {
    "run_whole": (None, "level", AS_IT_IS),
    "run_within": (None, "level", WITHIN),
    "run_silence": (None, "level", SILENCE),
    "run_permuted": (None, "level", PERMUTED),
    "run_age": (None, "age_group", AS_IT_IS),
    "run_gender": (None, "gender", AS_IT_IS),
    "run_year": (None, "year", AS_IT_IS),
    "probe_whole": ("mel", "level", AS_IT_IS),
    "probe_crop": ("mel_crop", "level", AS_IT_IS),
    "probe_silence": ("mel_silence", "level", AS_IT_IS),
    "probe_duration": ("duration", "level", AS_IT_IS),
    "probe_age": ("mel", "age_group", AS_IT_IS),
    "probe_gender": ("mel", "gender", AS_IT_IS),
    "probe_year": ("mel", "year", AS_IT_IS),
}
OTHER_TARGETS: tuple[str, ...] = ("run_age", "run_gender", "run_year")


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
    (plain text), conclusion (its beginning, without numbers and notice), facts (what
    the text uses; None where there is no such number).
    """
    facts = _facts(audit, exceeds, run, n_test_speakers)
    conclusive = run is not None and n_test_speakers >= MIN_SPEAKERS

    def said(start: str, **words: str) -> str:
        told = [text.format(_kappa(facts[name])) for name, text in words.items() if facts[name]]
        *first, last = told or [""]
        joined = f"{', '.join(first)} and {last}" if first else last
        return f"{start} {joined}." if told else ""

    words = Path(__file__).with_name("verdict.txt.j2").read_text("utf-8")
    told = jinja2.Template(words, undefined=jinja2.StrictUndefined).make_module(
        {
            **facts,
            "said": said,
            "conclusive": conclusive,
            "beyond_length": _sign(facts["run_within"]) > 0,
            "below_zero": any(_sign(facts[name]) < 0 for name in OTHER_TARGETS),
            "silence": _told_by_silence(facts),
            "reads_sound": run not in READ_NO_SOUND,
            "notice": config.notice,
        }
    )
    text, conclusion = (" ".join(str(words).split()) for words in (told, told.conclusion))
    return {"conclusive": conclusive, "verdict": text, "conclusion": conclusion, "facts": facts}


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
    for name, (probe, target, mark) in FACTS.items():
        kind, model = ("probe", probe) if probe else ("run", run)
        found = rows[rows.index.isin([(kind, model, target, mark)])]
        told = {number: _plain(found[number].iloc[0]) for number in NUMBERS} if len(found) else None
        facts[name] = told
    return facts


def _told_by_silence(facts: Mapping[str, Any]) -> str:
    """What silence alone gives away: "level", "nothing", or that it or its chance was not asked."""
    probe = facts["probe_silence"] or {}
    p_value = probe.get("p_value")
    if (p_value is not None and p_value <= MAX_P_VALUE) or _sign(facts["run_silence"]) > 0:
        return "level"
    if not probe:
        return "not asked"
    return "chance not asked" if p_value is None else "nothing"


def _sign(row: Mapping[str, float | None] | None) -> int:
    """1 or -1 where the whole interval of kappa is on that side of 0, else 0."""
    if row is None or row["kappa_low"] is None:
        return 0
    return int(row["kappa_low"] > 0) - int(row["kappa_high"] < 0)


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

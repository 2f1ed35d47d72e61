"""One paragraph, made from the tables: level, or length, age and microphone?"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.scores.metrics import confusion_matrix, quadratic_weighted_kappa
from spoken_cefr.evaluation.scores.results import answers_of, rows_of
from spoken_cefr.evaluation.shortcuts.conditions import PERMUTED, SILENCE, WITHIN, as_it_is

KAPPA = "quadratic_weighted_kappa"
# A result by chance as good as the one found in at most so many of 100 permutations.
MAX_P_VALUE = 0.05


def ranked_runs(
    runs: Mapping[str, pd.DataFrame], *, config: Config, levels: tuple[str, ...]
) -> list[str]:
    """The runs by their mean kappa on the recordings that their models validated on, best first.

    Test answers have no say: a run chosen by its test score would look better
    there than it is. Runs without validation answers, or whose kappa is undefined
    there, come last.
    """
    kappas = {}
    for name, predictions in runs.items():
        rows = rows_of(predictions, unit="recording", part="validation")
        kappas[name] = -math.inf
        if rows.empty:
            continue
        told = answers_of(rows, levels)
        matrices = [
            confusion_matrix(told.truth, answers, n_classes=len(levels))
            for answers in told.predicted
        ]
        kappa = float(quadratic_weighted_kappa(np.stack(matrices)).mean())
        if not math.isnan(kappa):
            kappas[name] = kappa
    return sorted(kappas, key=lambda name: -kappas[name])


def verdict(
    audit: pd.DataFrame,
    exceeds: pd.DataFrame,
    *,
    run: str | None,
    n_test_speakers: int,
    config: Config,
) -> dict[str, Any]:
    """Answer the question in words, with the numbers that the words rest on.

    Parameters
    ----------
    audit : pd.DataFrame
        As ``audit.csv``: probes and runs.
    exceeds : pd.DataFrame
        As ``exceeds.csv``.
    run : str or None
        The run that is asked about.
    n_test_speakers : int

    Returns
    -------
    dict
        conclusive (bool), verdict (plain text), facts (what the text uses;
        None where there is no such number).
    """
    facts = _facts(audit, exceeds, run, n_test_speakers)
    if run is None or n_test_speakers < MIN_SPEAKERS:
        return {
            "conclusive": False,
            "verdict": _nothing(facts, config) + " " + _numbers(facts),
            "facts": facts,
        }
    return {
        "conclusive": True,
        "verdict": " ".join([*filter(None, [_numbers(facts), _answer(facts), config.notice])]),
        "facts": facts,
    }


def _facts(
    audit: pd.DataFrame, exceeds: pd.DataFrame, run: str | None, n_test_speakers: int
) -> dict[str, Any]:
    of_run = exceeds[
        (exceeds["run"] == run) & (exceeds["unit"] == "recording") & (exceeds["metric"] == KAPPA)
    ]
    told = of_run.iloc[0] if len(of_run) else None
    return {
        "run": run,
        "n_test_speakers": n_test_speakers,
        "min_speakers": MIN_SPEAKERS,
        "exceeds_all": _plain(told["exceeds_all"]) if told is not None else None,
        "not_exceeded": told["not_exceeded"] if told is not None else None,
        "run_whole": _row(audit, "run", run),
        "run_within": _row(audit, "run", run, condition=WITHIN),
        "run_silence": _row(audit, "run", run, condition=SILENCE),
        "run_permuted": _row(audit, "run", run, condition=PERMUTED),
        "run_age": _row(audit, "run", run, target="age_group"),
        "run_gender": _row(audit, "run", run, target="gender"),
        "run_year": _row(audit, "run", run, target="year"),
        "probe_whole": _row(audit, "probe", "mel"),
        "probe_crop": _row(audit, "probe", "mel_crop"),
        "probe_silence": _row(audit, "probe", "mel_silence"),
        "probe_duration": _row(audit, "probe", "duration"),
        "probe_age": _row(audit, "probe", "mel", target="age_group"),
        "probe_gender": _row(audit, "probe", "mel", target="gender"),
        "probe_year": _row(audit, "probe", "mel", target="year"),
    }


def _row(
    audit: pd.DataFrame,
    kind: str,
    model: str | None,
    *,
    target: str = "level",
    condition: str | None = None,
) -> dict[str, float | None] | None:
    rows = audit[(audit["kind"] == kind) & (audit["model"] == model) & (audit["target"] == target)]
    rows = rows[rows["condition"] == condition if condition else as_it_is(rows)]
    if rows.empty:
        return None
    names = ("kappa", "kappa_low", "kappa_high", "accuracy", "chance", "permuted_kappa_high")
    return {name: _plain(rows.iloc[0][name]) for name in (*names, "p_value")}


def _nothing(facts: Mapping[str, Any], config: Config) -> str:
    if facts["run"] is None:
        reason = "no run answers recordings"
    else:
        reason = (
            f"there are {facts['n_test_speakers']} speakers, and intervals over fewer "
            f"than {facts['min_speakers']} mean little"
        )
    return " ".join(filter(None, [f"Nothing can be concluded: {reason}.", config.notice]))


def _numbers(facts: Mapping[str, Any]) -> str:
    sentences = []
    if facts["run_whole"]:
        sentences.append(
            f"The run {facts['run']}, chosen by validation, reaches a kappa of "
            f"{_told(facts['run_whole'])} on recordings of speakers that it never heard"
            + (
                f", and of {_told(facts['run_within'])} within duration classes."
                if facts["run_within"]
                else "."
            )
        )
    parts = [
        f"{_told(facts[key])} {name}"
        for key, name in (
            ("run_silence", "on silence only"),
            ("run_permuted", "on the labels of other speakers"),
        )
        if facts[key]
    ]
    if parts:
        sentences.append(f"Trained again, it reaches {_joined(parts)}.")
    parts = _of_others(facts, "run")
    if parts:
        sentences.append(
            f"Trained again for another answer than the level, it reads {_joined(parts)}."
        )
    probes = [
        ("probe_whole", "whole recordings"),
        ("probe_crop", "crops of one length"),
        ("probe_silence", "silence only"),
        ("probe_duration", "the duration only"),
    ]
    parts = [f"{_told(facts[key])} from {name}" for key, name in probes if facts[key]]
    if parts:
        sentences.append(f"A probe reads the level with a kappa of {_joined(parts)}.")
    parts = _of_others(facts, "probe")
    if parts:
        sentences.append(f"From the same sound it reads {_joined(parts)}.")
    return " ".join(sentences)


def _of_others(facts: Mapping[str, Any], kind: str) -> list[str]:
    """What is read in place of the level, and how well."""
    names = {"age": "age group", "gender": "gender", "year": "time of recording"}
    return [
        f"the {name} with {_told(facts[f'{kind}_{key}'])}"
        for key, name in names.items()
        if facts[f"{kind}_{key}"]
    ]


def _answer(facts: Mapping[str, Any]) -> str:
    run = facts["run"]
    beyond = facts["exceeds_all"] is True
    within = (facts["run_within"] or {}).get("kappa_low")
    beyond_length = within is not None and within > 0
    silence = facts["probe_silence"]
    told_by_silence = bool(
        silence and silence["p_value"] is not None and silence["p_value"] <= MAX_P_VALUE
    )
    by_itself = (facts["run_silence"] or {}).get("kappa_low")
    told_by_silence = told_by_silence or (by_itself is not None and by_itself > 0)
    first = (
        f"{run} exceeds every shortcut"
        if beyond
        else f"{run} does not exceed every shortcut (not {facts['not_exceeded']})"
    )
    second = (
        "tells levels apart among recordings of one duration class"
        if beyond_length
        else "is not shown to tell levels apart among recordings of one duration class"
    )
    sentences = [f"{first} and {second}."]
    if told_by_silence:
        sentences.append("Silence alone gives away the level in part: the microphone is a clue.")
    elif silence is None:
        sentences.append("What silence alone gives away could not be asked.")
    elif silence["p_value"] is None:
        sentences.append("What silence gives away by chance was not asked.")
    else:
        sentences.append("Silence alone is not shown to give away the level.")
    if beyond and beyond_length and silence and silence["p_value"] and not told_by_silence:
        sentences.append(
            "So it hears more than length and age, and nothing points to the microphone."
        )
    elif beyond and beyond_length:
        sentences.append(
            "So it hears more than length and age, but the microphone is not ruled out."
        )
    else:
        sentences.append("So it is not shown to hear more than length, age and microphone.")
    return " ".join(sentences)


def _told(row: Mapping[str, float | None]) -> str:
    if row["kappa"] is None:
        return "undefined"
    text = f"{row['kappa']:.2f}"
    if row["kappa_low"] is not None:
        text += f" [{row['kappa_low']:.2f}, {row['kappa_high']:.2f}]"
    if row["permuted_kappa_high"] is not None:
        text += f" (labels permuted: up to {row['permuted_kappa_high']:.2f})"
    return text


def _joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _plain(value: Any) -> Any:
    """A JSON value: no NaN, no numpy type."""
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return None
    return value.item() if hasattr(value, "item") else value

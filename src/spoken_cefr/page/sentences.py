"""What is said of one result, in French or in English."""

from collections.abc import Mapping
from typing import Any

from spoken_cefr.page.wording import error, language_name, remark, text
from spoken_cefr.prediction.labels import (
    effect,
    level_span,
    likely_span,
    measures_effect,
    starting_level,
)
from spoken_cefr.prediction.report import clock
from spoken_cefr.prediction.verdict import likely_levels
from spoken_cefr.prediction.why import why

Result = Mapping[str, Any]
MAX_PARTS = 12  # levels along time that are told in words


def failure(result: Result, language: str) -> str:
    """Why a file has no result, with its name."""
    told = reason_of_failure(result, language)
    return text("failed", language, file=result["file"], reason=told)


def reason_of_failure(result: Result, language: str) -> str:
    """The same for a row that begins with the name."""
    return error(result["error"], language)


def verdict(result: Result, language: str) -> str:
    """The level, how sure it is and why, or the reason why there is none."""
    facts = {
        "what": f"{result['file']} ({clock(result['duration_s'])})",
        "score_name": result["score_name"],
    }
    if not result["abstains"]:
        facts["span"] = likely_span(result, language)
        facts["sureness"] = text(result["sureness"], language)
        return f"{text('found', language, **facts)} {why(result, language)}".rstrip()
    told = text("not_found", language, **facts, reason=reason(result, language))
    leans = f" {text('leans', language, **facts)}" if result["level"] else ""
    return told + leans


def reason(result: Result, language: str) -> str:
    """Why a recording that could be used has no level."""
    facts: dict[str, object] = {"n_words": len(result["words"])}
    if result["abstain_code"] == "other_language":
        facts["expected"] = language_name(result["model"]["language"], language)
        facts["spoken"] = language_name(result["language"]["spoken"], language)
    if result["abstain_code"] == "undecided":
        names = list(result["probabilities"])
        low, high = likely_levels(list(result["probabilities"].values()))
        facts["span"] = level_span(names[low], names[high], language)
    return text(result["abstain_code"], language, **facts)


def notes(result: Result, language: str) -> list[str]:
    """What the terminal says as notes; of the model what this page has a text for."""
    model = result["model"]
    notes = [remark(told, language) for told in result["warnings"] if told != model["notice"]]
    if model["synthetic"]:
        notes.insert(0, text("synthetic", language))
    elif model["kind"] == "text_ordinal":
        notes.insert(0, text("reader", language))
    elif model["notice"]:
        notes.insert(0, remark(model["notice"], language))
    return notes


def along(result: Result, language: str) -> str:
    """The level along time."""
    parts = result["timeline"]
    step = -(-len(parts) // MAX_PARTS) or 1  # of a long recording every second, third, ... part
    told = ", ".join(f"{clock(part['start_s'])} {part['score_name']}" for part in parts[::step])
    return text("along_told", language, told=told)


def hints(result: Result, language: str, *, ranges: bool) -> str:
    """How the table of measures is read; none of it comes from a recording."""
    read = result["model"]["kind"] == "text_ordinal"
    hints = [text("measures_hint_text" if read else "measures_hint", language)] if ranges else []
    hints.append(text("effect_hint", language))
    if result["word_vectors_contribution"] is not None:
        facts = {
            "start": starting_level(result),
            "measures": effect(measures_effect(result["measures"])),
            "vectors": effect(result["word_vectors_contribution"]),
        }
        hints.append(text("effects", language, **facts))
    return " ".join(hints)


def of_model(model: Mapping[str, Any], language: str) -> str:
    """Which model answered, and what it has learned from."""
    named = {key: model[key] for key in ("name", "kind", "version")}
    named["knows"] = language_name(model["language"], language)
    sentences = [remark(told, language) for told in (model["trained_on"], model["notice"]) if told]
    return " ".join([text("model", language, **named), *sentences])

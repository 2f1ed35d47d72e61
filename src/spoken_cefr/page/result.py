"""One answer on the page, in one language, by Gradio's own parts.

Those show what comes from a recording as text. Where a sentence of it stands
in HTML, it is escaped by `_say`.
"""

import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio

from spoken_cefr.page.analysis import Answer
from spoken_cefr.page.timeline import draw_timeline
from spoken_cefr.page.wording import error, language_name, remark, text
from spoken_cefr.prediction.labels import (
    by_weight,
    effect,
    label,
    level_label,
    measures_effect,
    number,
    span,
)
from spoken_cefr.prediction.report import clock
from spoken_cefr.processing.alignment.textgrid import write_textgrid
from spoken_cefr.processing.transcription.words import Word

Result = Mapping[str, Any]
WIDTHS = {"measure": "24%", "here": "8%", "effect": "8%"}  # of the table's columns
MAX_PARTS = 12  # levels along time that are told in words
RARE, UNKNOWN = "#00508c", "#8a3c00"  # white can be read on them


def show_answer(answer: Answer | None, language: str) -> None:
    """Put an answer on the page: why there is none, or the whole result."""
    if answer is None:
        return
    result = answer.result
    if "error" in result:
        _say(_failure(result, language), role="alert")
        return
    _say(_verdict(result, language), role="status")
    for note in _notes(result, language):
        _say(f"⚠ {note}", role="note")
    if result["level"]:
        with gradio.Row():
            _show_probabilities(result, language)
            with gradio.Column(scale=2, min_width=480):
                gradio.Plot(draw_timeline(answer.sound, result), label=_along(result, language))
    if result["words"]:
        _show_transcript(result, language)
    if result["measures"]:
        _show_measures(result, language)
    _show_downloads(result, language)
    _say(_model(result["model"], language), role="note")


def _say(sentence: str, *, role: str) -> None:
    """One sentence; by its role a screen reader knows whether to interrupt.

    By hand, as no part of Gradio's has a role.
    """
    gradio.HTML(f'<p role="{role}">{escape(sentence)}</p>')


def _failure(result: Result, language: str) -> str:
    if not result["error"]:
        return text("nothing", language)
    reason = error(result["error"], language)
    return text("failed", language, file=result["file"], reason=reason)


def _verdict(result: Result, language: str) -> str:
    facts = {
        "what": f"{result['file']} ({clock(result['duration_s'])})",
        "score_name": result["score_name"],
    }
    if not result["abstains"]:
        facts |= {"span": _span(result, language), "sureness": text(result["sureness"], language)}
        return text("found", language, **facts)
    told = text("not_found", language, **facts, reason=_reason(result, language))
    leans = f" {text('leans', language, **facts)}" if result["level"] else ""
    return told + leans


def _span(result: Result, language: str) -> str:
    low, high = result["likely_levels"]
    top = level_label(high, language)
    return top if low == high else text("span", language, low=low, high=top)


def _reason(result: Result, language: str) -> str:
    facts: dict[str, object] = {"n_words": len(result["words"])}
    if result["abstain_code"] == "other_language":
        facts["expected"] = language_name(result["model"]["language"], language)
        facts["spoken"] = language_name(result["language"]["spoken"], language)
    if result["abstain_code"] == "undecided":
        facts["span"] = _span(result, language)
    return text(result["abstain_code"], language, **facts)


def _notes(result: Result, language: str) -> list[str]:
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


def _show_probabilities(result: Result, language: str) -> None:
    """The level in large, below it the probability of each level, lowest level first."""
    bars = gradio.Label(label=text("probabilities", language), elem_id="probabilities")
    # Set here: `Label` itself sorts by probability, and takes the first for the answer.
    bars.value = {
        "label": text("no_level", language) if result["abstains"] else result["score_name"],
        "confidences": [
            {"label": level, "confidence": p} for level, p in result["probabilities"].items()
        ],
    }


def _along(result: Result, language: str) -> str:
    parts = result["timeline"]
    step = -(-len(parts) // MAX_PARTS) or 1  # of a long recording every second, third, ... part
    told = ", ".join(f"{clock(part['start_s'])} {part['score_name']}" for part in parts[::step])
    return text("along", language, told=told) if parts else text("along_none", language)


def _show_transcript(result: Result, language: str) -> None:
    """The words; beside an uncommon one its frequency."""
    rare = {
        index: "?" if row["zipf"] is None else str(row["zipf"])
        for row in result["rare_words"]
        for index in row["word_indices"]
    }
    gradio.HighlightedText(
        [(f"{word['word']} ", rare.get(i)) for i, word in enumerate(result["words"])],
        color_map={zipf: UNKNOWN if zipf == "?" else RARE for zipf in rare.values()},
        label=text("transcript", language),
        elem_id="transcript",
    )


def _show_measures(result: Result, language: str) -> None:
    """Every measure beside its range at each level, those that weigh most first."""
    measures = result["measures"]
    levels = next((list(row["ranges"]) for row in measures.values() if row["ranges"]), [])
    keys = ("measure", "here", *levels, *(["nearest"] if levels else []), "effect")
    gradio.Dataframe(
        [
            _measure_row(name, measures[name], levels, language)
            for name in by_weight(measures, len(measures))
        ],
        headers=[key if key in levels else text(key, language) for key in keys],
        column_widths=[WIDTHS.get(key, "10%") for key in keys],
        wrap=True,
        label=text("measures", language),
        interactive=False,
        buttons=[],
        max_height=360,
        elem_id="measures",
    )
    gradio.Markdown(_hints(result, language, ranges=bool(levels)))


def _measure_row(
    name: str, row: Mapping[str, Any], levels: Sequence[str], language: str
) -> list[str]:
    unit = row["unit"]
    ranges = [span(row["ranges"].get(level), unit) for level in levels]
    nearest = [row["nearest_level"] or "-"] if levels else []
    value = number(row["value"], unit)
    return [label(name, unit, language), value, *ranges, *nearest, effect(row["contribution"])]


def _hints(result: Result, language: str, *, ranges: bool) -> str:
    """How the table of measures is read; none of it comes from a recording."""
    read = result["model"]["kind"] == "text_ordinal"
    hints = [text("measures_hint_text" if read else "measures_hint", language)] if ranges else []
    hints.append(text("effect_hint", language))
    if result["word_vectors_contribution"] is not None:
        facts = {
            "measures": effect(measures_effect(result["measures"])),
            "vectors": effect(result["word_vectors_contribution"]),
        }
        hints.append(text("effects", language, **facts))
    return " ".join(hints)


def _show_downloads(result: Result, language: str) -> None:
    """Links that hold their files.

    By hand: what a `DownloadButton` gives has to lie on the server's disk, what was
    said with it, for as long as somebody may press the button.
    """
    stem = Path(result["file"]).stem or "recording"
    whole = json.dumps([result], ensure_ascii=False, indent=2, allow_nan=False)
    links = [_link(f"{stem}.json", "application/json", whole, text("json", language))]
    if result["words"]:
        told = text("textgrid", language)
        links.append(_link(f"{stem}.TextGrid", "text/plain", textgrid(result), told))
    gradio.HTML(f"<p>{text('downloads', language)}{', '.join(links)}</p>")


def _link(name: str, kind: str, content: str, told: str) -> str:
    data = base64.b64encode(content.encode("utf-8")).decode("ascii")
    return f'<a download="{escape(name)}" href="data:{kind};base64,{data}">{escape(told)}</a>'


def textgrid(result: Result) -> str:
    """The result's words as the text of a TextGrid."""
    words = [Word(row["word"], row["start_s"], row["end_s"]) for row in result["words"]]
    with tempfile.TemporaryDirectory(prefix="spoken_cefr_") as folder:
        path = Path(folder) / "words.TextGrid"
        write_textgrid(path, words, duration_s=result["duration_s"])
        return path.read_text(encoding="utf-8")


def _model(model: Mapping[str, Any], language: str) -> str:
    named = {key: model[key] for key in ("name", "kind", "version")}
    named["knows"] = language_name(model["language"], language)
    sentences = [remark(told, language) for told in (model["trained_on"], model["notice"]) if told]
    return " ".join([text("model", language, **named), *sentences])

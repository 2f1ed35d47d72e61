"""Answers on the page, in one language: one as a whole, several as a table.

Gradio's own parts show what comes from a recording as text. Where it stands in HTML, as the roles
and the tables need it that no part of Gradio's has, it is escaped here.
"""

import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import gradio
import pandas as pd

from spoken_cefr.page import sentences
from spoken_cefr.page.analysis import Answer
from spoken_cefr.page.sentences import Result
from spoken_cefr.page.timeline import draw_timeline
from spoken_cefr.page.transcript import transcript_html
from spoken_cefr.page.wording import text
from spoken_cefr.prediction.labels import by_weight, effect, label, likely_span, number, span
from spoken_cefr.prediction.models import Card
from spoken_cefr.prediction.results_table import csv_of
from spoken_cefr.processing.alignment.textgrid import write_textgrid
from spoken_cefr.processing.transcription.words import Word


def show_answer(answer: Answer | str | None, language: str) -> None:
    """Put an answer on the page: why there is none, or the whole result."""
    if answer is None:
        return
    if isinstance(answer, str):  # the name of a text
        _say(text(answer, language), role="alert")
        return
    result = answer.result
    if "error" in result:
        _say(sentences.failure(result, language), role="alert")
        return
    _say(sentences.verdict(result, language), role="status")
    for told in sentences.notes(result, language):
        _say(f"⚠ {told}", role="note")
    if result["level"]:
        with gradio.Row():
            _show_probabilities(result, language)
            with gradio.Column(scale=2):
                told = "along" if result["timeline"] else "along_none"
                gradio.Plot(draw_timeline(answer.sound, result), label=text(told, language))
                if result["timeline"]:  # for who cannot see it
                    _say(sentences.along(result, language), role="note")
    if result["words"]:
        gradio.Markdown(f"## {text('transcript', language)}")
        gradio.HTML(transcript_html(result, language), elem_id="transcript")
    if result["measures"]:
        _show_measures(result, language)
    _show_downloads(result, language)
    _say(sentences.of_model(result["model"], language), role="note")


def show_table(answers: Sequence[Result] | str | None, language: str, card: Card) -> None:
    """Put several answers on the page, a row each, and the table of all as a link."""
    if not answers:
        return
    if isinstance(answers, str):
        _say(text(answers, language), role="alert")
        return
    _say(text("answered", language, n=len(answers)), role="status")
    keys = ("file", "level", "likely", "sureness", "seconds", "why_not")
    headers = [text(key, language) for key in keys]
    _show_rows([_row(result, language) for result in answers], headers, elem_id="table")
    table = csv_of(answers, card)
    gradio.HTML(f"<p>{_link('levels.csv', 'text/csv', table, text('csv', language))}</p>")


def _row(result: Result, language: str) -> list[str]:
    if "error" in result:
        return [result["file"], "-", "-", "-", "-", sentences.reason_of_failure(result, language)]
    seconds = f"{result['duration_s']:.0f}"
    if result["abstains"]:
        return [result["file"], "-", "-", "-", seconds, sentences.reason(result, language)]
    likely, sure = likely_span(result, language), text(result["sureness"], language)
    return [result["file"], result["score_name"], likely, sure, seconds, ""]


def _say(sentence: str, *, role: str) -> None:
    """One sentence; by its role a screen reader knows whether to interrupt."""
    gradio.HTML(f'<p role="{role}">{escape(sentence)}</p>')


def _show_rows(rows: Sequence[Sequence[str]], headers: Sequence[str], *, elem_id: str) -> None:
    """A table that needs no box to scroll in: `Dataframe` has one, and a heading for each cell."""
    with pd.option_context("display.max_colwidth", None):  # by default it is cut at 50 letters
        table = pd.DataFrame(rows, columns=headers).to_html(index=False, border=0, justify="left")
    gradio.HTML(table, elem_id=elem_id)


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


def _show_measures(result: Result, language: str) -> None:
    """Every measure beside its range at each level, those that weigh most first."""
    measures = result["measures"]
    levels = next((list(row["ranges"]) for row in measures.values() if row["ranges"]), [])
    keys = ("measure", "here", *levels, *(["nearest"] if levels else []), "effect")
    rows = [
        _measure_row(name, measures[name], levels, language)
        for name in by_weight(measures, len(measures))
    ]
    headers = [key if key in levels else text(key, language) for key in keys]
    gradio.Markdown(f"## {text('measures', language)}", elem_id="measures_heading")
    gradio.Markdown(sentences.hints(result, language, ranges=bool(levels)))
    _show_rows(rows, headers, elem_id="measures")


def _measure_row(
    name: str, row: Mapping[str, Any], levels: Sequence[str], language: str
) -> list[str]:
    unit = row["unit"]
    ranges = [span(row["ranges"].get(level), unit) for level in levels]
    nearest = [row["nearest_level"] or "-"] if levels else []
    value = number(row["value"], unit)
    return [label(name, unit, language), value, *ranges, *nearest, effect(row["contribution"])]


def _show_downloads(result: Result, language: str) -> None:
    """Links that hold their files.

    By hand: what a `DownloadButton` gives has to lie on the server's disk, what was
    said with it, for as long as somebody may press the button.
    """
    stem = Path(result["file"]).stem or "recording"
    whole = json.dumps([result], ensure_ascii=False, indent=2, allow_nan=False).encode()
    links = [_link(f"{stem}.json", "application/json", whole, text("json", language))]
    if result["words"]:
        told = text("textgrid", language)
        links.append(_link(f"{stem}.TextGrid", "text/plain", textgrid(result), told))
    gradio.HTML(f"<p>{text('downloads', language)}{', '.join(links)}</p>")


def _link(name: str, kind: str, content: bytes, told: str) -> str:
    data = base64.b64encode(content).decode("ascii")
    return f'<a download="{escape(name)}" href="data:{kind};base64,{data}">{escape(told)}</a>'


def textgrid(result: Result) -> bytes:
    """The result's words as the content of a TextGrid."""
    words = [Word(row["word"], row["start_s"], row["end_s"]) for row in result["words"]]
    with tempfile.TemporaryDirectory(prefix="spoken_cefr_") as folder:
        path = Path(folder) / "words.TextGrid"
        write_textgrid(path, words, duration_s=result["duration_s"])
        return path.read_bytes()

"""One result as HTML, in both languages; whatever comes from a recording is escaped."""

import base64
import json
import tempfile
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.page.timeline import MAX_WORDS_S, draw_overview, draw_words
from spoken_cefr.page.wording import (
    both,
    french_error,
    in_both,
    in_french_too,
    language_names,
    text,
)
from spoken_cefr.prediction.labels import (
    by_weight,
    effect,
    label,
    measures_effect,
    number,
    span,
)
from spoken_cefr.prediction.report import clock
from spoken_cefr.processing.alignment.textgrid import write_textgrid
from spoken_cefr.processing.transcription.words import Word

Result = Mapping[str, Any]
MAX_MEASURES = 8  # shown at first
COLUMNS = ("measure", "here", "effect")  # the levels come before the last


def error_html(name: str, message: str) -> str:
    """Why a file gives no result.

    Parameters
    ----------
    name : str
        The file's name as the user knows it.
    message : str
        Of an `InputError`, in which the file's path was replaced by the name.
    """
    french = f"{name} : {french_error(message)}"
    told = f"<b>{both('no_result')}.</b> {in_both(french, message)}"
    return f'<div class="error" role="alert">{told}</div>'


def result_html(result: Result, signal: np.ndarray, sample_rate: int) -> str:
    """The whole result.

    Parameters
    ----------
    result : mapping
        As `prediction.predict` gives it for a file that could be used.
    signal : np.ndarray, shape (n_samples,), float32
    """
    parts = [
        f"<h2>{escape(result['file'])} ({clock(result['duration_s'])})</h2>",
        _verdict(result),
        _notes(result),
    ]
    if result["level"]:
        parts += [_bars(result), _timeline(result, signal, sample_rate)]
    if result["words"]:
        parts += [_transcript(result)]
    if result["measures"]:
        parts += [_measures(result)]
    return "\n".join([*parts, _downloads(result), _model(result["model"])])


def _verdict(result: Result) -> str:
    if result["level"] is None:
        return f'<p role="status"><b>{both("no_level")}:</b> {_reason(result)}.</p>'
    if result["abstains"]:
        leans = both("leans", score_name=result["score_name"])
        return f'<p role="status"><b>{both("no_level")}:</b> {_reason(result)}. {leans}</p>'
    told = [
        text("likely", lang, span=_span(result, lang), sureness=text(result["sureness"], lang))
        for lang in ("fr", "en")
    ]
    return (
        f'<p role="status">{both("level")} <span class="level">{result["score_name"]}</span> '
        f'<span class="muted">({in_both(*told)})</span></p>'
    )


def _span(result: Result, language: str) -> str:
    low, high = result["likely_levels"]
    return low if low == high else text("span", language, low=low, high=high)


def _reason(result: Result) -> str:
    facts: dict[str, object] = {"n_words": len(result["words"])}
    if result["abstain_code"] == "other_language":
        french, english = language_names(result["language"]["spoken"])
        facts |= {"spoken_fr": french, "spoken_en": english}
    if result["abstain_code"] == "undecided":
        facts |= {"span_fr": _span(result, "fr"), "span_en": _span(result, "en")}
    return both(result["abstain_code"], **facts)


def _notes(result: Result) -> str:
    """What the terminal says as notes; of the model what this page has a text for."""
    model = result["model"]
    notes = [in_french_too(warning) for warning in result["warnings"] if warning != model["notice"]]
    if model["synthetic"]:
        notes.insert(0, both("synthetic"))
    elif model["kind"] == "text_ordinal":
        notes.insert(0, both("reader"))
    elif model["notice"]:
        notes.insert(0, in_french_too(model["notice"]))
    return "".join(f'<p class="note">{note}</p>' for note in notes)


def _bars(result: Result) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(level)}</th><td><span class="bar" '
        f'style="width:{p:.1%}"></span></td><td>{p:.0%}</td></tr>'
        for level, p in result["probabilities"].items()
    )
    return f'<h3>{both("probabilities")}</h3><table class="bars">{rows}</table>'


def _timeline(result: Result, signal: np.ndarray, sample_rate: int) -> str:
    parts = result["timeline"]
    told = ", ".join(f"{clock(part['start_s'])} {part['score_name']}" for part in parts)
    label = both_title("along_alt", told=told) if parts else both_title("along_none")
    overview = draw_overview(signal, sample_rate, result, label=label)
    words = draw_words(signal, sample_rate, result["words"], label=both_title("words_alt"))
    if not words:
        words = f'<p class="muted">{both("words_not_drawn", minutes=MAX_WORDS_S // 60)}</p>'
    else:
        words = (
            f'<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{escape(both_title("words_alt"))}">{words}</div>'
        )
    return f"<h3>{both('along')}</h3>{overview}{words}"


def _transcript(result: Result) -> str:
    titles = {}
    for row in result["rare_words"]:
        known = row["zipf"] is not None
        told = both_title("rare_title", zipf=row["zipf"]) if known else both_title("rare_unknown")
        titles |= dict.fromkeys(row["word_indices"], told)
    said = [
        f'<mark title="{escape(titles[i])}">{escape(word["word"])}</mark>'
        if i in titles
        else escape(word["word"])
        for i, word in enumerate(result["words"])
    ]
    return f'<h3>{both("transcript")}</h3><p class="transcript">{" ".join(said)}</p>'


def both_title(key: str, **facts: object) -> str:
    """A text for an attribute, in both languages: no style sheet chooses inside one."""
    return f"{text(key, 'fr', **facts)} / {text(key, 'en', **facts)}"


def _measures(result: Result) -> str:
    measures = result["measures"]
    levels = next((list(row["ranges"]) for row in measures.values() if row["ranges"]), [])
    read = result["model"]["kind"] == "text_ordinal"
    hints = [both("measures_hint_text" if read else "measures_hint")] if levels else []
    hints.append(both("effect_hint"))
    if result["word_vectors_contribution"] is not None:
        hints.append(_whole_effects(result))
    hint = f'<p class="muted">{" ".join(hints)}</p>'
    shown = by_weight(measures, MAX_MEASURES)
    rest = [name for name in measures if name not in shown]
    table = _measure_table(measures, shown, levels)
    if rest:
        hidden = _measure_table(measures, rest, levels)
        table += f"<details><summary>{both('measures_rest')}</summary>{hidden}</details>"
    return f"<h3>{both('measures')}</h3>{hint}{table}"


def _whole_effects(result: Result) -> str:
    vectors = effect(result["word_vectors_contribution"])
    return both("effects", measures=effect(measures_effect(result["measures"])), vectors=vectors)


def _measure_table(
    measures: Mapping[str, Mapping[str, Any]], names: Sequence[str], levels: Sequence[str]
) -> str:
    head = "".join(f'<th scope="col">{escape(level)}</th>' for level in levels)
    rows = []
    for name in names:
        row = measures[name]
        unit = row["unit"]
        cells = "".join(
            f"<td{' class=near' * (level == row['nearest_level'])}>"
            f"{span(row['ranges'].get(level), unit)}</td>"
            for level in levels
        )
        told = in_both(label(name, unit, "fr"), label(name, unit, "en"))
        value = f"<td><b>{number(row['value'], unit)}</b></td>"
        push = f"<td>{effect(row['contribution'])}</td>"
        rows.append(f'<tr><th scope="row">{told}</th>{value}{cells}{push}</tr>')
    first, second, last = (f'<th scope="col">{both(key)}</th>' for key in COLUMNS)
    return (
        f'<table class="measures"><thead><tr>{first}{second}{head}{last}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table>"
    )


def _downloads(result: Result) -> str:
    """Links that hold their files: nothing has to be kept on the disk for them."""
    stem = Path(result["file"]).stem or "recording"
    whole = json.dumps([result], ensure_ascii=False, indent=2, allow_nan=False)
    links = [_link(f"{stem}.json", "application/json", whole, "json")]
    if result["words"]:
        links.append(_link(f"{stem}.TextGrid", "text/plain", textgrid(result), "textgrid"))
    return f"<h3>{both('downloads')}</h3><p>{''.join(links)}</p>"


def textgrid(result: Result) -> str:
    """The result's words as the text of a TextGrid."""
    words = [Word(row["word"], row["start_s"], row["end_s"]) for row in result["words"]]
    with tempfile.TemporaryDirectory(prefix="spoken_cefr_") as folder:
        path = Path(folder) / "words.TextGrid"
        write_textgrid(path, words, duration_s=result["duration_s"])
        return path.read_text(encoding="utf-8")


def _link(name: str, kind: str, content: str, key: str) -> str:
    data = base64.b64encode(content.encode("utf-8")).decode("ascii")
    return f'<a download="{escape(name)}" href="data:{kind};base64,{data}">{both(key)}</a>'


def _model(model: Mapping[str, Any]) -> str:
    told = f"{model['name']}, {model['kind']}, {model['version']}. "
    sentences = " ".join(map(in_french_too, filter(None, (model["trained_on"], model["notice"]))))
    return f'<h3>{both("model")}</h3><p class="muted">{escape(told)}{sentences}</p>'

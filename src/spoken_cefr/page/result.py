"""One result as HTML, in both languages; whatever comes from a recording is escaped."""

import base64
import json
import tempfile
from collections.abc import Mapping
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.page.timeline import draw_overview, draw_words
from spoken_cefr.page.wording import both, french_error, in_both, language_names, text
from spoken_cefr.prediction.report import clock, number
from spoken_cefr.processing.textgrid import write_textgrid
from spoken_cefr.processing.words import Word

Result = Mapping[str, Any]


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
    return f'<div class="error" role="alert"><b>{both("no_result")}.</b> {in_both(french, message)}</div>'


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
    model = result["model"]
    notes = []
    if model["synthetic"]:
        notes.append(both("synthetic"))
    elif model["kind"] == "text_ordinal":
        notes.append(both("reader"))
    if any("unsure" in warning for warning in result["warnings"]):
        notes.append(both("unsure_words"))
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
    if words:
        words = (
            f'<div class="scroll" tabindex="0" role="region" '
            f'aria-label="{escape(both_title("words_alt"))}">{words}</div>'
        )
    return f"<h3>{both('along')}</h3>{overview}{words}"


def _transcript(result: Result) -> str:
    titles = {}
    for row in result["rare_words"]:
        told = both_title("rare_title", zipf=row["zipf"]) if row["zipf"] else both_title("rare_unknown")
        titles |= dict.fromkeys(row["word_indices"], told)
    said = [
        f'<mark title="{escape(titles[i])}">{escape(word["word"])}</mark>'
        if i in titles
        else escape(word["word"])
        for i, word in enumerate(result["words"])
    ]
    return f'<h3>{both("transcript")}</h3><p class="transcript">{" ".join(said)}</p>'


def both_title(key: str, **facts: object) -> str:
    """A text for an attribute, in both languages: a style sheet cannot choose inside an attribute."""
    return f"{text(key, 'fr', **facts)} / {text(key, 'en', **facts)}"


def _measures(result: Result) -> str:
    levels = next(
        (list(row["ranges"]) for row in result["measures"].values() if row["ranges"]), []
    )
    head = "".join(f'<th scope="col">{escape(level)}</th>' for level in levels)
    if levels:
        head += f'<th scope="col">{both("nearest")}</th>'
    rows = []
    for name, row in result["measures"].items():
        cells = "".join(
            f'<td class="near">{_range(row, level)}</td>'
            if level == row["nearest_level"]
            else f"<td>{_range(row, level)}</td>"
            for level in levels
        )
        if levels:
            cells += f"<td>{escape(row['nearest_level'] or '-')}</td>"
        label = escape(f"{name.replace('_', ' ')} ({row['unit']})")
        rows.append(
            f'<tr><th scope="row" title="{escape(row["description"])}">{label}</th>'
            f"<td>{number(row['value'])}</td>{cells}</tr>"
        )
    hint = f'<p class="muted">{both("measures_hint")}</p>' if levels else ""
    return (
        f'<h3>{both("measures")}</h3>{hint}<table><thead><tr><th scope="col">{both("measure")}</th>'
        f'<th scope="col">{both("here")}</th>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def _range(row: Mapping[str, Any], level: str) -> str:
    quartiles = row["ranges"].get(level)
    return f"{number(quartiles[0])}\u2013{number(quartiles[2])}" if quartiles else "-"


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
    told = f"{model['name']}, {model['kind']}, {model['version']}. {model['trained_on']} {model['notice']}"
    return f'<h3>{both("model")}</h3><p class="muted">{escape(told)}</p>'

"""Results for people: text for the terminal."""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

from spoken_cefr.prediction.labels import (
    by_weight,
    effect,
    label,
    likely_span,
    measures_effect,
    number,
    span,
    starting_level,
)
from spoken_cefr.prediction.why import why

WIDTH = 96
BAR = 30  # characters of a certain level
MAX_MEASURES, MAX_RARE, MAX_PARTS = 12, 15, 12
RANGE_TOLD = "range of each level: the middle half of its training recordings"
RANGE_OF_TEXTS_TOLD = (  # where the model is of kind text_ordinal
    "range of each level: the middle half of its written training passages, in which nothing is "
    "heard"
)
EFFECT_TOLD = "effect: by about how many levels it moves the result, '-' not looked at"


def text_report(result: Mapping[str, Any]) -> str:
    """What the terminal shows of one result (or of a file that failed)."""
    if "error" in result:
        return f"{result['file']}\n  no result: {result['error']}\n"
    parts = [
        [f"{result['file']}  ({clock(result['duration_s'])})", _level_line(result)],
        _bars(result["probabilities"] or {}),
        _wrapped("Why", why(result, "en")),
        _measures(result),
        _rare(result["rare_words"]) if result["level"] else [],
        _timeline(result["timeline"]),
        _wrapped("Transcript", result["transcript"] or "(empty)"),
        _wrapped("Model", _model_line(result["model"])),
        *(_wrapped("Note", warning) for warning in result["warnings"]),
    ]
    return "\n".join(line for part in parts for line in part) + "\n"


def clock(seconds: float) -> str:
    """``75.3`` as ``1:15``; rounded, as the player of the page does."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def _level_line(result: Mapping[str, Any]) -> str:
    if result["level"] is None:
        return f"  No level: {result['abstain_reason']}."
    told = f"{result['score_name']} (most likely {likely_span(result, 'en')}; "
    told += f"{result['confidence']:.0%} on {result['level']}: {result['sureness']})"
    if result["abstains"]:
        return f"  No level: {result['abstain_reason']}. It leans to {told}."
    return f"  Level {told}"


def _bars(probabilities: Mapping[str, float]) -> list[str]:
    return [
        f"    {level:3} {'█' * round(p * BAR):{BAR}} {p:4.0%}" for level, p in probabilities.items()
    ]


def _measures(result: Mapping[str, Any]) -> list[str]:
    measures = result["measures"]
    if not measures:
        return []
    levels = next((list(row["ranges"]) for row in measures.values() if row["ranges"]), [])
    head = f"  {'Measures':39}{'here':>6}  " + "".join(f"{level:^10}" for level in levels)
    lines = [head + ("  nearest" if levels else "") + "  effect"]
    shown = by_weight(measures, MAX_MEASURES)
    for name in shown:
        row = measures[name]
        unit = row["unit"]
        ranges = "".join(f"{span(row['ranges'].get(level), unit):^10}" for level in levels)
        nearest = f"  {row['nearest_level'] or '-':7}" if levels else ""
        value = number(row["value"], unit)
        told = f"    {label(name, unit, 'en'):37}{value:>6}  {ranges}{nearest}"
        lines.append(f"{told}  {effect(row['contribution']):>6}")
    lines += _whole_effects(result, width=len(lines[0]))
    more = len(measures) - len(shown)
    of_texts = result["model"]["kind"] == "text_ordinal"
    told = [RANGE_OF_TEXTS_TOLD if of_texts else RANGE_TOLD] if levels else []
    told += [EFFECT_TOLD, *([f"--json has {more} more"] if more else [])]
    return [*lines, *textwrap.wrap(f"({'; '.join(told)})", WIDTH, **_indented(4))]


def _whole_effects(result: Mapping[str, Any], *, width: int) -> list[str]:
    """What the measures and the words come to, of a model that looks at both."""
    if result["word_vectors_contribution"] is None:
        return []
    rows = {
        "all measures together": measures_effect(result["measures"]),
        "the words themselves (word vectors)": result["word_vectors_contribution"],
    }
    rows_told = [f"    {name:{width - 10}}{effect(value):>6}" for name, value in rows.items()]
    told = f"    {'starting from (a text in the middle of those it learned from)':{width - 10}}"
    return [f"{told}{starting_level(result):>6}", *rows_told]


def _rare(words: Sequence[Mapping[str, Any]]) -> list[str]:
    if not words:
        return _wrapped("Uncommon", "none")
    told = [_rare_word(row) for row in words[:MAX_RARE]]
    more = len(words) - MAX_RARE
    return _wrapped("Uncommon", ", ".join(told) + (f" and {more} more" if more > 0 else ""))


def _rare_word(row: Mapping[str, Any]) -> str:
    told = "in no list" if row["zipf"] is None else f"Zipf {row['zipf']:.1f}"
    where = f", at {clock(row['start_s'][0])}" if row["start_s"] else ""
    return f"{row['word']} ({told}{where})"


def _timeline(parts: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(parts) < 2:
        return []
    step = -(-len(parts) // MAX_PARTS)  # of a long recording every second, third, ... part
    told = [f"{clock(part['start_s'])} {part['score_name']}" for part in parts[::step]]
    return _wrapped("Along time", "  ".join(told))


def _model_line(model: Mapping[str, Any]) -> str:
    return f"{model['name']} ({model['kind']}, version {model['version']}). {model['trained_on']}"


def _wrapped(title: str, text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=f"  {title:11} ", subsequent_indent=" " * 14)


def _indented(n: int) -> dict[str, str]:
    return {"initial_indent": " " * n, "subsequent_indent": " " * n}

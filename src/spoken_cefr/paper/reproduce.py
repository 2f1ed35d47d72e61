"""`spoken-cefr reproduce`: each headline number of the paper in git beside the one made here.

The numbers are the corpus' counts, the SHA-256 of the tables and spectrograms
that every machine should get alike, and of each run and baseline the first
scores on recordings.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoken_cefr.config import Config
from spoken_cefr.paper.build import RECORD, RESULTS, record
from spoken_cefr.paths import ROOT
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json

EQUAL, WITHIN, OUTSIDE, MISSING = "equal", "within the spread", "outside", "missing"
MEASURES: Mapping[str, str] = {
    "accuracy": "accuracy",
    "quadratic_weighted_kappa": "kappa",
    "macro_f1": "macro-F1",
    "mean_absolute_error": "MAE in levels",
}
PRECISION = 1e-9  # relative: the last digits of a sum may depend on its order


@dataclass(frozen=True)
class Number:
    """One headline number; None where it cannot be computed, such as the kappa of a constant truth.

    ``seed_low`` and ``seed_high`` are the least and greatest over the seeds, None for what does
    not learn from chance; ``answer`` is about what one answer more or less changes, 0 where
    nothing may change.
    """

    value: float | str | None
    seed_low: float | None = None
    seed_high: float | None = None
    answer: float = 0.0


@dataclass(frozen=True)
class Line:
    """A number of the paper, the same one made here, and how they compare."""

    name: str
    paper: Number | None
    here: Number | None
    verdict: str


def run(config: Config, *, committed: Path = ROOT / RESULTS / "demo") -> int:
    """Print every headline number of the paper beside that of this profile's data folder.

    0 if each is equal or within the spread, else 1.
    """
    kept = read_json(committed / RECORD) if (committed / RECORD).exists() else {}
    made = record(config)
    results = stage_folder(config, "evaluation") / "results.json"
    lines = compare(
        headline(read_json(committed / "results.json"), kept), headline(read_json(results), made)
    )
    print(table(lines))
    counts = Counter(line.verdict for line in lines)
    told = ", ".join(
        f"{counts[verdict]} {verdict}" for verdict in (EQUAL, WITHIN, OUTSIDE, MISSING)
    )
    print(f"\n{len(lines)} numbers: {told}")
    others = [
        f"{name} {version} (here {made['versions'].get(name, 'none')})"
        for name, version in kept.get("versions", {}).items()
        if made["versions"].get(name) != version
    ]
    if others:
        print(f"The paper was made with other versions: {', '.join(others)}")
    return int(counts[OUTSIDE] + counts[MISSING] > 0)


def headline(document: Mapping[str, Any], kept: Mapping[str, Any]) -> dict[str, Number]:
    """The headline numbers by name, from evaluation's ``results.json`` and what `record` gave.

    What the latter lacks is missing.
    """
    numbers = {name: Number(value) for name, value in kept.get("counts", {}).items()}
    numbers |= {f"SHA-256 of {name}": Number(v) for name, v in kept.get("sha256", {}).items()}
    baselines = [name for name in document["baselines"] if name in document["results"]]
    for name in dict.fromkeys([*baselines, *document["results"]]):
        scores = document["results"][name].get("recording", {})
        for measure, title in MEASURES.items():
            if measure in scores:
                one = scores[measure]
                numbers[f"{name}: {title}"] = Number(
                    one["value"], one.get("seed_low"), one.get("seed_high"), 1 / scores["n"]
                )
    return numbers


def compare(paper: Mapping[str, Number], here: Mapping[str, Number]) -> list[Line]:
    """Every number of either side with its verdict; one that a side lacks is missing."""
    return [
        Line(name, paper.get(name), here.get(name), _verdict(paper.get(name), here.get(name)))
        for name in dict.fromkeys([*paper, *here])
    ]


def _verdict(paper: Number | None, here: Number | None) -> str:
    """Equal, within the paper's range over seeds widened by one answer, or outside.

    Another processor moves an answer that stood on the edge between two levels,
    and three seeds do not show all that chance can do; so one answer of n may
    differ. That is 1 / n in accuracy, and in MAE if it moves by one level. It is
    about as much in the other two: of such moves in 60 answers like the demo's,
    half changed macro-F1 by less than 0.8 / n and kappa by less than 0.4 / n. The
    range of what does not learn from chance is the value itself, widened alike.
    Counts and hashes have no range.
    """
    if paper is None or here is None:
        return MISSING
    old, new = paper.value, here.value
    if isinstance(old, str) or isinstance(new, str):
        return EQUAL if old == new else OUTSIDE
    if not _known(old) or not _known(new):
        return OUTSIDE if _known(old) or _known(new) else EQUAL
    if math.isclose(old, new, rel_tol=PRECISION, abs_tol=PRECISION):
        return EQUAL
    seeds = [old, *filter(_known, (paper.seed_low, paper.seed_high))]
    low, high = (bound(seeds) for bound in (min, max))
    slack = paper.answer * (1 + PRECISION)
    return WITHIN if low - slack <= new <= high + slack else OUTSIDE


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def table(lines: Sequence[Line]) -> str:
    """The lines as text: name, paper (with its range over seeds), here, verdict."""
    head = ("", "paper", "over seeds", "here", "")
    rows = [
        (line.name, _told(line.paper), _spread(line.paper), _told(line.here), line.verdict)
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    )


def _told(number: Number | None) -> str:
    value = None if number is None else number.value
    if isinstance(value, str):
        return value[:12]
    if not _known(value):
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else f"{value:,}"


def _spread(number: Number | None) -> str:
    if number is None or not _known(number.seed_low) or not _known(number.seed_high):
        return ""
    return f"{number.seed_low:.3f} to {number.seed_high:.3f}"

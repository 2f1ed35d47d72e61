"""What the study's own numbers say when recomputed: ``data/study_reanalysis.json``.

    python tools/reanalyse_study.py

Arithmetic on the integers of ``data/study_tables.toml``, of which there is only
one version; the stage evaluation passes the result on as ``study.json``.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spoken_cefr.corpus.speakers import PARTS
from spoken_cefr.evaluation.study import REANALYSIS, read_study
from spoken_cefr.store import write_json


def reanalysis(study: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that follows from the study's own integers.

    Returns
    -------
    dict
        constant_answer, table_3, figure_1, lost_recordings, segmentation: the
        numbers; arithmetic: the same as one line of text each.
    """
    found = {
        "constant_answer": constant_answer(study),
        "table_3": repeated_rows(study, table=3),
        "figure_1": figure_1(study),
        "lost_recordings": lost_recordings(study),
        "segmentation": segmentation(study),
    }
    return found | {"arithmetic": arithmetic(found)}


def constant_answer(study: Mapping[str, Any]) -> dict[str, Any]:
    """Show that the accuracy printed three times is that of always answering B1.

    Keras evaluates in batches, so their printed number bounds the number of
    test segments. Of all fractions with such a denominator, those that give the
    printed 32-bit float are counted: there is one. Its numerator, with those
    of the two other parts, adds up to the study's B1 segments.
    """
    printed, parts, table = study["printed"], study["parts"], study["table_1"]["segments"]
    low = (printed["n_batches"] - 1) * printed["batch_size"] + 1
    high = printed["n_batches"] * printed["batch_size"]
    fractions = fractions_printing(printed["repeated_accuracy"], low=low, high=high)
    share = _share(parts["test"])
    cells = [value for network in study["networks"] for value in network["accuracy"].values()]
    return {
        "printed": printed["repeated_accuracy"],
        "n_runs": printed["repeated_runs"],
        "n_low": low,
        "n_high": high,
        "fractions": [list(fraction) for fraction in fractions],
        "parts": {
            part: {"b1": parts[part]["b1"], "all": parts[part]["all"], "share": _share(parts[part])}
            for part in PARTS
        },
        "b1_sum": sum(parts[part]["b1"] for part in PARTS),
        "all_sum": sum(parts[part]["all"] for part in PARTS),
        "table_1_b1": table["B1"],
        "table_1_all": sum(table.values()),
        "best_printed": printed["best_accuracy"],
        "best_printed_above": printed["best_accuracy"] - share,
        "best_reported": max(cells),
        "n_cells": len(cells),
        # Cells are rounded to two digits, so the constant is too before they are compared.
        "n_cells_above": sum(value > round(share, 2) for value in cells),
        "n_cells_equal": sum(value == round(share, 2) for value in cells),
    }


def fractions_printing(printed: str, *, low: int, high: int) -> list[tuple[int, int]]:
    """All right / n with low <= n <= high that print as this 32-bit float."""
    target = np.float32(printed)
    n = np.arange(low, high + 1)
    nearest = np.rint(n * np.float64(printed)).astype(np.int64)
    fits = (nearest / n).astype(np.float32) == target
    return [(int(right), int(of)) for right, of in zip(nearest[fits], n[fits], strict=True)]


def repeated_rows(study: Mapping[str, Any], *, table: int) -> dict[str, Any]:
    """Architectures of one table whose cells are all the same, and what was printed instead."""
    rows = [network for network in study["networks"] if network["table"] == table]
    pairs = [
        [first["architecture"], second["architecture"]]
        for index, first in enumerate(rows)
        for second in rows[index + 1 :]
        if (first["accuracy"], first["loss"]) == (second["accuracy"], second["loss"])
    ]
    return {
        "table": table,
        "repeated": pairs,
        "printed_complex": study["printed"]["table_3_complex"],
    }


def figure_1(study: Mapping[str, Any]) -> dict[str, Any]:
    """The test set that the study's figure 1 shows beside the one that was scored."""
    printed, scored = study["printed"], study["parts"]["test"]
    return {
        "shown_segments": printed["figure_1_test_segments"],
        "scored_segments": scored["all"],
        "difference": scored["all"] - printed["figure_1_test_segments"],
        "shown_b1_share": printed["figure_1_b1_share"],
        "scored_b1_share": _share(scored),
        "drawn_over": "B2",
    }


def lost_recordings(study: Mapping[str, Any]) -> dict[str, Any]:
    """Recordings in the scraper's catalogue that the study's Table 1 does not hold, by level."""
    rows, kept = study["catalogue"]["rows"], study["table_1"]["recordings"]
    usable = {level: rows[level] for level in kept}
    return {
        "rows": sum(rows.values()),
        "c2": rows["C2"],
        "usable": sum(usable.values()),
        "kept": sum(kept.values()),
        "lost": sum(usable.values()) - sum(kept.values()),
        "lost_by_level": {level: usable[level] - kept[level] for level in kept},
        "unusable_file_names": study["catalogue"]["unusable_file_names"],
    }


def segmentation(study: Mapping[str, Any]) -> dict[str, Any]:
    """How many 1 s segments a recording has in the study's Table 1."""
    segments = sum(study["table_1"]["segments"].values())
    recordings = sum(study["table_1"]["recordings"].values())
    return {
        "segments": segments,
        "recordings": recordings,
        "segments_per_recording": segments / recordings,
    }


def arithmetic(found: Mapping[str, Any]) -> list[str]:
    """One line of text for each finding of :func:`reanalysis`, with its numbers."""
    constant, figure, lost = (
        found[name] for name in ("constant_answer", "figure_1", "lost_recordings")
    )
    parts = constant["parts"]
    b1 = " + ".join(f"{parts[part]['b1']:,}" for part in PARTS)
    everything = " + ".join(f"{parts[part]['all']:,}" for part in PARTS)
    test = parts["test"]
    printed = found["table_3"]["printed_complex"]
    levels = ", ".join(f"{level} {n}" for level, n in lost["lost_by_level"].items())
    return [
        f"always B1 on the test part: {test['b1']:,} / {test['all']:,} = {test['share']:.6f}, the "
        f"only fraction with {constant['n_low']:,} to {constant['n_high']:,} segments that prints "
        f"as {constant['printed']}",
        f"B1 in train, validation and test: {b1} = {constant['b1_sum']:,}; "
        f"in Table 1: {constant['table_1_b1']:,}",
        f"segments in train, validation and test: {everything} = {constant['all_sum']:,}; "
        f"in Table 1: {constant['table_1_all']:,}",
        f"best accuracy in a printed output: {constant['best_printed']:.4f} - {test['share']:.4f} "
        f"= {100 * constant['best_printed_above']:.2f} points above the constant answer; of "
        f"{constant['n_cells']} reported cells {constant['n_cells_above']} lies above it, "
        f"{constant['n_cells_equal']} equal it to two digits",
        *(
            f"Table 3 gives {first} and {second} the same cells; the printed outputs of complex: "
            + ", ".join(f"{value:.3f} at batch {size}" for size, value in printed.items())
            for first, second in found["table_3"]["repeated"]
        ),
        f"Figure 1 shows a test set of {figure['shown_segments']:,} segments, not the "
        f"{figure['scored_segments']:,} that were scored ({figure['difference']:,} fewer), and "
        f"draws B1's {100 * figure['shown_b1_share']:.2f} % over {figure['drawn_over']}",
        f"recordings: {lost['rows']:,} - {lost['c2']} of C2 = {lost['usable']:,}; "
        f"{lost['usable']:,} - {lost['kept']} kept = {lost['lost']} lost ({levels})",
    ]


def _share(part: Mapping[str, int]) -> float:
    return part["b1"] / part["all"]


if __name__ == "__main__":
    write_json(REANALYSIS, reanalysis(read_study()))
    print(REANALYSIS)

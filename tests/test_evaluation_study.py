"""The study's tables beside ours, and its numbers recomputed from its own integers."""

import math
import re
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from reanalyse_study import fractions_printing, reanalysis

from spoken_cefr.config import NeuralNetworksConfig
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.evaluation.study import REANALYSIS, networks_table, read_study, table_1
from spoken_cefr.store import read_json

STUDY = read_study()
UNITS = pd.DataFrame(
    [
        ("recording", "A1"),
        ("recording", "B1"),
        ("segment", "A1"),
        ("segment", "B1"),
        ("segment", "B1"),
    ],
    columns=["unit", "level"],
)


def results(**accuracies):
    scores = {"accuracy_low": 0.1, "accuracy_high": 0.9, "log_loss": 1.5}
    scores |= {"accuracy_seed_low": 0.5, "accuracy_seed_high": 0.6}
    rows = [
        {"run": run, "unit": unit, "n": 635, "n_speakers": 3, "accuracy": value + other, **scores}
        for run, value in accuracies.items()
        for unit, other in (("recording", 0.2), ("segment", 0.0))
    ]
    return pd.DataFrame(rows)


def test_the_file_holds_the_tables_of_the_study(shared):
    text = (shared / "mission" / "original_study.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([2-5]) \| (.*?) \| (.*?) \| (.*) \|$", text, flags=re.MULTILINE)
    assert len(rows) == len(STUDY["networks"]) == 11
    for (table, _, architecture, cells), ours in zip(rows, STUDY["networks"], strict=True):
        assert int(table) == ours["table"]
        assert architecture in ("-", ours["architecture"])
        pairs = [cell.split(" / ") for cell in cells.split(" | ") if cell != "-"]
        assert [float(accuracy) for accuracy, _ in pairs] == list(ours["accuracy"].values())
        assert [float(loss) for _, loss in pairs] == list(ours["loss"].values())
    one_line = " ".join(text.split())
    for level, n in STUDY["table_1"]["recordings"].items():
        segments = f"{STUDY['table_1']['segments'][level]:,}".replace(",", " ")
        assert f"{level} {n} / {segments}" in one_line


def test_the_repeated_accuracy_is_one_constant_answer_and_no_other_fraction():
    found = reanalysis(STUDY)["constant_answer"]
    # Every numerator, not only the nearest, in exact arithmetic.
    target = float(np.float32("0.578708291053772"))
    half_step = float(np.spacing(np.float32(target))) / 2
    fits = [
        [right, of]
        for of in range(19137, 19169)
        for right in range(math.floor(of * 0.578), math.ceil(of * 0.579) + 1)
        if abs(Fraction(right, of) - Fraction(target)) <= Fraction(half_step)
    ]
    assert found["fractions"] == fits == [[11084, 19153]]
    assert (found["b1_sum"], found["all_sum"]) == (34076, 69537)
    assert (found["table_1_b1"], found["table_1_all"]) == (34076, 69537)
    printed = STUDY["printed"]
    assert f"{found['parts']['train']['share']:.7f}" == printed["train_accuracy"]
    assert f"{found['parts']['validation']['share']:.7f}" == printed["validation_accuracy"]


def test_a_fraction_that_prints_otherwise_does_not_fit():
    assert fractions_printing("0.5", low=9, high=12) == [(5, 10), (6, 12)]
    assert fractions_printing("0.578708291053772", low=19137, high=19152) == []


def test_the_other_findings_follow_from_the_published_integers():
    found = reanalysis(STUDY)
    assert found["table_3"]["repeated"] == [["simple", "complex"]]
    assert found["lost_recordings"]["lost"] == 139
    assert sum(found["lost_recordings"]["lost_by_level"].values()) == 139
    assert found["figure_1"]["difference"] == 19153 - 8314
    assert found["constant_answer"]["best_printed_above"] == pytest.approx(0.0013, abs=5e-5)
    assert found["constant_answer"]["n_cells"] == 31
    assert found["constant_answer"]["n_cells_above"] == 1  # 0.59


def test_each_cell_stands_next_to_the_study_and_to_both_constant_answers():
    table = networks_table(
        STUDY, results(majority=0.34, table2_simple_128=0.55), NeuralNetworksConfig()
    )
    assert len(table) == 31
    row = table.set_index("run").loc["table2_simple_128"]
    assert (row["study_accuracy"], row["study_loss"]) == (0.57, 1.15)
    assert (row["status"], row["accuracy"]) == ("run", 0.55)  # of segments, not of recordings
    assert (row["constant_accuracy"], row["n"]) == (0.34, 635)
    assert (row["inputs"], row["our_inputs"]) == (
        "wav2vec2",
        "whisper, layer 3, mean, 30 s windows",
    )
    assert row["study_constant_accuracy"] == pytest.approx(0.5787, abs=1e-4)
    others = table[table["run"] != "table2_simple_128"]
    assert set(others["status"]) == {"not run"}
    assert others["accuracy"].isna().all()
    assert (others["constant_accuracy"] == 0.34).all()


def test_table_1_counts_the_loaded_corpus_beside_the_study():
    table = table_1(STUDY, UNITS, levels=TARGET_LEVELS).set_index("level")
    assert list(table.index) == [*TARGET_LEVELS, "all"]
    assert table.loc["B1"].to_list() == [319, 34076, 1, 2]
    assert table.loc["all"].to_list() == [863, 69537, 2, 3]


def test_what_git_holds_is_what_the_tool_finds():
    found = reanalysis(STUDY)
    assert read_json(REANALYSIS) == found
    assert len(found["arithmetic"]) == 7

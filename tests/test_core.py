"""Levels, languages, safe writing, and the account that each stage gives."""

import json
import os
import shutil

import numpy as np
import pandas as pd
import pytest

from spoken_cefr import stages
from spoken_cefr.corpus.languages import LANGUAGES, find_language
from spoken_cefr.corpus.levels import (
    TARGET_LEVELS,
    decimal_name,
    interpolated_median,
    level_codes,
)
from spoken_cefr.errors import InputError
from spoken_cefr.stages import (
    STAGES,
    Report,
    begin_stage,
    changed_outputs,
    finish_stage,
    is_done,
    matches,
    read_report,
    stage_folder,
)
from spoken_cefr.store import sha256_of, write_csv, write_json, write_parquet


def test_codes_count_from_the_lowest_level_and_name_an_unknown_one():
    np.testing.assert_array_equal(level_codes(["C1", "A1", "B1"]), [4, 0, 2])
    with pytest.raises(ValueError, match="C2"):
        level_codes(["A1", "C2"])
    assert "C2" not in TARGET_LEVELS


def test_the_site_has_fourteen_languages_each_with_its_own_code_and_name():
    assert len(LANGUAGES) == 14
    assert len({language.code for language in LANGUAGES}) == 14
    assert len({language.name for language in LANGUAGES}) == 14
    assert find_language("fr").bas == "fra-FR"
    with pytest.raises(InputError, match="the site has: fr, en"):
        find_language("tlh")


def test_whisper_knows_the_codes_that_we_give_it():
    from faster_whisper.tokenizer import _LANGUAGE_CODES

    given = {language.whisper for language in LANGUAGES if language.whisper}
    assert given <= set(_LANGUAGE_CODES)


def test_what_is_not_a_number_never_reaches_a_results_file(tmp_path):
    with pytest.raises(ValueError, match="Out of range float"):
        write_json(tmp_path / "results.json", {"kappa": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_tables_are_the_same_bytes_twice(tmp_path):
    table = pd.DataFrame({"id": ["é", "b"], "x": [0.1, 2.0]})
    for name in ("a", "b"):
        write_csv(tmp_path / f"{name}.csv", table)
        write_parquet(tmp_path / f"{name}.parquet", table)
    assert sha256_of(tmp_path / "a.csv") == sha256_of(tmp_path / "b.csv")
    assert sha256_of(tmp_path / "a.parquet") == sha256_of(tmp_path / "b.parquet")
    assert b"\r" not in (tmp_path / "a.csv").read_bytes()


def test_an_account_that_does_not_add_up_stops_the_stage(demo_config):
    config = demo_config()
    report = Report("scraping", unit="card", n_in=3, n_out=1, dropped=[{"id": "1", "reason": "x"}])
    with pytest.raises(ValueError, match="1 are unaccounted for"):
        finish_stage(config, report, [])
    assert not is_done(config, "scraping")


def finish(config, stage, *, text="x", to_retry=0):
    output = stage_folder(config, stage) / "table.csv"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    dropped = [{"id": "9", "reason": "level C2"}]
    report = Report(stage, "card", n_in=2, n_out=1, dropped=dropped)
    report.figures["to_retry"] = to_retry
    return finish_stage(config, report, [output])


def test_a_stage_is_done_until_a_key_an_input_or_an_output_changes(demo_config):
    config = demo_config()
    finish(config, "scraping")
    finish(config, "processing")
    assert is_done(config, "processing")
    assert not is_done(demo_config("processing.overlap=0.25"), "processing")
    assert not is_done(demo_config("seed=1"), "processing")
    assert is_done(demo_config("evaluation.n_bootstrap=10"), "processing")
    assert is_done(demo_config("n_jobs=1"), "processing")
    finish(config, "scraping", text="another catalogue")
    assert not is_done(config, "processing")
    finish(config, "processing")
    (stage_folder(config, "processing") / "table.csv").unlink()
    assert not is_done(config, "processing")


def test_what_was_changed_by_hand_is_taken_as_it_is_by_the_next_stage(demo_config):
    config = demo_config()
    for stage in ("scraping", "processing"):
        finish(config, stage)
    table = stage_folder(config, "scraping") / "table.csv"
    assert changed_outputs(config, "scraping") == {}
    table.write_text("a level that a person has corrected")
    assert changed_outputs(config, "scraping") == {"table.csv": sha256_of(table)}
    assert is_done(config, "scraping") and not is_done(config, "processing")
    finish(config, "processing")
    assert is_done(config, "processing")
    table.write_text("x")  # as it was; its time is another
    assert changed_outputs(config, "scraping") == {}
    assert not is_done(config, "processing")


def test_a_folder_that_was_copied_is_as_it_was(demo_config):
    config = demo_config()
    for stage in ("scraping", "processing"):
        finish(config, stage)
    shutil.rmtree(config.data_path / stages.STAMPS)
    os.utime(stage_folder(config, "scraping") / "table.csv", (1, 1))
    assert is_done(config, "processing")


def test_a_stage_is_done_again_when_code_that_it_stands_on_changes(
    demo_config, tmp_path, monkeypatch
):
    copy = tmp_path / "spoken_cefr"
    shutil.copytree(stages.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(stages, "PACKAGE", copy)
    config = demo_config()
    for stage in STAGES:
        finish(config, stage)

    def undone_by(name):
        path, before = copy / name, (copy / name).read_bytes()
        path.write_bytes(before + b"# another line\n")
        undone = {stage for stage in STAGES if not is_done(config, stage)}
        path.write_bytes(before)
        return undone

    assert undone_by("processing/audio.py") == {"processing"}  # and what reads its report, then
    assert undone_by("processing/weights/packaged.py") == {"processing"}
    assert undone_by("measures/lexis.py") == {"neural_networks", "evaluation"}
    assert undone_by("neural_networks/bundle.py") == {"neural_networks"}
    assert undone_by("replica/server.py") == {"scraping"}
    assert undone_by("corpus/metadata.py") == set(STAGES)
    for name in ("cli.py", "doctor.py", "paper/build.py", "config.py", "page/app.py"):
        assert undone_by(name) == set(), name


def test_a_stage_that_began_again_and_was_killed_is_not_done(demo_config):
    config = demo_config()
    finish(config, "scraping")
    (stage_folder(config, "scraping") / ".table.123.tmp.csv").write_text("half")
    begin_stage(config, "scraping")
    assert not is_done(config, "scraping")
    assert not list(stage_folder(config, "scraping").glob(".*"))


def test_a_unit_worth_another_try_leaves_the_stage_open_but_the_next_ones_usable(demo_config):
    config = demo_config()
    finish(config, "scraping", to_retry=1)
    finish(config, "processing")
    assert not is_done(config, "scraping")
    assert is_done(config, "processing")


def test_a_stage_after_one_that_another_config_made_does_not_match(demo_config):
    config = demo_config()
    for stage in STAGES:
        finish(config, stage)
    assert matches(config, "evaluation")
    assert not matches(demo_config("processing.overlap=0.25"), "evaluation")


def test_the_account_reads_back_with_the_config_beside_it(demo_config):
    config = demo_config()
    report = finish(config, "scraping")
    assert read_report(config, "scraping") == report
    assert report.summary() == "scraping: 2 cards in, 1 out, 1 dropped (level C2: 1)"
    kept = json.loads((stage_folder(config, "scraping") / "config.json").read_text())
    assert kept["scraping"]["replica_dir"] == "data/replica"
    account = json.loads((stage_folder(config, "scraping") / "report.json").read_text())
    assert account["notice"].startswith("Machine-spoken")


@pytest.mark.parametrize(
    ("probabilities", "score", "name"),
    [
        ([0, 0, 1, 0, 0], 3.5, "B1.5"),  # a certain B1 is in the middle of B1
        ([0, 0.5, 0.5, 0, 0], 3.0, "B1.0"),  # half below, half above: on the border
        ([0.2, 0.2, 0.4, 0.1, 0.1], 3.25, "B1.2"),
        ([0, 0, 0, 0, 1], 5.5, "C1.5"),
        ([0.7, 0.3, 0, 0, 0], 1 + 5 / 7, "A1.7"),
    ],
)
def test_the_decimal_level_is_where_half_of_the_probability_lies_below(probabilities, score, name):
    found = interpolated_median(np.array([probabilities]))[0]
    assert found == pytest.approx(score)
    assert decimal_name(found) == name

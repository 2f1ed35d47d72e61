"""The paper says what the files say, and cannot be built without one of them."""

import dataclasses
import datetime
import io
import itertools
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pypdf
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from spoken_cefr.cli import main
from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.networks.per_segment import SimpleDNN, SmallCNN
from spoken_cefr.paper.build import (
    FULL,
    FULL_PROFILE,
    HEARD,
    INPUTS,
    OPTIONAL,
    RECORD,
    REQUIRED,
    RESULTS,
    SAME_BYTES,
    SOURCE,
    account,
    build_paper,
    collect,
    compile_paper,
    pipeline,
    record,
    results_folder,
)
from spoken_cefr.paper.methods import layers, methods
from spoken_cefr.paper.refresh import refresh
from spoken_cefr.paper.seen import LEARNED, RELIABILITY, SEEN
from spoken_cefr.paths import ROOT
from spoken_cefr.stages import STAGES, executed_path, stage_folder
from spoken_cefr.store import read_csv, read_json, write_csv, write_json, write_parquet

DEMO = RESULTS / "demo"
BASELINES = "data/fr_catalogue_2025-01_baselines.json"


@pytest.fixture
def copy(tmp_path):
    """All that the paper reads of the repository, to be changed."""
    shutil.copytree(ROOT / SOURCE.parent, tmp_path / SOURCE.parent)
    for path in INPUTS:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def pages(pdf):
    return [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages]


def words(pdf):
    """The text with one space between words and no hyphen at a line's end."""
    return " ".join("\n".join(pages(pdf)).replace("-\n", "").split())


def text_of(root):
    return words(compile_paper(DEMO, root=root))


def change(path, *keys, value):
    document = read_json(path)
    inner = document
    for key in keys[:-1]:
        inner = inner[key]
    assert inner[keys[-1]] != value
    inner[keys[-1]] = value
    write_json(path, document)


@pytest.mark.slow
def test_the_paper_in_git_is_what_the_files_in_git_give():
    built = compile_paper(DEMO)
    assert built == compile_paper(DEMO), "not the same bytes twice"
    kept = (ROOT / "paper.pdf").read_bytes()
    assert words(built) == words(kept), "paper.pdf is out of date: run `make refresh`"


def test_it_has_eight_to_twelve_pages_and_warns_of_the_demo_on_the_first():
    told = pages((ROOT / "paper.pdf").read_bytes())
    assert 8 <= len(told) <= 12
    assert read_json(ROOT / DEMO / "results.json")["notice"] in " ".join(told[0].split())


@pytest.mark.parametrize("kind", ["Table", "Figure"])
def test_no_table_or_figure_is_printed_before_one_of_a_lower_number(kind):
    told = pages((ROOT / "paper.pdf").read_bytes())
    found = [sorted(map(int, re.findall(rf"^{kind}\s+(\d+)\.\s", page, re.M))) for page in told]
    numbers = list(itertools.chain(*found))
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 5


# A key of a file, a value that it does not have, and how the paper prints that.
CHANGES = (
    (BASELINES, "label_sets keep baselines duration_only accuracy value", 0.12345, "0.12"),
    (BASELINES, "source n_usable", 7654, "7,654 recordings"),
    (DEMO / "study.json", "constant_answer b1_sum", 65432, "65,432"),
    (DEMO / "study.json", "constant_answer n_cells_above", 3, "three are above"),
    (DEMO / "results.json", "counts all speakers", 8765, "8,765 speakers"),
    (DEMO / "results.json", "n_bootstrap", 4321, "4,321"),
    (DEMO / "pipeline.json", "settings processing sample_rate", 11025, "11,025 Hz"),
    (DEMO / "pipeline.json", "stages processing figures n_words", 98765, "98,765 words"),
)


def test_numbers_that_change_in_files_change_in_the_text(copy):
    before = text_of(copy)
    for file, keys, value, _ in CHANGES:
        change(copy / file, *keys.split(), value=value)
    scores = pd.read_csv(copy / DEMO / "results.csv")
    chosen = (scores["unit"] == "recording") & (scores["run"] == "majority")
    columns = ["accuracy", "accuracy_low", "accuracy_high"]
    scores.loc[chosen, columns] = [0.4567, 0.2345, 0.6789]
    write_csv(copy / DEMO / "results.csv", scores)
    after = text_of(copy)
    told = [*(row[-1] for row in CHANGES), "0.46 [0.23, 0.68]"]
    assert [one for one in told if after.count(one) <= before.count(one)] == []


def test_a_cell_of_the_study_that_was_run_shows_our_score(copy):
    path = copy / DEMO / FULL[0]
    if not path.exists():  # all of them are trained for a release only
        path = copy / DEMO / "study_networks.csv"
    cells = pd.read_csv(path)
    cells.loc[cells["run"] == "table4_medium_256", "status"] = "run"
    cells.loc[cells["run"] == "table4_medium_256", "accuracy"] = 0.7654
    cells.loc[cells["run"] == "table4_medium_256", ["accuracy_low", "accuracy_high"]] = 0.7, 0.81
    cells.loc[cells["run"] == "table4_medium_256", "log_loss"] = 1.234
    write_csv(path, cells)
    text = text_of(copy)
    assert "0.77 (1.23)" in text
    assert "[0.70, 0.81]" in text
    assert f"{(cells['status'] == 'run').sum()} of {len(cells)} cells were run" in text


@pytest.fixture
def all_cells(finished, copy, monkeypatch):
    """A profile that has trained every cell of the study, each with an accuracy of 0.6543."""
    monkeypatch.setattr("spoken_cefr.paper.refresh.matches", lambda config, stage: True)
    path = stage_folder(finished, "evaluation") / "study_networks.csv"
    scores = ["accuracy", "accuracy_low", "accuracy_high", "log_loss"]
    seeds = ["accuracy_seed_low", "accuracy_seed_high"]
    write_csv(path, pd.read_csv(path).assign(status="run", **dict.fromkeys(scores + seeds, 0.6543)))
    return dataclasses.replace(finished, profile=FULL_PROFILE)


def test_the_demo_s_paper_prints_the_cells_that_were_all_trained_once(finished, all_cells, copy):
    written = refresh(all_cells, root=copy)
    assert {path.name for path in written} == names_in(copy / RESULTS / FULL_PROFILE) == set(FULL)
    folder = collect(finished, root=copy)
    assert set(FULL) <= set(read_json(folder / "contents.json")["files"])
    text = words(compile_paper(folder, root=copy))
    assert "31 of 31 cells were run" in text
    assert text.count("0.65 (0.65)") == 31
    assert "three seeds" in text


@pytest.mark.parametrize(
    "name", [*INPUTS, *(DEMO / name for name in (*REQUIRED, "pipeline.json", "contents.json"))]
)
def test_no_paper_without_a_file_or_figure(copy, name):
    (copy / name).unlink()
    with pytest.raises(InputError, match=re.escape(Path(name).name)):
        compile_paper(DEMO, root=copy)


def test_no_paper_when_an_announced_figure_is_gone(copy):
    announced = [name for name in read_json(copy / DEMO / "contents.json")["files"]]
    extra = [name for name in announced if name.endswith(".svg") and name not in REQUIRED]
    assert extra
    (copy / DEMO / extra[0]).unlink()
    with pytest.raises(InputError, match=re.escape(Path(extra[0]).name)):
        compile_paper(DEMO, root=copy)


def test_no_paper_without_a_number(copy):
    document = read_json(copy / DEMO / "study.json")
    del document["lost_recordings"]["lost"]
    write_json(copy / DEMO / "study.json", document)
    with pytest.raises(InputError, match=r'paper\.typ:\d+:\d+: .*"lost"'):
        compile_paper(DEMO, root=copy)


def test_a_profile_of_real_recordings_is_not_called_synthetic(copy):
    for name in ("results.json", "pipeline.json"):
        change(copy / DEMO / name, "notice", value="")
        change(copy / DEMO / name, "profile", value="fr")
    change(
        copy / DEMO / "audit.json", "verdict", value="It hears level."
    )  # it ends with the notice
    told = text_of(copy).lower()
    assert "the corpus of profile fr" in told
    for word in ("machine-spoken", "synthetic", "demo corpus", "spoken by machine"):
        assert word not in told


# What may hold a digit in the words of the paper: names, not numbers.
NAMES = re.compile(
    r"""
    \b[ABC][12]\b\+?                     # levels
    | \bAVX2\b | x86-64 | SHA-256
    | \bF1\b | macro_f1 | wav2vec\ 2\.0  # names of measures and models
    | b1_\w+ | \w+\.(b1|c2)\b | table_[1-5]\w* | figure_1 | table_1_b1   # keys of the files
    | \.sha256\b
    | @[a-z]+\d{4}\b                     # references
    | "/(data|doc)/[^"]+"                # files
    | "[^"]*\ secondes"                  # the site's classes of duration
    | digits:\ \d | width:\ \d+%         # how a number or figure is set
    """,
    re.VERBOSE,
)
COUNT_WORDS = re.compile(
    r"\b(three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand)\b",
    re.IGNORECASE,
)


def typed_numbers(source):
    lines = [re.sub(r"//.*", "", line) for line in source.splitlines()]
    return [
        line for line in lines if re.search(r"\d", NAMES.sub("", line)) or COUNT_WORDS.search(line)
    ]


def test_no_number_is_typed_into_the_text():
    assert typed_numbers((ROOT / SOURCE).read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "line", ["reaches 0.54", "the 12 runs", "about 40 %", "of three runs", "[#calc.round(0.5)]"]
)
def test_the_test_before_would_see_a_typed_number(line):
    assert typed_numbers(line) == [line]


def test_every_reference_is_cited_and_every_citation_has_one():
    source = (ROOT / SOURCE).read_text(encoding="utf-8")
    known = re.findall(r"^@\w+\{(\w+),", (ROOT / SOURCE.parent / "refs.bib").read_text(), re.M)
    assert sorted(known) == sorted(set(re.findall(r"@([a-z]+\d{4})\b", source)))


def test_reasons_are_counted_without_the_names_of_recordings():
    report = {
        "unit": "recording",
        "n_in": 5,
        "n_out": 3,
        "dropped": [{"id": "9001", "reason": "level C2"}, {"id": "9002", "reason": "level C2"}],
        "remarks": [],
        "figures": {"n_words": 12, "runs": ["one"], "flag": True},
    }
    told = account(report)
    assert told["reasons"] == {"level C2": 2}
    assert told["figures"] == {"n_words": 12}
    assert "9001" not in json.dumps(told)


SLUG = "jardins_partages"  # a recording of the demo


@pytest.fixture
def finished(demo_config, copy):
    """A profile whose evaluation lies there as git holds it, with transcripts beside."""
    config = demo_config("scraping.contact=someone@example.org")
    folder = stage_folder(config, "evaluation")
    shutil.copytree(copy / DEMO, folder)
    (folder / "mistakes.csv").write_text("run,transcript\none,what a child said\n")
    (folder / "explanation.json").write_text('{"segments": ["what a child said"]}')
    document = read_json(folder / "results.json")
    runs = [name for name in document["results"] if name not in document["baselines"]]
    for run in runs:
        card = stage_folder(config, "neural_networks") / run / "config.json"
        write_json(card, {"n_parameters": 12, "profile": "demo"})
    for stage in STAGES:
        report = {"unit": "run", "n_in": 1, "n_out": 1, "dropped": [], "remarks": [], "figures": {}}
        report["figures"] = {"runs": runs, "n_words": 5, "n_segments": 7, "n_speakers": 2}
        report["outputs"] = {name: f"hash of {name}" for name in SAME_BYTES}
        write_json(stage_folder(config, stage) / "report.json", report)
    write_json(folder / "config.json", config.to_dict())
    text = read_csv(ROOT / "data/replica/texts.csv").set_index("slug").loc[SLUG, "text"]
    card = dict.fromkeys(COLUMNS, "") | {"recording_id": "9001", "level": "B1", "usable": True}
    card |= {"audio_url": f"http://site.example/{SLUG}.mp3", "duration_s": 50.0}
    write_csv(stage_folder(config, "scraping") / "metadata.csv", pd.DataFrame([card]))
    heard = pd.DataFrame({"recording_id": ["9001"], "text": [text.rpartition(" ")[0]]})
    write_parquet(stage_folder(config, "processing") / "transcripts.parquet", heard)
    return config


def test_collecting_takes_what_is_listed_and_no_transcript(finished):
    folder = collect(finished)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    best = read_json(folder / "results.json")["best_run"]
    listed = {*REQUIRED, *OPTIONAL, *FULL, *SEEN, HEARD, "pipeline.json", RECORD, "contents.json"}
    assert names <= listed | {f"figures/confusion_{best}_recording.svg"}
    assert set(REQUIRED) <= names
    everything = b"".join((folder / name).read_bytes() for name in names)
    assert b"what a child said" not in everything
    assert b"someone@example.org" not in everything
    assert pipeline(finished)["settings"]["seed"] == finished.seed


def test_the_record_holds_what_a_second_run_is_held_against(finished):
    told = record(finished)
    assert told["counts"] == {"recordings": 1, "segments": 7, "words heard": 5, "speakers": 2}
    assert told["sha256"]["words.parquet"] == "hash of words.parquet"
    assert told["versions"]["numpy"] == np.__version__
    assert told["machine"]["cores"] == os.cpu_count()
    assert told["machine"]["seconds"] == {}  # no notebook was run


def test_the_time_of_a_stage_is_that_of_its_notebook_if_that_did_all_the_work(finished):
    path = executed_path(finished, "scraping")
    path.parent.mkdir(parents=True)
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    told = {"duration": 12.5, "start_time": start.isoformat()}
    nbformat.write(new_notebook(metadata={"papermill": told}), path)
    assert record(finished)["machine"]["seconds"] == {"scraping": 12.5}
    kept = stage_folder(finished, "scraping") / "metadata.csv"
    os.utime(kept, times=(start.timestamp() - 1,) * 2)
    assert record(finished)["machine"]["seconds"] == {}


def test_the_time_that_is_told_is_of_the_stages_that_did_all_their_work(copy):
    path = copy / DEMO / RECORD
    seconds = dict(zip(STAGES, (10.2, 70.0, 100.0, 60.0), strict=True))
    change(path, "machine", "seconds", value=seconds)
    assert "the run of all stages took 4 minutes: scraping 10 s, processing 70 s" in text_of(copy)
    change(path, "machine", "seconds", value={"scraping": 10.2})
    told = text_of(copy)
    assert "the stages that began from nothing took 10 s: scraping 10 s." in told
    assert "an earlier run: processing, neural networks and evaluation" in told


def test_words_that_were_heard_wrong_are_counted_where_the_texts_are_known(finished):
    errors = read_csv(collect(finished) / HEARD)  # the last word was not heard
    assert errors["level"].tolist() == ["B1", "all"]
    assert errors["wrong"].tolist() == [1, 1]
    assert HEARD in read_json(results_folder(finished) / "contents.json")["files"]
    unknown = dataclasses.replace(finished.scraping, replica_dir="")
    folder = collect(dataclasses.replace(finished, scraping=unknown))
    assert HEARD not in names_in(folder)


def test_what_the_figures_of_learning_and_of_sureness_show_is_collected_as_rows(finished):
    assert not set(SEEN) & names_in(collect(finished))
    networks = stage_folder(finished, "neural_networks")
    split = pd.DataFrame({"recording_id": ["9001"], "part": ["test"], "fold": [1]})
    write_csv(networks / "split.csv", split)
    table = pd.DataFrame(
        {
            "epoch": [1, 2, 3, 1],
            "train_loss": 0.5,
            "train_accuracy": [0.5, 0.6, 0.9, 0.1],
            "validation_loss": [0.8, 0.7, 1.4, 0.1],
            "validation_accuracy": [0.3, 0.4, 0.3, 0.1],
            "validation_macro_f1": [0.2, 0.4, 0.1, 0.1],
            "seed": 0,
            "fold": [1, 1, 1, 0],  # the last is of another training
        }
    )
    write_csv(networks / "fusion" / "history.csv", table)
    bins = pd.DataFrame(
        {
            **{"run": "fusion", "unit": ["recording", "recording", "segment"]},
            **{"bin_low": [0.4, 0.5, 0.5], "bin_high": [0.5, 0.6, 0.6], "n": [6, 6, 99]},
            **{"confidence": [0.4, 0.6, 0.5], "accuracy": [0.5, 1.0, 0.1]},
            **{"wilson_low": 0.1, "wilson_high": 0.9},
        }
    )
    write_csv(stage_folder(finished, "evaluation") / "calibration.csv", bins)
    folder = collect(finished)
    assert set(SEEN) <= set(read_json(folder / "contents.json")["files"])
    (row,) = read_csv(folder / LEARNED).to_dict("records")
    assert (row["run"], row["n_epochs"], row["kept_epoch"]) == ("fusion", 3, 2)
    assert (row["lowest_loss"], row["last_loss"]) == (0.7, 1.4)
    (row,) = read_csv(folder / RELIABILITY).to_dict("records")
    assert (row["n"], row["confidence"], row["accuracy"]) == (12, 0.5, 0.75)


def test_what_a_figure_shows_is_said_as_its_rows_have_it(copy):
    learned, bins = (copy / DEMO / name for name in (LEARNED, RELIABILITY))
    best = read_json(copy / DEMO / "results.json")["best_run"].replace("_", " ")
    assert f"{best} is right more often than it says" in text_of(copy)
    write_csv(learned, read_csv(learned).assign(lowest_loss=0.5, last_loss=0.5))
    write_csv(bins, read_csv(bins).assign(accuracy=0.0))
    told = text_of(copy)
    assert "None ends with a validation loss more than" in told
    assert f"{best} is right less often than it says" in told


def test_layers_are_those_of_the_network_itself():
    dense = ["dense 512", "ReLU", "dropout 0.5", "dense 256", "ReLU", "dropout 0.5"]
    assert layers(SimpleDNN(3)) == [*dense, "dense 128", "ReLU", "dense 5"]
    told = layers(SmallCNN(128, n_outputs=4))
    assert told[:3] == ["16 convolutions 8 × 4 every 4 × 2", "batch norm", "ReLU"]
    assert told[3] == "16 convolutions 3 × 3 of each channel alone every 2 × 2"
    assert told[-3:] == ["mean over the map", "dropout 0.3", "dense 4"]
    assert methods("fr")["networks"]["layers"]["small_cnn"] == told


def test_one_call_collects_and_compiles_into_the_data_folder_and_gives_the_same_bytes_twice(
    finished, copy, monkeypatch
):
    monkeypatch.setattr("spoken_cefr.paper.build.matches", lambda config, stage: True)
    in_git = contents(copy, but=finished.data_path)
    path = build_paper(finished, root=copy)
    first = path.read_bytes()
    assert path == finished.data_path / "paper.pdf"
    assert build_paper(finished, root=copy).read_bytes() == first
    assert contents(copy, but=finished.data_path) == in_git


def test_results_on_another_disk_give_the_same_paper(copy, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("disk") / "results"
    shutil.copytree(copy / DEMO, elsewhere)
    assert compile_paper(elsewhere, root=copy) == compile_paper(DEMO, root=copy)


def contents(folder, *, but):
    """The bytes of every file in a folder, but for those in another one inside it."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in files if not path.is_relative_to(but)}


def test_refreshing_puts_one_run_into_git(finished, copy, monkeypatch):
    monkeypatch.setattr("spoken_cefr.paper.build.matches", lambda config, stage: True)
    monkeypatch.setattr("spoken_cefr.paper.refresh.matches", lambda config, stage: True)
    for stage in STAGES:
        cell = new_code_cell("1 + 1", execution_count=1, outputs=[new_output("stream", text="2")])
        path = executed_path(finished, stage)
        path.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(new_notebook(cells=[cell]), path)
    root = copy / "git"
    for old in (root / "doc" / "demo" / "old.png", root / DEMO / "old.csv"):
        old.parent.mkdir(parents=True)
        old.write_text("of an earlier run")
    refresh(finished, root=root)
    assert (root / "paper.pdf").read_bytes() == (finished.data_path / "paper.pdf").read_bytes()
    assert "# Model card" in (root / "doc" / "model_card.md").read_text(encoding="utf-8")
    assert {path.stem for path in (root / "notebooks").iterdir()} == set(STAGES)
    figures = stage_folder(finished, "evaluation") / "figures"
    assert names_in(root / "doc" / "demo") == {path.name for path in figures.glob("*.png")}
    assert names_in(root / DEMO) == names_in(results_folder(finished))
    assert RECORD in names_in(root / DEMO)


def names_in(folder):
    return {path.name for path in folder.iterdir()}


def test_results_of_other_profiles_are_kept_out_of_git():
    ignored = ["git", "check-ignore", "doc/paper/results/fr/results.json", "data/fr/paper.pdf"]
    done = subprocess.run(ignored, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode == 128:
        pytest.skip("not a git checkout")
    assert done.stdout.splitlines() == ignored[2:]


def test_collecting_names_what_evaluation_did_not_write(finished):
    (stage_folder(finished, "evaluation") / "exceeds.csv").unlink()
    with pytest.raises(InputError, match=r"exceeds\.csv"):
        collect(finished)


def test_a_profile_that_was_not_evaluated_gets_no_paper(tmp_path, capsys):
    output = tmp_path / "paper.pdf"
    arguments = ["paper", "--set", f'data_dir="{tmp_path.as_posix()}"', "--output", str(output)]
    assert main(arguments) == 1
    assert "the paper needs evaluation" in capsys.readouterr().err
    assert not output.exists()

"""The four notebooks: those in git are as they should be, and they run."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_contract import changed_tables, missing_files
from test_processing_stage import write_corpus

from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.errors import InputError
from spoken_cefr.notebooks import (
    collapse_progress,
    find_problems,
    run_notebook,
    strip_volatile,
)
from spoken_cefr.paper.refresh import refresh
from spoken_cefr.paths import NOTEBOOKS
from spoken_cefr.stages import STAGES

SUBSET = [
    "scraping.limit=12",
    "scraping.replica_port=0",
    "neural_networks.n_folds=3",
    "neural_networks.epochs=1",
    "neural_networks.n_seeds=1",
    "arithmetic=fast",
    "evaluation.n_bootstrap=50",
    "evaluation.n_repeats=1",
    "evaluation.n_permutations=2",
    "evaluation.n_permuted_trainings=1",
    "evaluation.audit_runs=ordinal_measures",
]


# --- those in git


@pytest.mark.parametrize("stage", STAGES)
def test_the_notebook_in_git_was_run_top_to_bottom_and_shows_its_outputs(stage):
    assert find_problems(nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4)) == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_notebook_in_git_holds_nothing_volatile(stage):
    text = (NOTEBOOKS / f"{stage}.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert strip_volatile(nbformat.reads(text, as_version=4)) == notebook
    assert not any(word in text for word in ("/home/", "/root/", "/tmp/", "papermill"))


@pytest.mark.parametrize("stage", STAGES)
def test_a_person_can_set_the_profile_in_the_first_code_cell(stage):
    notebook = nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first.metadata["tags"] == ["parameters"]
    assert first.source.startswith('PROFILE = "demo"')


@pytest.mark.parametrize("stage", STAGES)
def test_cells_are_short_and_most_have_a_paragraph_before_them(stage):
    cells = nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4).cells
    code = [cell.source.splitlines() for cell in cells if cell.cell_type == "code"]
    lengths = [
        len(lines) for lines in code if not any(line.startswith("import ") for line in lines)
    ]
    assert max(lengths) <= 10
    assert sum(cell.cell_type == "markdown" for cell in cells) >= len(code) / 2


LINK = re.compile(r"\[([^]]+)\]\((\.\./[^)#]+)\)")


@pytest.mark.parametrize("stage", STAGES)
def test_what_the_notebook_in_git_links_is_there_and_holds_what_is_named(stage):
    cells = nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4).cells
    told = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    links = LINK.findall(told)
    assert len([path for _, path in links if path.startswith("../src/")]) >= 5
    for text, path in links:
        linked = NOTEBOOKS / path
        assert linked.is_file(), path
        for name in re.findall(r"`([\w.]+)`", text):
            own = name.rpartition(".")[2]
            source = linked.read_text(encoding="utf-8")
            assert re.search(rf"^\s*(def|class) {own}\b", source, flags=re.MULTILINE), name


# --- the check itself


def executed(source, *, count=1, outputs=()):
    return new_code_cell(source, execution_count=count, outputs=list(outputs))


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


@pytest.mark.parametrize(
    "cells, problem",
    [
        ([executed("1 + 1")], "it has no outputs"),
        ([executed("x", count=2, outputs=[stream("1")])], "not run once each, top to bottom"),
        ([executed("x", count=None, outputs=[stream("1")])], "not run once each"),
        ([executed("x", outputs=[new_output("error", ename="E", evalue="")])], "an error output"),
        ([executed("def f():\n    pass", outputs=[stream("1")])], "defines a function"),
        ([executed("x", outputs=[stream("line\n" * 100)])], "prints more than"),
    ],
)
def test_each_defect_is_found(cells, problem):
    assert any(problem in found for found in find_problems(new_notebook(cells=cells)))


def test_a_copy_that_was_run_with_overrides_is_no_notebook_for_git():
    cell = executed("PROFILE = 'fr'", outputs=[stream("1")])
    cell.metadata["tags"] = ["injected-parameters"]
    assert find_problems(new_notebook(cells=[cell])) == [
        "it was run with another profile or with overrides"
    ]


def test_a_sound_notebook_has_no_problem_and_stripping_keeps_what_it_shows():
    cells = [
        new_markdown_cell("# Title"),
        executed("x", outputs=[stream("1"), stream("50%", "stderr")]),
    ]
    cells[1].metadata["execution"] = {"iopub.execute_input": "2026-01-01"}
    notebook = strip_volatile(new_notebook(cells=cells, metadata={"papermill": {"duration": 3}}))
    assert find_problems(notebook) == []
    assert [output.text for output in notebook.cells[1].outputs] == ["1"]
    assert "papermill" not in notebook.metadata and notebook.cells[1].metadata == {}


def test_an_executed_copy_keeps_the_last_state_of_a_progress_bar(tmp_path):
    bar = "epochs: 0%\r\repochs: 50%\r\repochs: 100%\na warning\n"
    nbformat.write(
        new_notebook(cells=[executed("x", outputs=[stream(bar, "stderr")])]), tmp_path / "n.ipynb"
    )
    collapse_progress(tmp_path / "n.ipynb")
    notebook = nbformat.read(tmp_path / "n.ipynb", as_version=4)
    assert notebook.cells[0].outputs[0].text == "epochs: 100%\na warning\n"


def test_only_the_demos_notebooks_go_into_git():
    with pytest.raises(InputError, match="only the demo's"):
        refresh(load_config("fr"))


# --- running them


def spoken_cefr(*arguments):
    command = [Path(sys.executable).parent / "spoken-cefr", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def subset_run(tmp_path_factory):
    """One run of all four notebooks on the first recordings of the demo."""
    folder = tmp_path_factory.mktemp("run") / "data"
    overrides = [f'data_dir="{folder.as_posix()}"', *SUBSET]
    arguments = ["run", "--profile", "demo"]
    for override in overrides:
        arguments += ["--set", override]
    return folder, arguments, spoken_cefr(*arguments)


@pytest.mark.slow
@pytest.mark.browser
def test_the_four_notebooks_run_on_a_few_recordings(subset_run):
    folder, _, done = subset_run
    assert done.returncode == 0, done.stderr[-3000:]
    for stage in STAGES:
        notebook = nbformat.read(folder / "notebooks" / f"{stage}.ipynb", as_version=4)
        notebook.cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.tags]
        assert not any(
            output.output_type == "error"
            for cell in notebook.cells
            if cell.cell_type == "code"
            for output in cell.outputs
        )
    assert "Machine-spoken demo recordings" in done.stdout


@pytest.mark.slow
@pytest.mark.browser
def test_every_account_adds_up_and_hands_on_to_the_next(subset_run):
    folder, _, _ = subset_run
    accounts = {s: json.loads((folder / s / "report.json").read_text("utf-8")) for s in STAGES}
    for account in accounts.values():
        assert account["n_in"] == account["n_out"] + len(account["dropped"])
    assert accounts["scraping"]["n_in"] == 12
    assert accounts["processing"]["n_in"] == 12
    assert accounts["neural_networks"]["figures"]["n_recordings"] == accounts["processing"]["n_out"]


@pytest.mark.slow
@pytest.mark.browser
def test_the_files_and_tables_that_others_rely_on_are_there(subset_run):
    folder, _, _ = subset_run
    assert missing_files(folder) == []
    assert changed_tables(folder) == []


@pytest.mark.slow
@pytest.mark.browser
def test_probabilities_add_up_and_each_unit_is_answered_once_a_seed(subset_run):
    folder, _, _ = subset_run
    for path in folder.glob("neural_networks/*/predictions.parquet"):
        table = pd.read_parquet(path)
        p_levels = [f"p_{level}" for level in TARGET_LEVELS]
        assert table[p_levels].sum(axis=1).to_numpy() == pytest.approx(1)
        assert not table.duplicated(["unit", "id", "part", "seed"]).any()


@pytest.mark.slow
@pytest.mark.browser
def test_a_second_run_skips_every_stage_and_says_so(subset_run):
    folder, arguments, _ = subset_run
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    again = spoken_cefr(*arguments)
    assert again.returncode == 0, again.stderr
    assert all(f"{stage}: up to date, skipped" in again.stdout for stage in STAGES)
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before


# --- by hand


@pytest.fixture(scope="module")
def copied_notebooks(subset_run, tmp_path_factory):
    """The four notebooks as somebody would set them who works on with what the batch has made."""
    data, _, done = subset_run
    assert done.returncode == 0, done.stderr[-3000:]
    folder = tmp_path_factory.mktemp("by_hand")
    for stage in STAGES:
        notebook = nbformat.read(NOTEBOOKS / f"{stage}.ipynb", as_version=4)
        [first] = [cell for cell in notebook.cells if cell.metadata.get("tags") == ["parameters"]]
        overrides = [f'data_dir="{data.as_posix()}"', *SUBSET]
        first.source = f'PROFILE = "demo"\nOVERRIDES = {overrides!r}'
        nbformat.write(notebook, folder / f"{stage}.ipynb")
    return data, folder


# From two places in turn, for their first cells are alike but for what they set; the batch ran
# each before, so that every one runs twice in a row.
@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.parametrize(
    ("stage", "place"), list(zip(STAGES, [NOTEBOOKS.parent, NOTEBOOKS] * 2, strict=True))
)
def test_a_notebook_runs_by_hand_from_anywhere_and_again(copied_notebooks, stage, place):
    data, folder = copied_notebooks
    report = data / stage / "report.json"
    before = report.stat().st_mtime_ns
    command = [sys.executable, "-m", "nbconvert", "--execute", "--to", "notebook", "--stdout"]
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        [*command, str(folder / f"{stage}.ipynb")],
        cwd=place,
        env=os.environ | {"PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    cells = nbformat.reads(done.stdout, as_version=4).cells
    shown = [output for c in cells if c.cell_type == "code" for output in c.outputs]
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert any(f"{stage}: " in output.get("text", "") for output in shown)  # the stage's account
    assert report.stat().st_mtime_ns == before, "it did again what was up to date"


# --- bad input


@pytest.mark.slow
def test_a_bad_first_recording_is_left_out_and_the_next_one_shown(tmp_path):
    scraping = tmp_path / "data" / "scraping"
    write_corpus(scraping, bad=False)
    (scraping / "audio" / "good_1.mp3").write_bytes(b"<html>not found</html>")
    overrides = [f'data_dir="{tmp_path.as_posix()}/data"', "processing.n_mels=40"]
    path = run_notebook(load_config("demo", overrides), "processing", overrides=overrides)
    report = json.loads((tmp_path / "data" / "processing" / "report.json").read_text("utf-8"))
    assert [row["id"] for row in report["dropped"]] == ["good_1"]
    text = path.read_text(encoding="utf-8")
    assert "processing: 3 recordings in, 2 out, 1 dropped" in text
    assert "La semaine prochaine, c'est la fête de mon école." in text  # good_2's transcript


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["run", "--profile", "klingon"], "there is no profile 'klingon'"),
        (["run", "--set", "processing.speed=9"], "unknown key 'speed'"),
        (["run", "paint"], "'paint' is not a stage"),
    ],
)
def test_a_bad_command_is_one_sentence_and_status_1(arguments, message):
    done = spoken_cefr(*arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["spoken_cefr", "spoken_cefr.cli"])
def test_the_command_can_be_called_as_a_module(module):
    command = [sys.executable, "-m", module, "run", "paint"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, "not a stage" in done.stderr) == (1, True)


@pytest.mark.slow
def test_a_notebook_runs_on_this_python_whatever_kernels_there_are(tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({"argv": ["false"], "display_name": "x", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    overrides = [f'data_dir="{tmp_path.as_posix()}/data"']
    with pytest.raises(InputError, match=r"metadata\.csv is missing"):
        run_notebook(load_config("demo", overrides), "processing", overrides=overrides)


@pytest.mark.slow
def test_the_real_site_is_not_visited_without_a_contact(tmp_path):
    folder = tmp_path / "data"
    done = spoken_cefr(
        "run", "scraping", "--profile", "fr", "--set", f'data_dir="{folder.as_posix()}"'
    )
    assert done.returncode == 1
    assert "contact" in done.stderr.splitlines()[-1]
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left <= {".running.lock"}  # the system's, of an empty file

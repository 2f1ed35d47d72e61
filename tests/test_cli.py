"""A run with nothing to do finds that out quickly, and looks at the machine only where it must."""

import json
import subprocess
import sys

import pytest
from test_core import finish

from spoken_cefr import cli, doctor, paths
from spoken_cefr.cli import main
from spoken_cefr.paths import ROOT
from spoken_cefr.stages import STAGES, executed_path, stage_folder

HEAVY = {
    "torch",
    "spacy",
    "papermill",
    "nbformat",
    "librosa",
    "matplotlib",
    "sklearn",
    "selenium",
    "faster_whisper",
    "transformers",
}
LOADED = """
import json, sys
from spoken_cefr.cli import main
status = main(sys.argv[1:])
print(json.dumps([status, sorted({name.partition(".")[0] for name in sys.modules})]))
"""


@pytest.fixture
def done(demo_config):
    """A profile of which every stage is up to date; the arguments that name it."""
    config = demo_config()
    for stage in STAGES:
        finish(config, stage)
        executed_path(config, stage).parent.mkdir(exist_ok=True)
        executed_path(config, stage).write_text("{}")
    results = (ROOT / "doc" / "paper" / "results" / "demo" / "results.csv").read_text("utf-8")
    (stage_folder(config, "evaluation") / "results.csv").write_text(results, encoding="utf-8")
    return config, ["--profile", "demo", "--set", f'data_dir="{config.data_path.as_posix()}"']


@pytest.mark.slow
def test_nothing_heavy_is_loaded_to_find_that_nothing_is_to_be_done(done):
    _, options = done
    command = [sys.executable, "-c", LOADED, "run", *options, "--check"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    status, loaded = json.loads(told.splitlines()[-1])
    assert status == 0
    assert all(f"{stage}: up to date, skipped" in told for stage in STAGES)
    assert "majority" in told  # the results table is printed all the same
    assert HEAVY.isdisjoint(loaded)


def test_the_machine_is_looked_at_only_before_something_is_done(done, monkeypatch, capsys):
    config, options = done
    monkeypatch.setattr(doctor, "run", lambda *_, **__: print("not ready: browser") or 1)
    monkeypatch.setattr(cli, "_run_stage", lambda *args, **kwargs: print("runs"))
    assert main(["run", *options, "--check"]) == 0
    assert "not ready" not in capsys.readouterr().out
    (stage_folder(config, "evaluation") / "report.json").unlink()
    assert main(["run", *options, "--check"]) == 1
    assert capsys.readouterr().out == "not ready: browser\n"
    assert main(["run", *options]) == 0


def test_the_old_name_of_refresh_still_answers(capsys):
    with pytest.raises(SystemExit) as end:
        main(["refresh-notebooks", "--help"])
    assert end.value.code == 0
    assert "usage: spoken-cefr refresh" in capsys.readouterr().out


def test_notebooks_say_which_package_answers(monkeypatch, tmp_path):
    assert paths.package_place() == "spoken_cefr from src/spoken_cefr"
    monkeypatch.setattr(paths, "ROOT", tmp_path)  # as where another copy is installed
    assert paths.package_place() == f"spoken_cefr from {ROOT / 'src' / 'spoken_cefr'}"

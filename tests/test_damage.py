"""What is damaged on the disk, or cannot be written: made anew, or one sentence that names it."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_bundle import invented_measures
from test_neural_networks_stage import OPTIONS, write_processing

from spoken_cefr import cli, neural_networks
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks import bundle, stage
from spoken_cefr.processing.stage import load_arrays
from spoken_cefr.scraping.archive import Journal
from spoken_cefr.stages import (
    STAGES,
    changed_outputs,
    is_done,
    matches,
    output_hashes,
    read_report,
    stage_folder,
)
from spoken_cefr.store import (
    holding,
    read_array,
    read_csv,
    read_json,
    read_parquet,
    replacing,
    sha256_of,
    write_csv,
    write_json,
    write_parquet,
)

DAMAGE = {
    "cut in half": lambda data: data[: len(data) // 2],
    "zero bytes": lambda data: b"",
    "null": lambda data: b"null",
    "garbage": lambda data: bytes(np.random.default_rng(0).integers(0, 256, 4000, np.uint8)),
    "nested": lambda data: b"[" * 10_000,
}
TABLE = pd.DataFrame({"recording_id": ["007", "008"], "score": [0.5, 1.0]})
READERS = {
    "a.json": (read_json, lambda path: write_json(path, {"a": 1})),
    "a.parquet": (read_parquet, lambda path: write_parquet(path, TABLE)),
    "a.npy": (read_array, lambda path: np.save(path, np.zeros((20, 30)))),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("name", READERS)
def test_each_reader_names_a_damaged_file(tmp_path, name, damage):
    read, write = READERS[name]
    path = tmp_path / name
    write(path)
    read(path)  # which it can be while it is whole
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with pytest.raises(InputError) as error:
        read(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_json, read_parquet, read_array, read_csv])
def test_each_reader_names_a_missing_file(tmp_path, read):
    with pytest.raises(InputError, match="gone"):
        read(tmp_path / "gone")


@pytest.mark.parametrize(
    "rest",
    [b'null\n{"a": 2}\n', b"3\n", b'"a"\n', b"[" * 10_000, b'{"a": ', b'{"a": 2', b'{"a": "\xc3'],
    ids=["null", "number", "text", "nested", "cut value", "cut bracket", "cut in a character"],
)
def test_a_journal_goes_on_after_its_last_whole_line(tmp_path, rest):
    path = tmp_path / "pages.jsonl"
    path.write_bytes(b'{"a": 1}\n' + rest)
    Journal(path).append({"a": 3})
    assert path.read_bytes() == b'{"a": 1}\n{"a": 3}\n'
    assert Journal(path).rows == [{"a": 1}, {"a": 3}]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished data folder with one run; a config of it, and a way to run the stage again."""
    from spoken_cefr.config import load_config

    data = tmp_path_factory.mktemp("finished") / "data"
    config = load_config(
        "demo",
        [
            f'data_dir="{data.as_posix()}"',
            *OPTIONS,
            "neural_networks.runs=ordinal_measures",
        ],
    )
    with pytest.MonkeyPatch.context() as patch:
        measures = invented_measures(write_processing(config))
        patch.setattr(stage, "measures_table", lambda config: measures)
        patch.setattr(bundle, "measures_table", lambda config: measures)
        neural_networks.run(config)
        yield config


def files_of(folder):
    return sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())


def hashes_of(folder):
    return {str(name): sha256_of(folder / name) for name in files_of(folder)}


@pytest.mark.slow
def test_a_damaged_file_of_a_finished_folder_is_made_anew_or_named(finished):
    """All files of the data folder in turn: the stage that reads them is run on what is left."""
    data = finished.data_path
    spare = data.with_name("spare")
    whole = hashes_of(data)
    shutil.copytree(data, spare, dirs_exist_ok=True)
    outputs = output_hashes(finished, "neural_networks")
    n_named = 0
    for name in files_of(spare):
        if "fold_" in str(name) and "fold_0" not in str(name):
            continue  # one training stands for all
        path = data / name
        path.write_bytes(DAMAGE["cut in half"](path.read_bytes()))
        if path.name != "report.json":  # else nothing of it would be read
            (stage_folder(finished, "neural_networks") / "report.json").unlink()
        try:
            neural_networks.run(finished)
            load_arrays(finished)
            for one in ("scraping", "processing"):
                read_report(finished, one)
        except InputError as error:
            assert path.name in str(error), (name, error)
            n_named += 1
        else:
            assert output_hashes(finished, "neural_networks") == outputs, name
            assert (
                hashes_of(stage_folder(finished, "neural_networks"))
                == {
                    key.partition("/")[2]: value
                    for key, value in whole.items()
                    if key.startswith("neural_networks/")
                }
                or path.suffix == ".csv"
            ), name  # fewer rows of metadata make another split
        shutil.rmtree(data)
        shutil.copytree(spare, data)
    # Of the stages before: two reports, two arrays, two tables. The rest the stage makes itself.
    assert 0 < n_named <= 6
    assert hashes_of(data) == whole


def test_a_changed_byte_of_unchanged_size_and_time_is_seen_by_who_verifies(finished):
    path = stage_folder(finished, "processing") / "log_mel.npy"
    before, data = path.stat(), path.read_bytes()
    try:
        path.write_bytes(data[:-4] + b"\0\0\0\1")
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert changed_outputs(finished, "processing") == {}
        assert changed_outputs(finished, "processing", verify=True) == {path.name: sha256_of(path)}
        assert not is_done(finished, "processing")
        assert not matches(finished, "neural_networks")
    finally:
        path.write_bytes(data)
        changed_outputs(finished, "processing", verify=True)
    assert is_done(finished, "processing")


def test_the_command_verifies_every_stage_before_it_takes_one_as_done(monkeypatch, demo_config):
    asked = []

    def changed(config, stage, *, verify=False):
        asked.append((stage, verify))
        return {}

    monkeypatch.setattr(cli, "changed_outputs", changed)
    monkeypatch.setattr(cli, "load_config", lambda profile, overrides: demo_config())
    monkeypatch.setattr(cli, "_run_stage", lambda *given, **options: asked.append("run"))
    monkeypatch.setattr(cli, "_print_results", lambda *given: None)
    assert cli.main(["run", "--verify"]) == 0
    assert asked == [*((stage, True) for stage in STAGES), *["run"] * len(STAGES)]


FULL = Path("/dev/full")
WRITERS = {
    "a.json": lambda path: write_json(path, {"a": 1}),
    "a.csv": lambda path: write_csv(path, TABLE),
    "a.parquet": lambda path: write_parquet(path, TABLE),
    "a.npy": lambda path: _save_array(path, np.zeros(30_000)),
}


def _save_array(path, array):
    with replacing(path) as temporary:
        np.save(temporary, array)


@pytest.mark.skipif(not FULL.exists(), reason="this system has no device that is full")
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_sentence_and_the_older_file_stays(tmp_path, name):
    path = tmp_path / name
    WRITERS[name](path)
    older = path.read_bytes()
    (tmp_path / f".a.{os.getpid()}.tmp{path.suffix}").symlink_to(FULL)
    with pytest.raises(InputError, match="the disk is full") as error:
        WRITERS[name](path)
    assert str(path) in str(error.value)
    assert path.read_bytes() == older
    assert list(tmp_path.iterdir()) == [path]  # nothing half-written
    WRITERS[name](path)
    assert path.read_bytes() == older


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_a_folder_that_may_only_be_read_is_one_sentence(tmp_path, number):
    with pytest.raises(InputError, match="data_dir"), replacing(tmp_path / "a.json"):
        raise OSError(number, os.strerror(number))


HOLD = """
import sys, pathlib
from spoken_cefr.store import holding
with holding(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_run_is_told_who_holds_the_folder_until_that_one_is_killed(tmp_path):
    folder = tmp_path / "data"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=rf"process {other.pid}\b"), holding(folder):
            pytest.fail("both held it")
        other.kill()
        other.wait()
    assert (folder / ".running.pid").exists()  # it could not tidy up
    with holding(folder):
        assert (folder / ".running.pid").read_text() == f"{os.getpid()}\n"
    with holding(folder):
        pass

"""What a command lays in its temporary folder is gone afterwards, however the command ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from spoken_cefr import cli
from spoken_cefr.temporary import own_temporary_folder

STOPPED = """
import subprocess, sys, tempfile
from spoken_cefr.temporary import own_temporary_folder
with own_temporary_folder():
    tempfile.mkdtemp()
    make = "import tempfile; print(tempfile.mkdtemp(), flush=True)"
    subprocess.run([sys.executable, "-c", make], check=True)
    sys.stdin.read()
"""


def test_a_command_that_is_stopped_leaves_nothing_of_its_own_nor_of_its_processes(tmp_path):
    command = [sys.executable, "-c", STOPPED]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=os.environ | {"TMPDIR": str(tmp_path)}, **pipes) as process:
        made = process.stdout.readline().decode().strip()
        assert made.startswith(f"{tmp_path}/spoken_cefr_") and Path(made).is_dir()
        process.terminate()
        process.wait(60)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_block_leaves_nothing_and_all_is_as_before():
    usual, handler = tempfile.gettempdir(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(ValueError), own_temporary_folder():
        folder = tempfile.gettempdir()
        assert folder != usual and os.environ["TMPDIR"] == folder
        tempfile.mkdtemp()
        raise ValueError
    assert not Path(folder).exists()
    assert tempfile.gettempdir() == os.environ["TMPDIR"] == usual
    assert signal.getsignal(signal.SIGTERM) is handler


def test_every_command_has_one(monkeypatch, capsys):
    seen = []
    monkeypatch.setattr(
        cli, "load_config", lambda *args: seen.append(tempfile.gettempdir()) or 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        cli.main(["run", "--profile", "demo"])
    assert "spoken_cefr_" in seen[0] and not Path(seen[0]).exists()

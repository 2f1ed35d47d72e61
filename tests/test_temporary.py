"""What a command lays in its temporary folder is gone afterwards, however the command ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
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


LEFT_ALONE = """
import signal, subprocess, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # who runs the tests may have it ignored
from spoken_cefr.temporary import own_temporary_folder
# A kernel that is killed, and the browser that it had started.
KERNEL = '''
import subprocess
with subprocess.Popen(["sleep", "300"]) as browser:
    print(browser.pid, flush=True)
'''
with own_temporary_folder():
    kernel = subprocess.Popen([sys.executable, "-c", KERNEL])
    try:
        kernel.wait()
    finally:
        kernel.kill()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_whatever_ends_a_command_ends_all_that_it_started(name, tmp_path):
    number = getattr(signal, name, None)
    if number is None:
        pytest.skip(f"this system has no {name}")
    command, environment = (
        [sys.executable, "-c", LEFT_ALONE],
        os.environ | {"TMPDIR": str(tmp_path)},
    )
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "env": environment}
    with subprocess.Popen(command, **options) as process:
        below = psutil.Process(int(process.stdout.readline()))
        process.send_signal(number)
        process.wait(60)
    assert not below.is_running() or below.status() == psutil.STATUS_ZOMBIE


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

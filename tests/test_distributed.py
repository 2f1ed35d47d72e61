"""Two processes that torchrun starts train the network that one process trains."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from train_distributed import KINDS, trained

from spoken_cefr.neural_networks import __main__ as command
from spoken_cefr.paths import ROOT

LONGEST_S = 300


def torchrun(*arguments, log_dir):
    """Two processes on this machine, with gloo; a port that is free is found.

    Gives the exit status and what was written.
    """
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    started = subprocess.Popen(
        [*launcher, "--nproc_per_node=2", "--log-dir", log_dir, *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        told, _ = started.communicate(timeout=LONGEST_S)
    except subprocess.TimeoutExpired:
        started.terminate()  # not kill: the launcher then ends the two that it started
        told, _ = started.communicate(timeout=60)
    return started.returncode, told


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory):
    """The folder that two processes have left."""
    folder = tmp_path_factory.mktemp("two")
    status, told = torchrun(ROOT / "tests" / "train_distributed.py", folder, log_dir=folder)
    assert status == 0, told
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_two_processes_train_what_one_does(two_processes, kind):
    model, history = trained(kind)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    for name in (f"{kind}_0_of_2", f"{kind}_1_of_2"):
        theirs = pd.read_csv(two_processes / f"{name}.csv")
        pd.testing.assert_frame_equal(theirs, history, rtol=0, atol=1e-4)
        weights = load_file(two_processes / f"{name}.safetensors")
        for key, value in model.state_dict().items():
            torch.testing.assert_close(weights[key], value, rtol=0, atol=1e-3)


def test_an_input_that_fails_leaves_no_process_waiting(tmp_path):
    # The first process makes the inputs while the second waits for it.
    script = tmp_path / "fails.py"
    script.write_text(
        "from spoken_cefr.errors import InputError\n"
        "from spoken_cefr.neural_networks import distributed\n"
        "with distributed.process_group():\n"
        "    for _ in range(2):\n"
        "        try:\n"
        "            with distributed.main_first():\n"
        "                raise InputError('no weights')\n"
        "        except InputError:\n"
        "            pass\n"
        "    print('went on', distributed.as_main_says(distributed.rank()))\n",
        encoding="utf-8",
    )
    status, told = torchrun(script, log_dir=tmp_path)
    assert status == 0, told
    assert told.count("went on 0") == 2


def test_the_command_tells_bad_input_in_a_sentence(tmp_path, capsys):
    overrides = [f'data_dir="{tmp_path.as_posix()}"', "neural_networks.runs=small_cnn"]
    assert command.main([part for pair in overrides for part in ("--set", pair)]) == 1
    told = capsys.readouterr().err
    assert "run `spoken-cefr run scraping processing` first" in told
    assert "Traceback" not in told


@pytest.mark.parametrize("status", [0, 3])
@pytest.mark.parametrize("rank", [None, "0"])
def test_a_program_ends_with_its_status_and_all_that_it_wrote(status, rank):
    code = (
        "import atexit; from spoken_cefr.neural_networks import distributed; "
        "atexit.register(print, 'taken apart'); print('told', end=''); "
        f"distributed.leave({status})"
    )
    environment = {key: value for key, value in os.environ.items() if key != "RANK"}
    environment |= {"RANK": rank} if rank else {}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True)
    assert done.returncode == status
    assert done.stdout == (b"told" if rank else b"toldtaken apart\n")

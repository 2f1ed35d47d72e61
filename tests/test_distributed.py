"""Two processes that torchrun starts train the network that one process trains."""

import os
import subprocess
import sys

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from train_distributed import trained

from spoken_cefr.neural_networks import __main__ as command
from spoken_cefr.paths import ROOT


def torchrun(*arguments):
    """Two processes on this machine, with gloo; a port that is free is found."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.run(
        [*launcher, "--nproc_per_node=2", *map(str, arguments)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.parametrize("kind", ["study_cnn", "simple", "attention"])
def test_two_processes_train_what_one_does(tmp_path, kind):
    done = torchrun(ROOT / "tests" / "train_distributed.py", kind, tmp_path)
    assert done.returncode == 0, done.stderr
    # Not twice the same training side by side.
    assert [(tmp_path / f"n_ranks_{rank}").read_text() for rank in (0, 1)] == ["2", "2"]
    model, history = trained(kind)
    assert history["train_loss"].iloc[-1] < history["train_loss"].iloc[0]
    for rank in (0, 1):
        theirs = pd.read_csv(tmp_path / f"history_{rank}.csv")
        pd.testing.assert_frame_equal(theirs, history, rtol=0, atol=1e-4)
        weights = load_file(tmp_path / f"model_{rank}.safetensors")
        for name, value in model.state_dict().items():
            torch.testing.assert_close(weights[name], value, rtol=0, atol=1e-3)


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
    done = torchrun(script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("went on 0") == 2


def test_the_command_tells_bad_input_in_a_sentence(tmp_path, capsys):
    overrides = [f'data_dir="{tmp_path.as_posix()}"', "neural_networks.runs=small_cnn"]
    assert command.main([part for pair in overrides for part in ("--set", pair)]) == 1
    told = capsys.readouterr().err
    assert "run the stage processing first" in told
    assert "Traceback" not in told

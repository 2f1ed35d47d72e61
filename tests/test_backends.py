"""The same work on a Dask cluster of this machine: the same bytes as in threads."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time

import pytest
from test_neural_networks_stage import OPTIONS, SMALL, bytes_of_run, write_processing
from test_processing_stage import corpus, results  # noqa: F401 (a fixture)

from spoken_cefr import backends, neural_networks
from spoken_cefr.backends import run_in_order
from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.processing import run
from spoken_cefr.stages import is_done


@pytest.fixture(scope="module", autouse=True)
def dask_folder(tmp_path_factory):
    """Dask's scheduler and workers lay their folders and locks there, and leave some."""
    import dask

    with dask.config.set({"temporary-directory": str(tmp_path_factory.mktemp("dask"))}):
        yield


@pytest.fixture(scope="module")
def cluster(dask_folder):
    """A scheduler and two workers, each a process with one thread."""
    from distributed import LocalCluster

    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as running:
        yield running.scheduler_address


def on_cluster(address, *overrides):
    """Overrides of a profile: both stages work there."""
    return (
        f"processing.dask_scheduler={address}",
        "processing.backend=dask",
        "neural_networks.backend=dask",
        *overrides,
    )


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one_machine(corpus, cluster, demo_config, tmp_path):  # noqa: F811
    config, report = corpus
    shutil.copytree(config.data_path / "scraping", tmp_path / "data" / "scraping")
    there = demo_config(*on_cluster(cluster))
    assert run(there) == report  # counts, reasons of the bad recordings, remarks
    assert results(there) == results(config)
    assert is_done(demo_config(), "processing")  # where work was done is no reason to do it again


@pytest.mark.slow
def test_two_workers_train_what_one_machine_does(cluster, demo_config, tmp_path):
    options = [*OPTIONS, SMALL]
    here = demo_config(*options, f'data_dir="{tmp_path.as_posix()}/here"')
    there = demo_config(*on_cluster(cluster, *options))
    for config in (here, there):
        write_processing(config)
        neural_networks.run(config)
    assert bytes_of_run(here) == bytes_of_run(there)
    assert is_done(demo_config(*options), "neural_networks")


@pytest.mark.slow
def test_results_come_in_the_order_of_the_tasks_and_not_all_at_once(cluster, demo_config):
    config = demo_config(*on_cluster(cluster))
    tasks = [(name,) for name in "zyxwvutsrq"]
    assert list(run_in_order(config, _echo, tasks, backend="dask")) == [name for (name,) in tasks]
    assert backends.n_workers(config) == 2
    assert list(run_in_order(config, _echo, [], backend="dask")) == []


@pytest.mark.slow
def test_a_worker_that_comes_late_gets_work(demo_config, capsys):
    """No worker at first, then one thread, and a second one while the tasks run."""
    from distributed import LocalCluster

    options = {"processes": False, "threads_per_worker": 1, "dashboard_address": ":0"}
    with LocalCluster(n_workers=0, **options) as late:
        config = demo_config(*on_cluster(late.scheduler_address))
        threading.Timer(0.3, late.scale, [1]).start()
        done = run_in_order(config, _thread, [(0.05,)] * 2000, backend="dask")
        seen = {next(done)}
        late.scale(2)
        for thread in done:  # some hundred on a busy machine; all of them if nobody else works
            seen.add(thread)
            if len(seen) == 2:
                done.close()
    assert len(seen) == 2
    assert "no worker yet" in capsys.readouterr().err


def _thread(config, seconds):
    """Name of the worker's thread, after so many seconds of work."""
    time.sleep(seconds)
    return threading.current_thread().name


def _echo(config, name):
    return name


SEEN_BY_TASKS = """
import json, threading
import numpy, scipy.linalg, torch
from threadpoolctl import threadpool_info
from spoken_cefr.config import load_config
from spoken_cefr.backends import one_core, run_in_order

def limits():
    found = {}
    for pool in threadpool_info():
        found[pool["user_api"]] = max(pool["num_threads"], found.get(pool["user_api"], 0))
    return found | {"torch": torch.get_num_threads()}

both = threading.Barrier(2)

def task(config, number):
    both.wait(60)  # so that each thread gets half of them
    return threading.current_thread().name, limits()

torch.set_num_threads(3)
before = limits()
with one_core():
    config, tasks = load_config("demo", ["n_jobs=2"]), [(i,) for i in range(8)]
    done = list(run_in_order(config, task, tasks, backend="joblib"))
print(json.dumps({"before": before, "tasks": done, "after": limits()}))
"""


@pytest.mark.slow
def test_each_task_is_held_to_one_core_and_the_limits_come_back():
    """In a process of its own, which may use three: OpenMP reads that once, when it is loaded."""
    environment = os.environ | {"OMP_NUM_THREADS": "3"}
    command = [sys.executable, "-c", SEEN_BY_TASKS]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    seen = json.loads(done.stdout)
    assert (seen["before"]["openmp"], seen["before"]["torch"]) == (3, 3)
    assert seen["after"] == seen["before"]
    assert len({thread for thread, _ in seen["tasks"]}) == 2
    assert all(set(limits.values()) == {1} for _, limits in seen["tasks"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["processing.backend=dask"], "say where its scheduler is"),
        (
            [
                "processing.backend=dask",
                "processing.dask_scheduler=tcp://127.0.0.1:1",
                "processing.aligner=webmaus",
                "processing.accept_terms=true",
            ],
            "one job at a time",
        ),
    ],
)
def test_profiles_that_no_cluster_can_serve(overrides, message):
    with pytest.raises(InputError, match=message):
        load_config("demo", overrides)


def test_a_scheduler_that_does_not_answer_is_one_sentence(demo_config, monkeypatch):
    monkeypatch.setattr(backends, "CONNECT_TIMEOUT_S", 0.5)
    config = demo_config(*on_cluster("tcp://127.0.0.1:1"))
    with pytest.raises(InputError, match=r"tcp://127\.0\.0\.1:1.*dask_scheduler"):
        list(run_in_order(config, _echo, [("a",)], backend="dask"))

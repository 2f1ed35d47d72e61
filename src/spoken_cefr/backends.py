"""Where recordings are worked on and runs are trained: this machine, or a Dask cluster.

`run_in_order` gives results in the order of the tasks whatever finishes first,
so the tables do not depend on the workers. Only so many results are ahead of
the reader as keep every worker busy: a corpus need not fit in memory.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

from joblib import Parallel, delayed
from threadpoolctl import threadpool_limits

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.progress import tell

CONNECT_TIMEOUT_S = 30
_AHEAD = 2  # tasks sent to a Dask cluster for each of its threads


def run_in_order(
    config: Config,
    function: Callable[..., Any],
    tasks: Sequence[tuple],
    *,
    backend: str,
    processes: bool = False,
    n_jobs: int | None = None,
) -> Iterator[Any]:
    """``function(config, *task)`` of every task on one core each, in the order of the tasks.

    ``backend`` is the stage's key of this name. On a Dask cluster the folder ``data_dir`` must
    be the same on every machine, and each worker loads its own models; ``n_jobs`` (by default
    the profile's) is 1 there, because the cluster counts its own threads. On this machine
    ``processes`` take the place of threads, for what holds the interpreter's lock.
    InputError if Dask is not installed or its scheduler does not answer.
    """
    if backend == "dask":
        yield from _on_dask(config, function, tasks)
        return
    # Threads: CTranslate2 and numpy release the interpreter's lock, and share one model.
    kind = "processes" if processes else "threads"
    workers = Parallel(n_jobs or config.n_jobs, prefer=kind, return_as="generator")
    with closing(workers(delayed(_on_one_core)(function, config, *task) for task in tasks)) as done:
        yield from done


def n_workers(config: Config) -> int:
    """Tasks that run at once."""
    if config.processing.backend != "dask":
        return config.n_jobs
    with _connect(config) as client:
        _await_worker(client)
        return _n_threads(client)


def _on_dask(config: Config, function: Callable[..., Any], tasks: Sequence[tuple]) -> Iterator[Any]:
    with _connect(config) as client:
        _await_worker(client)
        waiting: deque = deque()
        for task in tasks:
            # Not pure: what a task gives depends on files, not on its arguments alone.
            waiting.append(client.submit(_on_one_core, function, config, *task, pure=False))
            # Counted each time: workers come late (on SLURM by hours) and go.
            while len(waiting) >= _AHEAD * _n_threads(client):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _await_worker(client: Any) -> None:
    if not client.nthreads():
        tell("the Dask scheduler has no worker yet: waiting for the first")
        client.wait_for_workers(1)


def _n_threads(client: Any) -> int:
    return max(1, sum(client.nthreads().values()))


@contextmanager
def one_core() -> Iterator[None]:
    """BLAS, OpenMP and torch held to one thread: with a recording on each core, more only disturb.

    OpenMP's limit is that of the thread that sets it, so each task sets it
    again. BLAS and torch have one limit a process: the caller of `run_in_order`
    holds it around all tasks, so that none of them restores more than one.
    """
    with threadpool_limits(1), torch_threads(1):
        yield


@contextmanager
def torch_threads(n_threads: int) -> Iterator[None]:
    """torch held to so many threads."""
    import torch  # its import takes 1.5 s

    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _on_one_core(function: Callable[..., Any], config: Config, *task: Any) -> Any:
    with one_core():
        return function(config, *task)


def _connect(config: Config) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise InputError(
            'processing.backend is "dask", which needs the package distributed: '
            "pip install -e '.[cluster]'"
        ) from None
    address = config.processing.dask_scheduler
    try:
        return Client(address, timeout=CONNECT_TIMEOUT_S)
    except (OSError, ValueError) as error:
        raise InputError(
            f"no Dask scheduler answers at {address!r} (processing.dask_scheduler): {error}; "
            "doc/scaling.md shows how to start one"
        ) from None

"""A temporary folder of its own for each command, gone when the command ends or is stopped."""

import os
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

PATIENCE_S = 3  # for processes to end by themselves, and then once told to
# A batch system, a closed terminal. Ctrl+C too, unless whoever started us has it ignored.
SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)

_started: list[Any] = []  # processes below this one when it was stopped


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let this process and those that it starts put everything temporary into one new folder.

    A notebook's kernel, a browser and its driver remove their own when they end, not when
    they are killed; and a kernel that is killed leaves its browser behind. So what ends this
    command is taken as Ctrl+C is, and whatever it had started ends with it.
    """
    usual = tempfile.gettempdir()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _stop)
    try:
        with tempfile.TemporaryDirectory(
            prefix="spoken_cefr_", ignore_cleanup_errors=True
        ) as folder:
            tempfile.tempdir = os.environ["TMPDIR"] = folder
            try:
                yield
            finally:
                end_processes(_started)
                _started.clear()
    finally:
        tempfile.tempdir = os.environ["TMPDIR"] = usual
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    """Note who is below us, for a browser is below nobody once its kernel is killed; then stop."""
    import psutil  # comes with Jupyter; only who is stopped needs it

    _started.extend(psutil.Process().children(recursive=True))
    raise KeyboardInterrupt


def end_processes(processes: Sequence[Any]) -> None:
    """Wait for processes (psutil's) to end; tell those that do not, and kill the rest."""
    if not processes:
        return
    import psutil

    for act in ("terminate", "kill"):
        _, processes = psutil.wait_procs(processes, timeout=PATIENCE_S)
        for process in processes:
            with suppress(psutil.Error):
                getattr(process, act)()
    psutil.wait_procs(processes, timeout=PATIENCE_S)

"""A temporary folder of its own for each command, gone when the command ends or is stopped."""

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let this process and those that it starts put everything temporary into one new folder.

    A notebook's kernel, a browser and its driver remove their own when they end, not when
    they are killed. SIGTERM is taken as Ctrl+C is: it would end Python with all left behind.
    """
    usual = tempfile.gettempdir()
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with tempfile.TemporaryDirectory(
            prefix="spoken_cefr_", ignore_cleanup_errors=True
        ) as folder:
            tempfile.tempdir = os.environ["TMPDIR"] = folder
            yield
    finally:
        tempfile.tempdir = os.environ["TMPDIR"] = usual
        signal.signal(signal.SIGTERM, before)

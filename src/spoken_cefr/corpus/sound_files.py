"""Sound files opened by libsndfile, without what its MP3 decoder tells about each of them.

libmpg123 writes a line to ``stderr`` for every oddity of an MP3 file, and libsndfile
has no switch for that (its issue 958). Both use C's variable ``stderr``; Python does
not, it writes to the file descriptor. So the variable is pointed elsewhere meanwhile,
and what Python's threads have to say still arrives.
"""

import ctypes
import functools
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import soundfile

# The variable's name in the C library; on Windows it is none, and the words are seen.
_STDERR = {"linux": "stderr", "darwin": "__stderrp"}.get(sys.platform)
_lock = threading.Lock()
_inside = 0  # threads that decode at this moment: the last one puts the variable back


@contextmanager
def open_sound(path: Path | str | BinaryIO) -> Iterator[soundfile.SoundFile]:
    """Open a file by its path, or one that is open without a buffer or in memory.

    libsndfile sees no name, so that it goes by the content: by a name it would take any text
    in ``x.raw`` or ``x.gsm`` for samples. Errors are soundfile's own.
    """
    with ExitStack() as stack:
        stack.enter_context(_c_stderr_away())
        if isinstance(path, Path | str):
            path = stack.enter_context(Path(path).open("rb", buffering=0))
        nameless = path.fileno() if isinstance(path, io.FileIO) else path
        yield stack.enter_context(soundfile.SoundFile(nameless, closefd=False))


@contextmanager
def _c_stderr_away() -> Iterator[None]:
    global _inside
    if _STDERR is None:
        yield
        return
    with _lock:
        variable, usual, nowhere = _c_streams()  # the first time before anyone has changed it
        _inside += 1
        variable.value = nowhere
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                variable.value = usual


@functools.cache
def _c_streams() -> tuple[ctypes.c_void_p, int, int]:
    """The variable, what it points at, and a stream that leads nowhere; opened once."""
    library = ctypes.CDLL(None)
    library.fopen.restype = ctypes.c_void_p
    variable = ctypes.c_void_p.in_dll(library, _STDERR)
    return variable, variable.value, library.fopen(os.devnull.encode(), b"w")

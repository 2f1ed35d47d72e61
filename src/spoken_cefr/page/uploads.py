"""What visitors send: each file in a folder of its own, whoever else sends the same."""

import secrets
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from gradio import route_utils
from starlette.datastructures import FormData

MAX_UPLOAD_MB = 350  # of one request; 30 minutes in stereo at 44.1 kHz and 16 bit are 318 MB
MAX_FILES = 50  # of one request: the longest that are taken last 25 hours
ABANDONED_S = 600  # an upload for which nobody asked a result is gone after this
SWEEP_S = 30  # between two looks for such uploads


class Upload(route_utils.GradioUploadFile):
    """An upload whose folder is its own.

    Gradio names the folder by a hash of what the file holds. Two visitors with the
    same file would share it, and it would be gone for the second when the first has
    the answer. With random bytes in front no two hashes are the same.
    """

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.sha.update(secrets.token_bytes(16))


class Parser(route_utils.GradioMultiPartParser):
    """A parser of forms that leaves nothing of one that breaks off: Gradio's keeps its files."""

    async def parse(self) -> FormData:
        """See Starlette."""
        try:
            return await super().parse()
        except BaseException:  # a cancelled task too
            for file in self._files_to_close_on_error:
                file.close()
                Path(file.name).unlink(missing_ok=True)
            raise


route_utils.GradioUploadFile = Upload
route_utils.GradioMultiPartParser = Parser


@contextmanager
def sweeping(folder: Path) -> Iterator[None]:
    """While the block runs, remove from ``folder`` what nobody asked for in `ABANDONED_S`.

    Gradio's own sweep knows whole uploads only, and may come as late as twice their age.
    """
    over = threading.Event()

    def watch() -> None:
        while not over.wait(SWEEP_S):
            sweep(folder, older_than_s=ABANDONED_S - SWEEP_S)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def sweep(folder: Path, *, older_than_s: float) -> None:
    """Remove files to which nothing was written for so long, and the folders that were theirs."""
    for path in [path for path in folder.rglob("*") if path.is_file()]:
        with suppress(OSError):  # its request ended meanwhile
            if time.time() - path.stat().st_mtime > older_than_s:
                path.unlink()
                if path.parent != folder:
                    path.parent.rmdir()


def copy_into(folder: Path, path: Path) -> Path:
    """Copy a file into a new folder below ``folder``; give the copy's path."""
    own = Path(tempfile.mkdtemp(dir=folder))
    return Path(shutil.copyfile(path, own / path.name))


@contextmanager
def taken(paths: Sequence[str], folder: Path) -> Iterator[list[Path | None]]:
    """The uploads of one request, out of the sweep's way; deleted when the block ends.

    None in place of a path that is no upload below ``folder``. Each keeps its name, in a folder
    that is its own: two files may have the same.
    """
    with tempfile.TemporaryDirectory(dir=folder.parent) as own:
        files: list[Path | None] = []
        for n, upload in enumerate(Path(path).resolve() for path in paths):
            if folder not in upload.parent.parents or not upload.is_file():
                files.append(None)
                continue
            files.append(Path(own) / str(n) / upload.name)
            shutil.move(upload.parent, files[-1].parent)
        yield files

"""What visitors send: each file in a folder of its own, whoever else sends the same."""

import functools
import secrets
import shutil
import tempfile
from pathlib import Path

MAX_UPLOAD_MB = 350  # 30 minutes in stereo at 44.1 kHz and 16 bit are 318 MB


@functools.cache
def separate_uploads() -> None:
    """Let Gradio put each upload into a folder of its own.

    It names the folder by a hash of what the file holds. Two visitors with the same
    file would share it, and it would be gone for the second when the first has the
    answer. With random bytes in front no two hashes are the same.
    """
    from gradio import route_utils  # is told where uploads go before its import

    class Upload(route_utils.GradioUploadFile):
        def __init__(self, *args, **kwargs) -> None:
            super().__init__(*args, **kwargs)
            self.sha.update(secrets.token_bytes(16))

    route_utils.GradioUploadFile = Upload


def copy_into(folder: Path, path: Path) -> Path:
    """Copy a file into a new folder below ``folder``; give the copy's path."""
    own = Path(tempfile.mkdtemp(dir=folder))
    return Path(shutil.copyfile(path, own / path.name))


def remove(upload: Path) -> None:
    """Delete an upload and the folder that is its own."""
    shutil.rmtree(upload.parent, ignore_errors=True)

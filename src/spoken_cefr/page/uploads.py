"""What visitors send: each file in a folder of its own, whoever else sends the same."""

import secrets
import shutil
import tempfile
from pathlib import Path

from gradio import route_utils

MAX_UPLOAD_MB = 350  # 30 minutes in stereo at 44.1 kHz and 16 bit are 318 MB
ABANDONED_S = 600  # an upload for which nobody asked a result goes after this


class Upload(route_utils.GradioUploadFile):
    """An upload whose folder is its own.

    Gradio names the folder by a hash of what the file holds. Two visitors with the
    same file would share it, and it would be gone for the second when the first has
    the answer. With random bytes in front no two hashes are the same.
    """

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

"""Whether a WAV, AIFF or Ogg file holds as much as it announces.

libsndfile decodes what is left of a file that was cut and says nothing. WAV and
AIFF write the size of their samples before them; the last page of an Ogg stream
says that it is the last.

Layouts: Microsoft and IBM's RIFF (1991), Apple's AIFF (1989), RFC 3533 (Ogg).
"""

from pathlib import Path
from typing import BinaryIO

# Whoever writes to a pipe cannot know the size: 0, or one near 2 or 4 GB, stands for "unknown".
_UNKNOWN = 0x7F000000
_MAX_PAGE = 65_307  # bytes: a header of 27, 255 sizes, 255 segments of 255


def share_present(path: Path) -> float:
    """Part of the announced samples that the file holds, 0..1; 1 where nothing is announced."""
    with path.open("rb") as file:
        head = file.read(12)
        if head[:4] in (b"RIFF", b"RIFX", b"FORM"):
            return _samples_present(file, "little" if head[:4] == b"RIFF" else "big")
    return 1.0


def _samples_present(file: BinaryIO, order: str) -> float:
    """Walk over the chunks (name, size, content of even length) to the one with the samples."""
    length = file.seek(0, 2)
    position = 12
    while position + 8 <= length:
        file.seek(position)
        name, size = file.read(4), int.from_bytes(file.read(4), order)
        position += 8
        if name in (b"data", b"SSND"):
            known = 0 < size < _UNKNOWN
            return min(1.0, (length - position) / size) if known else 1.0
        position += size + size % 2
    return 1.0


def ogg_is_cut(path: Path) -> bool:
    """Whether an Ogg file does not end with a whole page that is marked as the last."""
    with path.open("rb") as file:
        if file.read(4) != b"OggS":
            return False
        file.seek(max(0, file.seek(0, 2) - _MAX_PAGE))
        tail = file.read()
    start = tail.rfind(b"OggS")
    page = tail[start:] if start >= 0 else b""
    if len(page) < 27 or not page[5] & 4:
        return True
    sizes = page[27 : 27 + page[26]]
    return len(page) < 27 + page[26] + sum(sizes)

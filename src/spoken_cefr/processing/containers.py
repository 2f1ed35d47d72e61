"""What a file's own bytes say: whether it was cut or damaged, and where joined files begin.

libsndfile decodes what is left of a file that was cut, skips a lost Ogg page and stops at
the end of the first of two joined files, and says nothing. WAV and AIFF write the size of
their samples before them; Ogg numbers its pages and writes a checksum in each.

Layouts: Microsoft and IBM's RIFF (1991), Apple's AIFF (1989), RFC 3533 (Ogg), RFC 9639 (FLAC).
"""

import mmap
import re
import zlib
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

Bytes = bytes | mmap.mmap

# Whoever writes to a pipe cannot know the size: 0, or one near 2 or 4 GB, stands for "unknown".
_UNKNOWN = 0x7F000000
_IFF = {b"RIFF": "little", b"RIFX": "big", b"FORM": "big"}  # of WAV, WAV and AIFF
_FLAC_START = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")  # the mark and STREAMINFO's header
_FIRST_PAGE = 2  # a bit of an Ogg page's kind
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def joined_parts(data: Bytes) -> list[tuple[int, int]]:
    """Where each of the files begins and ends that were written one behind the other.

    Of an MP3 file this is always the whole: its frames need no header.
    """
    starts = [0]
    if data[:4] in _IFF:
        starts += _iff_starts(data)
    elif data[:4] == b"fLaC":
        starts += [found.start() for found in _FLAC_START.finditer(data, 1)]
    elif data[:4] == b"OggS":
        starts += [after.start for page, after in pairwise(_pages(data)) if after.follows(page)]
    return list(pairwise([*starts, len(data)]))


def share_present(data: Bytes) -> float:
    """Part of the announced samples that a WAV or AIFF file holds, 0..1; 1 for other files."""
    order = _IFF.get(data[:4])
    if order is None:
        return 1.0
    position = 12
    while position + 8 <= len(data):  # chunks: name, size, content of even length
        name, size = data[position : position + 4], _number(data, position + 4, order)
        position += 8
        if name in (b"data", b"SSND"):
            known = 0 < size < _UNKNOWN
            return min(1.0, (len(data) - position) / size) if known else 1.0
        position += size + size % 2
    return 1.0


def ogg_fault(data: Bytes) -> str | None:
    """What is wrong with an Ogg file's pages, as the end of a sentence; None if nothing is.

    An end mark is not asked for: recorders that stream do not write one.
    """
    if data[:4] != b"OggS":
        return None
    numbers: dict[int, int] = {}  # the last page's of each stream
    for page in _pages(data):
        if page.stop > len(data):
            return "is cut short: its Ogg stream breaks off"
        if page.checksum(data) != _number(data, page.start + 22):
            return "is damaged: a page of its Ogg stream has another checksum than is written in it"
        expected = numbers.get(page.stream, page.number - 1) + 1
        if page.number != expected and not page.is_first:
            return f"is damaged: of its Ogg stream page {expected} is missing"
        numbers[page.stream] = page.number
    return None


class _Page(NamedTuple):
    start: int
    stop: int
    stream: int
    number: int
    is_first: bool

    def follows(self, page: "_Page") -> bool:
        """Whether a new file begins here; several streams of one file begin side by side."""
        return self.is_first and not page.is_first

    def checksum(self, data: Bytes) -> int:
        """CRC-32 of Ogg: zlib's with all bits mirrored, without its two inversions."""
        page = bytearray(data[self.start : self.stop])
        page[22:26] = bytes(4)
        mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
        return int(f"{mirrored:032b}"[::-1], 2)


def _pages(data: Bytes) -> Iterator[_Page]:
    """All pages; what lies between them, such as a tag, is stepped over."""
    start = 0
    while (start := data.find(b"OggS", start)) >= 0:
        head = data[start : start + 27]
        if len(head) < 27:
            stop = start + 27
            yield _Page(start, stop, 0, 0, False)
        else:
            sizes = data[start + 27 : start + 27 + head[26]]
            stop = start + 27 + head[26] + sum(sizes)
            stream, number = _number(head, 14), _number(head, 18)
            yield _Page(start, stop, stream, number, bool(head[5] & _FIRST_PAGE))
        start = stop


def _iff_starts(data: Bytes) -> Iterator[int]:
    start = 0
    while size := _number(data, start + 4, _IFF[data[start : start + 4]]):
        start += 8 + size + size % 2
        if data[start : start + 4] not in _IFF or data[start + 8 : start + 11] not in (
            b"WAV",
            b"AIF",
        ):
            return
        yield start


def _number(data: Bytes, position: int, order: str = "little") -> int:
    return int.from_bytes(data[position : position + 4], order)

"""TextGrid files: written, read back, and everything that strangers' files may hold."""

import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment import read_textgrid, write_textgrid
from spoken_cefr.processing.transcription import Word

WORDS = [
    Word("L'été,", 0.12, 0.48),
    Word('«dit"on"»', 0.48, 1.000001),
    Word("fini.", 1.5, 2.0300625),
]


@pytest.fixture
def grid(tmp_path):
    path = tmp_path / "r.TextGrid"
    write_textgrid(path, WORDS, duration_s=2.0300625)
    return path


def test_words_survive_the_round_trip(grid):
    assert read_textgrid(grid) == WORDS


def test_file_is_utf8_long_form_and_contiguous(grid):
    text = grid.read_text(encoding="utf-8")
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    assert "intervals: size = 5" in text  # three words and two silences
    edges = [float(line.split("=")[1]) for line in text.splitlines() if "xm" in line][4:]
    assert edges[::2][1:] == edges[1::2][:-1]
    assert (edges[0], edges[-1]) == (0, 2.0300625)


def test_recording_without_a_word(tmp_path):
    write_textgrid(tmp_path / "r.TextGrid", [], duration_s=3.5)
    assert read_textgrid(tmp_path / "r.TextGrid") == []


def test_words_that_overlap_are_not_written(tmp_path):
    words = [Word("a", 0.0, 1.0), Word("b", 0.5, 1.5)]
    with pytest.raises(ValueError, match=r"r\.TextGrid"):
        write_textgrid(tmp_path / "r.TextGrid", words, duration_s=2.0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_encodings_that_praat_writes(grid, encoding):
    grid.write_text(grid.read_text(encoding="utf-8"), encoding=encoding)
    assert read_textgrid(grid) == WORDS


def test_windows_line_ends(grid):
    grid.write_bytes(grid.read_bytes().replace(b"\n", b"\r\n"))
    assert read_textgrid(grid) == WORDS


def damage(data: bytes, kind: str) -> bytes:
    return {
        "empty": b"",
        "text": b"Bonjour\n",
        "truncated": data[: len(data) // 2],
        "latin-1": data.decode("utf-8").encode("latin-1", errors="replace"),
        "overlap": data.replace(b"xmin = 1.5", b"xmin = 0.9"),
        "other tier": data.replace(b'"words"', b'"phones"'),
    }[kind]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("empty", "not a valid TextGrid"),
        ("text", "not a valid TextGrid"),
        ("truncated", "not a valid TextGrid"),
        ("latin-1", "neither UTF-8 nor UTF-16"),
        ("overlap", "not a valid TextGrid"),
        ("other tier", "has no tier 'words'; its tiers: 'phones'"),
    ],
)
def test_every_failure_names_file_and_tier(grid, kind, message):
    grid.write_bytes(damage(grid.read_bytes(), kind))
    with pytest.raises(InputError, match=message) as caught:
        read_textgrid(grid)
    assert str(grid) in str(caught.value)
    assert "'words'" in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match="is missing"):
        read_textgrid(tmp_path / "none.TextGrid")

"""TextGrid files: written, read back, and everything that strangers' files may hold.

The 16 cases are those on which the TextGrid libraries were compared before one
was chosen; what Praat does with each was the reference.
"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from praatio import textgrid

from spoken_cefr.errors import InputError
from spoken_cefr.processing.alignment.textgrid import (
    check_order,
    read_intervals,
    snap,
    write_textgrid,
)
from spoken_cefr.processing.transcription.words import Word


def read_textgrid(path, tier="words"):
    words = read_intervals(path, tier=tier)
    check_order(words, where=f"{path} (tier {tier!r})")
    return words


WORDS = [
    Word("L'été,", 0.12, 0.48),
    Word('«dit"on"»', 0.48, 1.000001),
    Word("fini.", 1.5, 2.0300625),
]
DURATION_S = 2.0300625
FULL = [Word("", 0, 0.12), *WORDS[:2], Word("", 1.000001, 1.5), WORDS[2]]


def make(*tiers, short=False, colon=":", blank=" "):
    """A TextGrid's text; a tier is (name, intervals), points have one time only."""
    lines = [f"xmin = 0{blank}", f"xmax = {DURATION_S}{blank}", f"tiers? <exists>{blank}"]
    lines += [f"size = {len(tiers)}{blank}", f"item []:{blank}"]
    for number, (name, entries) in enumerate(tiers, start=1):
        points = bool(entries) and len(entries[0]) == 2
        kind, items = ("TextTier", "points") if points else ("IntervalTier", "intervals")
        times, text = (["number"], "mark") if points else (["xmin", "xmax"], "text")
        lines += [f"    item [{number}]{colon}", f'        class = "{kind}"{blank}']
        lines += [f'        name = "{name}"{blank}', f"        xmin = 0{blank}"]
        lines += [f"        xmax = {DURATION_S}{blank}"]
        lines += [f"        {items}: size = {len(entries)}{blank}"]
        for index, (label, *values) in enumerate(entries, start=1):
            lines += [f"        {items} [{index}]{colon}"]
            lines += [f"            {k} = {v}{blank}" for k, v in zip(times, values, strict=False)]
            label = label.replace('"', '""')
            lines += [f'            {text} = "{label}"{blank}']
    if short:  # only values, one a line
        lines = [line for line in lines if not re.match(r"\s*(item|intervals|points) \[", line)]
        lines = [re.sub(r"^\s*(\w+\??:? )+(size )?(= )?", "", line).strip() for line in lines]
    return "\n".join(['File type = "ooTextFile"', 'Object class = "TextGrid"', "", *lines, ""])


@pytest.fixture
def save(tmp_path):
    def write(content, encoding="utf-8"):
        path = tmp_path / "r.TextGrid"
        data = content if isinstance(content, bytes) else content.encode(encoding)
        path.write_bytes(data)
        return path

    return write


LONG = make(("words", FULL))
BROKEN_LINE = [*FULL[:4], Word("fi\nni.", 1.5, DURATION_S)]
GOOD = {
    "long": LONG,
    "short": make(("words", FULL), short=True),
    "CRLF": LONG.replace("\n", "\r\n"),
    "CRLF short": make(("words", FULL), short=True).replace("\n", "\r\n"),
    "ELAN": make(("words", FULL), colon="", blank=""),
    "point tier": make(("tones", [("H*", 0.3), ("L%", 2.0)]), ("words", FULL)),
    "point tier short": make(("t", [("H*", 0.3)]), ("words", FULL), short=True),
    "gap": make(("words", WORDS)),
    "two tiers of one name": make(("words", FULL), ("words", [Word("x", 0, 1)])),
    "UTF-16 BE": b"\xfe\xff" + LONG.encode("utf-16-be"),
    "UTF-16 LE": b"\xff\xfe" + LONG.encode("utf-16-le"),
    "UTF-8 BOM": LONG.encode("utf-8-sig"),
    "no final newline": LONG.rstrip(),
    "no spaces": LONG.replace(" = ", "="),
    "exponents": LONG.replace("xmin = 0.12 ", "xmin = 1.2e-01 "),
    "a kind in a label": make(("notes", [("IntervalTier", 0, 1)]), ("words", FULL), short=True),
    "fields in a label": make(("notes", [('size = 9, "intervals" <x>', 0, 1)]), ("words", FULL)),
}


@pytest.mark.parametrize("case", GOOD)
def test_what_others_write_is_read(save, case):
    assert read_textgrid(save(GOOD[case])) == WORDS


@pytest.mark.parametrize("short", [False, True])
def test_quotes_and_line_breaks_in_labels(save, short):
    path = save(make(("words", BROKEN_LINE), short=short))
    assert [word.word for word in read_textgrid(path)] == ["L'été,", '«dit"on"»', "fi\nni."]


BAD = {
    "empty": (b"", "not a valid TextGrid"),
    "text": (b"Bonjour\n", "not a valid TextGrid"),
    "JSON": (b'{"start": 0, "end": 1, "tiers": {}}', "not a valid TextGrid"),
    "truncated": (LONG[: len(LONG) // 2], "it is cut short"),
    "Latin-1": (LONG.encode("latin-1"), "neither UTF-8 nor UTF-16"),
    "UTF-16 cut": (b"\xff\xfe" + LONG.encode("utf-16-le")[:-1], "neither UTF-8 nor UTF-16"),
    "overlap": (
        LONG.replace("xmin = 0.48 ", "xmin = 0.479999999 "),
        r"\"L'été,\" \(0\.12-0\.48 s\) and '«dit\"on\"»' \(0\.479999999-1\.000001 s\) "
        r"overlap by 1e-09 s",
    ),
    "backwards": (LONG.replace("xmax = 0.48 ", "xmax = 0.11 "), "has no length"),
    "negative": (LONG.replace("xmin = 0.12 ", "xmin = -0.12 "), "a time is below 0"),
    "no number": (LONG.replace("xmin = 0.12 ", "xmin = 0.1.2 "), "not a valid TextGrid"),
    "other tier": (make(("phones", FULL)), "has no tier 'words'; its tiers: 'phones'"),
    "only points": (make(("words", [("H*", 0.3)])), "holds points"),
    "no tiers": (make(), "has no tier 'words'; its tiers: none"),
}


@pytest.mark.parametrize("case", BAD)
def test_every_failure_names_file_and_tier(save, case):
    content, message = BAD[case]
    path = save(content)
    with pytest.raises(InputError, match=message) as caught:
        read_textgrid(path)
    assert str(path) in str(caught.value)
    assert "'words'" in str(caught.value)


@pytest.mark.parametrize("short", [False, True])
def test_a_file_cut_anywhere_is_never_half_read(save, short):
    whole = make(("tones", [("H*", 0.3)]), ("words", FULL), ("more", WORDS), short=short)
    for n in range(len(whole.rstrip())):
        path = save(whole[:n])
        with pytest.raises(InputError):
            read_textgrid(path)


def test_tiny_overlaps_are_mended_on_demand_only(save):
    words = read_intervals(save(BAD["overlap"][0]))
    mended = snap(words)
    check_order(mended, where="here")
    assert [(word.start_s, word.end_s) for word in mended] == [
        (0.12, 0.479999999),
        (0.479999999, 1.000001),
        (1.5, DURATION_S),
    ]
    assert words[0].end_s == 0.48  # a copy was changed
    large = [Word("a", 0, 1), Word("b", 0.99, 2)]
    assert snap(large) == large
    assert snap(WORDS) == WORDS


@given(st.lists(st.integers(1, 10**7), min_size=2, max_size=9, unique=True), st.data())
def test_any_words_survive_the_round_trip(tmp_path_factory, edges, data):
    edges = [edge / 1e6 for edge in sorted(edges)]
    letters = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=5)
    words = [Word(data.draw(letters), a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    path = tmp_path_factory.mktemp("grid") / "r.TextGrid"
    write_textgrid(path, words, duration_s=10.0)
    assert read_textgrid(path) == words


def test_file_is_utf8_long_form_and_contiguous(tmp_path):
    path = tmp_path / "r.TextGrid"
    write_textgrid(path, WORDS, duration_s=DURATION_S)
    text = path.read_text(encoding="utf-8")
    assert text.startswith('File type = "ooTextFile"\nObject class = "TextGrid"\n')
    assert "intervals: size = 5" in text  # three words and two silences
    edges = [float(line.split("=")[1]) for line in text.splitlines() if "xm" in line][4:]
    assert edges[::2][1:] == edges[1::2][:-1]
    assert (edges[0], edges[-1]) == (0, DURATION_S)


def test_times_are_written_so_that_praatio_reads_them_too(tmp_path):
    words = [Word("a", 2e-6, 5e-5), Word("b", 0.5, 1.0)]
    write_textgrid(tmp_path / "r.TextGrid", words, duration_s=2.0)
    tier = textgrid.openTextgrid(str(tmp_path / "r.TextGrid"), False).getTier("words")
    assert [tuple(entry) for entry in tier.entries] == [(2e-6, 5e-5, "a"), (0.5, 1.0, "b")]


def test_recording_without_a_word(tmp_path):
    write_textgrid(tmp_path / "r.TextGrid", [], duration_s=3.5)
    assert read_textgrid(tmp_path / "r.TextGrid") == []


def test_words_that_overlap_are_not_written(tmp_path):
    words = [Word("a", 0.0, 1.0), Word("b", 0.5, 1.5)]
    with pytest.raises(ValueError, match=r"r\.TextGrid"):
        write_textgrid(tmp_path / "r.TextGrid", words, duration_s=2.0)
    assert not list(tmp_path.iterdir())

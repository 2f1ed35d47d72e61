import re

import pytest

from spoken_cefr.scraping.texts import MAX_ID_CHARS, place, recording_id


def test_the_article_number_names_a_recording_and_else_its_slug():
    assert recording_id(article="9001", slug="samuel", text="x") == "9001"
    assert recording_id(article="", slug="lu_gen_-_anna", text="x") == "lu_gen_-_anna"


@pytest.mark.parametrize(
    "slug",
    ["../../etc/passwd", "a b", "é", "con:1", 'a"b<c>|?*', "x" * 300, "日本", ".", "con", "LPT1"],
)
def test_a_hostile_slug_becomes_a_plain_short_name(slug):
    name = recording_id(article="", slug=slug, text="x")
    assert re.fullmatch(r"[a-z0-9_-]+", name)
    assert name not in ("con", "lpt1")
    assert len(name) <= MAX_ID_CHARS


def test_slugs_that_differ_keep_names_that_differ():
    slugs = ["a b", "a_b", "a:b", "A_b", "x" * 300, "x" * 301]
    assert len({recording_id(article="", slug=slug, text="") for slug in slugs}) == len(slugs)


def test_a_card_without_number_and_audio_is_named_after_its_text():
    first, second = (recording_id(article="", slug="", text=text) for text in ("one", "two"))
    assert first != second
    assert first == recording_id(article="", slug="", text="one")


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        ("Elisa (Rambouillet, France)", "Rambouillet, France"),
        ("Mohamed ( Yvelines, France)", "Yvelines, France"),
        ("Marine, Yvelines (France), \nSara (France)", "France"),
        ("Mael (Rennes), \nNoémie (Brest)", "Rennes; Brest"),
        ("Olivier de Paris", ""),
        ("Sans fin (Paris", ""),
    ],
)
def test_the_place_is_what_stands_in_brackets(author, expected):
    assert place(author) == expected

import re

import pytest

from spoken_cefr.scraping.fields import (
    MAX_ID_CHARS,
    place,
    recording_id,
    speaker_ids,
    split_authors,
)

DUO = "Anna, élève à Montpellier, \nCassandre de Montpellier"


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


def test_a_comma_separates_speakers_only_before_a_line_break():
    assert split_authors(DUO) == ["Anna, élève à Montpellier", "Cassandre de Montpellier"]
    assert split_authors("Mélyne, étudiante bretonne") == ["Mélyne, étudiante bretonne"]
    assert split_authors("") == []


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


@pytest.mark.parametrize(
    "other",
    [
        "ELISA (Rambouillet, France)",
        "Élisa (Rambouillet,\u00a0France)",
        "Elisa ( Rambouillet  France ).",
    ],
)
def test_spelling_does_not_make_a_speaker(other):
    first, second = speaker_ids(["Elisa (Rambouillet, France)", other])
    assert first == second


def test_people_of_one_first_name_stay_apart():
    assert len(set(speaker_ids(["Elisa Gy", "Elisa (Rambouillet, France)"]))) == 2


def test_a_card_of_two_speakers_joins_the_groups_of_both():
    authors = ["Cassandre de Montpellier", DUO, "Anna, élève à Montpellier", "Anna"]
    cassandre, duo, anna, other = speaker_ids(authors)
    assert cassandre == duo == anna != other


def test_groups_join_through_a_chain_of_shared_cards():
    chain = ["a, \nb", "c, \nd", "b, \nc", "e"]
    assert len(set(speaker_ids(chain)[:3])) == 1
    assert speaker_ids(chain)[3] != speaker_ids(chain)[0]


def test_identifiers_do_not_depend_on_the_order_of_the_cards():
    authors = ["b, \nc", "a, \nb", "d", "c", "", "a"]
    forward = dict(zip(authors, speaker_ids(authors), strict=True))
    backward = dict(zip(authors[::-1], speaker_ids(authors[::-1]), strict=True))
    assert forward == backward
    assert all(re.fullmatch(r"spk_[0-9a-f]{10}", name) for name in forward.values())


def test_recordings_without_author_may_share_a_voice():
    first, second, third = speaker_ids(["", "", "Anna"])
    assert first == second != third

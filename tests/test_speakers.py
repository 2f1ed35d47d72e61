"""Who may share a voice, by author string and by first name."""

import csv
import re

import pytest

from spoken_cefr.corpus.speakers import fold, speaker_ids, split_authors

DUO = "Anna, élève à Montpellier, \nCassandre de Montpellier"


def test_a_comma_separates_speakers_only_before_a_line_break():
    assert split_authors(DUO) == ["Anna, élève à Montpellier", "Cassandre de Montpellier"]
    assert split_authors("Mélyne, étudiante bretonne") == ["Mélyne, étudiante bretonne"]
    assert split_authors("") == []


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


# --- by first name


def test_by_first_name_people_of_one_first_name_are_one_voice():
    authors = ["Isabelle de Reims", "ISABELLE (Montrouge)", "Élise", "Elise, étudiante", "Ali"]
    isabelle, other_isabelle, elise, other_elise, ali = speaker_ids(authors, by_first_name=True)
    assert isabelle == other_isabelle
    assert elise == other_elise
    assert len({isabelle, elise, ali}) == 3


def test_by_first_name_a_card_of_two_speakers_joins_both_names():
    authors = ["Cassandre de Lyon", DUO, "Anna (Paris)", "Bruno"]
    cassandre, duo, anna, bruno = speaker_ids(authors, by_first_name=True)
    assert cassandre == duo == anna != bruno


def catalogue_authors(shared):
    path = shared / "data" / "audio_lingua_fr_2025-01.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [row["Author"] for row in csv.DictReader(file)]


def test_first_names_of_the_real_catalogue_only_ever_join_authors(shared):
    authors = catalogue_authors(shared)
    finer, coarser = speaker_ids(authors), speaker_ids(authors, by_first_name=True)
    assert len(set(zip(finer, coarser, strict=True))) == len(set(finer)) > len(set(coarser))
    # A count of its own: distinct first words, before two-speaker cards join some of them.
    firsts = {fold(re.findall(r"\w+", name)[0]) for a in authors for name in split_authors(a)}
    n_duos = sum(len(split_authors(author)) > 1 for author in authors)
    assert len(firsts) - n_duos <= len(set(coarser)) - 1 <= len(firsts)

"""Why this level: only what the effects and the ranges of a result both say."""

import pytest

from spoken_cefr.measures.table import MEASURES
from spoken_cefr.prediction.report import text_report
from spoken_cefr.prediction.why import MAX_TOLD, MIN_EFFECT, TOLD, why

RISING = {"A1": [0.0, 0.1, 0.2], "B1": [0.2, 0.3, 0.4], "C1": [0.4, 0.5, 0.6]}
FALLING = dict(zip(RISING, reversed(RISING.values()), strict=True))
NOTHING = "Rien de ce qui est mesuré ne l’éloigne nettement du milieu."


def measured(contribution, value=0.5, ranges=RISING):
    return {"contribution": contribution, "value": value, "ranges": ranges}


def told(language="fr", vectors=None, **measures):
    return why({"measures": measures, "word_vectors_contribution": vectors}, language)


def test_every_measure_has_its_words_in_both_languages():
    assert TOLD["fr"].keys() == TOLD["en"].keys()
    assert [m.name for m in MEASURES if m.name not in TOLD["fr"]] == []


def test_what_raises_and_what_lowers_the_level_is_told_the_strongest_first():
    measures = {
        "subordinate_share": measured(0.2),
        "speech_rate": measured(0.4, ranges={}),  # as of the starter, which heard no voice
        "uncommon_share": measured(-0.3, value=0.0),
    }
    assert told(**measures) == (
        "Ce qui rend l’écoute plus difficile : débit rapide, subordonnées fréquentes ; "
        "ce qui la rend plus facile : vocabulaire courant."
    )
    assert told("en", **measures) == (
        "What makes it harder: fast speech, frequent subordinate clauses; "
        "what makes it easier: common vocabulary."
    )


def test_a_measure_that_falls_with_the_level_is_read_the_other_way():
    assert told(zipf=measured(0.2, value=0.1, ranges=FALLING)) == (
        "Ce qui rend l’écoute plus difficile : vocabulaire recherché."
    )


def test_an_effect_against_the_ranges_is_not_told():
    # "Many rare words lower it" only corrects what another measure says.
    assert told(rare_share=measured(-0.3)) == NOTHING
    flat = {level: [0, 0, 0] for level in RISING}
    assert told(rare_share=measured(0.3, ranges=flat)) == NOTHING


@pytest.mark.parametrize("row", [measured(MIN_EFFECT * 0.9), measured(0.3, value=None)])
def test_what_is_small_or_unknown_is_not_told(row):
    assert told(clause_words=row) == NOTHING


def test_the_words_themselves_count_and_no_phrase_comes_twice():
    said = told("en", vectors=-0.5, word_letters=measured(0.2), word_syllables=measured(0.1))
    assert said == (
        "What makes it harder: long words; what makes it easier: words like those of easy texts."
    )


def test_no_more_is_told_than_can_be_taken_in():
    every = {measure.name: measured(0.3) for measure in MEASURES}
    assert told("en", **every).count(", ") == MAX_TOLD - 1


def test_a_model_that_looks_at_no_measure_gives_no_sentence():
    assert told(clause_words=measured(None)) == ""


def test_the_terminal_says_it_too():
    from test_page import result

    row = measured(0.4, ranges={}) | {"unit": "syllables/s", "nearest_level": None}
    report = text_report(result(measures={"speech_rate": row}))
    assert "Why         What makes it harder: fast speech." in report

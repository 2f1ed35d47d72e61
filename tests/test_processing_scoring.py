"""The recogniser beside texts that are known."""

import pandas as pd
import pytest

from spoken_cefr.config import load_config
from spoken_cefr.processing.transcription.scoring import (
    known_texts,
    side_by_side,
    tell_word_errors,
    word_errors,
    words_of,
)

KNOWN = pd.Series({"007": "Il y a vingt chats.", "b": "L’œil est bleu.", "c": "Oui, oui !"})
HEARD = pd.Series({"007": "il y a 20 chats", "b": "L'oeil et tout bleu", "c": "oui"})
LEVELS = pd.Series({"007": "A1", "b": "B1", "c": "B1"})


@pytest.mark.parametrize(
    "written, heard", [("Vingt-deux !", "22"), ("L’œuf", "l'oeuf"), ("huit heures", "8h")]
)
def test_another_spelling_is_no_error(written, heard):
    assert words_of(written) == words_of(heard)


@pytest.mark.parametrize(
    "language, written, heard",
    [
        ("de", "zweiundzwanzig Häuser", "22 Häuser!"),
        ("es", "veintidós", "22"),
        ("en", "twenty-two", "22"),
        ("ru", "двадцать два", "22"),
        ("zh", "我有两只猫。", "我有 两只 猫"),
    ],
)
def test_digits_are_read_in_the_language_and_unspaced_ones_by_character(language, written, heard):
    assert words_of(written, language=language) == words_of(heard, language=language)


def test_an_error_in_a_language_without_spaces_is_one_of_its_characters():
    known, heard = pd.Series({"a": "我有两只猫"}), pd.Series({"a": "我有三只猫"})
    errors = word_errors(known, heard, pd.Series({"a": "A1"}), language="zh")
    assert errors.loc["all", ["words", "wrong"]].tolist() == [5, 1]


def test_errors_are_counted_by_level_and_over_all():
    errors = word_errors(KNOWN, HEARD, LEVELS)
    assert errors.index.tolist() == ["A1", "B1", "all"]
    # "est" for "et", "tout" put in, one "oui" left out: 3 of the 4 + 2 words of B1.
    assert errors["wrong"].tolist() == [0, 3, 3]
    assert errors["words"].tolist() == [5, 6, 11]
    assert errors["error_rate"].tolist() == pytest.approx([0, 0.5, 3 / 11])
    told = tell_word_errors(errors, n_measures=2)
    assert "50.0% at B1" in told and "27.3% of 11 words" in told


def test_recordings_whose_text_is_not_known_are_left_out():
    assert word_errors(KNOWN[["007"]], HEARD, LEVELS)["recordings"].tolist() == [1, 1]


def test_a_corpus_without_known_texts_has_no_score_and_says_so():
    none = known_texts(load_config("fr"), pd.DataFrame({"recording_id": ["1"], "audio_url": ["u"]}))
    errors = word_errors(none, HEARD, LEVELS)
    assert errors.empty and none.empty
    assert "cannot be scored" in tell_word_errors(errors, n_measures=0)
    assert side_by_side("", "oui") == ""


def test_the_demo_s_texts_are_found_by_the_name_of_their_file():
    metadata = pd.DataFrame(
        {"recording_id": ["9060"], "audio_url": ["http://127.0.0.1/IMG/mp3/kermesse.mp3"]}
    )
    text = known_texts(load_config("demo"), metadata)["9060"]
    assert "fête de mon école" in text


def test_what_differs_is_marked_under_the_words():
    reference, hypothesis, marks = side_by_side("un chat noir", "un rat").splitlines()
    assert reference.split()[1:] == ["un", "chat", "noir"]
    assert hypothesis.split()[1:3] == ["un", "rat"]
    assert sorted(marks.split()) == ["D", "S"]

"""The page's HTML: escaped, bilingual, readable; nothing here needs a browser."""

import base64
import json
import re

import numpy as np
import pytest

from spoken_cefr.cli import main
from spoken_cefr.config import load_config
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.page.result import error_html, result_html
from spoken_cefr.page.style import PAIRS
from spoken_cefr.page.timeline import MAX_WORDS_S
from spoken_cefr.page.wording import (
    ERRORS,
    OTHER_ERROR,
    TEXTS,
    both,
    french_error,
    in_french_too,
)
from spoken_cefr.prediction.choice import STARTER
from spoken_cefr.prediction.labels import LABELS, by_weight, effect, label, number, span
from spoken_cefr.prediction.recording import UNSURE
from spoken_cefr.prediction.report import text_report
from spoken_cefr.prediction.verdict import ABSTENTIONS, SURENESS
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.store import read_json

EVIL = '<script>alert("1")</script>'
RATE = 16_000


def result(**changes):
    """A result as `predict` gives it, with hostile text wherever a recording has a say."""
    part = {"level": "B1", "score": 3.4, "score_name": "B1.4", "probabilities": {}}
    known = {
        "file": f"{EVIL}.mp3",
        "duration_s": 40.0,
        "level": "B1",
        "score": 3.4,
        "score_name": "B1.4",
        "confidence": 0.6,
        "sureness": "fairly sure",
        "likely_levels": ["A2", "B1"],
        "probabilities": {"A1": 0.1, "A2": 0.2, "B1": 0.6, "B2": 0.05, "C1": 0.05},
        "abstains": False,
        "abstain_code": None,
        "abstain_reason": None,
        "language": {"spoken": "fr", "probability": 0.9},
        "transcript": f"{EVIL} bonjour",
        "words": [
            {"word": EVIL, "start_s": 0.5, "end_s": 1.0},
            {"word": "bonjour", "start_s": 1.0, "end_s": 1.5},
        ],
        "measures": {
            measure.name: {
                "value": 0.25,
                "unit": measure.unit,
                "kind": measure.kind,
                "description": measure.description,
                "ranges": {"A1": [0.1, 0.2, 0.3], "A2": [0.2, 0.4, 0.6]},
                "nearest_level": "A1",
                "contribution": 0.1,
            }
            for measure in MEASURES
        },
        "word_vectors_contribution": None,
        "rare_words": [{"word": EVIL, "zipf": None, "start_s": [0.5], "word_indices": [0]}],
        "timeline": [
            part | {"start_s": 0.0, "end_s": 20.0},
            part | {"start_s": 20.0, "end_s": 40.0},
        ],
        "model": {
            "name": EVIL,
            "kind": "measures_ordinal",
            "classes": ["A1", "A2", "B1", "B2", "C1"],
            "language": "fr",
            "trained_on": "x",
            "notice": "",
            "version": "1",
            "synthetic": True,
        },
        "warnings": [],
    }
    return known | changes


def page(**changes):
    signal = np.random.default_rng(0).normal(0, 0.1, 40 * RATE).astype(np.float32)
    return result_html(result(**changes), signal, RATE)


def test_nothing_of_a_recording_becomes_markup():
    assert "<script" not in page()
    assert "&lt;script" in page()
    assert "<script" not in error_html(EVIL, f"{EVIL} is cut short")


def test_the_result_shows_what_the_issue_asks_for():
    html = page()
    for part in ("B1.4", "60%", "<mark", "<svg", "0:10", "subordinate clauses", "TextGrid"):
        assert part in html


def links(html):
    found = re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', html)
    return {name.rpartition(".")[2]: base64.b64decode(data).decode("utf-8") for name, data in found}


def test_the_downloads_are_in_the_page_itself(tmp_path):
    files = links(page())
    assert json.loads(files["json"]) == [result()]
    path = tmp_path / "words.TextGrid"
    path.write_text(files["TextGrid"], encoding="utf-8")
    assert [word.word for word in read_intervals(path)] == [EVIL, "bonjour"]


@pytest.mark.parametrize("code", [*ABSTENTIONS])
def test_every_reason_to_abstain_is_told_in_both_languages(code):
    html = page(level=None, abstains=True, abstain_code=code, language={"spoken": "de"})
    assert "Pas de niveau" in html
    assert "No level" in html
    assert "{" not in re.sub(r"<a .*?</a>", "", html)


def test_what_it_leans_to_is_told_as_such():
    html = page(abstains=True, abstain_code="too_few_words")
    assert "penche pour B1.4" in html
    assert 'class="level"' not in html


def test_every_text_is_there_in_both_languages():
    assert all(french and english for french, english in TEXTS.values())
    assert {name for _, name in SURENESS} | set(ABSTENTIONS) <= set(TEXTS)
    assert (
        both("run")
        == '<span lang="fr">Trouver le niveau</span><span lang="en">Find the level</span>'
    )


def test_every_measure_has_a_name_in_both_languages():
    assert [m.name for m in MEASURES if m.name not in LABELS] == []
    assert label("speech_rate", "syllables/s", "fr") == "débit (syllabes/s)"
    assert max(len(label(m.name, m.unit, "en")) for m in MEASURES) <= 37  # a column of the report
    assert label("mood", "smiles", "fr") == "mood (smiles)"


def test_numbers_are_told_as_people_read_them():
    assert number(0.256, "share") == "26%"
    assert number(4.7213, "syllables/s") == "4.72"
    assert number(None, "s") == "-"
    assert span([0.1, 0.2, 0.3], "share") == "10-30%"
    assert span(None, "s") == "-"
    names = by_weight({m.name: {} for m in reversed(MEASURES)}, 6)
    assert names[0] == "speech_rate"
    assert len(set(names)) == 6


def test_what_model_and_transcript_say_is_told_in_french_too():
    starter = read_json(STARTER / "config.json")
    sentences = [
        starter["trained_on"],
        starter["notice"],
        load_config("demo").notice,
        "Trained on 35 recordings of 7 speakers (machine-spoken demo recordings, profile demo).",
        "Trained on 9 recordings of 3 speakers (https://audio-lingua.example/, profile fr).",
        UNSURE,
        "2 of 140 words were moved to mend their times",
        "speech was detected at 1.5-3.0 s, but no word was taken from it",
        "the text of 1 window(s) repeated itself and was left out",
    ]
    for sentence in sentences:
        assert '<span lang="fr">' in in_french_too(sentence), sentence
    assert in_french_too("<new>") == '<span class="only" lang="en">&lt;new&gt;</span>'


def test_the_warnings_of_the_terminal_are_on_the_page():
    html = page(warnings=["2 of 140 words were moved to mend their times", UNSURE])
    assert "2 mots sur 140 ont été déplacés" in html
    assert "Beaucoup de mots ont été mal entendus" in html


def test_the_notice_of_a_real_model_stands_above_its_result():
    model = result()["model"] | {"synthetic": False, "notice": "Beware."}
    assert '<p class="note"><span class="only" lang="en">Beware.' in page(model=model)


def test_a_reader_of_transcripts_says_where_its_ranges_and_its_level_come_from():
    model = result()["model"] | {"kind": "text_ordinal", "synthetic": False}
    html = page(model=model, word_vectors_contribution=-0.412)
    assert "written training passages" in html
    assert "training recordings" not in html
    assert f"ensemble : {0.1 * len(MEASURES):+.2f}" in html
    assert "les mots eux-mêmes (vecteurs de mots) : -0.41" in html
    told = text_report(result(model=model, word_vectors_contribution=-0.412))
    assert "written training passages" in told
    assert re.search(r"the words themselves \(word vectors\) +-0\.41\n", told)


def test_a_model_of_measures_alone_says_nothing_of_words():
    assert "vecteurs de mots" not in page()
    assert "word vectors" not in text_report(result())


def test_how_a_measure_moves_the_result_is_told_with_its_direction():
    assert [effect(x) for x in (0.314, -0.25, 0.001, -0.001, None)] == [
        "+0.31",
        "-0.25",
        "0",
        "0",
        "-",
    ]
    assert re.search(r"speech rate \(syllables/s\) .* A1 +\+0\.10\n", text_report(result()))


def test_a_long_recording_says_where_its_words_are():
    assert "les mots sont dans la transcription seulement" not in page()
    long = np.zeros((MAX_WORDS_S + 1) * 100, dtype=np.float32)
    assert "les mots sont dans la transcription seulement" in result_html(result(), long, 100)


@pytest.mark.parametrize(
    "message",
    [
        "a.wav is an empty file (0 bytes)",
        "a.wav has 800 MB: at most 700 MB are read",
        "a.wav is not audio that can be decoded, or is damaged: give an mp3",
        "a.wav lasts 1.0 s: at least 3 s are needed",
        "a.wav lasts 180.0 minutes; at most 30 are taken: cut it in parts",
        "a.wav is silent from end to end: record it again",
        "a.wav is cut short: its last MP3 frame breaks off at 3.3 s",
        "a.wav has 512 channels at 16000 Hz: convert it",
        "a.wav holds no audio",
        "a.wav holds samples that are not numbers (NaN or infinity)",
        "a.wav is missing: check its name",
    ],
)
def test_every_bad_file_is_told_in_french_too(message):
    french = french_error(message)
    assert french != OTHER_ERROR
    assert "{" not in french
    assert french.endswith(".")


def test_an_error_without_its_own_sentence_still_gets_one():
    assert french_error("something new") == OTHER_ERROR
    assert len({french for _, french in ERRORS}) == len(ERRORS)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--port", "70000"], "--port is 70000"),
        (["--model", "nothing"], "nothing is no folder"),
    ],
)
def test_a_page_that_cannot_open_is_one_sentence(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["app", *arguments]) == 1
    assert told in capsys.readouterr().err


def test_without_gradio_it_is_told_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["app"]) == 1
    assert "pip install 'spoken-cefr[app]'" in capsys.readouterr().err


def luminance(colour):
    """Relative luminance of ``#rrggbb``, as WCAG 2.2 defines it."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_contrast_formula_gives_the_standard_s_own_extremes():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(
        4.48, abs=0.01
    )  # known to fail by a hair


@pytest.mark.parametrize(("ink", "paper", "least"), PAIRS)
def test_colours_have_the_contrast_that_wcag_demands(ink, paper, least):
    assert contrast(ink, paper) >= least

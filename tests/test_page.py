"""What the page shows of an answer: escaped, in both languages; nothing here needs a browser."""

import base64
import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from selectolax.lexbor import LexborHTMLParser

from spoken_cefr.cli import main
from spoken_cefr.config import load_config
from spoken_cefr.corpus.levels import decimal_name
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.prediction.choice import STARTER
from spoken_cefr.prediction.labels import LABELS, by_weight, effect, label, number, span
from spoken_cefr.prediction.recording import UNSURE
from spoken_cefr.prediction.report import clock, text_report
from spoken_cefr.prediction.results_table import ResultsTable
from spoken_cefr.prediction.verdict import ABSTENTIONS, SURENESS
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.store import read_json

gradio = pytest.importorskip("gradio")

from spoken_cefr.page.analysis import Answer  # noqa: E402
from spoken_cefr.page.result import show_answer, show_table  # noqa: E402
from spoken_cefr.page.wording import TEXTS, error, remark, text  # noqa: E402

EVIL = '<script>alert("1")</script>'
LANGUAGES = ("fr", "en")
LINK = re.compile(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"')
CARD = SimpleNamespace(classes=("A1", "A2", "B1", "B2", "C1"), language="fr", name=EVIL)


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
            {"word": EVIL, "start_s": 0.5, "end_s": 1.0, "probability": 0.97, "doubtful": False},
            {
                "word": "bonjour<",
                "start_s": 1.0,
                "end_s": 1.5,
                "probability": 0.362,
                "doubtful": True,
            },
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


def answer(**changes):
    """The result with a waveform."""
    return Answer(result(**changes), np.array([[-0.5, -0.1], [0.4, 0.2]]))


def shown(given, language="fr"):
    """The parts that an answer becomes, by their kind; several of a kind in order."""
    with gradio.Column() as column:
        if isinstance(given, list):
            show_table(given, language, CARD)
        else:
            show_answer(given, language)
    parts, waiting = {}, list(column.children)
    while waiting:
        part = waiting.pop(0)
        waiting[:0] = getattr(part, "children", [])
        parts.setdefault(type(part).__name__, []).append(part)
    return parts


def told(given, language="fr"):
    """All that is put on the page as HTML or Markdown."""
    parts = shown(given, language)
    return "\n".join(part.value for kind in ("HTML", "Markdown") for part in parts.get(kind, []))


def table_in(given, language):
    """The one table among it: header, then rows of cells."""
    rows = LexborHTMLParser(told(given, language)).css("table tr")
    return [[cell.text() for cell in row.css("th, td")] for row in rows]


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_of_a_recording_becomes_markup(language):
    failed = Answer({"file": EVIL, "error": f"{EVIL} is cut short"})
    for given in (answer(), failed):
        assert "<script" not in told(given, language)
        assert "&lt;script" in told(given, language)


def test_a_result_has_levels_sound_words_and_measures():
    parts = shown(answer(), "en")
    (levels,) = parts["Label"]
    assert levels.value["label"] == "B1.4"
    assert [row["label"] for row in levels.value["confidences"]] == ["A1", "A2", "B1", "B2", "C1"]
    assert len(parts["Plot"]) == 1
    assert "0:20 B1.4" in told(answer(), "en")
    header, *rows = table_in(answer(), "en")
    assert len(rows) == len(MEASURES)
    assert header == ["measure", "here", "A1", "A2", "nearest", "effect"]
    assert rows[0] == ["speech rate (syllables/s)", "0.25", "0.1-0.3", "0.2-0.6", "A1", "+0.10"]


@pytest.mark.parametrize(
    ("language", "sign", "certainty"),
    [
        ("fr", "Souligné en pointillé", "peut-être mal entendu (certitude : 36 %)"),
        ("en", "Underlined with dots", "may be misheard (certainty: 36%)"),
    ],
)
def test_words_are_marked_that_are_uncommon_or_may_be_misheard(language, sign, certainty):
    (html,) = [part.value for part in shown(answer(), language)["HTML"] if "<mark" in part.value]
    legend, words = LexborHTMLParser(html).css("p")
    assert sign in legend.text()
    [uncommon] = words.css("mark.unknown")
    assert uncommon.text() == f"{EVIL} ?"
    [doubtful] = words.css("u")
    assert (doubtful.text(), doubtful.attributes["title"]) == ("bonjour<", certainty)
    sure = [word | {"doubtful": False} for word in result()["words"]]
    assert sign not in told(answer(words=sure), language)
    unknown = [word | {"doubtful": True, "probability": None} for word in result()["words"]]
    assert text("misheard", language) in told(answer(words=unknown), language)


@pytest.mark.parametrize(("seconds", "told"), [(50.8, "0:51"), (59.6, "1:00"), (75.3, "1:15")])
def test_a_time_is_rounded_as_the_player_rounds_it(seconds, told):
    assert clock(seconds) == told


def test_levels_that_are_as_probable_are_told_together():
    equal = {"A1": 0.01, "A2": 0.04, "B1": 0.16, "B2": 0.396, "C1": 0.394}
    two = {"probabilities": equal, "likely_levels": ["B2", "C1"], "level": "B2"}
    assert "le plus probable : B2 ou C1, à égalité ;" in told(answer(**two))
    assert "(most likely B2 or C1, equally; 60% on B2" in text_report(result(**two))
    wider = two | {"likely_levels": ["B1", "C1"]}
    assert "de B1 à C1 ou plus, B2 et C1 à égalité ;" in told(answer(**wider))
    assert "(most likely B1 to C1 or above, B2 and C1 equally;" in text_report(result(**wider))
    assert "(most likely A2 to B1; 60% on B1" in text_report(result())
    # Two that are far apart are not told as if nothing lay between them.
    ends = {"A1": 0.3, "A2": 0.1, "B1": 0.2, "B2": 0.1, "C1": 0.3}
    far = {"probabilities": ends, "likely_levels": ["A1", "C1"]}
    assert "A1 to C1 or above, A1 and C1 equally;" in text_report(result(**far))


def test_several_answers_are_a_row_each_with_the_reason_where_there_is_no_level():
    name = "un nom de fichier qui est plus long que cinquante lettres, à coup sûr.mp3"
    undecided = {"abstains": True, "abstain_code": "undecided"}
    answers = [result(), result(**undecided), {"file": name, "error": f"{name} is cut short"}]
    for language, reason in (("fr", "les 80% de la probabilité"), ("en", "80% of the probability")):
        html = told(answers, language)
        assert "<script" not in html
        _, known, unsure, failed = table_in(answers, language)
        assert known[:2] == [f"{EVIL}.mp3", "B1.4"]
        assert [known[4], known[5]] == ["40", ""]
        assert unsure[:2] == [f"{EVIL}.mp3", "-"]
        assert reason in unsure[5]
        assert failed == [name, "-", "-", "-", "-", error(f"{name} is cut short", language)]


def test_the_table_of_several_is_the_file_that_predict_writes(tmp_path):
    answers = [result(), {"file": "=b.mp3", "error": "b.mp3 is missing"}]
    path = tmp_path / "levels.csv"
    with ResultsTable(str(path), CARD, resume=False) as table:
        for row in answers:
            table.add(row)
    [(name, data)] = LINK.findall(told(answers))
    assert name == "levels.csv"
    assert base64.b64decode(data) == path.read_bytes()


def test_the_downloads_are_in_the_page_itself(tmp_path):
    links = LINK.findall(told(answer()))
    files = {name.rpartition(".")[2]: base64.b64decode(data).decode() for name, data in links}
    assert json.loads(files["json"]) == [result()]
    path = tmp_path / "words.TextGrid"
    path.write_text(files["TextGrid"], encoding="utf-8")
    assert [word.word for word in read_intervals(path)] == [EVIL, "bonjour<"]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*ABSTENTIONS])
def test_every_reason_to_abstain_is_told(code, language):
    facts = {"abstains": True, "abstain_code": code, "language": {"spoken": "de"}}
    parts = shown(answer(**facts, level=None), language)
    assert 'role="status"' in parts["HTML"][0].value
    assert "{" not in parts["HTML"][0].value
    assert "Label" not in parts
    # Where there is a level it is only what the model leans to.
    (levels,) = shown(answer(**facts), language)["Label"]
    assert levels.value["label"] == text("no_level", language)


def test_every_text_is_there_in_both_languages():
    assert TEXTS["fr"].keys() == TEXTS["en"].keys()
    assert {name for _, name in SURENESS} | set(ABSTENTIONS) <= TEXTS["fr"].keys()


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
    assert [row for row in sentences if remark(row, "fr") == row or "{" in remark(row, "fr")] == []
    assert [remark(row, "en") for row in sentences] == sentences
    assert remark("Something new.", "fr") == "Something new."


def test_notes_stand_above_the_result_those_of_the_model_first():
    notes = [part.value for part in shown(answer(warnings=[UNSURE]), "en")["HTML"][1:3]]
    assert text("synthetic", "en") in notes[0]
    assert UNSURE in notes[1]
    model = result()["model"] | {"synthetic": False, "notice": "Beware."}
    assert "Beware." in shown(answer(model=model))["HTML"][1].value


def test_a_reader_of_transcripts_says_where_its_ranges_and_its_level_come_from():
    model = result()["model"] | {"kind": "text_ordinal", "synthetic": False}
    read = {"model": model, "word_vectors_contribution": -0.412}
    hints = shown(answer(**read), "en")["Markdown"][-1]
    start = decimal_name(3.4 + 0.412 - 0.1 * len(MEASURES))
    for reported in (hints.value, text_report(result(**read))):
        assert "written training passages" in reported
        assert "-0.41" in reported
        assert re.search(rf"tarting from.*{re.escape(start)}", reported)
    assert f"{0.1 * len(MEASURES):+.2f}" in hints.value
    assert "word vectors" not in told(answer(), "en") + text_report(result())


def test_how_a_measure_moves_the_result_is_told_with_its_direction():
    assert [effect(x) for x in (0.314, -0.25, 0.001, -0.001, None)] == [
        "+0.31",
        "-0.25",
        "0",
        "0",
        "-",
    ]
    assert re.search(r"speech rate \(syllables/s\) .* A1 +\+0\.10\n", text_report(result()))


def test_an_error_without_its_own_sentence_still_gets_one():
    assert error("something new", "fr") == text("other_error", "fr")


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
    assert "pip install -e '.[app]'" in capsys.readouterr().err

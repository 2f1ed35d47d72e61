"""Measures of other languages than French: what each can be given, and never a wrong number."""

import re

import pandas as pd
import pytest
import spacy
from spacy.tokens import Doc

from spoken_cefr.corpus.languages import LANGUAGES, find_language
from spoken_cefr.measures import available
from spoken_cefr.measures.available import lacking, lacking_told, support_table
from spoken_cefr.measures.pipeline import load_nlp, nlp_of
from spoken_cefr.measures.syllables import syllables_of
from spoken_cefr.measures.syntax import syntax_measures
from spoken_cefr.measures.table import (
    MEASURES,
    measure_recording,
    measures_of,
    measures_table,
    text_measures,
)
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.transcription.words import Word

CODES = [language.code for language in LANGUAGES]
# Counted by hand, one digit behind each word.
COUNTED = {
    "de": "oder2 Arbeit2 Universität5 Freundin2 gehe2 ich1 Auto2 aber2 Familie3 Bäume2 Straße2 "
    "Ferien3 Theater3 Museum3 fünfzehn2 Geschwister3 interessant4 eigentlich3 Eier2 Italien4",
    "en": "open2 about2 university5 family3 today2 water2 make1 makes1 named1 wanted2 houses2 "
    "table2 little2 people2 because2 together3 music2 school1 friend1 holiday3 beautiful3",
    "es": "casa2 ahora3 universidad5 día2 había3 bueno2 ciudad2 estudiante4 familia3 leer2 "
    "teatro3 país2 playa2 hoy1 aire2 cuatro2 también2 idea3 poeta3 aeropuerto5",
    "it": "casa2 amico3 università5 studiare3 giorno2 famiglia3 scuola2 teatro3 paese3 idea3 "
    "oggi2 gatto2 ragazza3 bambino3 uovo2 cuore2 acqua2 estate3 ieri2 maestra3",
    "pt": "casa2 agora3 universidade6 escola3 pai1 mãe1 irmão2 trabalho3 dia2 lição2 coração3 "
    "água2 amigo3 leite2 ler1 país2 rua2 escrever3 noite2 feijão2",
    "ru": "мама2 университет5 Россия3 дом1 школа2 хорошо3 идёт2 моя2 чай1 семья2",
    "ca": "casa2 universitat5 amic2 escola3 família4 dia2 feina2 aigua2 ciutat2 gràcies3 noia2",
}
# A clause each of era, compramos (relative) and había vivido (adverbial), by hand.
SPANISH = [
    ("La", "DET", "det", 1, ""),
    ("casa", "NOUN", "nsubj", 5, ""),
    ("que", "PRON", "obj", 3, "PronType=Rel"),
    ("compramos", "VERB", "acl:relcl", 1, "Mood=Ind|Tense=Pres|VerbForm=Fin"),
    ("era", "AUX", "cop", 5, "Mood=Ind|Tense=Imp|VerbForm=Fin"),
    ("vieja", "ADJ", "ROOT", 5, ""),
    ("porque", "SCONJ", "mark", 9, ""),
    ("Ana", "PROPN", "nsubj", 9, ""),
    ("ha", "AUX", "aux", 9, "Mood=Ind|Tense=Pres|VerbForm=Fin"),
    ("vivido", "VERB", "advcl", 5, "VerbForm=Part"),
    ("allí", "ADV", "advmod", 9, ""),
]
FRENCH = (
    "Hier, ma soeur est allée au marché. Elle a acheté des pommes qui venaient de Normandie, "
    "parce que nous voulions faire une tarte."
)


@pytest.mark.parametrize("code", COUNTED)
def test_syllables_are_those_counted_by_hand(code):
    counted = {w: int(n) for w, n in re.findall(r"([^\W\d]+)(\d)", COUNTED[code])}
    assert {word: syllables_of(word, code) for word in counted} == counted


def test_a_chinese_character_is_a_syllable():
    assert syllables_of("我们今天去学校。", "zh") == 7


@pytest.mark.parametrize("code", ["ar", "he", "co"])
def test_no_syllable_is_told_where_the_spelling_does_not_tell(code):
    assert syllables_of("abc", code) == 0
    assert {"speech_rate", "run_length", "word_syllables"} <= lacking(code).keys()


def test_french_values_are_those_from_before_other_languages():
    values = text_measures(load_nlp()(FRENCH))
    before = {
        "zipf": 5.017,
        "uncommon_share": 0.1,
        "lexical_density": 11 / 23,
        "imparfait_share": 0.5,
        "passe_compose_share": 0.5,
        "subordinate_share": 0.75,
        "relative_share": 0.25,
        "clause_words": 5.75,
        "dependency_distance": 30 / 19,
        "clause_depth": 2.25,
    }
    assert {name: values[name] for name in before} == pytest.approx(before)


def test_french_lacks_nothing_and_no_language_has_more():
    assert measures_of("fr") == MEASURES
    assert lacking_told("fr") == ""
    for code in CODES:
        left_out = lacking(code)
        assert len(measures_of(code)) + len(left_out) == len(MEASURES)
        assert all(name in lacking_told(code) for name in left_out)


def test_what_an_absent_pipeline_would_bring_is_told_with_its_name(monkeypatch):
    monkeypatch.setattr(spacy.util, "is_package", lambda name: False)
    assert "de_core_news_md" in lacking_told("de")
    monkeypatch.setattr(spacy.util, "is_package", lambda name: True)
    names = {measure.name for measure in measures_of("de")}
    assert {"zipf", "lexical_density", "present_share"} <= names
    # Its relations are of another scheme: no measure reads them.
    assert not names & set(available.OF_RELATIONS)
    assert "relative_share" in {measure.name for measure in measures_of("es")}


@pytest.mark.parametrize("code", CODES)
def test_a_recording_gets_just_the_measures_of_its_language(code, monkeypatch):
    real = spacy.util.is_package
    monkeypatch.setattr(spacy.util, "is_package", lambda name: name.startswith("fr") and real(name))
    said = ["你好", "我们", "学校"] if code == "zh" else ["uno", "dos", "tres"]
    times = [(0.0, 0.5), (1.0, 1.5), (1.5, 2.0)]
    words = [Word(word, *pair) for word, pair in zip(said, times, strict=True)]
    text = " ".join(said)
    values = measure_recording(words, text, duration_s=2.0, doc=nlp_of(code)(text))
    assert list(values) == [measure.name for measure in measures_of(code)]
    # Half a second of two is silent, in any language.
    assert values["pause_share"] == pytest.approx(0.25)
    assert values["pause_rate"] == pytest.approx(30)
    if find_language(code).syllables:
        n_syllables = 6 if code == "zh" else 4
        assert values["speech_rate"] == pytest.approx(n_syllables / 2)


def spanish_doc(rows, lemmas=None):
    """A parse given word by word; lemmas are by default the words."""
    words, pos, deps, heads, morphs = map(list, zip(*rows, strict=True))
    given = {"pos": pos, "deps": deps, "heads": heads, "morphs": morphs}
    return Doc(spacy.blank("es").vocab, words, lemmas=lemmas or words, **given)


def test_clauses_and_tenses_are_read_from_universal_dependencies():
    values = syntax_measures(spanish_doc(SPANISH))
    assert values["relative_share"] == pytest.approx(1 / 3)
    assert values["subordinate_share"] == pytest.approx(2 / 3)
    assert values["clause_words"] == pytest.approx(11 / 3)
    assert values["present_share"] == pytest.approx(1 / 3)
    assert values["imparfait_share"] == pytest.approx(1 / 3)
    assert values["passe_compose_share"] == pytest.approx(1 / 3)  # ha vivido
    assert values["passive_share"] == 0
    # La-casa 1, casa-vieja 4, que-compramos 1, era-vieja 1, and 3, 2, 1, 1 around vivido.
    assert values["dependency_distance"] == pytest.approx(14 / 8)


def test_a_passive_and_a_copula_in_the_perfect_are_told_apart():
    # La casa es construida. Ha sido fácil.
    rows = [
        ("La", "DET", "det", 1, ""),
        ("casa", "NOUN", "nsubj", 3, ""),
        ("es", "AUX", "aux", 3, "Mood=Ind|Tense=Pres|VerbForm=Fin"),
        ("construida", "VERB", "ROOT", 3, "VerbForm=Part"),
        ("Ha", "AUX", "aux", 6, "Mood=Ind|Tense=Pres|VerbForm=Fin"),
        ("sido", "AUX", "cop", 6, "VerbForm=Part"),
        ("fácil", "ADJ", "ROOT", 6, ""),
    ]
    lemmas = ["la", "casa", "ser", "construir", "haber", "ser", "fácil"]
    values = syntax_measures(spanish_doc(rows, lemmas))
    assert values["passive_share"] == pytest.approx(1 / 2)
    assert values["present_share"] == pytest.approx(1 / 2)
    assert values["passe_compose_share"] == pytest.approx(1 / 2)


def test_a_profile_of_another_language_is_measured(demo_config):
    config = demo_config('scraping.language="de"')
    folder = config.data_path / "processing"
    folder.mkdir(parents=True)
    texts = pd.DataFrame({"recording_id": ["a"], "text": ["Ich gehe heute."], "end_s": 2.0})
    texts.to_parquet(folder / "transcripts.parquet")
    texts.to_parquet(folder / "segments.parquet")
    told = {"recording_id": "a", "word_index": [0, 1, 2], "word": ["Ich", "gehe", "heute."]}
    times = {"start_s": [0.0, 0.5, 1.0], "end_s": [0.5, 1.0, 1.5], "probability": 0.9}
    pd.DataFrame(told | times).to_parquet(folder / "words.parquet")
    table = measures_table(config)
    assert list(table.columns) == ["recording_id", *(m.name for m in measures_of("de"))]
    assert table["speech_rate"].notna().all()


@pytest.mark.parametrize("name", ["README.md", "doc/adapting.md"])
def test_the_table_of_support_is_that_of_the_code(name):
    assert support_table() in (ROOT / name).read_text(encoding="utf-8")


def test_the_number_of_measures_in_the_table_is_theirs():
    assert len(MEASURES) == available.N_MEASURES

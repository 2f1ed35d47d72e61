"""Measures of recordings: examples worked by hand, and what must not change them."""

import math
import re
import unicodedata

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.measures import table as measures
from spoken_cefr.measures.fluency import MIN_PAUSE_S, fluency_measures, pause_lengths
from spoken_cefr.measures.lexis import lexis_measures, moving_type_token_ratio, rare_words
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.measures.syntax import (
    clause_head,
    is_finite,
    is_passive,
    syntax_measures,
    tense_of,
)
from spoken_cefr.measures.table import (
    MEASURES,
    TEXT_MEASURES,
    measure_recording,
    measures_table,
    text_measures,
)
from spoken_cefr.neural_networks.runs import CROP_S
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.transcription.words import Word

NAMES = [measure.name for measure in MEASURES]


@pytest.fixture(scope="module")
def nlp():
    return load_nlp()


@pytest.fixture(scope="module")
def texts():
    """The texts that the demo's recordings were spoken from, which are in git."""
    return pd.read_csv(ROOT / "data" / "replica" / "texts.csv")["text"].tolist()


@pytest.fixture(scope="module")
def plain(nlp, texts):
    return pd.DataFrame(text_measures(doc) for doc in nlp.pipe(texts))


# --- the registry


def test_every_measure_has_a_unit_a_kind_a_description_and_a_source():
    assert len(set(NAMES)) == len(NAMES)
    for measure in MEASURES:
        assert measure.kind in ("fluency", "lexis", "syntax")
        assert measure.unit and measure.description and re.search(r"\(\d{4}\)", measure.source)


# --- fluency

WORDS = [
    Word("Bonjour,", 1.0, 1.5),  # 2 syllables
    Word("je", 2.0, 2.2),  # after a pause of 0.5 s
    Word("m'appelle", 2.3, 2.7),  # 2
    Word("Léa.", 3.7, 4.0),  # 2, after a pause of 1 s
]


def test_fluency_of_an_example_worked_by_hand():
    assert fluency_measures(WORDS) == pytest.approx(
        {
            "speech_rate": 7 / 3,
            "articulation_rate": 7 / 1.5,
            "pause_rate": 40,
            "pause_length_s": 0.75,
            "pause_share": 0.5,
            "run_length": 7 / 3,
        }
    )


def test_silence_before_and_after_is_never_counted(nlp):
    later = [Word(word, start + 30, end + 30) for word, start, end, _ in WORDS]
    assert fluency_measures(later) == pytest.approx(fluency_measures(WORDS))
    text = " ".join(word.word for word in WORDS)
    short, long = (
        measure_recording(WORDS, text, duration_s=duration, doc=nlp(text)) for duration in (4, 400)
    )
    assert short == pytest.approx(long, nan_ok=True)


@pytest.mark.parametrize(("gap_s", "n"), [(MIN_PAUSE_S, 1), (MIN_PAUSE_S - 0.01, 0)])
def test_the_threshold_of_a_pause_is_inclusive(gap_s, n):
    assert len(pause_lengths(np.array([0.0, 1 + gap_s]), np.array([1.0, 3.0]))) == n


def test_without_a_pause_its_length_is_undefined_and_without_a_word_everything():
    assert math.isnan(fluency_measures(WORDS[:1])["pause_length_s"])
    assert fluency_measures(WORDS[:1])["pause_share"] == 0
    assert all(math.isnan(value) for value in fluency_measures([]).values())


def test_times_that_cannot_be_are_an_error(nlp):
    with pytest.raises(ValueError, match="word 1"):
        fluency_measures([Word("un", 0, 1), Word("deux", 0.5, 2)])
    with pytest.raises(ValueError, match="the last word ends at 2"):
        measure_recording([Word("un", 0, 2.0)], "un", duration_s=1, doc=nlp("un"))
    with pytest.raises(ValueError, match="the text parsed is 'deux'"):
        measure_recording([], "un", duration_s=1, doc=nlp("deux"))


# --- lexis


def test_the_type_token_ratio_is_that_of_its_definition():
    words = list("abacab")
    # Windows of 3: aba, bac, aca, cab.
    assert moving_type_token_ratio(words, window=3) == pytest.approx((2 + 3 + 2 + 3) / 12)
    assert math.isnan(moving_type_token_ratio(words, window=7))


def test_the_type_token_ratio_is_defined_for_15_s_from_every_recording_of_the_demo(
    demo_recordings, nlp
):
    for words, _, duration_s in demo_recordings:
        start_s = max(0.0, (duration_s - CROP_S) / 2)
        inside = [w.word for w in words if start_s <= w.start_s and w.end_s <= start_s + CROP_S]
        assert 0 < lexis_measures(nlp(" ".join(inside)))["type_token_ratio"] <= 1


def test_rare_words_stand_where_they_are_said_to(nlp):
    text = "Hier, l’apiculteur Dupontel a vu 3 abeilles qu'effarouchait l'usine de Saint-Étienne."
    found = rare_words(nlp(text), max_zipf=4.0)
    assert {"apiculteur", "abeilles"} <= {word.word for word in found}
    assert not {"Dupontel", "3", "de", "vu"} & {word.word for word in found}
    for word in found:
        assert text[word.offset : word.offset + len(word.word)] == word.word
        assert 1 <= word.zipf < 4.0
    assert [word.offset for word in found] == sorted(word.offset for word in found)
    assert len(rare_words(nlp(text), max_zipf=3.0)) < len(rare_words(nlp(text), max_zipf=5.0))


# --- syntax


TENSES_OF = {
    "Je mange une pomme.": ["present"],
    "Nous habitons à Lyon depuis dix ans.": ["present"],
    "Nous avons mangé une pomme.": ["passe_compose"],
    "Elle est allée à Paris.": ["passe_compose"],
    "Ils se sont promenés dans la forêt.": ["passe_compose"],
    "La maison a été vendue.": ["passe_compose"],
    "Quand il était petit, il jouait au ballon.": ["imparfait", "imparfait"],
    "Nous parlions souvent de toi.": ["imparfait"],
    "Demain, nous partirons en vacances.": ["futur"],
    "Elle viendra chez moi samedi.": ["futur"],
    "Je vais acheter du pain.": ["futur"],
    "Vous oubliez toujours vos clés.": ["present"],
    "Je voudrais un café.": ["conditionnel"],
    "On pourrait partir plus tôt.": ["conditionnel"],
    "Il aurait préféré rester.": ["conditionnel"],
    "Il faut que nous puissions partir.": ["present", "subjonctif"],
    "Je veux qu'il vienne avec nous.": ["present", "subjonctif"],
    "Il faut qu'elle soit contente.": ["present", "subjonctif"],
    "Elle avait déjà mangé.": ["plus_que_parfait"],
    "Ils étaient partis avant la nuit.": ["plus_que_parfait"],
    "Le roi mourut en hiver.": ["passe_simple"],
}


def test_tenses_and_moods_are_told_apart(nlp):
    """The tagger misses a form here and there, so most of the sentences must be right."""
    told = {t: [tense_of(token) for token in nlp(t) if is_finite(token)] for t in TENSES_OF}
    wrong = {text: told[text] for text in TENSES_OF if told[text] != TENSES_OF[text]}
    assert len(wrong) <= 0.15 * len(TENSES_OF), wrong


@pytest.mark.parametrize(
    ("text", "passive"),
    [
        ("Les gâteaux sont préparés par ma mère.", True),
        ("Les gâteaux ont été mangés par les enfants.", True),
        ("Elle est allée à Paris.", False),
        ("Elle s'est promenée.", False),
        ("Les enfants sont contents.", False),
    ],
)
def test_the_passive_is_told_from_the_compound_tense(nlp, text, passive):
    heads = [clause_head(token) for token in nlp(text) if is_finite(token)]
    assert [is_passive(head) for head in heads] == [passive]


def test_subordinate_and_relative_clauses(nlp):
    flat = syntax_measures(nlp("Je mange une pomme. Elle lit un livre."))
    assert (flat["subordinate_share"], flat["relative_share"], flat["clause_words"]) == (0, 0, 4)
    deep = syntax_measures(nlp("Je crois que la femme qui parle viendra demain."))
    assert deep["subordinate_share"] == pytest.approx(2 / 3)  # que, qui among three verbs
    assert deep["relative_share"] == pytest.approx(1 / 3)
    assert syntax_measures(nlp("Est-ce que tu peux venir à l'école ?"))["relative_share"] == 0


def test_a_text_without_words_or_verbs_is_undefined_and_no_error(nlp):
    empty = measure_recording([], "", duration_s=3.0, doc=nlp(""))
    assert list(empty) == NAMES
    assert all(math.isnan(value) for value in empty.values())
    assert math.isnan(text_measures(nlp("Bonjour !"))["present_share"])


# --- what must not change a measure


@pytest.mark.slow
def test_a_recording_played_twice_in_a_row_keeps_its_measures(demo_recordings, nlp):
    once, twice, counts = [], [], []
    for words, text, duration_s in demo_recordings:
        again = [Word(w.word, w.start_s + duration_s, w.end_s + duration_s) for w in words]
        double = f"{text} {text}"
        once.append(measure_recording(words, text, duration_s=duration_s, doc=nlp(text)))
        twice.append(
            measure_recording(words + again, double, duration_s=2 * duration_s, doc=nlp(double))
        )
        counts.append(len(words))
    once, twice = pd.DataFrame(once), pd.DataFrame(twice)
    assert list(once) == NAMES
    # A measure that needs 20 words, or a pause, may only be defined when played twice.
    change = (twice - once).abs().where(once.notna(), 0.0)
    spread = once.std() + 0.1 * once.mean()
    assert twice[once.notna()].isna().sum().sum() == once.isna().sum().sum()
    assert (change.max() <= 0.75 * spread).all(), (change.max() / spread).round(2).to_dict()
    assert (change.mean() <= 0.3 * spread).all(), (change.mean() / spread).round(2).to_dict()
    # The silence between the two plays is one pause more; a total fails the same bounds by far.
    assert np.mean(counts) > 2 * (np.std(counts) + 0.1 * np.mean(counts))


@pytest.fixture(scope="module")
def demo_recordings(texts):
    """The demo's texts as words, text and duration."""
    return [_spoken(text) for text in texts]


def _spoken(text):
    """A text as words of 60 ms a letter, with a pause of half a second or so after a sign."""
    words, now_s = [], 0.2
    for word in text.split():
        words.append(Word(word, now_s, now_s + 0.06 * len(word)))
        now_s = words[-1].end_s + (0.3 + 0.02 * len(word) if word[-1] in ".,!?;:" else 0.0)
    return words, text, words[-1].end_s + 0.2 if words else 0.4


def test_capitals_and_punctuation_hardly_matter(nlp, texts, plain):
    """A transcript may have neither; recordings keep their order."""
    bare = [" ".join(re.sub(r"[.,;:!?…«»\"()]", " ", text.lower()).split()) for text in texts]
    stripped = pd.DataFrame(text_measures(doc) for doc in nlp.pipe(bare))
    correlation = {
        name: plain[name].corr(stripped[name]) for name in TEXT_MEASURES if plain[name].std() > 0
    }
    shift = ((stripped - plain).mean() / plain.std()).abs()
    assert min(correlation.values()) > 0.7, correlation
    assert shift.max() < 0.5, shift.round(2).to_dict()


# --- the table


@pytest.fixture
def processed(demo_config):
    """A profile with three recordings as processing leaves them, one of them silent."""
    config = demo_config()
    folder = config.data_path / "processing"
    folder.mkdir(parents=True)
    spoken = {
        "r1": "Bonjour, je m'appelle Léa.",
        "r2": "",
        "r3": "Il faut que tu viennes, parce que le film qui commence est bon.",
    }
    rows = [
        (name, i, *word[:3], "whisper", 0.9)
        for name, text in spoken.items()
        for i, word in enumerate(_spoken(text)[0])
    ]
    columns = ["recording_id", "word_index", "word", "start_s", "end_s", "source", "probability"]
    pd.DataFrame(rows, columns=columns).to_parquet(folder / "words.parquet")
    transcripts = pd.DataFrame(spoken.items(), columns=["recording_id", "text"])
    transcripts.iloc[::-1].to_parquet(folder / "transcripts.parquet")
    segments = pd.DataFrame({"recording_id": list(spoken), "end_s": 30.0})
    segments.to_parquet(folder / "segments.parquet")
    return config


@pytest.mark.parametrize(
    "variant",
    [
        lambda text: text.replace("'", "\u2019"),
        lambda text: unicodedata.normalize("NFD", text),
        lambda text: text.replace("-", "\u2011"),
        lambda text: text.replace(" ", "\u00a0"),
    ],
    ids=["apostrophe", "NFD", "hyphen", "space"],
)
def test_signs_of_one_meaning_give_the_same_measures(nlp, variant):
    text = "Est-ce qu'il l'avait réveillée ? Peut-être, mais aujourd'hui, c'est l'été."
    assert variant(text) != text
    told = [text_measures(nlp(one)) for one in (text, variant(text))]
    assert told[0] == pytest.approx(told[1], nan_ok=True)
    assert nlp(text).to_json()["tokens"] == nlp(variant(text)).to_json()["tokens"]


def test_the_table_has_every_recording_and_is_measured_once(processed, monkeypatch):
    table = measures_table(processed)
    assert list(table) == ["recording_id", *NAMES]
    assert table["recording_id"].tolist() == ["r1", "r2", "r3"]
    assert table.set_index("recording_id").loc["r2"].isna().all()
    path = processed.data_path / "neural_networks" / "measures.parquet"
    first = path.read_bytes()

    measured = []
    original = measures.measure_recording
    monkeypatch.setattr(
        measures,
        "measure_recording",
        lambda words, text, **rest: measured.append(text) or original(words, text, **rest),
    )
    pd.testing.assert_frame_equal(measures_table(processed), table)
    assert measured == []

    transcripts = processed.data_path / "processing" / "transcripts.parquet"
    changed = pd.read_parquet(transcripts).replace("Bonjour, je m'appelle Léa.", "Bonsoir.")
    changed.to_parquet(transcripts)
    assert measures_table(processed).iloc[1:].equals(table.iloc[1:])
    assert measured == ["Bonsoir."]

    changed.replace("Bonsoir.", "Bonjour, je m'appelle Léa.").to_parquet(transcripts)
    measures_table(processed)
    assert path.read_bytes() == first
    path.write_bytes(b"no table")
    pd.testing.assert_frame_equal(measures_table(processed), table)


def test_a_missing_spacy_package_is_named_with_its_remedy():
    with pytest.raises(InputError, match="pip install fr-core-news-none"):
        load_nlp("fr_core_news_none")

"""The starter model: what it says of texts, what leaves it unmoved, what it refuses."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import norm, spearmanr
from starter_texts import bare, misheard, spoken, training_texts
from train_starter import SENTENCES, VOICE_ERROR, columns_of, fit, measured, rounded

from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import load_model
from spoken_cefr.prediction.starter import (
    B1_S,
    LONGER_A_LEVEL,
    LONGEST_S,
    MEASURE_NAMES,
    NATURAL_RATE,
    SLOW_RATE,
    level_of_length,
    level_of_rate,
    level_of_text,
    middle,
    place_of_level,
    pool,
    text_inputs,
)
from spoken_cefr.prediction.windows import text_windows
from spoken_cefr.store import sha256_of

STARTER = ROOT / "data" / "starter"
TEXTS = {
    path.stem: path.read_text(encoding="utf-8").strip()
    for path in sorted((ROOT / "tests" / "texts").glob("*.txt"))
}
LEVELS = [name[:2] for name in TEXTS]


@pytest.fixture(scope="module")
def model():
    return load_model(STARTER).regression


@pytest.fixture(scope="module")
def scores(model):
    return {name: level_of_text(text, model=model).score for name, text in TEXTS.items()}


# --- what it says


def test_every_level_has_texts():
    assert min(LEVELS.count(level) for level in TARGET_LEVELS) >= 4


def test_texts_of_known_level_are_ranked_and_none_is_two_levels_off(scores):
    found, codes = np.array(list(scores.values())), level_codes(LEVELS)
    assert spearmanr(found, codes).statistic > 0.9
    assert (np.abs(found - (codes + 1.5)) < 2).all()
    means = pd.Series(scores).groupby(LEVELS).mean()
    assert (np.diff(means[list(TARGET_LEVELS)]) > 0.2).all()


def demo_texts():
    replica = ROOT / "data" / "replica"
    levels = pd.read_csv(replica / "catalogue.csv").set_index("FileName")["Level"]
    table = pd.read_csv(replica / "texts.csv").assign(level=lambda t: t["slug"].map(levels))
    return table[table["level"].isin(TARGET_LEVELS)]


@pytest.mark.parametrize(
    "read",
    [
        lambda: pd.read_csv(ROOT / "tests" / "texts" / "spoken_style.csv"),
        pytest.param(demo_texts, marks=pytest.mark.slow),
    ],
    ids=["by another hand", "of the demo"],
)
def test_other_texts_are_ranked(model, read):
    table = read()
    found = [level_of_text(text, model=model).score for text in table["text"]]
    assert spearmanr(found, level_codes(table["level"])).statistic > 0.85


def test_result_holds_together(model):
    text = " ".join(TEXTS.values())
    result = level_of_text(text, model=model)
    assert result.probabilities.sum() == pytest.approx(1)
    assert 1 <= result.score < 6
    assert [unit.probabilities.sum() for unit in result.units] == pytest.approx(
        [1] * len(result.units)
    )
    assert result.units[0].start_char == 0 and result.units[-1].end_char == len(text)
    assert sorted(result.contributions) == sorted(MEASURE_NAMES)
    # The measures and the words are where its place comes from.
    pushes = sum(result.contributions.values()) + result.word_vectors
    place = model.decision(middle(model)[None, :]) + pushes
    assert model.probabilities_at(place)[0] == pytest.approx(result.probabilities)


def test_the_level_along_a_text_follows_it(model):
    easy = " ".join(text for name, text in TEXTS.items() if name.startswith("A1"))
    hard = " ".join(text for name, text in TEXTS.items() if name.startswith("C1"))
    units = level_of_text(f"{easy} {hard}", model=model).units
    means = [unit.probabilities @ np.arange(1, 6) for unit in units]
    before = [m for m, unit in zip(means, units, strict=True) if unit.end_char <= len(easy)]
    after = [m for m, unit in zip(means, units, strict=True) if unit.start_char >= len(easy)]
    assert max(before) < min(after)


# --- what leaves it unmoved


def test_a_text_read_twice_keeps_its_score(model, scores):
    twice = {n: level_of_text(f"{t} {t}", model=model).score for n, t in TEXTS.items()}
    changes = [abs(twice[name] - scores[name]) for name in TEXTS]
    assert np.mean(changes) < 0.1 and max(changes) < 0.3


@pytest.mark.parametrize(
    "change",
    [bare, str.lower, lambda text: text.replace(",", "").replace(".", "")],
    ids=["without both", "without capitals", "without punctuation"],
)
def test_a_text_without_case_or_punctuation_keeps_its_score(model, scores, change):
    changes = [
        abs(level_of_text(change(text), model=model).score - scores[name])
        for name, text in TEXTS.items()
    ]
    assert np.mean(changes) < 0.15 and max(changes) < 0.5


def test_a_long_recording_is_as_hard_as_its_parts(model):
    for level in TARGET_LEVELS:
        texts = [text for name, text in TEXTS.items() if name.startswith(level)]
        apart = [level_of_text(text, model=model).score for text in texts]
        joined = level_of_text(" ".join(texts), model=model).score
        assert min(apart) - 0.1 <= joined <= max(apart) + 0.1


# --- what it refuses


@pytest.mark.parametrize("text", ["", "   ", "... ! ?"])
def test_a_text_without_words_is_refused(model, text):
    with pytest.raises(InputError, match="no word"):
        level_of_text(text, model=model)


# --- the folder in git


def test_the_card_tells_the_scores_of_the_config():
    scores = json.loads((STARTER / "config.json").read_text(encoding="utf-8"))["scores"]
    card = (STARTER / "README.md").read_text(encoding="utf-8")
    assert len(scores["recipes"]) >= 4 and len(scores["domains"]) == 15
    for recipe in scores["recipes"].values():
        row = [recipe["passages"]["accuracy"], recipe["moved_by_errors"], recipe["judged"][0]]
        assert any(all(str(value) in line for value in row) for line in card.splitlines())


def test_the_starter_holds_no_sentence_of_its_training_data(shared):
    held = b"".join(path.read_bytes() for path in STARTER.iterdir())
    for name in (*SENTENCES, "readme_fr_sentences.csv"):
        sentences = pd.read_csv(shared / "data" / name)["sentence"]
        long = [sentence for sentence in sentences if len(sentence) > 20]
        assert not [sentence for sentence in long if sentence.encode() in held]


def test_it_is_trained_on_the_sentences_that_are_there(shared):
    config = json.loads((STARTER / "config.json").read_text(encoding="utf-8"))
    hashes = {name: sha256_of(shared / "data" / name) for name in SENTENCES}
    assert config["training"]["sentences_sha256"] == hashes


# --- speed and length


def test_published_rates_are_those_of_their_levels():
    assert level_of_rate(NATURAL_RATE) == 4.5  # the middle of B2
    assert level_of_rate(SLOW_RATE) == pytest.approx(2.5)  # the middle of A2
    assert (level_of_rate(0.5), level_of_rate(9.0)) == (1.0, 5.999)


def test_lengths_of_levels_are_the_likeliest_of_the_real_catalogue():
    counts = pd.read_csv(ROOT / "data" / "fr_catalogue_2025-01_counts.csv")
    counts = counts[counts["level"].isin(TARGET_LEVELS) & counts["duration_class"].notna()]
    limits = counts["duration_class"].str.extract(r"^>?(\d+)(?:-(\d+))?").astype(float)
    low, high = np.log(limits[0].clip(lower=1e-9)), np.log(limits[1].fillna(np.inf))
    levels = level_codes(counts["level"]) + 1.5

    def surprise(values):
        middle, step, spread = values
        law = norm(middle + step * (levels - 3.5), spread)
        return -(counts["recordings"] * np.log(law.cdf(high) - law.cdf(low))).sum()

    found = minimize(surprise, [4.0, 0.5, 0.5], method="Nelder-Mead", options={"xatol": 1e-6}).x
    assert np.exp(found[:2]) == pytest.approx([B1_S, LONGER_A_LEVEL], rel=1e-3)
    assert found[2] / found[1] == pytest.approx(VOICE_ERROR, abs=0.005)
    assert level_of_length(B1_S) == pytest.approx(3.5)  # the middle of B1
    assert level_of_length(B1_S * LONGER_A_LEVEL) == pytest.approx(4.5)
    assert level_of_length(3.0) == 1.0
    assert level_of_length(1800.0) == level_of_length(LONGEST_S) < 5.5


def test_a_place_of_a_level_is_at_its_cuts(model):
    assert [place_of_level(level, cuts=model.cuts) for level in (2, 3, 4, 5)] == pytest.approx(
        model.cuts
    )


def test_opinions_meet_in_between_and_are_less_sure_where_they_differ(model):
    low, middle, high = (place_of_level(level, cuts=model.cuts) for level in (1.5, 3.5, 5.5))
    levels = np.arange(1, 6)
    apart = [pool(model, *places) for places in ((low, high, middle), (high, low, middle))]
    assert apart[0] == pytest.approx(apart[1])  # words count as much as speed, and length for less:
    assert pool(model, middle, middle, high) @ levels < pool(model, middle, high, middle) @ levels
    easy, between, hard = (pool(model, *[place] * 3) for place in (low, middle, high))
    assert easy @ levels < apart[0] @ levels < hard @ levels
    assert apart[0].max() < between.max()
    assert apart[0].sum() == pytest.approx(1)
    np.testing.assert_allclose(between, model.probabilities_at(np.array([middle]))[0])


# --- how it is made


def test_the_same_sentences_give_the_same_arrays():
    texts, levels = list(TEXTS.values()), LEVELS
    inputs = text_inputs(list(load_nlp().pipe(texts)))
    np.testing.assert_allclose(columns_of(measured(texts, None)), inputs)
    first, second = (rounded(fit(inputs, levels)) for _ in range(2))
    for name, array in first.state().items():
        np.testing.assert_array_equal(array, second.state()[name])
    assert (first.medians == [float(f"{value:.7g}") for value in first.medians]).all()


def test_passages_are_of_one_label_and_fold_and_of_its_sentences():
    sentences = pd.DataFrame(
        {
            "text": [f"mot{i} est là numéro deux" for i in range(120)],
            "label": ["A1"] * 60 + ["B1"] * 60,
            "file": 0,
            "fold": [0, 1] * 60,
        }
    )
    made = training_texts(sentences, n_draws=2, seed=3)
    plain = made[made["kind"] == "plain"]
    assert plain["text"].str.split().str.len().between(12, 130).all()
    for row in plain.itertuples():
        words = row.text.replace(".", "").split()
        numbers = [int(word[3:]) for word in words if word.startswith("mot")]
        assert set(sentences["label"][numbers]) == {row.label}
        assert set(sentences["fold"][numbers]) == {row.fold}
    assert made.equals(training_texts(sentences, n_draws=2, seed=3))
    kinds = made.groupby("draw")["kind"].unique().map(set).to_dict()
    assert kinds == {-1: {"sentence"}, 0: {"plain", "bare"}, 1: {"plain", "misheard"}}


def test_numbers_are_said_and_words_are_misheard_as_often_as_asked():
    assert spoken("Il a 21 ans.") == "Il a vingt et un ans."
    text = " ".join(["maison"] * 4000)
    heard = misheard(text, rate=0.2, rng=np.random.default_rng(0)).split()
    assert heard.count("maison") / 4000 == pytest.approx(0.83, abs=0.03)  # 15 of 100 are put beside


def test_bare_text_keeps_apostrophes_and_hyphens_inside_words():
    text = "« L’ami », dit-il : J'arrive - enfin !"
    assert bare(text) == "l’ami dit-il j'arrive enfin"


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["bonjour", "le chat dort", "oui.", "..."]), max_size=150))
def test_windows_cover_a_text_once_and_are_of_like_size(pieces):
    doc = load_nlp()(" ".join(pieces))
    spans = text_windows(doc, n_words=20)
    n_words = sum(any(map(str.isalnum, token.text)) for token in doc)
    assert [token.i for span in spans for token in span] == (
        list(range(len(doc))) if n_words else []
    )
    sizes = [sum(any(map(str.isalnum, token.text)) for token in span) for span in spans]
    assert len(sizes) <= 1 or (min(sizes) >= 10 and max(sizes) <= 30)

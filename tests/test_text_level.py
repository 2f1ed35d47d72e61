import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.neural_networks.language import load_nlp
from spoken_cefr.neural_networks.text_level import TextLevel, describe
from spoken_cefr.paths import ROOT

BENCHMARK = [sys.executable, str(ROOT / "benchmarks" / "text_level.py")]
TEXTS = ["Le chat dort.", "Il fait beau.", "Elle mange une pomme."] * 6
HARD = [
    "La conjoncture économique ne saurait justifier pareille imprévoyance.",
    "Bien que l'hypothèse demeure discutée, elle mérite considération.",
    "Nul n'ignore les dissensions qui minent cette institution.",
] * 6


def told(*arguments):
    done = subprocess.run([*BENCHMARK, *arguments], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def two_kinds():
    return describe(list(load_nlp().pipe(TEXTS + HARD))), np.repeat([0, 1], len(TEXTS))


@pytest.mark.parametrize("parts", [("measures",), ("vectors",), ("tfidf",), ("measures", "tfidf")])
def test_every_part_tells_easy_sentences_from_hard_ones(two_kinds, parts):
    sentences, codes = two_kinds
    model = TextLevel(parts).fit(sentences, codes)
    np.testing.assert_allclose(model.predict_proba(sentences).sum(axis=1), 1.0)
    assert (model.predict(sentences) == codes).all()


def test_a_part_that_is_not_chosen_has_no_say(two_kinds):
    sentences, codes = two_kinds
    model = TextLevel(("measures",)).fit(sentences, codes)
    size = load_nlp().vocab.vectors_length
    words = sentences.words.copy()
    for row in range(len(words)):
        words[row] = words[row] * (np.arange(words[row].shape[1]) >= size)
    without = sentences._replace(vectors=0 * sentences.vectors, words=words)
    np.testing.assert_array_equal(model.predict_proba(without), model.predict_proba(sentences))


def test_a_text_without_words_has_a_row_all_the_same(two_kinds):
    model = TextLevel().fit(*two_kinds)
    p = model.predict_proba(describe([load_nlp()("…")]))
    assert p.shape == (1, 2) and np.isfinite(p).all()


def test_an_unknown_part_is_named():
    with pytest.raises(ValueError, match=r"parts are \['words'\]; choose some of measures"):
        TextLevel(["words"])


@pytest.mark.slow
def test_on_labels_by_people_it_beats_length_and_the_commonest_level(shared):
    told_by = told("--limit", "480", "--quick")
    parts = told_by["parts"]
    assert told_by["n"] == 480
    assert told_by["quadratic_weighted_kappa"] > 0.70
    for name in ("commonest level", "length alone"):
        assert told_by["accuracy"] > parts[name]["accuracy"] + 0.05


def test_it_is_judged_on_a_file_of_its_own(two_kinds, tmp_path):
    levels = ["A1"] * len(TEXTS) + ["C1"] * len(HARD)
    table = pd.DataFrame({"sentence": TEXTS + HARD, "difficulty": levels})
    table.to_csv(tmp_path / "all.csv", index=False)
    file = str(tmp_path / "all.csv")
    found = told("--train", file, "--test", file, "--quick")
    assert found["accuracy"] == 1.0 and found["n"] == 36

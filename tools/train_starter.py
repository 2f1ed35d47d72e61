"""Train the starter model and write it to ``data/starter/``.

    python tools/train_starter.py [--out data/starter]

Reads French sentences with a level given by people (columns sentence and
difficulty, A1 to C2), joins sentences of one level to passages, makes part of them like the
transcript of a recogniser, and compares five recipes on sentences that they have not seen (5 folds)
and on others' texts that teach nothing. The last recipe is trained on all and written with its
card. The same data gives the same bytes. No sentence enters the folder.

Why passages: a model of single sentences learns above all how long a sentence is, which a
transcript does not tell: its full stops come and go. Why errors: words that were heard wrongly look
like rare ones.
"""

import argparse
import functools
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from num2words import num2words
from scipy.stats import spearmanr
from spacy.tokens import Doc
from wordfreq import top_n_list

from spoken_cefr import __version__
from spoken_cefr.corpus.levels import TARGET_LEVELS, interpolated_median, level_codes
from spoken_cefr.evaluation.scores.metrics import METRICS, confusion_matrix
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.measures.table import TEXT_MEASURES, text_measures
from spoken_cefr.neural_networks.bundle import package_versions
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import README, save_run
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.starter import (
    INPUTS,
    MEASURE_NAMES,
    NATURAL_RATE,
    SLOW_RATE,
    VOICE_WEIGHT,
    text_inputs,
)
from spoken_cefr.prediction.verdict import MAX_LEVELS, likely_levels
from spoken_cefr.progress import progress
from spoken_cefr.store import sha256_of, write_text

DATA = ROOT.parent / "shared" / "data"
SENTENCES = ("french_cefr_sentences_half.csv", "french_cefr_sentences_more.csv")
JUDGED = "readme_fr_sentences.csv"  # of 15 domains, rated by people: judges, never teaches
NEAR_TO_SPEECH = ("Captions", "Dialogue", "Speech", "Statements")
STARTER = ROOT / "data" / "starter"
TEXTS = ROOT / "tests" / "texts"
REPLICA = ROOT / "data" / "replica"
L2 = 400.0
CLIP = 3.0
SEED = 0
N_FOLDS = 5
MIN_WORDS, MAX_WORDS = 12, 120  # of a passage that is made, as of a recording of 5 to 50 s
ERROR_RATES = (0.05, 0.1, 0.2, 0.3)  # shares of words that a recogniser gets wrong
N_RESAMPLINGS = 1000
COMMON = 3000  # words that one is heard as
# What each recipe learns from, as `kinds` of `training_texts` and files of sentences. The last
# one is the starter's.
RECIPES: dict[str, tuple[tuple[str, ...], int]] = {
    "version 0.1: passages of the first file": (("plain",), 1),
    "and of the second file": (("plain",), 2),
    "and without case, punctuation and digits": (("plain", "bare"), 2),
    "and with recognition errors": (("plain", "bare", "misheard"), 2),
    "and single sentences": (("plain", "bare", "misheard", "sentence"), 2),
}
TRAINED_ON = (
    "{n} written French sentences with a level given by people (data of a university course's "
    "competition), alone and joined to passages, in part made like a recogniser's transcript"
)
NOTICE = (
    "Starter model: it reads the transcript, takes the speed of speech by a rule of thumb, and has "
    "not been trained on spoken recordings."
)


def main() -> None:
    """Score, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=STARTER)
    options = parser.parse_args()
    sentences = read_sentences([options.data / name for name in SENTENCES])
    texts = training_texts(sentences, seed=SEED)
    docs = parse(texts["text"])
    inputs = text_inputs(docs)
    scores, model = compare(texts, inputs, pd.read_csv(options.data / JUDGED))
    plain = (texts["kind"] == "plain").to_numpy()
    card = {
        "inputs": INPUTS,
        "architecture": "ordinal",
        "name": "starter",
        "classes": list(TARGET_LEVELS),
        "language": "fr",
        "trained_on": TRAINED_ON.format(n=len(sentences)),
        "notice": NOTICE,
        "synthetic": False,
        "version": __version__,
        "versions": package_versions(),
        "settings": {"processing.model": "offline-base", "processing.compute_type": "int8"},
        "measures": list(MEASURE_NAMES),
        "ranges": ranges([d for d, keep in zip(docs, plain, strict=True) if keep], texts[plain]),
        "scores": scores,
        "training": {
            "sentences_sha256": {name: sha256_of(options.data / name) for name in SENTENCES},
            "l2": L2,
            "seed": SEED,
        },
    }
    text = write_readme(len(sentences), len(texts), scores)
    write_text(options.out / README, text)
    save_run(options.out, rounded(model), card)
    print(text)


def read_sentences(paths: Sequence[Path]) -> pd.DataFrame:
    """Sentences, each once: text, label, file (from 0) and fold."""
    tables = [pd.read_csv(path).assign(file=i) for i, path in enumerate(paths)]
    table = pd.concat(tables, ignore_index=True).drop_duplicates("sentence", ignore_index=True)
    table = table.rename(columns={"sentence": "text", "difficulty": "label"})
    folds = np.random.default_rng(SEED).permutation(np.arange(len(table)) % N_FOLDS)
    return table.assign(fold=folds)[["text", "label", "file", "fold"]]


def training_texts(sentences: pd.DataFrame, *, n_draws: int = 4, seed: int) -> pd.DataFrame:
    """Sentences, and passages of sentences of one label, file and fold.

    Parameters
    ----------
    sentences : pd.DataFrame
        text, label, file, fold.
    n_draws : int
        How often all sentences are shuffled and joined anew: of the first half of the draws a
        `bare` copy is added, of the second half one with recognition errors.

    Returns
    -------
    pd.DataFrame
        text, label, file, fold, draw, kind ("sentence", "plain", "bare", "misheard"). The
        sentences left over at the end of a draw make no passage: another draw takes them.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for draw in range(n_draws):
        for key, group in sentences.groupby(["label", "file", "fold"]):
            mixed = [_closed(text) for text in rng.permutation(group["text"].to_numpy())]
            for text in _join(mixed, rng):
                heard = spoken(text)
                if draw < n_draws / 2:
                    kind, copy = "bare", bare(heard)
                else:
                    kind = "misheard"
                    heard = bare(heard) if rng.random() < 0.5 else heard
                    copy = misheard(heard, rate=rng.choice(ERROR_RATES), rng=rng)
                rows += [(text, *key, draw, "plain"), (copy, *key, draw, kind)]
    columns = ["text", "label", "file", "fold", "draw", "kind"]
    single = sentences.assign(draw=-1, kind="sentence")[columns]
    return pd.concat([single, pd.DataFrame(rows, columns=columns)], ignore_index=True)


def spoken(text: str) -> str:
    """A text with its whole numbers in words, as they are said."""
    return re.sub(r"\d{1,9}", lambda digits: num2words(int(digits[0]), lang="fr"), text)


def misheard(text: str, *, rate: float, rng: np.random.Generator) -> str:
    """A text of which this share of words is wrong as by a recogniser.

    A quarter is left out, a third is another common word, a quarter is spoilt to a word that
    there is not, and before the others a short word is put in.
    """
    common = _common_words()
    heard: list[str] = []
    for word in text.split():
        fate = rng.random() / rate
        if fate < 0.25:
            continue
        if fate < 0.6:
            heard.append(common[rng.integers(len(common))])
        elif fate < 0.85 and len(word) > 3:
            i = rng.integers(1, len(word) - 1)
            heard.append(word[:i] + word[i + 1 :])
        else:
            heard += [common[rng.integers(100)]] if fate < 1 else []
            heard.append(word)
    return " ".join(heard)


@functools.cache
def _common_words() -> list[str]:
    return [word for word in top_n_list("fr", COMMON) if word.isalpha()]


def bare(text: str) -> str:
    """A text in lower case and without punctuation, as some recognisers write it."""
    return " ".join(re.sub(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)", " ", text).lower().split())


def _closed(sentence: str) -> str:
    """A sentence with a sign at its end."""
    sentence = sentence.strip()
    return sentence if sentence[-1:] in tuple(".!?…") else f"{sentence}."


def _join(sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
    texts, waiting, target = [], [], _n_words(rng)
    for sentence in sentences:
        waiting.append(sentence)
        text = " ".join(waiting)
        if len(text.split()) >= target:
            texts.append(text)
            waiting, target = [], _n_words(rng)
    return texts


def _n_words(rng: np.random.Generator) -> float:
    """Of the next passage: short ones are as frequent as long ones, by their ratio."""
    return float(np.exp(rng.uniform(np.log(MIN_WORDS), np.log(MAX_WORDS))))


def parse(texts: Sequence[str]) -> list[Doc]:
    """Parse texts, with a bar."""
    docs = load_nlp().pipe(texts, batch_size=64)
    return list(progress(docs, desc="parsing", unit="text", total=len(texts)))


def fit(inputs: np.ndarray, labels: Sequence[str]) -> OrdinalRegression:
    """Fit to texts; C2 counts as C1, the highest level that is told apart."""
    return OrdinalRegression(len(TARGET_LEVELS), l2=L2, clip=CLIP).fit(inputs, codes_of(labels))


def rounded(model: OrdinalRegression) -> OrdinalRegression:
    """The model with its numbers rounded to 7 digits.

    The last digits hang on how many cores added the numbers up; without them the
    same data gives the same bytes.
    """
    state = {
        name: np.array([float(f"{value:.7g}") for value in array])
        for name, array in model.state().items()
    }
    return OrdinalRegression.from_state(state, n_classes=model.n_classes)


def codes_of(labels: Sequence[str]) -> np.ndarray:
    """Positions in `TARGET_LEVELS`, C2 as C1."""
    return level_codes("C1" if label == "C2" else label for label in labels)


def compare(
    texts: pd.DataFrame, inputs: np.ndarray, judged: pd.DataFrame
) -> tuple[dict[str, Any], OrdinalRegression]:
    """Scores of every recipe, and the model of the last one, trained on all folds.

    Parameters
    ----------
    texts : pd.DataFrame
        As `training_texts` gives it; ``inputs`` row by row.
    judged : pd.DataFrame
        sentence, difficulty, domain: rated by others.
    """
    own = own_texts()
    rng = np.random.default_rng(SEED)
    wrong = [misheard(bare(text), rate=0.2, rng=rng) for text in own["text"]]
    judges = {
        "judged": (judged["difficulty"], text_inputs(parse(judged["sentence"]))),
        "own": (own["label"], text_inputs(parse(own["text"]))),
    }
    misheard_inputs = text_inputs(parse(wrong))
    rows: dict[str, dict[str, Any]] = {}
    for name, (kinds, n_files) in RECIPES.items():
        taught = (texts["kind"].isin(kinds) & (texts["file"] < n_files)).to_numpy()
        told = out_of_fold(texts, inputs, taught)
        model = fit(inputs[taught], texts["label"][taught])
        scores = {kind: scores_of(texts, told, kind) for kind in ("plain", "sentence")}
        answers = {
            judge: interpolated_median(model.predict_proba(rows_of))
            for judge, (_, rows_of) in judges.items()
        }
        near = judged["domain"].isin(NEAR_TO_SPEECH).to_numpy()
        levels = codes_of(judged["difficulty"])
        moved = interpolated_median(model.predict_proba(misheard_inputs)) - answers["own"]
        rows[name] = {
            "passages": scores["plain"],
            "sentences": scores["sentence"],
            "judged": rank_of(answers["judged"], levels),
            "near_to_speech": rank_of(answers["judged"][near], levels[near]),
            "own_texts": rank_of(answers["own"], codes_of(own["label"])),
            "moved_by_errors": round(float(np.abs(moved).mean()), 2),
        }
    domains = {
        domain: {
            "n": int(chosen.sum()),
            "spearman": rank_of(answers["judged"][chosen], levels[chosen])[0],
            "kappa": kappa_of(answers["judged"][chosen], levels[chosen]),
            "bias": round(float((answers["judged"][chosen] - 1.5 - levels[chosen]).mean()), 2),
        }
        for domain in sorted(set(judged["domain"]))
        if (chosen := (judged["domain"] == domain).to_numpy()).any()
    }
    return {"recipes": rows, "domains": domains, "sure": sureness(texts, told)}, model


def out_of_fold(texts: pd.DataFrame, inputs: np.ndarray, taught: np.ndarray) -> np.ndarray:
    """Probabilities of every text by models that saw no sentence of its fold."""
    told = np.zeros((len(texts), len(TARGET_LEVELS)))
    for fold in range(N_FOLDS):
        inside = (texts["fold"] == fold).to_numpy()
        model = fit(inputs[taught & ~inside], texts["label"][taught & ~inside])
        told[inside] = model.predict_proba(inputs[inside])
    return told


def scores_of(texts: pd.DataFrame, told: np.ndarray, kind: str) -> dict[str, float]:
    """On the unseen sentences, or passages of one draw, of the first file."""
    chosen = ((texts["kind"] == kind) & (texts["draw"] <= 0) & (texts["file"] == 0)).to_numpy()
    truth = codes_of(texts["label"][chosen])
    answers = interpolated_median(told[chosen]).astype(int) - 1
    matrix = confusion_matrix(truth, answers, n_classes=len(TARGET_LEVELS))
    names = ("accuracy", "quadratic_weighted_kappa", "mean_absolute_error")
    return {
        "n": int(chosen.sum()),
        "majority": round(float(np.bincount(truth).max() / len(truth)), 3),
        **{name: round(float(METRICS[name](matrix)), 3) for name in names},
    }


def rank_of(answers: np.ndarray, levels: np.ndarray) -> list[float]:
    """Spearman's correlation, and its percentile interval (95 %) over texts."""
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(levels), size=(N_RESAMPLINGS, len(levels)))
    drawn = [spearmanr(answers[i], levels[i]).statistic for i in draws]
    low, high = np.nanquantile(drawn, [0.025, 0.975])
    return [round(float(v), 2) for v in (spearmanr(answers, levels).statistic, low, high)]


def kappa_of(answers: np.ndarray, levels: np.ndarray) -> float:
    """Quadratic weighted kappa of decimal levels."""
    matrix = confusion_matrix(levels, answers.astype(int) - 1, n_classes=len(TARGET_LEVELS))
    return round(float(METRICS["quadratic_weighted_kappa"](matrix)), 2)


def sureness(texts: pd.DataFrame, told: np.ndarray) -> dict[str, Any]:
    """How often answers on unseen passages are right, by the probability given; and abstentions.

    ``covered`` is how often the level is inside the span that is called likely.
    """
    chosen = ((texts["kind"] != "sentence") & (texts["draw"] >= 0)).to_numpy()
    truth, p = codes_of(texts["label"][chosen]), told[chosen]
    answers = interpolated_median(p).astype(int) - 1
    given = p[np.arange(len(p)), answers]
    spans = np.array([likely_levels(row) for row in p])
    answered = spans[:, 1] - spans[:, 0] < MAX_LEVELS
    right = answers == truth
    bins = {
        f"{low:.0%} to {high:.0%}": [
            int(inside.sum()),
            round(float(given[inside].mean()), 3),
            round(float(right[inside].mean()), 3),
        ]
        for low, high in pairwise((0.3, 0.45, 0.6, 0.75, 0.85, 1.0))
        if (inside := (given >= low) & (given < high)).any()
    }
    return {
        "bins": bins,
        "covered": round(float(((spans[:, 0] <= truth) & (truth <= spans[:, 1])).mean()), 3),
        "answered": round(float(answered.mean()), 3),
        "right_of_answered": round(float(right[answered].mean()), 3),
        "right_of_others": round(float(right[~answered].mean()), 3) if (~answered).any() else None,
    }


def own_texts() -> pd.DataFrame:
    """Texts in the manner of listening material, written for this project: text, label."""
    files = sorted(TEXTS.glob("*.txt"))
    ours = pd.DataFrame(
        {
            "text": [f.read_text(encoding="utf-8") for f in files],
            "label": [f.name[:2] for f in files],
        }
    )
    levels = pd.read_csv(REPLICA / "catalogue.csv").set_index("FileName")["Level"]
    demo = pd.read_csv(REPLICA / "texts.csv")
    demo = demo.assign(label=demo["slug"].map(levels))[["text", "label"]]
    return pd.concat([ours, demo[demo["label"].isin(TARGET_LEVELS)]], ignore_index=True)


def ranges(docs: Sequence[Doc], passages: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """25th percentile, median and 75th percentile of each measure and level."""
    table = pd.DataFrame([text_measures(doc) for doc in docs])
    levels = np.array(TARGET_LEVELS)[codes_of(passages["label"])]
    found: dict[str, dict[str, list[float]]] = {}
    for name in TEXT_MEASURES:
        grouped = table[name].groupby(levels)
        found[name] = {
            level: [round(float(values.quantile(q)), 4) for q in (0.25, 0.5, 0.75)]
            for level, values in grouped
        }
    return found


def write_readme(n_sentences: int, n_texts: int, scores: dict[str, Any]) -> str:
    """The model card, every number from this run."""
    rows = [
        f"| {name} | {row['passages']['accuracy']} / {row['passages']['quadratic_weighted_kappa']} "
        f"| {row['sentences']['accuracy']} / {row['sentences']['quadratic_weighted_kappa']} "
        f"| {interval(row['judged'])} | {interval(row['near_to_speech'])} "
        f"| {interval(row['own_texts'])} | {row['moved_by_errors']} |"
        for name, row in scores["recipes"].items()
    ]
    last = list(scores["recipes"].values())[-1]
    domains = [
        f"| {name} | {row['n']} | {row['spearman']} | {row['kappa']} | {row['bias']:+} |"
        for name, row in scores["domains"].items()
    ]
    sure = scores["sure"]
    bins = [
        f"| {name} | {n} | {p:.0%} | {right:.0%} |" for name, (n, p, right) in sure["bins"].items()
    ]
    return CARD.format(
        n_sentences=n_sentences,
        n_texts=n_texts,
        n_measures=len(MEASURE_NAMES),
        rows="\n".join(rows),
        domains="\n".join(domains),
        bins="\n".join(bins),
        n_passages=last["passages"]["n"],
        n_single=last["sentences"]["n"],
        majority=last["passages"]["majority"],
        error=last["passages"]["mean_absolute_error"],
        natural=f"{NATURAL_RATE:.1f}",
        slow=f"{SLOW_RATE:.1f}",
        weight=f"{VOICE_WEIGHT:.0%}",
        **{name: f"{sure[name]:.0%}" for name in ("covered", "answered", "right_of_answered")},
    )


def interval(values: Sequence[float]) -> str:
    """``0.50 [0.41, 0.58]``."""
    return f"{values[0]:.2f} [{values[1]:.2f}, {values[2]:.2f}]"


CARD = """# Starter model: the level of a French recording, by its words and its speed

**Not yet trained on spoken recordings.** It reads the transcript, and takes the speed of speech
by a rule of thumb. Train on a real corpus as soon as you have one: the model of that corpus
takes its place.

- **Words**: a text gets a place on the scale A1 to C1 by ordinal logistic regression
  (cumulative logit) on {n_measures} measures of lexis and syntax and the mean of spaCy's French
  word vectors. A transcript is cut in windows of about 50 words; the result is their mean, so
  that length does not count.
- **Speed** (syllables a second, pauses included): {slow} is usual of A2, {natural} of B2, and a
  line between and beyond. These are published rates of registers (lectures to listeners who are
  not native: Tauroza & Allison, 1990; French interviews: Grosjean & Deschamps, 1975), put
  beside what the CEFR says of each level ("slow and clear", "normal speed"). Nobody has
  measured them level by level: it is a prior, and counts for {weight} of the place. Where words
  and speed disagree the answer is less sure.
- **Trained on**: {n_sentences} written sentences, labelled A1 to C2 by people for a university
  course's competition; C2 counts as C1, which therefore means "C1 or above". They make
  {n_texts} texts: single sentences, passages of one level, and copies without case and
  punctuation, with numbers in words and with the errors of a recogniser. This folder holds no
  sentence of them.
- **Made by**: `tools/train_starter.py`; every number here comes from that run.

## What each step brought

Accuracy / quadratic weighted kappa on {n_passages} passages and {n_single} sentences of the
first file that the model has not seen (5 folds; always the commonest level: accuracy
{majority}); rank correlation, with its 95 % interval over texts, with 1 668 sentences rated by
other people (ReadMe++, French), with those of them that are near to speech (captions, dialogue,
speeches, statements), and with 85 texts in the manner of listening tests written for this
project; and by how many levels 20 % of misheard words move the latter.

| learned from | passages | sentences | ReadMe++ | near to speech | own texts | moved by errors |
|---|---|---|---|---|---|---|
{rows}

The last row is the starter; its mean error on passages is {error} levels. The speed has no part
in this table, for nothing here was spoken.

## By domain (ReadMe++; it taught the model nothing)

| domain | n | rank correlation | kappa | too high by (levels) |
|---|---|---|---|---|
{domains}

ReadMe++ rates how well a reader understands, the competition who wrote for whom: the scales
differ by about a level, the order less.

## Sure means sure, on unseen passages

| probability given | passages | mean | right |
|---|---|---|---|
{bins}

The span called likely holds the level in {covered} of them. It answers {answered} of them, and
{right_of_answered} of these answers are right; where the span would have four levels or more it
abstains. On recordings, which are further from what it has learned, it will be right less
often.

## Limits

- Written sentences, of news, novels and exercises at the upper levels: talk that is hard by its
  accents, its overlaps or by what it takes for known is rated too low.
- Errors of the recogniser look like rare words, in part.
- Under about 30 words the result says little.
- The level is that of an audience for the recording, never the proficiency of whoever speaks."""


if __name__ == "__main__":
    main()

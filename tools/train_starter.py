"""Train the starter model and write it to ``data/starter/``.

    python tools/train_starter.py [--sentences CSV] [--out data/starter]

Reads French sentences with a level given by people (columns sentence and
difficulty, A1 to C2), joins sentences of one level to passages, scores a model on
passages of sentences that it has not seen, trains on all, and writes the model
with its card. The same data gives the same bytes. No sentence enters the folder.

Why passages: a model of single sentences learns above all how long a sentence is, which a
transcript does not tell: its full stops come and go. Joined to the length of half a minute
of speech, and in part without case and punctuation, sentences teach what stays.
"""

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import spearmanr
from sklearn.model_selection import StratifiedKFold
from spacy.tokens import Doc

from spoken_cefr import __version__
from spoken_cefr.corpus.levels import TARGET_LEVELS, level_codes
from spoken_cefr.evaluation.scores.metrics import METRICS, confusion_matrix
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.measures.table import TEXT_MEASURES, text_measures
from spoken_cefr.neural_networks.bundle import package_versions
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import README, save_run
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.starter import INPUTS, MEASURE_NAMES, level_of_text, text_inputs
from spoken_cefr.progress import progress
from spoken_cefr.store import sha256_of, write_text

SENTENCES = ROOT.parent / "shared" / "data" / "french_cefr_sentences_half.csv"
STARTER = ROOT / "data" / "starter"
TEXTS = ROOT / "tests" / "texts"
REPLICA = ROOT / "data" / "replica"
L2 = 150.0
CLIP = 3.0
SEED = 0
MIN_WORDS, MAX_WORDS = 30, 75  # of a passage that is made; a window of a transcript has 50
TRAINED_ON = (
    "2400 written French sentences with a level given by people (data of a university course's "
    "competition), joined to passages of half a minute"
)
NOTICE = (
    "Starter model: it reads the transcript only and has not been trained on spoken recordings."
)


def main() -> None:
    """Score, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sentences", type=Path, default=SENTENCES)
    parser.add_argument("--out", type=Path, default=STARTER)
    options = parser.parse_args()
    table = pd.read_csv(options.sentences)
    levels = ["C1" if level == "C2" else level for level in table["difficulty"]]
    sentences = table["sentence"].tolist()
    scores = held_out_scores(sentences, levels)
    passages = make_passages(sentences, table["difficulty"], seed=SEED)
    docs = parse(passages["text"])
    model = fit(docs, passages)
    tests = texts_scores(model)
    card = {
        "inputs": INPUTS,
        "architecture": "ordinal",
        "name": "starter",
        "classes": list(TARGET_LEVELS),
        "language": "fr",
        "trained_on": TRAINED_ON,
        "notice": NOTICE,
        "synthetic": False,
        "version": __version__,
        "versions": package_versions(),
        "settings": {"processing.model": "offline-base", "processing.compute_type": "int8"},
        "measures": list(MEASURE_NAMES),
        "ranges": ranges(docs, passages),
        "scores": {**scores, **tests},
        "training": {"sentences_sha256": sha256_of(options.sentences), "l2": L2, "seed": SEED},
    }
    text = write_readme(len(sentences), len(passages), card["scores"])
    write_text(options.out / README, text)
    save_run(options.out, rounded(model), card)
    print(text)


def make_passages(
    sentences: Sequence[str],
    labels: Sequence[str],
    *,
    n_draws: int = 4,
    n_bare_draws: int = 2,
    seed: int = 0,
) -> pd.DataFrame:
    """Join sentences of one label to passages of 30 words or more.

    Parameters
    ----------
    sentences, labels : sequence of str, length n
    n_draws : int
        How often all sentences are shuffled and joined anew.
    n_bare_draws : int
        Of how many of these draws a copy without case and punctuation is added.

    Returns
    -------
    pd.DataFrame
        ``text``, ``label``, ``draw``, ``bare`` (whether it is such a copy). The sentences left
        over at the end of a draw make no passage: another draw takes them.
    """
    rng = np.random.default_rng(seed)
    labels = np.asarray(labels, dtype=str)
    rows = []
    for draw in range(n_draws):
        for label in sorted(set(labels)):
            mixed = rng.permutation(np.flatnonzero(labels == label))
            texts = _join([_closed(sentences[i]) for i in mixed], rng)
            rows += [(text, label, draw, False) for text in texts]
            if draw < n_bare_draws:
                rows += [(bare(text), label, draw, True) for text in texts]
    return pd.DataFrame(rows, columns=["text", "label", "draw", "bare"])


def bare(text: str) -> str:
    """A text in lower case and without punctuation, as some recognisers write it."""
    return " ".join(re.sub(r"[^\w\s'’-]|(?<!\w)['’-]|['’-](?!\w)", " ", text).lower().split())


def _closed(sentence: str) -> str:
    """A sentence with a sign at its end."""
    sentence = sentence.strip()
    return sentence if sentence[-1:] in tuple(".!?…") else f"{sentence}."


def _join(sentences: Sequence[str], rng: np.random.Generator) -> list[str]:
    texts, waiting, target = [], [], rng.integers(MIN_WORDS, MAX_WORDS)
    for sentence in sentences:
        waiting.append(sentence)
        text = " ".join(waiting)
        if len(text.split()) >= target:
            texts.append(text)
            waiting, target = [], rng.integers(MIN_WORDS, MAX_WORDS)
    return texts


def parse(texts: Sequence[str]) -> list[Doc]:
    """Parse texts, with a bar."""
    docs = load_nlp().pipe(texts, batch_size=64)
    return list(progress(docs, desc="parsing", unit="text", total=len(texts)))


def fit(docs: Sequence[Doc], passages: pd.DataFrame) -> OrdinalRegression:
    """Fit to passages; C2 counts as C1, the highest level that is told apart."""
    regression = OrdinalRegression(len(TARGET_LEVELS), l2=L2, clip=CLIP)
    return regression.fit(text_inputs(docs), codes_of(passages["label"]))


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


def held_out_scores(sentences: Sequence[str], levels: Sequence[str]) -> dict[str, float]:
    """Scores on passages whose sentences are all unseen, 5 folds of sentences."""
    sentences, levels = np.array(sentences, dtype=object), np.array(levels)
    folds = StratifiedKFold(5, shuffle=True, random_state=SEED).split(sentences, levels)
    truth, answers, scores, lengths = [], [], [], []
    for fold, (train, test) in enumerate(folds):
        passages = make_passages(sentences[train], levels[train], seed=SEED + fold)
        model = fit(parse(passages["text"]), passages)
        unseen = make_passages(sentences[test], levels[test], n_draws=1, n_bare_draws=0, seed=fold)
        rated = [level_of_text(d.text, model=model, doc=d) for d in parse(unseen["text"])]
        truth += codes_of(unseen["label"]).tolist()
        scores += [result.score for result in rated]
        answers += [int(result.score) - 1 for result in rated]
        lengths += [len(text.split()) for text in unseen["text"]]
    matrix = confusion_matrix(np.array(truth), np.array(answers), n_classes=len(TARGET_LEVELS))
    names = ("accuracy", "macro_f1", "quadratic_weighted_kappa", "mean_absolute_error")
    return {
        "n_passages": len(truth),
        "spearman": round(float(spearmanr(scores, truth).statistic), 3),
        "spearman_length_only": round(float(spearmanr(lengths, truth).statistic), 3),
        "majority_accuracy": round(float(np.bincount(truth).max() / len(truth)), 3),
        **{name: round(float(METRICS[name](matrix)), 3) for name in names},
    }


def texts_scores(model: OrdinalRegression) -> dict[str, float]:
    """Rank correlation of the score with the level on texts that taught the model nothing."""
    ours = {path: path.read_text(encoding="utf-8") for path in sorted(TEXTS.glob("*.txt"))}
    catalogue = pd.read_csv(REPLICA / "catalogue.csv").set_index("FileName")["Level"]
    demo = pd.read_csv(REPLICA / "texts.csv").set_index("slug")["text"]
    demo = demo[[catalogue[slug] in TARGET_LEVELS for slug in demo.index]]
    kinds = {
        "test_texts": (list(ours.values()), [path.name[:2] for path in ours]),
        "demo_texts": (list(demo), [catalogue[slug] for slug in demo.index]),
    }
    found: dict[str, float] = {}
    for name, (texts, levels) in kinds.items():
        scores = [level_of_text(text, model=model).score for text in texts]
        without = [level_of_text(bare(text), model=model).score for text in texts]
        rank = spearmanr(scores, level_codes(levels)).statistic
        found[f"spearman_{name}"] = round(float(rank), 3)
        found[f"n_{name}"] = len(texts)
        change = np.abs(np.subtract(scores, without)).mean()
        found[f"change_without_punctuation_{name}"] = round(float(change), 3)
    return found


def ranges(docs: Sequence[Doc], passages: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """25th percentile, median and 75th percentile of each measure and level."""
    whole = ~passages["bare"].to_numpy()
    table = pd.DataFrame([text_measures(d) for d, keep in zip(docs, whole, strict=True) if keep])
    levels = np.array(TARGET_LEVELS)[codes_of(passages["label"][whole])]
    found: dict[str, dict[str, list[float]]] = {}
    for name in TEXT_MEASURES:
        grouped = table[name].groupby(levels)
        found[name] = {
            level: [round(float(values.quantile(q)), 4) for q in (0.25, 0.5, 0.75)]
            for level, values in grouped
        }
    return found


def write_readme(n_sentences: int, n_passages: int, scores: dict[str, float]) -> str:
    """The model card, every number from this run."""
    rows = [
        f"| passages of unseen sentences (5 folds) | {scores['n_passages']} "
        f"| {scores['spearman']} (their length alone: {scores['spearman_length_only']}) "
        f"| accuracy {scores['accuracy']} (majority: {scores['majority_accuracy']}), "
        f"macro-F1 {scores['macro_f1']}, quadratic weighted kappa "
        f"{scores['quadratic_weighted_kappa']}, mean error {scores['mean_absolute_error']} levels |"
    ]
    rows += [
        f"| {what} | {scores[f'n_{name}']} | {scores[f'spearman_{name}']} | without case and "
        f"punctuation the score moves by {scores[f'change_without_punctuation_{name}']} levels |"
        for name, what in (
            ("test_texts", "texts in the manner of listening tests (`tests/texts/`)"),
            ("demo_texts", "the demo's texts (`data/replica/`)"),
        )
    ]
    return CARD.format(
        n_sentences=n_sentences,
        n_passages=n_passages,
        n_measures=len(MEASURE_NAMES),
        rows="\n".join(rows),
    )


CARD = """# Starter model: the level of a French transcript

**A reader of transcripts, not yet trained on spoken recordings.** It hears nothing: speaking rate,
pauses and accent do not count. Train on a real corpus as soon as you have one.

- **What it does**: gives a text a place on the scale A1 to C1, by ordinal logistic regression
  (cumulative logit) on {n_measures} measures of lexis and syntax and the mean of spaCy's French
  word vectors. A transcript is cut in windows of about 50 words; the result is their mean, so
  that length does not count.
- **Trained on**: {n_sentences} written sentences, labelled A1 to C2 by people for a university
  course's competition; C2 counts as C1. They were joined to {n_passages} passages of one level,
  part of them without case and punctuation. This folder holds no sentence of them.
- **Made by**: `tools/train_starter.py`; every number here comes from that run.

| scored on | n | rank correlation with the level | other |
|---|---|---|---|
{rows}

The last two were written for this project as clear cases of their level: they show that the model
reads levels, not how well it does on recordings. A passage of sentences of one level is an easier
case than one sentence, and than real talk, whose parts differ in level.

## Limits

- Written sentences, of news, novels and exercises at the upper levels: talk that is hard by its
  speed, its accents, its overlaps or by what it takes for known is rated too low.
- Errors of the recogniser look like rare words. Digits are not read.
- Under about 30 words the result says little.
- The level is that of an audience for the text, never the proficiency of whoever speaks.
"""


if __name__ == "__main__":
    main()

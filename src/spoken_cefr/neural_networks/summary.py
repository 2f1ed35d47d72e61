"""What the finished runs have come to, on the recordings that their models validated on.

Test answers are left alone until the evaluation: whoever chooses between runs
by those scores has trained on them.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from spoken_cefr.store import read_csv, read_json, read_parquet

CONSTANT = "always the commonest level"


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
            rows[CONSTANT] = _scores(first["level"], constant, classes)
        card = read_json(folder / run / "config.json")
        counts = {
            "n_parameters": card.get("n_parameters"),
            "n_trainings": card["n_folds"] * card["n_seeds"],
        }
        scores = pd.DataFrame(
            [
                _scores(told["level"], told["predicted"], classes)
                for _, told in validation.groupby("seed")
            ]
        )
        rows[run] = counts | _epochs(folder / run / "history.csv") | scores.mean().to_dict()
    columns = ["n_parameters", "n_trainings", "n_epochs", "best_epoch", "accuracy", "macro_f1"]
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.reindex(columns=[*columns, "quadratic_weighted_kappa"]).rename_axis("run")
    return table.astype(dict.fromkeys(columns[:2], "Int64"))


def _epochs(path: Path) -> dict[str, float]:
    """Epochs that a training took, and the one that was kept; means over trainings."""
    if not path.exists():
        return {}
    trainings = read_csv(path).groupby(["seed", "fold"])
    best = trainings["validation_macro_f1"].apply(lambda scores: scores.to_numpy().argmax() + 1)
    return {"n_epochs": trainings.size().mean(), "best_epoch": best.mean()}


def _scores(true: pd.Series, predicted: pd.Series, classes: Sequence[str]) -> dict[str, float]:
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

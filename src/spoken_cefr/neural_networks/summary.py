"""What the finished runs have come to, on the validation part.

The test part is left alone until the evaluation: whoever chooses between runs
by its scores has trained on it.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from spoken_cefr.files import read_json

CONSTANT = "always the commonest level of train"


def validation_table(folder: Path, runs: Sequence[str], *, classes: Sequence[str]) -> pd.DataFrame:
    """Scores of each run on the validation recordings, beside one constant answer.

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
        Indexed by run, the constant answer first: n_parameters, n_epochs,
        best_epoch (missing where nothing was trained in epochs), accuracy,
        macro_f1 (over the levels that the part holds), quadratic_weighted_kappa
        (missing where it is not defined).
    """
    rows = {}
    for run in runs:
        predictions = pd.read_parquet(folder / run / "predictions.parquet")
        recordings = predictions[predictions["unit"] == "recording"]
        validation = recordings[recordings["part"] == "validation"]
        if not rows:
            commonest = recordings.loc[recordings["part"] == "train", "level"].mode()[0]
            constant = pd.Series(commonest, index=validation.index)
            rows[CONSTANT] = _scores(validation["level"], constant, classes)
        card = read_json(folder / run / "config.json")
        counts = {"n_parameters": card.get("n_parameters")} | _epochs(folder / run / "history.csv")
        rows[run] = counts | _scores(validation["level"], validation["predicted"], classes)
    columns = ["n_parameters", "n_epochs", "best_epoch", "accuracy", "macro_f1"]
    table = pd.DataFrame.from_dict(rows, orient="index")
    table = table.reindex(columns=[*columns, "quadratic_weighted_kappa"]).rename_axis("run")
    return table.astype(dict.fromkeys(columns[:3], "Int64"))


def _epochs(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    history = pd.read_csv(path)
    best = history.loc[history["validation_macro_f1"].idxmax(), "epoch"]
    return {"n_epochs": len(history), "best_epoch": int(best)}


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

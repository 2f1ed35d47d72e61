"""The real French catalogue, as the counts and scores of it that git holds.

Made by ``tools/count_catalogue.py`` and ``tools/catalogue_baselines.py``; the
catalogue itself, which names real people, is not in git.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from spoken_cefr.evaluation.reading import read_table
from spoken_cefr.evaluation.scores.results import FIRST_MEASURES
from spoken_cefr.paths import ROOT
from spoken_cefr.store import read_json

COUNTS = ROOT / "data" / "fr_catalogue_2025-01_counts.csv"
SPLIT_COUNTS = ROOT / "data" / "fr_catalogue_2025-01_split_counts.csv"
BASELINES = ROOT / "data" / "fr_catalogue_2025-01_baselines.json"
COUNT_COLUMNS: tuple[str, ...] = ("level", "age_group", "gender", "duration_class")


def read_counts(path: Path = COUNTS) -> pd.DataFrame:
    """Read the counts: level, age_group, gender, duration_class, recordings (int).

    InputError if the file is missing or lacks a column.
    """
    table = read_table(path, columns=[*COUNT_COLUMNS, "recordings"])
    return table.astype({"recordings": int})


def baselines_table(path: Path = BASELINES) -> pd.DataFrame:
    """What baselines on the site's metadata reach on the real catalogue, as text.

    Returns
    -------
    pd.DataFrame
        Index: the baseline, best kappa first; what it knows, then each measure with its
        interval over speakers, such as ``0.54 [0.50, 0.58]``.
    """
    rows = {
        name: {"what it knows": scores["description"]}
        | {
            title: "{value:.2f} [{low:.2f}, {high:.2f}]".format(**scores[measure])
            for measure, title in FIRST_MEASURES.items()
        }
        for name, scores in ranked_baselines(path).items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("baseline")


def ranked_baselines(path: Path = BASELINES) -> dict[str, dict[str, Any]]:
    """Scores of each baseline on the levels as they are, the highest kappa first."""
    baselines = read_json(path)["label_sets"]["keep"]["baselines"]
    kappas = {name: one["quadratic_weighted_kappa"]["value"] for name, one in baselines.items()}
    return {name: baselines[name] for name in sorted(kappas, key=kappas.get, reverse=True)}

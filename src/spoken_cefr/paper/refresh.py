"""For maintainers: put what a run of the demo made into git, all of it or nothing.

The notebooks, their figures, the paper with the results that it prints, and the
model card are from one run then. A user's run writes none of these files.
"""

import shutil
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.notebooks import find_problems, strip_volatile
from spoken_cefr.paper.build import (
    FULL_PROFILE,
    RESULTS,
    build_paper,
    check_profile,
    copy,
    results_folder,
    write_full,
)
from spoken_cefr.paper.card import write_model_card
from spoken_cefr.paths import ROOT
from spoken_cefr.stages import STAGES, executed_path, matches, stage_folder
from spoken_cefr.store import replacing


def refresh(config: Config, *, root: Path = ROOT) -> list[Path]:
    """Write the committed notebooks (stripped), figures, paper, results and model card.

    Gives the files and folders that were written. InputError if a stage is not up to date, its
    notebook is unfit for git or the paper does not compile; or for any profile but the demo's:
    rows and voices of the real site must not enter git. Nothing is written there then. Of the
    profile that trains all of the study's cells only their table goes to git, for the paper.
    """
    check_profile(config)
    if config.profile == FULL_PROFILE:
        if not matches(config, "evaluation"):
            raise InputError("evaluation is not up to date: run `make paper-full`")
        return write_full(config, root / RESULTS / FULL_PROFILE)
    notebooks = {stage: _checked(config, stage) for stage in STAGES}
    paper = build_paper(config)
    card = write_model_card(config)
    written = []
    for stage, notebook in notebooks.items():
        written.append(root / "notebooks" / f"{stage}.ipynb")
        with replacing(written[-1]) as temporary:
            nbformat.write(strip_volatile(notebook), temporary)
    for file, target in ((paper, root / "paper.pdf"), (card, root / "doc" / "model_card.md")):
        copy(file, target)
        written.append(target)
    folders = {
        stage_folder(config, "evaluation") / "figures": root / "doc" / "demo",
        results_folder(config): root / RESULTS / "demo",
    }
    for folder, target in folders.items():
        shutil.rmtree(target, ignore_errors=True)
        # What the paper prints as lines lies in its own folder; these are the notebook's.
        only = shutil.ignore_patterns("*.svg") if target.parent.name == "doc" else None
        shutil.copytree(folder, target, ignore=only)
        written.append(target)
    return written


def _checked(config: Config, stage: str) -> NotebookNode:
    path = executed_path(config, stage)
    if not matches(config, stage) or not path.exists():
        raise InputError(f"{stage} is not up to date: run `make demo` first")
    notebook = nbformat.read(path, as_version=4)
    problems = find_problems(notebook)
    if problems:
        raise InputError(f"{path}: {problems[0]} (spoken-cefr run --force runs it again)")
    return notebook

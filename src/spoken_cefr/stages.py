"""What the four stages share: their folders, their reports, and when one is done.

A stage reads the folder of the stage before it, writes its own, and ends by
writing ``report.json``: what came in, what went out, and why they differ. The
report holds a fingerprint of everything that the stage's result depends on, so
that a second run knows whether there is anything to do.
"""

import dataclasses
import hashlib
import re
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spoken_cefr import __version__, arithmetic
from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.paths import NOTEBOOKS, ROOT, under_root
from spoken_cefr.store import (
    digest,
    read_json,
    read_kept,
    reading,
    remove_unfinished,
    sha256_of,
    write_json,
)

STAGES: tuple[str, ...] = ("scraping", "processing", "neural_networks", "evaluation")

# Keys that say where pages come from, where work is done and how long a service is waited for:
# the results are the same bytes. (Not `strict`: it judges again what an earlier run left out.)
WHERE_NOT_WHAT: tuple[str, ...] = (
    "from_cache",
    "backend",
    "dask_scheduler",
    "accept_terms",
    "webmaus_delay_s",
    "webmaus_timeout_s",
)


# What the fingerprint knows better than by its code: keys by their values, and these say nothing.
NO_RESULT: tuple[str, ...] = ("arithmetic", "config", "errors", "paths", "progress", "stages")
# Beside the stages' folders, whose bytes depend on no clock: size, time and SHA-256 of a stage's
# files when they were last looked at.
STAMPS = "stamps"
READ_BY_CODE = (".js", ".j2", ".css")  # beside the modules of a room
PACKAGE = ROOT / "src" / "spoken_cefr"
_NAMED = re.compile(r"\bspoken_cefr\.(\w+)(?:\.(\w+))?")


@dataclass
class Report:
    """The account of one stage, in units such as recordings or runs.

    ``dropped`` has one ``{"id": ..., "reason": ...}`` for each unit that did not go out,
    ``remarks`` the same for those that did with something to say, ``figures`` further counts.
    """

    stage: str
    unit: str
    n_in: int
    n_out: int
    dropped: list[dict[str, str]] = field(default_factory=list)
    remarks: list[dict[str, str]] = field(default_factory=list)
    figures: dict[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise ValueError unless what came in went out or has a reason."""
        if self.n_in != self.n_out + len(self.dropped):
            raise ValueError(
                f"{self.stage}: {self.n_in} came in, {self.n_out} went out and "
                f"{len(self.dropped)} have a reason: {self.n_in - self.n_out - len(self.dropped)} "
                "are unaccounted for"
            )

    def summary(self) -> str:
        """One line, such as ``scraping: 61 in, 60 out, 1 dropped (level C2: 1)``."""
        line = f"{self.stage}: {self.n_in} {self.unit}s in, {self.n_out} out"
        if self.dropped:
            reasons = Counter(row["reason"] for row in self.dropped)
            told = "; ".join(f"{reason}: {n}" for reason, n in sorted(reasons.items()))
            line += f", {len(self.dropped)} dropped ({told})"
        return line


def stage_folder(config: Config, stage: str) -> Path:
    """The folder that a stage writes."""
    if stage not in STAGES:
        raise ValueError(f"{stage!r} is not one of {', '.join(STAGES)}")
    return config.data_path / stage


def executed_path(config: Config, stage: str) -> Path:
    """Where the executed copy of a stage's notebook goes."""
    return config.data_path / "notebooks" / f"{stage}.ipynb"


def previous_stage(stage: str) -> str | None:
    """The stage whose folder this one reads."""
    index = STAGES.index(stage)
    return STAGES[index - 1] if index else None


def fingerprint(config: Config, stage: str) -> str:
    """Digest of all that a stage's result depends on: code, keys, seed, input.

    The input is known by its report, which holds the hashes of its tables, and by what was
    changed in them by hand since; for scraping, by the replica's catalogue.
    `WHERE_NOT_WHAT` stands for no other result.
    """
    before = previous_stage(stage)
    if before:
        source = stage_folder(config, before) / "report.json"
    else:
        source = under_root(config.scraping.replica_dir) / "catalogue.csv"
    changed = changed_outputs(config, before) if before and source.is_file() else {}
    keys = dataclasses.asdict(getattr(config, stage))
    for name in WHERE_NOT_WHAT:
        keys.pop(name, None)
    return digest(
        {
            "arithmetic": [] if stage == "scraping" else arithmetic.pins_of(config.arithmetic),
            "version": __version__,
            "code": _code_digest(stage),
            "seed": config.seed,
            "notice": config.notice,
            "keys": keys,
            "input": sha256_of(source) if source.is_file() else None,
            **({"changed": changed} if changed else {}),
        }
    )


def _code_digest(stage: str) -> str:
    """Digest of the stage's code (see `code_of`) and of that in its notebook (not its outputs)."""
    whole = hashlib.sha256()
    for path in code_of(stage):
        whole.update(path.read_bytes())
    notebook = NOTEBOOKS / f"{stage}.ipynb"
    if notebook.is_file():
        cells = read_json(notebook)["cells"]
        code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
        whole.update("\n".join(code).encode("utf-8"))
    return whole.hexdigest()


def code_of(stage: str) -> list[Path]:
    """The modules of a stage, those outside the stages that they name, and the templates of both.

    Another stage's modules count where that stage runs: its report is the input
    here. Names are looked for in the text, which costs 10 ms where importing
    would cost seconds.
    """
    found: set[Path] = set()
    waiting = sorted((PACKAGE / stage).rglob("*.py"))
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found |= {path, *(p for p in path.parent.iterdir() if p.suffix in READ_BY_CODE)}
        for name, inner in _NAMED.findall(path.read_text(encoding="utf-8")):
            if name not in STAGES + NO_RESULT:
                places = (f"{name}.py", f"{name}/__init__.py", f"{name}/{inner}.py")
                waiting += [PACKAGE / place for place in places if (PACKAGE / place).is_file()]
    return sorted(found)


def written_by(path: Path, stage: str) -> Path:
    """The path of a file that a stage writes; InputError if the stage has to be run first."""
    if not path.exists():
        raise InputError(f"{path} is missing: run the stage {stage} first")
    return path


def begin_stage(config: Config, stage: str) -> None:
    """Take back the stage's "done" mark, so that a killed run is not taken for a finished one."""
    folder = stage_folder(config, stage)
    (folder / "report.json").unlink(missing_ok=True)
    remove_unfinished(folder)


def finish_stage(config: Config, report: Report, outputs: list[Path]) -> Report:
    """Check the account and write ``config.json`` and, last, ``report.json``.

    ``outputs`` are the files that the next stage reads; their hashes enter the report.
    """
    report.check()
    folder = stage_folder(config, report.stage)
    write_json(folder / "config.json", config.to_dict())
    account = dataclasses.asdict(report) | {
        "profile": config.profile,
        "notice": config.notice,
        "fingerprint": fingerprint(config, report.stage),
        "outputs": {path.relative_to(folder).as_posix(): sha256_of(path) for path in outputs},
    }
    write_json(folder / "report.json", account)
    changed_outputs(config, report.stage)  # notes their sizes and times
    return report


def is_done(config: Config, stage: str) -> bool:
    """Whether the stage has nothing to do on the input that lies before it."""
    return _holds(config, stage) and not read_report(config, stage).figures.get("to_retry")


def matches(config: Config, stage: str) -> bool:
    """Whether the stage's folder, and all those before it, hold what this config gives."""
    before = previous_stage(stage)
    return _holds(config, stage) and (before is None or matches(config, before))


def _holds(config: Config, stage: str) -> bool:
    folder = stage_folder(config, stage)
    account = _account(config, stage)
    return (
        account.get("fingerprint") == fingerprint(config, stage)
        and all((folder / name).exists() for name in account.get("outputs", {}))
        # A person corrects a table, such as a level; nobody corrects sounds or arrays by hand.
        and all(name.endswith(".csv") for name in changed_outputs(config, stage))
    )


def output_hashes(config: Config, stage: str) -> dict[str, str]:
    """SHA-256 of each file that the stage has left for the next, by name."""
    return _account(config, stage).get("outputs", {})


def _account(config: Config, stage: str) -> dict[str, Any]:
    """What ``report.json`` holds; nothing where the stage is not done or the file is damaged."""
    return read_kept(stage_folder(config, stage) / "report.json", read_json) or {}


def changed_outputs(config: Config, stage: str, *, verify: bool = False) -> dict[str, str]:
    """Files of a stage that are not as it left them, by name, with their SHA-256 of today.

    A file of the size and time that it had when it was last looked at is taken as it was then
    (`STAMPS`): a folder of thousands of recordings is not read again at each command, unless
    ``verify`` asks for it.
    """
    folder = stage_folder(config, stage)
    path = config.data_path / STAMPS / f"{stage}.json"
    told = read_kept(path, read_json) or {}
    stamps, changed = {}, {}
    for name, sha256 in output_hashes(config, stage).items():
        file = folder / name
        if not file.is_file():
            continue
        size_and_time = [file.stat().st_size, file.stat().st_mtime_ns]
        known = told.get(name, [])
        found = known[2] if known[:2] == size_and_time and not verify else sha256_of(file)
        stamps[name] = [*size_and_time, found]
        if found != sha256:
            changed[name] = found
    if stamps != told:
        with suppress(InputError):  # who may only read the folder reads the files again
            write_json(path, stamps)
    return changed


def read_report(config: Config, stage: str) -> Report:
    """Read a stage's account back; InputError if the stage has not been run."""
    path = stage_folder(config, stage) / "report.json"
    account = read_json(path)
    names = {f.name for f in dataclasses.fields(Report)}
    with reading(path):
        return Report(**{name: value for name, value in account.items() if name in names})

"""`spoken-cefr doctor`: what is there, what is missing, and what to do about it.

Nothing is installed, downloaded or changed.
"""

import importlib
import importlib.metadata
import importlib.util
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil

from spoken_cefr.arithmetic import has_avx2
from spoken_cefr.config import Config, load_config
from spoken_cefr.corpus.languages import FRENCH, find_language
from spoken_cefr.errors import InputError
from spoken_cefr.paths import under_root
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import read_json, read_kept

OK, NOTE, MISSING = "ok", "note", "MISSING"  # a note does not keep the profile from running
MIN_PYTHON = (3, 11)
MIN_DISK_GB = {"demo": 1.0, "real": 5.0}  # the demo leaves 0.2 GB, 1 000 recordings about 4 GB
MIN_MEMORY_GB = 3.0
CHROME = ("google-chrome", "google-chrome-stable")
WIDTH = 70  # of the last column


class Finding(NamedTuple):
    """A line of the table: what is there, and what to do ("" where there is nothing to do)."""

    state: str
    found: str
    advice: str = ""
    what: str = ""  # if not as in `CHECKS`


def run(profile: str | None, *, stages_only: bool = False) -> int:
    """Print the table; 0 if the profile can run, else 1."""
    findings = examine(profile, stages_only=stages_only)
    print(report(findings))
    missing = [finding.what for finding in findings if finding.state == MISSING]
    if missing:
        print(f"\nnot ready: {', '.join(missing)}")
        return 1
    print("\nready")
    return 0


def examine(profile: str | None, *, stages_only: bool = False) -> list[Finding]:
    """Look at everything that a profile needs, or only at what its stages do."""
    findings = [python()._replace(what="Python"), packages()._replace(what="packages")]
    try:
        config = load_config(profile)
    except InputError as error:
        return [*findings, Finding(MISSING, "cannot be used", str(error), "profile")]
    checks = CHECKS if stages_only else CHECKS | CHECKS_OF_USE
    return findings + [_examine_one(what, check, config) for what, check in checks.items()]


def _examine_one(what: str, check: Callable[[Config], Finding], config: Config) -> Finding:
    """An error inside a check is a finding too: a broken package must not hide the rest."""
    try:
        finding = check(config)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        finding = Finding(MISSING, "cannot be used", first)
    return finding._replace(what=finding.what or what)


def report(findings: list[Finding]) -> str:
    """The findings as a table."""
    widths = [max(len(getattr(f, name)) for f in findings) for name in ("what", "state", "found")]
    lines = []
    for f in findings:
        cells = zip((f.what, f.state, f.found), widths, strict=True)
        head = "  ".join(text.ljust(width) for text, width in cells) + "  "
        indent = " " * len(head)
        width = len(head) + WIDTH
        told = textwrap.wrap(f.advice, width, initial_indent=head, subsequent_indent=indent)
        lines += told or [head.rstrip()]
    return "\n".join(lines)


def python() -> Finding:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return Finding(MISSING, version, "3.11 or newer is needed: make PYTHON=python3.11")
    return Finding(OK, version)


def packages() -> Finding:
    """Whether every package that ours demands is installed."""
    try:
        needed = importlib.metadata.requires("spoken-cefr") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding(MISSING, "spoken-cefr itself", "pip install --no-deps -e .")
    names = [re.match(r"[\w.-]+", line).group() for line in needed if "extra ==" not in line]
    missing = [name for name in names if _version(name) is None]
    if missing:
        found = f"{len(names) - len(missing)} of {len(names)}"
        return Finding(MISSING, found, f"pip install {' '.join(missing)}")
    return Finding(OK, f"all {len(names)}")


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def site(config: Config) -> Finding:
    """Where the recordings come from, and the address that the real site is told."""
    s = config.scraping
    if s.replica_dir:
        catalogue = under_root(s.replica_dir) / "catalogue.csv"
        if not catalogue.is_file():
            return Finding(MISSING, "no replica", f"{catalogue} is not there")
        return Finding(OK, "replica of the site, on 127.0.0.1")
    if is_imported(config):
        return Finding(OK, "your own, imported: the site is not visited")
    if s.contact:
        return Finding(OK, s.contact, what="contact")
    told = f"set `contact` in configs/{config.profile}.toml to your e-mail address: it is sent "
    return Finding(MISSING, "none", told + "with every request", what="contact")


def is_imported(config: Config) -> bool:
    """Whether the profile's recordings came from a folder of the user's, not from the site."""
    path = stage_folder(config, "scraping") / "report.json"
    return "imported" in (read_kept(path, read_json) or {}).get("figures", {})


def computes_as(config: Config) -> Finding:
    """Whether the numbers are those of other processors."""
    if config.arithmetic == "fast":
        return Finding(OK, "fast")
    if not has_avx2():
        told = "it has no AVX2: the numbers may differ in the last digits from those of others"
        return Finding(NOTE, "as this processor", told)
    return Finding(OK, config.arithmetic, "the numbers of any x86-64 processor with AVX2")


def torch_device(config: Config) -> Finding:
    """torch, and the device that the networks train on."""
    import torch

    from spoken_cefr.neural_networks.training.devices import choose_device

    return Finding(OK, f"{torch.__version__}, {choose_device(config.neural_networks.device)}")


def torchaudio(config: Config) -> Finding:
    """torchaudio, needed for the wav2vec2 encoders only."""
    from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio

    found = import_torchaudio()
    if not found._extension._IS_TORCHAUDIO_EXT_AVAILABLE:
        return Finding(OK, f"{found.__version__}, its Python part", "that is enough")
    return Finding(OK, found.__version__)


def browser(config: Config) -> Finding:
    """A browser for the scraping, and what drives it."""
    from spoken_cefr.scraping.browser import BROWSERS, DRIVERS

    if is_imported(config):
        return Finding(OK, "not needed", "your own recordings were imported")
    found, driver, chrome = (
        next(filter(None, map(shutil.which, names)), None) for names in (BROWSERS, DRIVERS, CHROME)
    )
    if found and driver:
        return Finding(OK, f"{found}, {driver}")
    if chrome:
        return Finding(OK, chrome, "Selenium fetches its driver the first time")
    if sys.platform != "linux":
        return Finding(NOTE, "not on the path", "Google Chrome, installed as usual, is found")
    told = "Debian: sudo apt install chromium chromium-driver; elsewhere Google Chrome"
    return Finding(MISSING, found or driver or "none", told)


def whisper_weights(config: Config) -> Finding:
    """Whisper's weights: packages, and the file joined from them in the cache."""
    from spoken_cefr.processing.weights import packaged as weights

    model = config.processing.model
    if model != weights.OFFLINE_MODEL:
        if weights.ctranslate2_folder(model):
            return Finding(OK, model)
        return Finding(NOTE, model, "a size by name is downloaded the first time")
    joined = weights.cache_folder() / "whisper-base" / "model.bin"
    if joined.exists():
        if weights.sha256_of(joined) != weights.WHISPER_BASE_SHA256:
            return Finding(MISSING, "damaged", f"delete {joined}")
        return Finding(OK, str(joined.parent))
    absent = [name for name, _ in weights.PARTS if importlib.util.find_spec(name) is None]
    if absent:
        names = " ".join(f"{name.replace('_', '-')}==1.0.0" for name in absent)
        return Finding(MISSING, "a package is absent", f"pip install {names}")
    return Finding(OK, "two packages", f"joined on first use in {joined.parent}")


def language(config: Config) -> Finding:
    """What there is for the profile's language, as the table in README.md has it."""
    from spoken_cefr.measures.available import lacking, lacking_told, support

    row = find_language(config.scraping.language)
    told = support(row)
    if row.whisper is None:
        return Finding(MISSING, told["language"], "Whisper does not know it: only scraping runs")
    found = f"{told['language']}, WebMAUS: {told['WebMAUS']}"
    return Finding(NOTE if lacking(row.code) else OK, found, lacking_told(row.code))


def spacy_model(config: Config) -> Finding:
    """The spaCy pipeline of the profile's language, and the encoder of its texts."""
    row, encoder = find_language(config.scraping.language), config.neural_networks.text_encoder
    name = row.spacy
    if name is None:
        return Finding(NOTE, "none for this language", f"texts are read by {encoder!r}")
    if importlib.util.find_spec(name) is None:
        # Only the French one is a package on PyPI.
        if row.code == FRENCH:
            return Finding(MISSING, f"no {name}", f"pip install {name.replace('_', '-')}")
        state = MISSING if encoder == name else NOTE
        return Finding(state, f"no {name}", f"for more measures: python -m spacy download {name}")
    return Finding(OK, f"{name} {importlib.metadata.version(name)}")


def font(config: Config) -> Finding:
    """Whether the figures can show the language's script."""
    from spoken_cefr.figures.style import FAMILIES

    if config.scraping.language == "zh" and len(FAMILIES) == 1:
        told = "figures show boxes for Chinese characters: Debian: apt install fonts-noto-cjk"
        return Finding(NOTE, FAMILIES[0], told)
    return Finding(OK, ", ".join(FAMILIES))


def webmaus(config: Config) -> Finding:
    """Whether voices leave this machine."""
    # A profile that wants WebMAUS without its terms is refused when it is loaded.
    if config.processing.aligner == "webmaus":
        return Finding(NOTE, "used", "terms accepted: voices and transcripts go to LMU Munich")
    return Finding(OK, "not used", "word times come from Whisper, on this machine")


def memory(config: Config) -> Finding:
    """The machine's memory."""
    needed = f"{MIN_MEMORY_GB:g} GB are needed"
    total_gb = psutil.virtual_memory().total / 1e9
    if total_gb < MIN_MEMORY_GB:
        return Finding(NOTE, f"{total_gb:.1f} GB in all", f"{needed}; --set n_jobs=1 takes less")
    return Finding(OK, f"{total_gb:.1f} GB in all")


def disk(config: Config) -> Finding:
    """Free space where the profile writes."""
    free_gb = shutil.disk_usage(_existing(config.data_path)).free / 1e9
    needed_gb = MIN_DISK_GB["demo" if config.scraping.replica_dir else "real"]
    if free_gb < needed_gb:
        told = f"{needed_gb:g} GB are needed: make room, or set data_dir in the profile"
        return Finding(MISSING, f"{free_gb:.1f} GB free", told)
    return Finding(OK, f"{free_gb:.0f} GB free")


def write_access(config: Config) -> Finding:
    """Whether the data folder and the cache can be written."""
    from spoken_cefr.processing.weights import packaged as weights

    for folder, key in (
        (config.data_path, "data_dir in the profile"),
        (weights.cache_folder(), weights.CACHE_VARIABLE),
    ):
        try:
            with tempfile.TemporaryFile(dir=_existing(folder)):
                pass
        except OSError:
            told = f"set {key} to a folder that can be written"
            return Finding(MISSING, f"not in {_existing(folder)}", told)
    return Finding(OK, "data folder and cache")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def level_model(config: Config) -> Finding:
    """What `spoken-cefr predict` would use."""
    from spoken_cefr.prediction.choice import choose_model

    try:
        card = choose_model(None, config.profile).card
    except InputError as error:
        return Finding(NOTE, "none yet", str(error))
    return Finding(OK, card.name, card.notice or card.trained_on)


def page(config: Config) -> Finding:
    """Whether `spoken-cefr app` can open its page."""
    if version := _version("gradio"):
        return Finding(OK, f"gradio {version}")
    return Finding(NOTE, "no gradio", "for `spoken-cefr app`: pip install -e '.[app]'")


CHECKS: dict[str, Callable[[Config], Finding]] = {
    "profile": lambda config: Finding(OK, config.profile, f"it writes to {config.data_path}"),
    "recordings": site,
    "arithmetic": computes_as,
    "torch": torch_device,
    "torchaudio": torchaudio,
    "browser, driver": browser,
    "Whisper weights": whisper_weights,
    "language": language,
    "spaCy model": spacy_model,
    "font": font,
    "WebMAUS": webmaus,
    "memory": memory,
    "disk": disk,
    "write access": write_access,
}
CHECKS_OF_USE = {"model for predict": level_model, "page": page}

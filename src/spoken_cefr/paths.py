"""Where things are, found from this file, so that no caller counts ``../``."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / "configs"
NOTEBOOKS = ROOT / "notebooks"


def under_root(path: str | Path) -> Path:
    """Make a relative path absolute from the repository's root."""
    path = Path(path)
    return path if path.is_absolute() else ROOT / path

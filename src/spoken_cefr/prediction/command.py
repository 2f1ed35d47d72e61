"""`spoken-cefr predict`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from spoken_cefr.errors import InputError
from spoken_cefr.prediction.batch import predict_each
from spoken_cefr.prediction.report import text_report, write_table
from spoken_cefr.progress import tell


def run(
    paths: Sequence[str], *, model: str | None, profile: str | None, as_json: bool, csv: str | None
) -> int:
    """Print each result when it is there; 1 if any recording failed, else 0."""
    results = []
    for result in predict_each(paths, model=model, profile=profile):
        results.append(result)
        if "error" in result:
            tell(f"spoken-cefr: {result['error']}")
        elif not as_json:
            tell(text_report(result), file=sys.stdout)
    if as_json:
        # In an encoding that lacks a character, only an escape keeps it.
        escapes = sys.stdout.encoding.lower() not in ("utf-8", "utf8")
        print(json.dumps(results, ensure_ascii=escapes, indent=2, allow_nan=False))
    if csv is not None:
        _write(Path(csv), results)
    return 1 if any("error" in result for result in results) else 0


def _write(path: Path, results: list[dict]) -> None:
    try:
        write_table(path, results)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): give another") from None

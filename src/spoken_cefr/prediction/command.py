"""`spoken-cefr predict`."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from spoken_cefr.errors import InputError
from spoken_cefr.prediction.batch import predict
from spoken_cefr.prediction.report import text_report, write_table


def run(
    paths: Sequence[str], *, model: str | None, profile: str | None, as_json: bool, csv: str | None
) -> int:
    """Print the results of the recordings; 1 if any of them failed, else 0."""
    results = predict(paths, model=model, profile=profile)
    failed = [result for result in results if "error" in result]
    if as_json:
        print(json.dumps(results, ensure_ascii=False, indent=2, allow_nan=False))
    for result in results if not as_json else []:
        if "error" not in result:
            print(text_report(result))
    for result in failed:
        print(f"spoken-cefr: {result['error']}", file=sys.stderr)
    if csv is not None:
        _write(Path(csv), results)
    return 1 if failed else 0


def _write(path: Path, results: list[dict]) -> None:
    try:
        write_table(path, results)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): give another") from None

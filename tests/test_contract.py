"""What others rely on by name: it changes here, on purpose, or not at all.

``contract.json`` holds the command line, the profile's keys, the fields of a prediction, the files
of ``data/<profile>/`` and the columns of its tables. The last two are checked where all four
notebooks have run (`test_notebooks`), by `missing_files` and `changed_tables`.
"""

import argparse
import json
from pathlib import Path

import pandas as pd

from spoken_cefr.cli import _parser
from spoken_cefr.config import Config
from spoken_cefr.paths import ROOT

CONTRACT = json.loads(Path(__file__).with_name("contract.json").read_text(encoding="utf-8"))


def test_the_command_line_has_these_commands_and_options():
    [commands] = [a for a in _parser()._actions if isinstance(a, argparse._SubParsersAction)]
    found = {
        name: sorted(o for a in parser._actions for o in a.option_strings or [a.metavar])
        for name, parser in commands.choices.items()
    }
    assert found == CONTRACT["command_line"]


def test_a_profile_has_these_keys():
    found = []
    for key, value in Config(profile="", data_dir="").to_dict().items():
        found += [f"{key}.{inner}" for inner in value] if isinstance(value, dict) else [key]
    assert sorted(found) == sorted([*CONTRACT["configuration"], "profile"])


def test_a_prediction_has_these_fields():
    schema = json.loads((ROOT / "doc" / "predict_schema.json").read_text(encoding="utf-8"))
    assert sorted(fields(schema)) == CONTRACT["prediction"]


def fields(schema, at=""):
    """Dotted names of all properties that a JSON schema describes."""
    found = set()
    for name, inner in schema.get("properties", {}).items():
        found |= {at + name} | fields(inner, f"{at}{name}.")
    for name, inner in schema.get("$defs", {}).items():
        found |= fields(inner, f"{at}${name}.")
    alternatives = [inner for key in ("anyOf", "oneOf", "allOf") for inner in schema.get(key, [])]
    for inner in [*alternatives, schema.get("items")]:
        found |= fields(inner, at) if isinstance(inner, dict) else set()
    return found


def missing_files(data: Path) -> list[str]:
    """Promised files and folders of ``data/<profile>/`` that are not there."""
    return [name for name in CONTRACT["files"] if not any(data.glob(name))]


def changed_tables(data: Path) -> list[str]:
    """Tables of ``data/<profile>/`` that are not there, or have other columns than promised."""
    told = []
    for name, columns in CONTRACT["tables"].items():
        paths = list(data.glob(name))
        told += [] if paths else [f"{name} is missing"]
        for path in paths:
            table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
            if list(table.columns) != columns:
                told.append(f"{path.relative_to(data)}: {list(table.columns)}")
    return told

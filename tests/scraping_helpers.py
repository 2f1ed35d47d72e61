"""A small replica with made-up recordings, and what the scraping tests do with it."""

import ast
import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import requests
import soundfile

from spoken_cefr.config import Config, ScrapingConfig, load_config
from spoken_cefr.corpus.dates import iso_date
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.stages import stage_folder

PAGES = Path(__file__).parent / "pages"
RATE_HZ = 16000
DURATION_S = 0.5


def catalogue_rows(path: Path = PAGES / "catalogue.csv") -> list[dict[str, str]]:
    """The catalogue as the csv module reads it."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def french_rows() -> list[dict[str, str]]:
    return [row for row in catalogue_rows() if row["Language"] == "Français"]


def make_replica(folder: Path, rows: list[dict[str, str]] | None = None) -> Path:
    """Put the catalogue, or these rows, there, and half a second of noise for each recording."""
    (folder / "audio").mkdir(parents=True)
    shutil.copy(PAGES / "catalogue.csv", folder)
    if rows:
        pd.DataFrame(rows).to_csv(folder / "catalogue.csv", index=False)
    random = np.random.default_rng(5)
    for number, row in enumerate(rows or catalogue_rows(), start=1):
        slug = row.get("FileName", f"recording_{number:04d}")
        if slug:
            slug = slug if slug.isascii() else f"recording_{number:04d}"
            noise = random.standard_normal(int(RATE_HZ * DURATION_S)) * 0.1
            soundfile.write(folder / "audio" / f"{slug}.mp3", noise, RATE_HZ)
    return folder


def config_for(base_url: str, folder: Path, *overrides: str) -> Config:
    """A profile for a site on this machine that writes below ``folder``."""
    return load_config(
        "demo",
        [
            'scraping.replica_dir=""',
            f"scraping.base_url={base_url}",
            f"data_dir={folder.as_posix()}/data",
            *overrides,
        ],
    )


def table_of(config):
    return read_metadata(stage_folder(config, "scraping") / "metadata.csv")


def expected(row, reason):
    """The table's text columns as a row of the catalogue alone gives them."""
    return {
        "language": "fr",
        "title": row["Title"],
        "author": row["Author"],
        "description": row["Description"],
        "date": iso_date(row["Date"]) or "",
        "level": row["Level"],
        "gender": row["Gender"],
        "age_group": row["Age"],
        "duration_class": row["Duration"],
        "themes": ast.literal_eval(row["Themes"]),
        "reason": reason,
    }


def found(table):
    """The same columns of the table, by recording."""
    columns = expected(catalogue_rows()[0], "")
    return {
        row["recording_id"]: {name: row[name] for name in columns}
        | {"themes": json.loads(row["themes"])}
        for row in table.to_dict("records")
    }


def scraping_config(**keys) -> ScrapingConfig:
    return ScrapingConfig(**({"delay_s": 0.0, "timeout_s": 60.0} | keys))


def get(url: str, **options) -> requests.Response:
    """GET an address of this machine, past any proxy of the environment."""
    with requests.Session() as session:
        session.trust_env = False
        return session.get(url, timeout=5, **options)


class PlainBrowser:
    """Stands in for the browser where a test is about something else: plain HTTP."""

    def __init__(self, client) -> None:
        self.opened: list[str] = []

    def __enter__(self):
        return self

    def __exit__(self, *args) -> None:
        pass

    def open(self, url: str, *, expect: str) -> tuple[str, str]:
        self.opened.append(url)
        return get(url).text, url

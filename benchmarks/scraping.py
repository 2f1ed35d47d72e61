"""How faithful and how fast the scraping is, against a replica of the whole real catalogue.

    python benchmarks/scraping.py [--catalogue CSV] [--rounds 3] [--json FILE]

Serves the catalogue on 127.0.0.1 from a process of its own, with delay 0, and

1. runs the stage with a real browser in both accordion modes, and compares
   every field of every row with the CSV and every recording with what is served;
2. times all listing pages beside bare loads of the same pages in a second
   browser with the same flags, page by page in turn: load slows both alike;
3. times the downloads beside one curl process on the same files, in turn.

Prints a table; the last line is JSON. Everything is written to a temporary
folder: the catalogue names real people and no row of it may enter git.
"""

import argparse
import ast
import csv
import datetime
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from selenium import webdriver

from spoken_cefr.config import Config, load_config
from spoken_cefr.corpus.metadata import read_metadata
from spoken_cefr.paths import ROOT
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.catalogue import FIRST_ARTICLE, Entry, read_catalogue
from spoken_cefr.scraping import open_visit, run
from spoken_cefr.scraping.browser import Browser
from spoken_cefr.scraping.client import Client
from spoken_cefr.scraping.download import AudioFolder
from spoken_cefr.scraping.politeness import Manners
from spoken_cefr.stages import stage_folder

CATALOGUE = ROOT.parent / "shared" / "data" / "audio_lingua_fr_2025-01.csv"
RATE_HZ, N_SOUNDS, TAG_BYTES = 44_100, 8, 128
# The original study slept so long for each card and each page.
ORIGINAL_CARD_S, ORIGINAL_PAGE_S = 1.5, 2.5
DAYS = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"]
MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin"]
MONTHS += ["juillet", "août", "septembre", "octobre", "novembre", "décembre"]
# Columns of the table and the catalogue's columns that they must equal as they are.
PLAIN = {
    "title": "Title",
    "author": "Author",
    "description": "Description",
    "level": "Level",
    "gender": "Gender",
    "age_group": "Age",
    "duration_class": "Duration",
}


def make_replica(folder: Path, catalogue: Path, seconds: float) -> Path:
    """Put the catalogue there and a different mp3 for each row.

    A few sounds are encoded; a tag at the end makes each file one of a kind.
    """
    (folder / "audio").mkdir(parents=True)
    shutil.copy(catalogue, folder / "catalogue.csv")
    rng = np.random.default_rng(0)
    sounds = []
    for number in range(N_SOUNDS):
        path = folder / f"{number}.mp3"
        soundfile.write(path, 0.1 * rng.standard_normal(int(RATE_HZ * seconds)), RATE_HZ)
        sounds.append(path.read_bytes())
    for index, entry in enumerate(read_catalogue(folder / "catalogue.csv")):
        tag = b"TAG" + entry.slug.encode().ljust(TAG_BYTES - 3)[: TAG_BYTES - 3]
        path = folder / "audio" / f"{entry.slug}.mp3"
        path.write_bytes(sounds[index % N_SOUNDS] + tag)
    return folder


def serve_until_told(folder: Path, accordion: str, pipe: Any) -> None:
    """Body of the server's process: its own, so that no client waits for its Python."""
    with serve_replica(folder, accordion=accordion) as base_url:
        pipe.send(base_url)
        pipe.recv()


class BareBrowser(Browser):
    """The same browser with the same flags, without the log that ours keeps."""

    def _options(self) -> webdriver.ChromeOptions:
        options = super()._options()
        options.set_capability("goog:loggingPrefs", {})
        return options


@contextmanager
def served(folder: Path, accordion: str = "static") -> Iterator[str]:
    """Serve the replica from another process and give its base URL."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve_until_told, args=(folder, accordion, there))
    process.start()
    try:
        yield here.recv()
    finally:
        here.send("enough")
        process.join()


def profile(base_url: str, folder: Path) -> Config:
    """A profile for the local server that writes below ``folder``."""
    return load_config(
        "demo",
        ['scraping.replica_dir=""', f"scraping.base_url={base_url}", f"data_dir={folder}"],
    )


def french_date(iso: str) -> str:
    """Write a date as the site does: the way back from ours, by other code."""
    day = datetime.date.fromisoformat(iso)
    number = "1er" if day.day == 1 else str(day.day)
    return f"{DAYS[day.weekday()]} {number} {MONTHS[day.month - 1]} {day.year}"


def differences(config: Config, replica: Path, base_url: str) -> dict[str, list[str]]:
    """Columns in which a row of the table is not the catalogue's, by ``recording_id``."""
    with (replica / "catalogue.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    folder = stage_folder(config, "scraping")
    table = read_metadata(folder / "metadata.csv").set_index("recording_id")
    found = {}
    for index, row in enumerate(rows):
        number = str(FIRST_ARTICLE + index)
        audio = f"IMG/mp3/recording_{index + 1:04d}.mp3"
        if number not in table.index:
            found[number] = ["missing"]
            continue
        got = table.loc[number]
        equal = {name: got[name] == row[column] for name, column in PLAIN.items()}
        equal |= {
            "language": got["language"] == "fr",
            "date": french_date(got["date"]) == row["Date"],
            "themes": json.loads(got["themes"]) == ast.literal_eval(row["Themes"]),
            "page_url": got["page_url"] == f"{base_url}spip.php?article{number}",
            "audio_url": got["audio_url"] == base_url + audio,
            "usable": got["usable"] == (row["Level"] != "C2"),
        }
        if got["usable"]:
            served_file = replica / "audio" / audio.rpartition("/")[2]
            same = (folder / got["file_name"]).read_bytes() == served_file.read_bytes()
            equal["audio"] = same and got["duration_s"] > 0
        if wrong := [name for name, same in equal.items() if not same]:
            found[number] = wrong
    return found


def measure_fidelity(replica: Path, folder: Path) -> dict[str, Any]:
    """The whole stage, browser and downloads, in each accordion mode."""
    result = {}
    for mode in ("static", "click"):
        with served(replica, mode) as base_url:
            config = profile(base_url, folder / mode)
            start = time.perf_counter()
            report = run(config)
            run_s = time.perf_counter() - start
            wrong = differences(config, replica, base_url)
        shutil.rmtree(folder / mode)
        n_rows = len(read_catalogue(replica / "catalogue.csv"))
        result[mode] = {
            "rows": n_rows,
            "equal": n_rows - len(wrong),
            "cards": report.n_in,
            "listing_pages": report.figures["listing_pages"],
            "run_s": round(run_s, 1),
            "wrong": dict(list(wrong.items())[:5]),
        }
    return result


def measure_pages(replica: Path, folder: Path, rounds: int) -> dict[str, float]:
    """Seconds for all listing pages, ours and the bare browser's; medians of the rounds."""
    ours, bare = [], []
    for number in range(rounds):
        with served(replica) as base_url:
            config = profile(base_url, folder / f"pages_{number}")
            manners = Manners(base_url, config.scraping)
            with (
                open_visit(config) as visit,
                Client(manners, config.scraping) as client,
                BareBrowser(client) as other,
            ):
                url = visit.tile().url  # both browsers have started now
                other.open(base_url, expect="h1")
                our_s, bare_s, n_pages = in_turn(visit, other, url)
        ours.append(our_s)
        bare.append(bare_s)
    ratios = [one / other for one, other in zip(ours, bare, strict=True)]
    return {
        "n_pages": n_pages,
        "ours_s": round(statistics.median(ours), 2),
        "bare_s": round(statistics.median(bare), 2),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(ratio, 3) for ratio in ratios],
    }


def in_turn(visit: Any, other: Browser, url: str) -> tuple[float, float, int]:
    """Each page once by us (opened, read, saved) and once loaded only."""
    our_s = bare_s = 0.0
    n_pages = 0
    turns = visit.turns()
    while url:
        start = time.perf_counter()
        turn = next(turns)
        middle = time.perf_counter()
        other.driver.get(url)
        bare_s += time.perf_counter() - middle
        our_s += middle - start
        url = turn.listing.next_url
        n_pages += 1
    return our_s, bare_s, n_pages


def measure_downloads(replica: Path, folder: Path, rounds: int) -> dict[str, Any]:
    """Seconds for all recordings, ours and curl's; medians of the rounds."""
    entries = read_catalogue(replica / "catalogue.csv")
    n_bytes = sum(path.stat().st_size for path in replica.glob("audio/*"))
    ours, curl = [], []
    with served(replica) as base_url:
        for number in range(rounds):
            if shutil.which("curl"):
                curl.append(by_curl(entries, base_url, folder / f"curl_{number}"))
                shutil.rmtree(folder / f"curl_{number}")
            ours.append(by_us(entries, base_url, folder / f"ours_{number}"))
            shutil.rmtree(folder / f"ours_{number}")
    result = {
        "n_files": len(entries),
        "megabytes": round(n_bytes / 1e6, 1),
        "ours_s": round(statistics.median(ours), 2),
        "curl_s": None,
        "ratio": None,
    }
    if curl:
        ratios = [one / other for one, other in zip(ours, curl, strict=True)]
        result |= {
            "curl_s": round(statistics.median(curl), 2),
            "ratio": round(statistics.median(ratios), 3),
            "ratios": [round(ratio, 3) for ratio in ratios],
        }
    return result


def by_us(entries: list[Entry], base_url: str, folder: Path) -> float:
    """Fetch, check and note every recording."""
    config = profile(base_url, folder)
    audio = AudioFolder(folder)
    with Client(Manners(base_url, config.scraping), config.scraping) as client:
        start = time.perf_counter()
        for entry in entries:
            url = f"{base_url}IMG/mp3/{entry.slug}.mp3"
            audio.fetch(entry.article, url, client, max_mb=config.scraping.max_audio_mb)
        return time.perf_counter() - start


def by_curl(entries: list[Entry], base_url: str, folder: Path) -> float:
    """Fetch every recording with one curl process, which keeps its connection open."""
    folder.mkdir()
    lines = [
        f'url = "{base_url}IMG/mp3/{entry.slug}.mp3"\noutput = "{folder / entry.slug}.mp3"\n'
        for entry in entries
    ]
    (folder / "urls.txt").write_text("".join(lines), encoding="utf-8")
    start = time.perf_counter()
    subprocess.run(
        ["curl", "-s", "--fail", "--noproxy", "*", "-K", folder / "urls.txt"], check=True
    )
    elapsed_s = time.perf_counter() - start
    assert len(list(folder.glob("*.mp3"))) == len(entries)
    return elapsed_s


def table(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of (what, measured, wanted)."""
    pages, downloads = result["pages"], result["downloads"]
    rows = [
        (f"rows equal in all fields, accordion {mode}", f"{one['equal']} of {one['rows']}", "all")
        for mode, one in result["fidelity"].items()
    ]
    rows += [
        (f"{pages['n_pages']} listing pages, ours", f"{pages['ours_s']:.1f} s", "< 60 s"),
        ("the same pages, bare loads", f"{pages['bare_s']:.1f} s", ""),
        ("ours / bare", f"{pages['ratio']:.2f}", "< 1.3"),
        ("the original's fixed waits", f"{result['original_waits_s']:.0f} s", ""),
        ("the original's waits / ours", f"{result['original_waits_ratio']:.0f}", ""),
        (f"{downloads['megabytes']} MB of downloads, ours", f"{downloads['ours_s']:.2f} s", ""),
    ]
    if downloads["curl_s"] is None:
        return [*rows, ("curl", "is not installed here", "")]
    return [
        *rows,
        ("the same files, one curl", f"{downloads['curl_s']:.2f} s", ""),
        ("ours / curl", f"{downloads['ratio']:.2f}", "< 1.5"),
    ]


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--catalogue", type=Path, default=CATALOGUE, help="the original's CSV")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of pages and downloads")
    parser.add_argument("--seconds", type=float, default=60.0, help="length of a recording")
    parser.add_argument("--json", type=Path, help="write the last line to this file too")
    options = parser.parse_args()
    if not options.catalogue.is_file():
        print(f"skipped: {options.catalogue} is not on this machine (it is never in git)")
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        replica = make_replica(folder / "replica", options.catalogue, options.seconds)
        result: dict[str, Any] = {
            "cores": len(os.sched_getaffinity(0)),
            "load": round(os.getloadavg()[0], 2),
            "fidelity": measure_fidelity(replica, folder),
            "pages": measure_pages(replica, folder, options.rounds),
            "downloads": measure_downloads(replica, folder, options.rounds),
        }
    n_cards, pages = result["downloads"]["n_files"], result["pages"]
    waits_s = n_cards * ORIGINAL_CARD_S + pages["n_pages"] * ORIGINAL_PAGE_S
    result |= {
        "original_waits_s": waits_s,
        "original_waits_ratio": round(waits_s / pages["ours_s"]),
    }
    print(f"\n{result['cores']} cores, load {result['load']}; delay 0 on 127.0.0.1")
    for what, measured, wanted in table(result):
        print(f"{what:46}{measured:>16}   {wanted}")
    line = json.dumps(result)
    print(line)
    if options.json:
        options.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

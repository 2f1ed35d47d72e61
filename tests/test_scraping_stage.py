"""The whole stage on a small replica; plain HTTP stands in for the browser except where marked."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile
from scraping_helpers import (
    PlainBrowser,
    catalogue_rows,
    config_for,
    expected,
    found,
    french_rows,
    table_of,
)

from spoken_cefr.corpus.metadata import COLUMNS
from spoken_cefr.errors import InputError
from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.server import Reply
from spoken_cefr.scraping import open_visit, run, stage
from spoken_cefr.scraping.metadata import build_metadata, remarks
from spoken_cefr.scraping.pages import Card
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import sha256_of

# What the made-up catalogue has on purpose.
UNUSABLE = {"grand_age": "level C2", "sans_niveau": "no level"}
NO_AUDIO = "no audio: no address on the card"


@pytest.fixture
def plain(monkeypatch):
    """Pages by plain HTTP: quick, and nothing here is about the browser."""
    opened = []

    class Noted(PlainBrowser):
        def open(self, url, *, expect):
            opened.append(url)
            return super().open(url, expect=expect)

    monkeypatch.setattr(stage, "Browser", Noted)
    return opened


@pytest.fixture(scope="module")
def scraped(replica, tmp_path_factory):
    """The replica's French recordings, scraped once; only to be read."""
    with pytest.MonkeyPatch.context() as patch, serve_replica(replica) as base_url:
        patch.setattr(stage, "Browser", PlainBrowser)
        config = config_for(base_url, tmp_path_factory.mktemp("scraped"))
        run(config)
    return config


def check_table(config, replica):
    """Compare every row with the catalogue and every recording with the replica's file."""
    table = table_of(config)
    assert tuple(table.columns) == COLUMNS
    assert found(table) == {
        row["ArticleId"]: expected(
            row, UNUSABLE.get(row["FileName"], "" if row["FileName"] else NO_AUDIO)
        )
        for row in french_rows()
    }
    assert list(table["recording_id"]) == sorted(table["recording_id"])
    assert (table["usable"] == (table["reason"] == "")).all()
    for row in table[table["usable"]].to_dict("records"):
        path = stage_folder(config, "scraping") / row["file_name"]
        served = replica / "audio" / row["audio_url"].rpartition("/")[2]
        assert path.name == f"{row['recording_id']}.mp3"
        assert path.read_bytes() == served.read_bytes()
        assert row["sha256"] == sha256_of(served)
        assert row["duration_s"] == pytest.approx(soundfile.info(served).duration, abs=1e-3)
    without = table[~table["usable"]]
    assert (without["file_name"] == "").all()
    assert without["duration_s"].isna().all()


@pytest.mark.browser
@pytest.mark.parametrize("accordion", ["static", "click"])
def test_a_real_browser_brings_home_the_whole_catalogue(replica, tmp_path, accordion):
    with serve_replica(replica, accordion=accordion, shuffled_tiles=True) as base_url:
        config = config_for(base_url, tmp_path)
        report = run(config)
    check_table(config, replica)
    assert (report.n_in, report.n_out) == (24, 21)
    assert report.figures["listing_pages"] == 3


def test_the_account_adds_up_and_says_what_could_not_be_read(scraped):
    report = json.loads((stage_folder(scraped, "scraping") / "report.json").read_text("utf-8"))
    numbers = {row["FileName"]: row["ArticleId"] for row in french_rows()}
    assert report["n_in"] == len(french_rows()) == report["n_out"] + len(report["dropped"])
    assert {row["id"]: row["reason"] for row in report["dropped"]} == {
        numbers["grand_age"]: "level C2",
        numbers["sans_niveau"]: "no level",
        numbers[""]: NO_AUDIO,
    }
    assert {row["id"]: row["reason"] for row in report["remarks"]} == {
        numbers["sans_genre"]: "no gender",
        numbers["sans_age"]: "no age_group",
        numbers["sans_duree"]: "no duration_class",
        numbers["sans_date"]: "no date",
        numbers["sans_auteur"]: "no author",
        numbers["date_etrange"]: "date not understood: un beau matin",
    }


def test_speakers_of_a_shared_card_are_one_group(scraped):
    numbers = {row["FileName"]: row["ArticleId"] for row in french_rows()}
    speaker = table_of(scraped).set_index("recording_id")["speaker_id"]
    assert speaker[numbers["duo_marche"]] == speaker[numbers["hermance_seule"]]
    assert speaker[numbers["le_jardin"]] == speaker[numbers["l_affiche"]]
    assert speaker[numbers["le_jardin"]] != speaker[numbers["duo_marche"]]
    places = table_of(scraped).set_index("recording_id")["place"]
    assert places[numbers["le_jardin"]] == "Vannes, Bretagne"


@pytest.fixture
def site(replica, tmp_path, plain):
    """The replica, served: replies put in place of its own, what it was asked, a profile of it."""
    seen = SimpleNamespace(faults={}, asked=[])

    def answer(path):
        seen.asked.append(path)
        return seen.faults.get(path)

    with serve_replica(replica, fault=answer) as base_url:
        seen.config = lambda *overrides: config_for(base_url, tmp_path, *overrides)
        yield seen


def test_another_language_is_another_key(site):
    config = site.config("scraping.language=en")
    run(config)
    english = [row["Title"] for row in catalogue_rows() if row["Language"] == "Anglais"]
    assert list(table_of(config)["title"]) == english
    assert list(table_of(config)["language"]) == ["en"]


def test_a_language_without_recordings_is_an_error_and_no_table(site):
    config = site.config("scraping.language=de")
    with pytest.raises(InputError, match="0 cards"):
        run(config)
    assert not (stage_folder(config, "scraping") / "metadata.csv").exists()


def test_a_second_run_asks_the_site_nothing(site):
    first = run(site.config())
    site.asked.clear()
    assert run(site.config()) == first
    with open_visit(site.config()) as visit:
        assert visit.listing(visit.tile().url).cards[0].recording_id == "7100"
    assert site.asked == []


def test_a_limit_stops_early_and_lifting_it_goes_on(site, replica):
    assert run(site.config("scraping.limit=3")).n_in == 3
    first = set(site.asked)
    site.asked.clear()
    run(site.config())
    check_table(site.config(), replica)
    assert set(site.asked) & first == {"/robots.txt"}


def test_the_table_is_rebuilt_from_saved_pages_without_the_site(scraped, tmp_path, plain):
    shutil.copytree(scraped.data_path, tmp_path / "data")
    config = config_for(scraped.scraping.base_url, tmp_path, "scraping.from_cache=true")
    folder = stage_folder(config, "scraping")
    before = {name: (folder / name).read_bytes() for name in ("metadata.csv", "report.json")}
    (folder / "metadata.csv").unlink()
    run(config)
    assert {name: (folder / name).read_bytes() for name in before} == before
    assert plain == []


def test_without_saved_pages_there_is_nothing_to_rebuild_from(tmp_path):
    config = config_for("http://127.0.0.1:1/", tmp_path, "scraping.from_cache=true")
    with pytest.raises(InputError, match="no saved pages"):
        run(config)


def test_a_page_looked_at_in_the_notebook_is_not_fetched_again(site):
    with open_visit(site.config()) as visit:
        assert len(visit.listing(visit.tile().url).cards) == 10
    run(site.config())
    pages = [path for path in site.asked if "IMG" not in path and "robots" not in path]
    assert len(pages) == len(set(pages)) == 4


def test_one_bad_recording_does_not_stop_the_others(site):
    site.faults["/IMG/mp3/le_jardin.mp3"] = Reply(404)
    site.faults["/IMG/mp3/balises.mp3"] = Reply(200, b"<p>no</p>")
    assert run(site.config()).n_out == 19
    reasons = table_of(site.config()).set_index("title")["reason"]
    assert reasons["Odile\u00a0: mon jardin en avril"] == "no audio: HTTP 404"
    assert "no audio: not an audio file (text/html)" in set(reasons)


def test_a_recording_that_failed_by_bad_luck_is_tried_again_by_the_next_run(site, replica):
    site.faults["/IMG/mp3/le_jardin.mp3"] = Reply(500)
    config = site.config("scraping.max_tries=1")
    assert run(config).figures["to_retry"] == 1
    site.faults.clear()
    run(config)
    check_table(config, replica)


@pytest.mark.parametrize("n_bytes", [200, 3000], ids=["pages", "recordings"])
def test_a_full_disk_is_told_and_what_was_saved_stays_valid(site, replica, tmp_path, n_bytes):
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
        with pytest.raises(InputError, match="written"):
            run(site.config())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not list(tmp_path.rglob(".*"))
    run(site.config())
    check_table(site.config(), replica)


def test_no_audio_at_all_is_an_error_and_no_table(replica, tmp_path, plain):
    with serve_replica(replica, robots="User-agent: *\nDisallow: /IMG/\n") as base_url:
        config = config_for(base_url, tmp_path)
        with pytest.raises(InputError, match="none of 24 recordings"):
            run(config)
    assert not (stage_folder(config, "scraping") / "report.json").exists()


CHILD = """
import sys
from spoken_cefr.config import load_config
from spoken_cefr.scraping import run, stage
from scraping_helpers import PlainBrowser
stage.Browser = PlainBrowser
run(load_config("demo", sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_that_is_killed_in_a_download_goes_on_as_if_nothing_had_happened(
    replica, tmp_path, plain
):
    in_second_try, killed, asked = threading.Event(), threading.Event(), []
    whole = (replica / "audio" / "long_voyage.mp3").read_bytes()
    half = Reply(200, whole[:2000], "audio/mpeg", {"Content-Length": str(len(whole))})

    def cut(path):
        """Send half of one recording; when it is asked for again, half is on the disk."""
        asked.append(path)
        if not path.endswith("/long_voyage.mp3") or killed.is_set():
            return None
        if asked.count(path) == 2:
            in_second_try.set()
            killed.wait(60)
        return half

    with serve_replica(replica, fault=cut) as base_url:
        options = [
            'scraping.replica_dir=""',
            f"scraping.base_url={base_url}",
            f"data_dir={tmp_path.as_posix()}/data",
        ]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parent)}
        child = subprocess.Popen([sys.executable, "-c", CHILD, *options], env=environment)
        assert in_second_try.wait(60)
        assert list((tmp_path / "data").rglob(".*.tmp.mp3"))
        child.send_signal(signal.SIGKILL)
        child.wait()
        killed.set()
        before = list(asked)
        asked.clear()
        config = config_for(base_url, tmp_path)
        run(config)
    check_table(config, replica)
    again = {path for path in asked if path in before}
    assert again <= {"/robots.txt", "/IMG/mp3/long_voyage.mp3"}
    assert not list((tmp_path / "data").rglob(".*"))


def test_words_of_another_interface_are_kept_and_told():
    french = Card(
        "1", "t", "a", "1 mai 2020", "A1", "f", "adulte, seniors", "0-30 secondes", (), "", "", ""
    )
    german = dataclasses.replace(
        french, recording_id="2", age="Erwachsene", duration="0-30 Sekunden"
    )
    cards = [french, german]
    table = build_metadata(cards, {}, {}, language="de")
    assert table["age_group"].tolist() == ["adulte, seniors", "Erwachsene"]
    assert set(table["duration_class"]) == {"0-30 secondes"}
    (remark,) = remarks(cards, table, {})
    assert remark["id"] == "2" and "age_group Erwachsene" in remark["reason"]

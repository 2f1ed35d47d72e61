"""Profiles: every key known, every value of its type, every error one sentence."""

import dataclasses

import pytest

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


def test_a_profile_cannot_be_changed_once_loaded():
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config("demo").seed = 3


@pytest.mark.parametrize(
    "override, message",
    [
        ("processing.overlapp=0", "unknown key 'overlapp'"),
        ("procesing.overlap=0", "unknown stage 'procesing'"),
        ("sead=1", "unknown key 'sead'"),
        ("profile=fr", "unknown key 'profile'"),
        ("scraping=1", "must be a table"),
        ("scraping.limit=many", "must be of type int"),
        ("scraping.limit=true", "must be of type int"),
        ("processing.engine=telepathy", "must be one of faster-whisper"),
        (
            "processing.compute_type=float16",
            "must be one of int8, float32",
        ),  # no CPU computes in it
        ("processing.n_fft=1023", "it must be even"),
        ("processing.n_fft=-2", "must all be over 0"),
        ("processing.overlap=1.0", "it must be from 0 to below 1"),
        ("n_jobs=0", "it must be at least 1"),
        ("seed=-1", "it must not be below 0"),
        ("neural_networks.epochs=-1", "it must not be below 0"),
        ("processing.hop_length=0", "must all be over 0"),
        ("processing.segment_s=inf", "at most 30 s"),
        ("neural_networks.n_folds=2", "need at least 3"),
        ("neural_networks.n_seeds=0", "it must be at least 1"),
        ("scraping.audio_hosts=fusion", "must be a list of str"),
        ("processing.overlap", "write it as stage.key=value"),
    ],
)
def test_a_bad_override_is_named(override, message):
    with pytest.raises(InputError, match=message):
        load_config("demo", [override])


def test_an_unknown_profile_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no profile 'klingon': choose one of .*demo.*fr"):
        load_config("klingon")


@pytest.mark.parametrize(
    "text, message",
    [
        ("[scraping]\ndelay = 1", "unknown key 'delay'"),
        ("[scraping]\ndelay_s = '1'", "must be of type float"),
        ("[scraping]\naudio_hosts = [1]", "must be a list of str"),
        ("scraping = 3", "must be a table"),
        ("[scraping", "is not valid TOML"),
    ],
)
def test_a_bad_profile_names_its_file(tmp_path, monkeypatch, text, message):
    (tmp_path / "bad.toml").write_text(text)
    monkeypatch.setattr("spoken_cefr.config.CONFIGS", tmp_path)
    with pytest.raises(InputError, match=message) as error:
        load_config("bad")
    assert "bad.toml" in str(error.value)

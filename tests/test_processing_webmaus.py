"""WebMAUS against a stand-in server: its faults, its terms, and what the stage makes of them."""

import threading
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import soundfile
from test_processing_stage import write_corpus
from webmaus_server import FAULTS, SERVICES, serve_webmaus

from spoken_cefr import http
from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.processing import stage
from spoken_cefr.processing.alignment import aligners as alignment
from spoken_cefr.processing.alignment import bas, webmaus
from spoken_cefr.processing.alignment.aligners import align
from spoken_cefr.processing.alignment.bas import WebMausError, parse_reply
from spoken_cefr.processing.alignment.textgrid import read_intervals
from spoken_cefr.processing.alignment.webmaus import WebMaus, wav_bytes
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.transcription.engines import Transcript
from spoken_cefr.processing.transcription.words import Word

RATE = 16_000
WORDS = ["L’été,", "j’ai", "vu", "«", "Noël", "»", "à", "l’école", "tout", "près", "d’ici."]
SAID = ["L'été", "j'ai", "vu", "Noël", "à", "l'école", "tout", "près", "d'ici"]
RETRIED = {"500", "503", "html", "garbage", "entities", "other xml", "reset", "cut"}
HARMLESS = {"warnings", "word missing", "slashes", "tiny overlap"}
HARMFUL = sorted(set(FAULTS) - HARMLESS)


def speech(seed=0, seconds=2.0):
    """Noise between two silences."""
    signal = np.zeros(int(seconds * RATE), dtype=np.float32)
    noise = np.random.default_rng(seed).uniform(-0.5, 0.5, len(signal) // 2)
    signal[len(signal) // 4 :][: len(noise)] = noise
    return signal


def transcript(words=WORDS, seconds=2.0):
    edges = np.linspace(0, seconds, len(words) + 1)
    timed = [Word(w, *map(float, edges[i : i + 2])) for i, w in enumerate(words)]
    return Transcript(" ".join(words), timed, "fr", "test", "test", -0.5, 0.0)


@pytest.fixture
def waits():
    return []


@pytest.fixture
def profile(tmp_path, waits, monkeypatch):
    """A profile for one stand-in server; its aligner notes its waits instead of waiting."""
    made = {}

    def load(server, *overrides):
        config = load_config(
            "demo",
            [
                f'data_dir="{tmp_path.as_posix()}/data"',
                "processing.aligner=webmaus",
                "processing.accept_terms=true",
                "processing.webmaus_delay_s=0.0",
                f'processing.webmaus_url="{server.base_url}"',
                *overrides,
            ],
        )
        made[config] = WebMaus(config, wait=waits.append)
        return config

    monkeypatch.setattr(alignment, "service", lambda config: made[config])
    return load


def test_one_job_as_the_service_wants_it(profile, waits):
    with serve_webmaus(loads=["2", "2", "1"]) as server:
        found = align(profile(server), speech(), transcript())
    (job,) = server.jobs
    assert server.requests[:4] == [f"GET {SERVICES}/getLoadIndicator"] * 3 + [
        f"POST {SERVICES}/runMAUSBasic"
    ]
    assert waits == [5, 10]  # while the load was 2
    assert (job["LANGUAGE"], job["OUTFORMAT"]) == ("fra-FR", "TextGrid")
    assert job["SIGNAL"][1] == wav_bytes(speech())
    assert job["TEXT"][1].decode() == "L'été, j'ai vu « Noël » à l'école tout près d'ici."
    assert job["SIGNAL"][0].removesuffix(".wav") == job["TEXT"][0].removesuffix(".txt")
    assert found.source == "webmaus"
    assert found.remarks == []
    assert [word.word for word in found.words] == SAID  # the tier's labels, accents and all
    assert found.words[0].start_s == 0.5
    assert found.words[-1].end_s == pytest.approx(1.5, abs=0.011)


@pytest.mark.parametrize("fault", HARMFUL)
def test_after_a_fault_whispers_times_are_taken(profile, fault):
    with serve_webmaus(fault=fault, delay_s=0.8) as server:
        timeout_s = 0.5 if fault == "late" else 20
        found = align(
            profile(server, f"processing.webmaus_timeout_s={timeout_s}"), speech(), transcript()
        )
    assert found.source == "whisper"
    assert found.words == transcript().words
    (remark,) = found.remarks
    assert "/" not in remark.replace("HTTP/", "")  # no address and no path
    n_jobs = 0 if fault in ("busy", "bad load") else 3 if fault in RETRIED else 1
    assert len(server.jobs) == n_jobs


@pytest.mark.parametrize("fault", ["slashes", "tiny overlap"])
def test_repeated_slashes_and_an_overlap_by_a_rounding_error_do_no_harm(profile, fault):
    with serve_webmaus(fault=fault) as server:
        found = align(profile(server), speech(), transcript())
    assert (found.source, found.remarks) == ("webmaus", [])
    assert ("data////" in server.requests[-1]) == (fault == "slashes")


@pytest.mark.parametrize("fault", sorted(RETRIED))
def test_a_fault_that_passes_costs_one_more_try(profile, waits, fault):
    with serve_webmaus(faults=[fault, None]) as server:
        found = align(profile(server), speech(), transcript())
    assert (found.source, len(server.jobs), waits) == ("webmaus", 2, [2])


def test_a_missing_word_and_warnings_are_told(profile):
    with serve_webmaus(faults=["word missing", "warnings"]) as server:
        config = profile(server)
        missing = align(config, speech(), transcript())
        warned = align(config, speech(seed=1), transcript())
        again = align(config, speech(seed=1), transcript())
    assert missing.source == "webmaus"
    assert [word.word for word in missing.words] == SAID[:1] + SAID[2:]
    assert missing.remarks == ["WebMAUS has 1 of 11 words otherwise than Whisper"]
    assert warned.remarks == ["WebMAUS warns: low energy", "WebMAUS warns: unknown word"]
    assert again == warned  # the warnings are kept with the answer


def test_no_job_is_sent_twice_and_a_damaged_answer_is_asked_for_again(profile):
    with serve_webmaus() as server:
        config = profile(server)
        first = align(config, speech(), transcript())
        assert align(profile(server), speech(), transcript()) == first
        assert len(server.jobs) == 1
        (kept,) = (config.data_path / "processing" / "webmaus").glob("*.TextGrid")
        kept.write_bytes(kept.read_bytes()[:200])
        assert align(config, speech(), transcript()) == first
        assert len(server.jobs) == 2
        align(config, speech(seed=1), transcript())
        align(config, speech(), transcript(WORDS[:-1]))
        align(profile(server, "scraping.language=de"), speech(), transcript())
        assert len(server.jobs) == 5  # other sound, other text, other options


def test_threads_wait_for_their_turn(profile):
    with serve_webmaus(fault="late", delay_s=0.05) as server:
        config = profile(server)
        tasks = [(config, speech(seed), transcript()) for seed in range(6)]
        threads = [threading.Thread(target=align, args=task) for task in tasks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(server.jobs) == 6
    assert server.offences == []  # more than one request at once is one


def test_after_a_time_out_the_next_job_leaves_time_for_the_first(profile, waits, monkeypatch):
    for module in (bas, http):
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: 0.0))
    with serve_webmaus(faults=["late"], delay_s=1.5) as server:
        config = profile(server, "processing.webmaus_timeout_s=1.25")
        assert align(config, speech(), transcript()).source == "whisper"
    with serve_webmaus() as other:  # the first one is through: `waits` only notes
        service = alignment.service(config)
        service._client.base_url = other.base_url
        align(config, speech(), transcript())
    assert waits[0] == 1.25


def test_a_service_that_is_down_is_left_alone_for_a_while(profile, monkeypatch):
    now = [0.0]
    with serve_webmaus(fault="reset") as server:
        config = profile(server)
        service = WebMaus(config, wait=lambda seconds: None, clock=lambda: now[0])
        monkeypatch.setattr(alignment, "service", lambda config: service)
        told = [align(config, speech(seed), transcript()).remarks[0] for seed in range(5)]
        assert len(server.jobs) == 3 * bas.MAX_TRIES
        assert "broke" in told[2]
        assert "not asked: the service has just failed 3 times" in told[3]
        now[0] = webmaus.REST_S
        server.fault = None
        assert align(config, speech(seed=3), transcript()).source == "webmaus"


def test_nothing_is_asked_for_silence_or_a_text_too_long(profile):
    with serve_webmaus() as server:
        config = profile(server)
        empty = align(config, speech(), transcript([]))
        long = align(config, speech(), transcript(["mot"] * 3001))
    assert (empty.words, empty.remarks) == ([], [])
    assert "3001 words are too many" in long.remarks[0]
    assert server.requests == []


def test_without_consent_nothing_leaves_the_machine(profile):
    with pytest.raises(InputError, match="accept_terms"):
        load_config("demo", ["processing.aligner=webmaus"])
    with serve_webmaus() as server:
        config = profile(server)
        refusing = replace(config, processing=replace(config.processing, accept_terms=False))
        with pytest.raises(InputError, match="accept_terms"):
            WebMaus(refusing)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("scraping.language=zh", "WebMAUS does not know"),
        ("processing.webmaus_url=example.org", "https"),
        ("processing.webmaus_url=ftp://example.org/x", "https"),
        ("processing.webmaus_url=http://example.org/x", "must be sent encrypted"),
        ("processing.webmaus_url=https://example.org/x", "needs a delay between requests"),
    ],
)
def test_a_profile_that_cannot_be_served(override, message):
    overrides = ["processing.aligner=webmaus", "processing.accept_terms=true"]
    config = load_config("demo", [*overrides, "processing.webmaus_delay_s=0", override])
    with pytest.raises(InputError, match=message):
        alignment.check_aligner(config)


@pytest.mark.parametrize(
    "link",
    [
        "http://127.0.0.1@example.org/x",
        "http://example.org\\@127.0.0.1/x",
        "http://127.0.0.1\n.example.org/x",
        "http://[127.0.0.1/x",
        "//127.0.0.1/x",
        "file://127.0.0.1/etc/passwd",
    ],
)
def test_links_that_lead_elsewhere(link):
    client = bas.BasClient("http://127.0.0.1:1/s", delay_s=0, timeout_s=1, agent="test")
    with pytest.raises(WebMausError, match="another place"):
        client._permit(link)


def test_a_link_without_encryption_is_not_followed():
    client = bas.BasClient("https://example.org/s", delay_s=1, timeout_s=1, agent="test")
    client._permit("https://example.org:443//x")
    with pytest.raises(WebMausError, match="https"):
        client._permit("http://example.org/x")


def test_replies_are_read_whatever_their_dress():
    bare = "<success>true</success><downloadLink>x</downloadLink><output/><warnings/>"
    for before in ("", '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n', "\ufeff"):
        body = f"{before}<WebServiceResponseLink>{bare}</WebServiceResponseLink>"
        assert parse_reply(body.encode()) == bas.Reply(True, "x", "")


def test_what_the_service_says_is_one_printable_line():
    assert bas.plain("a\x1b[31m\n b\u202e") == "a [31m b"
    assert len(bas.plain("x" * 1000)) == bas.MAX_TOLD


def test_sound_is_clipped_and_not_scaled():
    loud = np.array([-2, -1, 0, 1, 2], dtype=np.float32)
    assert np.frombuffer(wav_bytes(loud)[44:], "<i2").tolist() == [-32767, -32767, 0, 32767, 32767]


class Engine:
    """Hears the same sentence in every recording but in noise, and counts what it is given."""

    at_once = 1
    sentence = "La semaine prochaine, c’est la fête de mon école."

    def __init__(self):
        self.n_heard = 0

    def transcribe_each(self, signals, *, language, told=None):
        for index, signal in enumerate(signals):
            self.n_heard += 1
            words = self.sentence.split() if len(signal) > RATE else []
            yield index, transcript(words, len(signal) / RATE)


@pytest.fixture
def engine(monkeypatch):
    made = Engine()
    monkeypatch.setattr(stage, "load_engine", lambda config: made)
    return made


def words_of(config):
    """The stage's table of words."""
    return pd.read_parquet(config.data_path / "processing" / "words.parquet")


def test_the_stage_goes_on_when_a_recording_falls_back(profile, tmp_path, engine):
    scraping = tmp_path / "data" / "scraping"
    write_corpus(scraping, bad=False)
    quiet = 0.5 * load_audio(scraping / "audio" / "good_1.mp3")
    with (scraping / "audio" / "good_2.mp3").open("wb") as file:
        soundfile.write(file, quiet, RATE, format="WAV")
    table = pd.read_csv(scraping / "metadata.csv", dtype=str, keep_default_na=False)
    table.assign(sha256="").to_csv(scraping / "metadata.csv", index=False)

    with serve_webmaus(faults=[None, "refused"]) as server:
        config = profile(server, "n_jobs=1")
        report = stage.run(config)
        words = words_of(config)
        source = words.groupby("recording_id")["source"].unique().str.join(" ").to_dict()
        assert sorted(source.values()) == ["webmaus", "whisper"]
        (fallen,) = (name for name in source if source[name] == "whisper")
        told = {row["id"] for row in report.remarks if "the service refused it" in row["reason"]}
        assert told == {fallen}  # and nothing was asked for the noise
        assert report.n_out == 3

        (tmp_path / "data" / "processing" / "report.json").unlink()
        stage.run(config)  # asks again for the one that fell back, and for no other
        words = words_of(config)
        assert len(server.jobs) == 3
    assert engine.n_heard == 3  # Whisper was asked once a recording
    assert set(words["source"]) == {"webmaus"}
    one = words[words["recording_id"] == "good_1"]
    assert (
        list(one["word"]) == Engine.sentence.replace("’", "'").replace(",", "").strip(".").split()
    )
    grid = read_intervals(tmp_path / "data" / "processing" / "textgrids" / "good_1.TextGrid")
    grid = [word[:3] for word in grid]
    assert grid == list(one[["word", "start_s", "end_s"]].itertuples(index=False, name=None))


def test_another_aligner_needs_no_other_transcript_and_the_way_back_needs_nothing(
    profile, demo_config, tmp_path, engine
):
    write_corpus(tmp_path / "data" / "scraping", bad=False)
    stage.run(demo_config())
    by_whisper = words_of(demo_config())
    with serve_webmaus() as server:
        config = profile(server)
        stage.run(config)
        assert set(words_of(config)["source"]) == {"webmaus"}
        assert len(server.jobs) == 1  # good_1 and good_2 are the same speech
        stage.run(demo_config())
        pd.testing.assert_frame_equal(words_of(demo_config()), by_whisper)
        stage.run(config)
        assert len(server.jobs) == 1  # the service's answer is kept as well
    assert engine.n_heard == 3

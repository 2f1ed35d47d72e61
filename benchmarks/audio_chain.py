"""How fast the audio chain is beside other ways to the same numbers, on one thread.

    python benchmarks/audio_chain.py [--rounds 15] [--json FILE]

Prints milliseconds per minute of audio and ratios; the last line is JSON. All
routes run in this one process, turn by turn, so that a busy machine slows
each of them alike. The recording is a minute made here (voiced and unvoiced
stretches and pauses), so that no file and no internet are needed.
"""

import os

os.environ["OMP_NUM_THREADS"] = "1"  # these before numpy is imported
os.environ["OPENBLAS_NUM_THREADS"] = "1"
os.environ["MKL_NUM_THREADS"] = "1"

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import matplotlib
import numpy as np
import soundfile
import torch
from PIL import Image

from spoken_cefr.neural_networks.embeddings.torchaudio_cpu import import_torchaudio
from spoken_cefr.processing.audio import hann, load_audio, log_mel, segment, to_image

matplotlib.use("agg")
from matplotlib import pyplot as plt

RATE, MP3_RATE, SECONDS = 16_000, 44_100, 60
MEL = {"n_fft": 1024, "hop_length": 512, "n_mels": 128}


def minute_of_speech(sample_rate: int) -> np.ndarray:
    """Harmonics of a gliding voice, hiss and pauses: shape (60 * rate,), float32."""
    rng = np.random.default_rng(0)
    time_s = np.arange(SECONDS * sample_rate) / sample_rate
    pitch_hz = 120 + 20 * np.sin(2 * np.pi * 0.3 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz) / sample_rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 30))
    syllables = np.clip(np.sin(2 * np.pi * 2.2 * time_s), 0, 1)
    phrases = np.sin(2 * np.pi * 0.15 * time_s) > -0.6
    hiss = 0.05 * rng.standard_normal(len(time_s)) * (syllables < 0.2)
    return ((0.15 * voice * syllables + hiss) * phrases + 1e-4 * hiss).astype(np.float32)


def librosa_db(samples: np.ndarray) -> np.ndarray:
    """The study's two calls on one segment."""
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, **MEL)
    return librosa.power_to_db(mel, ref=np.max)


def librosa_loop(segments: np.ndarray) -> np.ndarray:
    """A call of librosa for each segment."""
    window = np.hanning(segments.shape[1]).astype(np.float32)
    return np.stack([librosa_db(row * window) for row in segments])


def librosa_batch(segments: np.ndarray) -> np.ndarray:
    """One call of librosa for all segments."""
    window = np.hanning(segments.shape[1]).astype(np.float32)
    power = librosa.feature.melspectrogram(y=segments * window, sr=RATE, **MEL)
    db = librosa.power_to_db(power, ref=1.0, top_db=None)
    return np.maximum(db - db.max(axis=(1, 2), keepdims=True), -80)


def relative_db(power: torch.Tensor) -> torch.Tensor:
    """As `librosa.power_to_db` on each segment."""
    db = 10 * torch.log10(power.clamp(min=1e-10))
    db -= db.amax(dim=(1, 2), keepdim=True)
    return db.clamp_(min=-80)


def torch_route() -> Callable[[np.ndarray], np.ndarray]:
    """One torch.stft for all segments, then the whole mel matrix."""
    matrix = torch.from_numpy(librosa.filters.mel(sr=RATE, n_fft=1024, n_mels=128))
    stft_window = torch.hann_window(1024)
    window = torch.hann_window(RATE, periodic=False)

    def route(segments: np.ndarray) -> np.ndarray:
        batch = torch.from_numpy(segments) * window
        spectrum = torch.stft(
            batch, 1024, 512, window=stft_window, pad_mode="constant", return_complex=True
        )
        return relative_db(matrix @ spectrum.abs().square()).numpy()

    return route


def torchaudio_route() -> Callable[[np.ndarray], np.ndarray]:
    """One MelSpectrogram for all segments."""
    transforms = import_torchaudio().transforms
    window = torch.hann_window(RATE, periodic=False)
    options = {"power": 2.0, "norm": "slaney", "mel_scale": "slaney", "pad_mode": "constant"}
    transform = transforms.MelSpectrogram(RATE, **MEL, **options)

    def route(segments: np.ndarray) -> np.ndarray:
        return relative_db(transform(torch.from_numpy(segments) * window)).numpy()

    return route


def original_way(mp3: Path, folder: Path, *, ffmpeg: str | None, limit: int) -> float:
    """Seconds for one minute as the study did it, from ``limit`` segments.

    Each segment is written as an MP3 file and read again; each image is a
    figure that matplotlib saves and that is read again.
    """
    start = time.perf_counter()
    signal, rate = librosa.load(mp3, sr=None)
    decode_s = time.perf_counter() - start
    pieces = segment(signal, rate)
    start = time.perf_counter()
    for index, piece in enumerate(pieces[:limit]):
        name = folder / f"{index}.mp3"
        export(piece, rate, name, ffmpeg=ffmpeg)
        samples, _ = librosa.load(name, sr=RATE)
        samples = librosa.util.fix_length(samples, size=RATE) * np.hanning(RATE)
        figure = plt.figure(figsize=(0.5, 0.5), dpi=100)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        axes.imshow(librosa_db(samples), cmap="gray", origin="lower", aspect="auto")
        picture = folder / f"{index}.png"
        figure.savefig(picture)
        plt.close(figure)
        assert np.asarray(Image.open(picture).convert("L")).shape == (50, 50)
    return decode_s + (time.perf_counter() - start) * len(pieces) / min(limit, len(pieces))


def export(piece: np.ndarray, rate: int, name: Path, *, ffmpeg: str | None) -> None:
    """Write one segment as MP3 by the ffmpeg program, as pydub does, else by libsndfile."""
    if ffmpeg is None:
        soundfile.write(name, piece, rate, format="MP3")
        return
    wav = name.with_suffix(".wav")
    soundfile.write(wav, piece, rate)
    subprocess.run([ffmpeg, "-v", "error", "-y", "-i", wav, "-f", "mp3", name], check=True)


def our_way(mp3: Path) -> np.ndarray:
    """From the file to the images."""
    return to_image(log_mel(segment(load_audio(mp3), RATE), RATE), 50)


def measure(routes: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each route; all of them in each round, after two to warm up."""
    times: dict[str, list[float]] = {name: [] for name in routes}
    for round_number in range(rounds + 2):
        for name, route in routes.items():
            start = time.perf_counter()
            route()
            if round_number >= 2:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def largest_difference_db(segments: np.ndarray) -> float:
    """Between our spectrograms and librosa's: speech, clicks, full scale, a tone, silence."""
    rng = np.random.default_rng(1)
    clicks = np.zeros((1, RATE), dtype=np.float32)
    clicks[0, ::4000] = 1
    noise = rng.uniform(-1, 1, (4, RATE)).astype(np.float32)
    sine = np.sin(0.1 * np.arange(RATE, dtype=np.float32))[None]
    kinds = [segments, clicks, noise, sine, np.zeros((1, RATE), dtype=np.float32)]
    return max(
        float(np.abs(log_mel(rows, RATE) - np.stack([librosa_db(r) for r in hann(rows)])).max())
        for rows in kinds
    )


def report(result: dict) -> dict[str, float]:
    """Print both tables; give how many times faster ours is than each other route."""
    ratios = {}
    for title, key in (
        ("Log-mel of one minute (119 segments)", "mel_ms_per_minute"),
        ("MP3 file (44.1 kHz stereo) to 50 x 50 images", "mp3_to_images_ms_per_minute"),
    ):
        print(f"{title}, one thread\n{'route':32}{'ms/min':>10}{'ours is':>12}")
        for name, ms in result[key].items():
            ratio = ms / result[key]["ours"]
            print(f"{name:32}{ms:10.1f}" + ("" if name == "ours" else f"{ratio:10.1f} x"))
            if name != "ours":
                ratios[name] = round(ratio, 2)
        print()
    print(f"largest difference from librosa: {result['largest_difference_db']:.5f} dB")
    print(f"the original's MP3 files were written by {result['mp3_export']}")
    return ratios


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="rounds of the fast routes")
    parser.add_argument("--original", type=int, default=119, help="segments done the original way")
    parser.add_argument("--json", type=Path, help="write the last line to this file too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    segments = np.ascontiguousarray(segment(minute_of_speech(RATE), RATE))  # same for all routes
    stft, torchaudio = torch_route(), torchaudio_route()
    routes = {
        "ours": lambda: log_mel(segments, RATE),
        "librosa, a call a segment": lambda: librosa_loop(segments),
        "librosa, one batched call": lambda: librosa_batch(segments),
        "torch.stft batched": lambda: stft(segments),
    }
    routes["torchaudio batched"] = lambda: torchaudio(segments)
    for name, route in routes.items():
        assert np.abs(route() - librosa_loop(segments)).max() < 0.05, f"{name}: other numbers"
    mel_ms = measure(routes, options.rounds)
    ffmpeg = shutil.which("ffmpeg")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        mono = minute_of_speech(MP3_RATE)
        soundfile.write(folder / "minute.mp3", np.stack([mono, mono], axis=1), MP3_RATE)
        image_ms = measure({"ours": lambda: our_way(folder / "minute.mp3")}, options.rounds)
        original_s = original_way(
            folder / "minute.mp3", folder, ffmpeg=ffmpeg, limit=options.original
        )
    image_ms["the original's way"] = round(1000 * original_s, 1)
    result = {
        "threads": 1,
        "n_segments": len(segments),
        "mel_ms_per_minute": mel_ms,
        "mp3_to_images_ms_per_minute": image_ms,
        "mp3_export": "ffmpeg" if ffmpeg else "libsndfile (no ffmpeg program here: faster)",
        "largest_difference_db": largest_difference_db(segments),
    }
    result["ratios"] = report(result)
    line = json.dumps(result)
    print(line)
    if options.json:
        options.json.write_text(line + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()

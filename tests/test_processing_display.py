"""The notebook's figures: drawn on real speech, every axis with its unit."""

import pandas as pd
import pytest

from spoken_cefr.figures import processing as display
from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import load_audio, segment

RATE = 16_000
WORDS = pd.DataFrame({"word": ["La", "semaine"], "start_s": [0.0, 0.64], "end_s": [0.64, 1.02]})


@pytest.fixture(scope="module")
def signal():
    return load_audio(ROOT / "tests" / "audio" / "kermesse.mp3")


@pytest.mark.parametrize(
    ("draw", "n_axes"),
    [
        (lambda signal: display.plot_waveform(signal, RATE), 1),
        (lambda signal: display.plot_words(signal, RATE, WORDS, start_s=0.5, end_s=1.0), 1),
        (lambda signal: display.plot_segment(segment(signal, RATE)[1], RATE), 6),
        (lambda signal: display.plot_log_mel(segment(signal, RATE)[1], RATE), 3),
    ],
    ids=["waveform", "words", "segment", "log_mel"],
)
def test_figures_are_drawn_with_labelled_axes(signal, draw, n_axes):
    figure = draw(signal)
    figure.canvas.draw()
    assert len(figure.axes) == n_axes
    assert figure.axes[0].get_xlabel() == "time (s)"
    assert figure.axes[0].get_ylabel()


def test_the_spectrogram_that_is_drawn_is_the_profiles(signal):
    """Its rows are the bands asked for, and without the segment's window its edges are louder."""
    samples = segment(signal, RATE)[1]
    drawn = {}
    for window in (True, False):
        figure = display.plot_log_mel(samples, RATE, n_mels=40, segment_window=window)
        drawn[window] = figure.axes[0].images[0].get_array()
    assert drawn[True].shape == drawn[False].shape == (40, 32)
    assert drawn[False][:, 0].mean() > drawn[True][:, 0].mean() + 10  # dB

"""The notebook's figures: drawn on real speech, every axis with its unit."""

import numpy as np
import pandas as pd
import pytest

from spoken_cefr.figures import processing as display
from spoken_cefr.processing.audio import segment
from spoken_cefr.processing.spectra import (
    band_levels,
    frame_levels,
    tell_window_and_noise,
    tone_like,
    versions_of,
)

RATE = 16_000
WORDS = pd.DataFrame({"word": ["La", "semaine"], "start_s": [0.0, 0.64], "end_s": [0.64, 1.02]})


@pytest.mark.parametrize(
    ("draw", "n_axes"),
    [
        (lambda speech: display.plot_waveform(speech, RATE), 1),
        (lambda speech: display.plot_words(speech, RATE, WORDS, start_s=0.5, end_s=1.0), 1),
        (lambda speech: display.plot_segment(segment(speech, RATE)[1], RATE), 3),
        (lambda speech: display.plot_log_mel(segment(speech, RATE)[1], RATE), 4),
    ],
    ids=["waveform", "words", "segment", "log_mel"],
)
def test_figures_are_drawn_with_labelled_axes(speech, draw, n_axes):
    figure = draw(speech)
    figure.canvas.draw()
    assert len(figure.axes) == n_axes
    assert figure.axes[0].get_xlabel() == "time (s)"
    assert figure.axes[0].get_ylabel()


def test_the_spectrogram_that_is_drawn_is_the_profiles(speech):
    """Its rows are the bands asked for, and without the segment's window its edges are louder."""
    samples = segment(speech, RATE)[1]
    drawn = {}
    for window in (True, False):
        figure = display.plot_log_mel(samples, RATE, n_mels=40, segment_window=window)
        drawn[window] = figure.axes[0].images[0].get_array()
    assert drawn[True].shape == drawn[False].shape == (40, 32)
    assert drawn[False][:, 0].mean() > drawn[True][:, 0].mean() + 10  # dB


def test_a_window_takes_leakage_from_a_tone_and_no_share_of_power_from_the_whole():
    tone = tone_like(np.random.default_rng(0).normal(size=RATE), RATE)
    versions = versions_of(tone, ratio=0.1)
    levels = {name: band_levels(one, RATE) for name, one in versions.items()}
    for _, level_db in levels.values():
        assert (10 ** (level_db / 10)).sum() == pytest.approx(1)
    far = levels["as cut"][0] > 4000
    assert levels["as cut"][1][far].mean() - levels["Hann window"][1][far].mean() > 60


def test_noise_stands_as_far_below_the_signal_as_its_ratio_says():
    tone = tone_like(np.random.default_rng(0).normal(size=RATE), RATE)
    versions = versions_of(tone, ratio=0.1)
    speech, noise = versions["Hann window"], versions["noise alone"]
    _, level_db = band_levels(noise, RATE, beside=speech)
    # 20 dB below: its 1 % of the power is spread over 400 bands of equal width.
    assert level_db.mean() == pytest.approx(10 * np.log10(0.01 / 400), abs=0.5)
    time_s, level_db = frame_levels(noise, RATE, beside=speech)
    assert (len(time_s), time_s[0]) == (100, 0.005)
    assert 10 * np.log10(np.mean(10 ** (level_db / 10))) == pytest.approx(-20, abs=0.2)
    assert "ratio is 20 dB" in tell_window_and_noise(tone, RATE, ratio=0.1)


def test_a_word_that_the_end_cuts_is_not_named(speech):
    figure = display.plot_words(speech, RATE, WORDS, end_s=0.8)
    assert [text.get_text() for text in figure.axes[0].texts] == ["La"]

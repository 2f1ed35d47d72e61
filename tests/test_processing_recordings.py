"""What a kept recording depends on, and what a recording must have to be taken."""

import os

import numpy as np
import pytest
import soundfile

from spoken_cefr.errors import InputError
from spoken_cefr.processing.recordings import (
    load_speech,
    read_record,
    record_path,
    transcript_key,
)

RATE = 16_000


def write_noise(path, n_samples):
    noise = 0.1 * np.random.default_rng(0).standard_normal(n_samples)
    soundfile.write(path, noise, RATE)
    return path


def test_a_fifth_of_a_second_is_the_least_that_is_taken(tmp_path):
    assert len(load_speech(write_noise(tmp_path / "enough.wav", 3200))) == 3200
    with pytest.raises(InputError, match=r"short\.wav"):
        load_speech(write_noise(tmp_path / "short.wav", 3199))


def test_precision_is_part_of_the_key_only_where_the_engine_has_several(demo_config):
    def key(*overrides):
        return transcript_key(demo_config(*overrides), "0")

    openai = "processing.engine=openai-whisper"
    assert key("processing.compute_type=float32") != key()
    assert key("processing.compute_type=float32", openai) == key(openai)


def test_other_weights_in_the_same_folder_are_another_key(demo_config, tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    config = demo_config(f'processing.model="{folder.as_posix()}"')
    keys = []
    for number, weights in enumerate((b"first", b"other", b"first")):
        (folder / "model.bin").write_bytes(weights)
        os.utime(folder / "model.bin", (number, number))  # whatever the clock's resolution
        keys.append(transcript_key(config, "0"))
    assert keys[0] != keys[1]
    assert keys[0] == keys[2]


@pytest.mark.parametrize("damage", ["", '{"transcript_key": "'])
def test_a_damaged_record_is_told_and_counts_as_none(demo_config, capsys, damage):
    config = demo_config()
    path = record_path(config, "1")
    path.parent.mkdir(parents=True)
    path.write_text(damage)
    assert read_record(config, "1", "0") is None
    assert str(path) in capsys.readouterr().err

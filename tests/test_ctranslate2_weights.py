"""CTranslate2's file as it is, damaged, and as openai-whisper's model."""

import json
import struct

import numpy as np
import pytest

from spoken_cefr.errors import InputError
from spoken_cefr.processing.weights.ctranslate2 import read_variables
from spoken_cefr.processing.weights.openai import load_openai_whisper

pytestmark = pytest.mark.whisper


def string(text):
    data = text.encode() + b"\0"
    return struct.pack("<H", len(data)) + data


def variable(name, values, kind):
    head = string(name) + struct.pack("<B", values.ndim)
    head += struct.pack(f"<{values.ndim}I", *values.shape)
    return head + struct.pack("<BI", kind, values.nbytes) + values.tobytes()


def model_bin(*variables, version=6, spec="WhisperSpec", aliases=()):
    data = struct.pack("<I", version) + string(spec) + struct.pack("<II", 3, len(variables))
    data += b"".join(variables) + struct.pack("<I", len(aliases))
    return data + b"".join(string(a) + string(b) for a, b in aliases)


MATRIX = np.arange(6, dtype=np.float16).reshape(2, 3)
SMALL = (variable("matrix", MATRIX, 4), variable("heads", np.array(8, dtype=np.int16), 2))


def test_small_file_by_hand(tmp_path):
    path = tmp_path / "model.bin"
    path.write_bytes(model_bin(*SMALL, aliases=[("other", "matrix")]))
    found = read_variables(path)
    assert list(found) == ["matrix", "heads"]
    np.testing.assert_array_equal(found["matrix"], MATRIX)
    assert found["matrix"].dtype == np.float16
    assert found["heads"].shape == ()
    assert found["heads"] == 8


def test_every_shorter_file_is_refused(tmp_path):
    path = tmp_path / "model.bin"
    whole = model_bin(*SMALL, aliases=[("other", "matrix")])
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"model\.bin"):
            read_variables(path)


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04" + bytes(100),
        model_bin(*SMALL, version=5),
        model_bin(*SMALL, spec="TransformerSpec"),
        model_bin(*SMALL) + b"more",
        model_bin(variable("x", MATRIX, 5)),
        model_bin(variable("x", MATRIX, 0)),
        model_bin(*SMALL, aliases=[("a", "b")]),
    ],
)
def test_file_of_another_kind_is_refused(tmp_path, content):
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"model\.bin"):
        read_variables(path)


def test_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_variables(tmp_path / "model.bin")


def test_openai_model_has_the_published_alignment_heads():
    import whisper

    model = load_openai_whisper("offline-base")
    reference = whisper.model.Whisper(model.dims)
    reference.set_alignment_heads(whisper._ALIGNMENT_HEADS["base"])
    assert (model.alignment_heads.to_dense() == reference.alignment_heads.to_dense()).all()
    assert not model.training


def test_model_that_does_not_fit_is_one_sentence(tmp_path):
    (tmp_path / "model.bin").write_bytes(model_bin(*SMALL))
    (tmp_path / "config.json").write_text(json.dumps({"alignment_heads": [[0, 0]]}))
    with pytest.raises(InputError, match="does not fit"):
        load_openai_whisper(str(tmp_path))


def test_unknown_name_and_no_internet_are_one_sentence(monkeypatch, tmp_path):
    import whisper

    with pytest.raises(InputError, match=r"'huge'.*offline-base.*tiny"):
        load_openai_whisper("huge")

    def no_internet(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(whisper, "load_model", no_internet)
    with pytest.raises(InputError, match=r"tiny.*internet"):
        load_openai_whisper("tiny")

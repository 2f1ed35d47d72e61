"""What `predict` says of a voice hangs on nothing that is not its speech."""

import numpy as np
import pytest
from recognition_errors import with_errors

from spoken_cefr import predict
from spoken_cefr.measures.doubt import mark_doubtful
from spoken_cefr.measures.pipeline import load_nlp
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.choice import STARTER, load_model
from spoken_cefr.prediction.starter import level_of_text

PAUSE_SHARE = 0.384  # of the recording, by the energy of its sound
TEXTS = [path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests/texts").glob("*.txt"))]


@pytest.fixture(scope="module")
def heard(shared):
    files = sorted((shared / "cases" / "audio").glob("[IJ]_*.flac"))
    return {
        result["file"].rpartition("/")[2][0:-5]: result for result in predict(files, quiet=True)
    }


@pytest.mark.whisper
@pytest.mark.parametrize("name", ["I_malo_plain", "I_malo_silence15", "I_malo_jingle15"])
def test_what_stands_before_the_first_word_is_no_pause_and_no_word(heard, name):
    measures = heard[name]["measures"]
    assert measures["pause_share"]["value"] == pytest.approx(PAUSE_SHARE, abs=0.02)
    plain = heard["I_malo_plain"]["measures"]["articulation_rate"]["value"]
    assert measures["articulation_rate"]["value"] == pytest.approx(plain, rel=0.02)


@pytest.mark.whisper
def test_a_part_in_another_language_is_told_and_left_out(heard):
    result = heard["J_cs_fr_en"]
    assert any("another language" in remark for remark in result["warnings"])
    assert max(word["end_s"] for word in result["words"]) < 51  # the rest is English


@pytest.mark.slow
def test_recognition_errors_hardly_move_the_level():
    model, nlp = load_model(STARTER).regression, load_nlp()
    rng = np.random.default_rng(0)
    before = [level_of_text(text, model=model).score for text in TEXTS]
    moved = {}
    for share in (0.05, 0.1, 0.2, 0.4):
        after = []
        for text in TEXTS:
            written, words = with_errors(text, share, rng)
            doc = mark_doubtful(nlp(written), words)
            after.append(level_of_text(doc.text, model=model, doc=doc).score)
        moved[share] = np.abs(np.subtract(after, before)).mean()
    assert max(moved[share] for share in (0.05, 0.1, 0.2)) < 0.25
    assert np.mean(list(moved.values())) < 0.25

"""The two engines on the same weights, recordings decoded together, and human voices."""

import shutil
import subprocess
import threading
from pathlib import Path
from types import SimpleNamespace

import ctranslate2
import numpy as np
import pytest

from spoken_cefr.paths import ROOT
from spoken_cefr.processing.audio import load_audio
from spoken_cefr.processing.transcription.batching import map_joined
from spoken_cefr.processing.transcription.engines import FasterWhisper, OpenAIWhisper, load_engine

pytestmark = pytest.mark.whisper

RATE = 16_000
REPLICA = ROOT / "data" / "replica" / "audio"


@pytest.fixture(scope="module")
def short():
    """The first seconds of the four shortest recordings of the demo, all of another length."""
    paths = sorted(REPLICA.glob("*.mp3"), key=lambda path: path.stat().st_size)[:4]
    return [load_audio(path)[: (5 + i) * RATE] for i, path in enumerate(paths)]


@pytest.fixture(scope="module")
def int8():
    return FasterWhisper("offline-base", n_workers=2)


@pytest.fixture(scope="module")
def openai():
    return OpenAIWhisper("offline-base", n_threads=2)


def test_float32_gives_the_text_of_openai_whisper_word_for_word(openai, short):
    faster = FasterWhisper("offline-base", compute_type="float32", n_threads=2)
    for signal in short[:2]:
        reference = openai.transcribe(signal, language="fr")
        found = faster.transcribe(signal, language="fr")
        assert found.text == reference.text
        assert len(found.text.split()) > 5
        assert [word.word for word in found.words] == [word.word for word in reference.words]
        times = [np.array([word[1:3] for word in t.words]) for t in (found, reference)]
        assert np.abs(times[0] - times[1]).max() < 0.1  # seconds
        assert found.avg_logprob == pytest.approx(reference.avg_logprob, abs=0.01)
        assert found.no_speech_prob == pytest.approx(reference.no_speech_prob, abs=0.01)


def test_openai_whisper_invents_nothing(openai):
    result = openai.transcribe(np.zeros(5 * RATE, dtype=np.float32), language="fr")
    assert (result.text, result.words, result.avg_logprob) == ("", [], None)
    assert result.remarks == ["no speech was detected: empty text"]
    with pytest.raises(ValueError, match="mono float32"):
        openai.transcribe(np.zeros(RATE), language="fr")


def test_profile_chooses_the_engine(demo_config):
    engine = load_engine(demo_config("processing.engine=openai-whisper"))
    assert isinstance(engine, OpenAIWhisper)
    assert engine.at_once == 1
    assert load_engine(demo_config()).at_once == 16
    # float32 scores depend on the batch in the last bits: never decoded together.
    assert load_engine(demo_config("processing.compute_type=float32")).at_once == 1


def test_transcripts_do_not_depend_on_the_batch(int8, short):
    alone = [int8.transcribe(signal, language="fr") for signal in short]
    assert int8.transcribe_many(short, language="fr") == alone  # to the last bit
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    two_windows = np.concatenate([short[0], short[2]])
    mixed = [short[3], noise, two_windows, short[1]]
    together = int8.transcribe_many(mixed, language="fr")
    assert [together[0], together[3]] == [alone[3], alone[1]]
    assert together[1].text == ""
    assert together[2] == int8.transcribe(two_windows, language="fr")
    assert int8.transcribe_many([], language="fr") == []


class Doubler:
    """Stands in for CTranslate2's model: each window's result is twice its first number."""

    is_multilingual = True

    def __init__(self):
        self.sizes = []

    def generate(self, encoded, prompts, **options):
        values = np.array(encoded)
        assert len(values) == len(prompts)
        self.sizes.append(len(values))
        if (values < 0).any():
            raise RuntimeError("a window that cannot be decoded")
        return list(2 * values[:, 0])


def decode(joined, windows):
    """One call of the model after the other, as in a recording of several windows."""
    assert joined.is_multilingual
    views = [ctranslate2.StorageView.from_array(np.full((1, 1), w, np.float32)) for w in windows]
    return [joined.generate(view, [[0]])[0] for view in views]


def test_calls_of_the_model_meet():
    model = Doubler()
    items = [[1, 2, 3], [4], [], [5, 6], [7]]
    done = dict(map_joined(decode, items, model=model, size=3))
    assert done == {k: [2 * w for w in item] for k, item in enumerate(items)}
    assert sum(model.sizes) == 7
    assert max(model.sizes) <= 3
    assert model.sizes[0] >= 2
    assert list(map_joined(decode, [], model=model, size=3)) == []
    assert threading.active_count() < 20


def test_what_is_done_is_handed_over_while_the_rest_is_at_work():
    read = threading.Event()

    def function(joined, seconds):
        return read.wait(seconds)

    done = map_joined(function, [30, 0], model=Doubler(), size=2)
    assert next(done) == (1, False)
    read.set()
    assert next(done) == (0, True)


def test_a_reader_who_stops_early_ends_the_rest():
    begun, at_work, stopped = [], threading.Event(), threading.Event()

    def function(joined, seconds):
        begun.append(seconds)
        if seconds:
            at_work.set()
        stopped.wait(seconds)

    done = map_joined(function, [0, 30, 0], model=Doubler(), size=1)
    assert next(done) == (0, None)
    assert at_work.wait(10)
    threading.Timer(0.5, stopped.set).start()
    done.close()  # waits for the second item and takes no third
    assert begun == [0, 30]


def test_failed_batch_ends_every_thread():
    with pytest.raises(RuntimeError, match="cannot be decoded"):
        dict(map_joined(decode, [[1], [-1], [2]], model=Doubler(), size=3))


def test_different_options_are_never_decoded_together():
    def function(joined, option):
        view = ctranslate2.StorageView.from_array(np.ones((1, 1), np.float32))
        return joined.generate(view, [[0]], option=option)

    barrier_model = SimpleNamespace(generate=lambda view, prompts, **options: prompts)
    with pytest.raises(ValueError, match="same options"):
        dict(map_joined(function, [1, 2], model=barrier_model, size=2))


PACKAGE = "asterisk-core-sounds-fr-g722"
WORDS = "félicitations installé fichiers configuration téléphonique chiffres"


@pytest.fixture(scope="module")
def prompts(tmp_path_factory):
    """Debian's French telephone prompts (a human voice, CC BY-SA), fetched and unpacked."""
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        pytest.skip(f"{PACKAGE} needs apt-get and dpkg-deb")
    folder = tmp_path_factory.mktemp("prompts")
    try:
        done = subprocess.run(
            ["apt-get", "download", PACKAGE], cwd=folder, capture_output=True, timeout=60
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"{PACKAGE} cannot be fetched: no answer in 60 s")
    packages = list(folder.glob("*.deb"))
    if done.returncode or not packages:
        pytest.skip(f"{PACKAGE} cannot be fetched: {done.stderr.decode(errors='replace')[-200:]}")
    subprocess.run(["dpkg-deb", "-x", packages[0], folder / "files"], check=True, timeout=60)
    return folder / "files"


def load_g722(path: Path) -> np.ndarray:
    """Mono float32 at 16 kHz of a raw G.722 file."""
    import av

    with av.open(str(path), format="g722") as file:
        frames = [frame.to_ndarray().ravel() for frame in file.decode(audio=0)]
    return np.concatenate(frames).astype(np.float32) / 32768


def test_human_french_is_understood(int8, prompts):
    (path,) = prompts.rglob("demo-congrats.g722")
    result = int8.transcribe(load_g722(path), language="fr")
    heard = result.text.lower()
    assert [word for word in WORDS.split() if word not in heard] == []
    assert len(result.words) > 40

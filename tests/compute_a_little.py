"""Print digests of small computations by every library that is pinned, as JSON.

    compute_a_little.py ARITHMETIC [RECORDING]

With a recording, what Whisper hears in it instead.
"""

import json
import sys

from spoken_cefr import arithmetic

arithmetic.use(sys.argv[1])

import hashlib  # noqa: E402

import numpy as np  # noqa: E402
import torch  # noqa: E402
from made_up import CPU, bags, rows  # noqa: E402
from scipy.linalg import svdvals  # noqa: E402
from scipy.special import log_expit  # noqa: E402

from spoken_cefr.measures.pipeline import load_nlp  # noqa: E402
from spoken_cefr.neural_networks.embeddings.encoders import load_frame_encoder  # noqa: E402
from spoken_cefr.neural_networks.networks.heads import HEADS  # noqa: E402
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork  # noqa: E402
from spoken_cefr.neural_networks.networks.per_segment import SimpleDNN, SmallCNN, StudyCNN  # noqa: E402
from spoken_cefr.neural_networks.ordinal import OrdinalRegression  # noqa: E402
from spoken_cefr.neural_networks.training.examples import Rows, Store  # noqa: E402
from spoken_cefr.neural_networks.training.loop import Plan, train  # noqa: E402
from spoken_cefr.processing.audio import (  # noqa: E402
    add_white_noise,
    load_audio,
    log_mel,
    segment,
    to_image,
)
from spoken_cefr.processing.transcription.engines import FasterWhisper  # noqa: E402

rng = np.random.default_rng(0)


def digest(*arrays):
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:12]


def spectrograms():
    signal = rng.normal(scale=0.1, size=5 * 16_000).astype(np.float32)
    noisy = add_white_noise(segment(signal, 16_000), seed=1)
    mel = log_mel(noisy, 16_000)
    return digest(noisy, mel, to_image(mel, 50))


def functions():
    x = rng.normal(size=10_000)
    small = x.astype(np.float32)
    values = [f(np.abs(v) + 1) for f in (np.log, np.log10, np.exp, np.tanh) for v in (x, small)]
    return digest(*values, np.median(x), small.std(), log_expit(x), np.fft.rfft(small))


def products():
    a = rng.normal(size=(300, 513))
    narrow = a.astype(np.float32)
    tensor = torch.from_numpy(narrow)
    return {
        "numpy": digest(a @ a.T, narrow @ narrow.T, a @ a[0], np.linalg.svd(a)[1]),
        "scipy": digest(svdvals(a)),
        "torch": digest(tensor.softmax(dim=1), tensor.std(dim=1)),
        "MKL": digest(tensor @ tensor.T, torch.linalg.svdvals(tensor)),
        "torch with OpenBLAS": pinned_products(tensor),
    }


def pinned_products(tensor):
    arithmetic.pin_torch()
    return digest(tensor @ tensor.T, torch.stack([tensor, -tensor]) @ tensor.T)


def tags():
    """What measures read of a parse; the products behind it are not the same bytes everywhere."""
    doc = load_nlp()("Je crois que la kermesse, que nous préparons depuis mai, aura lieu dehors.")
    return [[str(token.morph), token.lemma_, token.dep_, token.head.i] for token in doc]


def ordinal():
    model = OrdinalRegression(5, l2=3.0).fit(rng.normal(size=(60, 25)), np.arange(60) % 5)
    return digest(model.weights, model.cuts)


def images(shape, n=40):
    rows_of = rng.normal(size=(n, *shape)).astype(np.float32)
    return Rows(Store(rows_of, device=CPU), rng.integers(5, size=n))


def trained(build, examples, *, head="softmax"):
    torch.manual_seed(0)
    model = build()
    if isinstance(model, AttentionNetwork):
        model.fit_inputs(examples.store.in_chunks(), examples.measures)
    torch.set_num_threads(1)  # as `one_core` does
    plan = Plan(batch_size=16, epochs=2, seed=0)
    train(model, examples, examples, head=HEADS[head], plan=plan)
    return digest(*(value.numpy() for value in model.state_dict().values()))


def heard(path):
    engine = FasterWhisper("offline-base", n_workers=2)
    signal = load_audio(path)
    told = engine.transcribe(signal, language="fr")
    words = [[word.word, word.start_s, word.end_s] for word in told.words]
    return [told.text, words, told.avg_logprob, told.no_speech_prob, embedded(signal)]


def embedded(signal):
    frames = load_frame_encoder("whisper", layer=3, whisper_model="offline-base", device=CPU)
    arithmetic.pin_torch()
    return digest(frames(torch.from_numpy(signal[None, : 10 * 16_000])).numpy())


def everything():
    return {
        "threads": torch.get_num_threads(),
        "avx512": torch.cpu.get_capabilities().get("avx512_f", False),
        "spectrograms": spectrograms(),
        "functions": functions(),
        "products": products(),
        "tags": tags(),
        "ordinal": ordinal(),
        "dense": trained(lambda: SimpleDNN(8), rows()),
        "study CNN": trained(lambda: StudyCNN(20), images((20, 20))),
        "small CNN": trained(lambda: SmallCNN(128, n_outputs=4), images((128, 32)), head="corn"),
        "attention": trained(lambda: AttentionNetwork((8,), n_outputs=4), bags(), head="corn"),
    }


print(json.dumps({"heard": heard(sys.argv[2])} if len(sys.argv) > 2 else everything()))

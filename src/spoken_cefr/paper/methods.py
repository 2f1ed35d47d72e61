"""What the code fixes and no profile changes, for whoever rebuilds it from the paper.

Read from the modules that compute with it, never repeated here: a constant by its
name, the layers of a network from the network itself.
"""

from dataclasses import asdict
from typing import Any

from torch import nn

from spoken_cefr.evaluation.findings import SAME
from spoken_cefr.evaluation.scores.calibration import MIN_IN_BIN, N_BINS
from spoken_cefr.evaluation.scores.differences import MIN_SPEAKERS
from spoken_cefr.evaluation.shortcuts.audit import N_PERIODS
from spoken_cefr.evaluation.shortcuts.probes import N_COMPONENTS
from spoken_cefr.evaluation.stage import N_SHOWN
from spoken_cefr.figures.architecture import layer_name
from spoken_cefr.figures.audit import VECTOR_NAMES
from spoken_cefr.measures.fluency import MIN_PAUSE_S
from spoken_cefr.measures.table import measures_of
from spoken_cefr.neural_networks.embeddings.places import MIN_SHARE, MIN_STRENGTH, N_COSINES
from spoken_cefr.neural_networks.networks.per_recording import DROPOUT, PROJECTED
from spoken_cefr.neural_networks.networks.per_segment import (
    KERAS_BATCH_NORM,
    L2,
    N_CLASSES,
    FlattenChannelsLast,
    build_model,
)
from spoken_cefr.neural_networks.ordinal import CLIP, PENALTIES
from spoken_cefr.neural_networks.runs import CROP_S, Run, study_runs
from spoken_cefr.neural_networks.split import N_CANDIDATES
from spoken_cefr.neural_networks.training.loop import ADAM_EPSILON
from spoken_cefr.neural_networks.training.performing import SEED_STEP
from spoken_cefr.processing.transcription.engines import (
    DECODING,
    LOGPROB_THRESHOLD,
    NO_SPEECH_THRESHOLD,
    WINDOW_S,
)

# Networks that are a chain of layers, with an input of the right kind; its size changes no
# layer but the first dense one.
CHAINS: dict[str, tuple[int, ...]] = {
    "simple": (1,),
    "medium": (1,),
    "complex": (1,),
    "study_cnn": (50, 50),
    "small_cnn": (128, 32),
}
ORDINAL_CHAINS = ("small_cnn",)  # CORN has one output fewer than there are levels


def methods(language: str) -> dict[str, Any]:
    """Constants of each part, the measures of a language and the layers of the networks."""
    return {
        "measures": [asdict(measure) for measure in measures_of(language)],
        "min_pause_s": MIN_PAUSE_S,
        "crop_s": CROP_S,
        "transcription": {
            "window_s": WINDOW_S,
            "temperature": DECODING["temperature"],
            "no_speech": NO_SPEECH_THRESHOLD,
            "log_probability": LOGPROB_THRESHOLD,
            "compression": DECODING["compression_ratio_threshold"],
        },
        "place": {"min_share": MIN_SHARE, "min_strength": MIN_STRENGTH, "n_cosines": N_COSINES},
        "ordinal": {"penalties": list(PENALTIES), "clip": CLIP},
        "networks": {
            "learning_rate": Run.learning_rate,
            "adam_epsilon": ADAM_EPSILON,
            "attention_units": PROJECTED,
            "attention_dropout": DROPOUT,
            "squared_weights": L2,
            "batch_norm": KERAS_BATCH_NORM,
            "image_sizes": sorted({run.image_size for run in study_runs() if run.image_size}),
            "layers": {name: layers(_chain(name)) for name in CHAINS},
        },
        "split": {"n_candidates": N_CANDIDATES, "seed_step": SEED_STEP},
        "probe": {
            "n_components": N_COMPONENTS,
            "n_periods": N_PERIODS,
            "names": dict(VECTOR_NAMES),
        },
        "scores": {
            "n_bins": N_BINS,
            "min_in_bin": MIN_IN_BIN,
            "min_speakers": MIN_SPEAKERS,
            "n_shown": N_SHOWN,
            "same": SAME,
        },
    }


def _chain(name: str) -> nn.Module:
    n_outputs = N_CLASSES - (name in ORDINAL_CHAINS)
    return build_model(name, CHAINS[name], n_outputs=n_outputs)


def layers(model: nn.Module) -> list[str]:
    """The layers of a network that is a chain of them (``model.layers``), in words and in order.

    Such as "dense 512", "ReLU", "dropout 0.5". What only changes the shape is left out.
    """
    return [told for layer in model.layers if (told := _told(layer))]


def _told(layer: nn.Module) -> str:
    match layer:
        case nn.Conv2d():
            return _convolution(layer)
        case nn.MaxPool2d():
            return f"maximum of {layer.kernel_size} × {layer.kernel_size}"
        case nn.AdaptiveAvgPool2d():
            return "mean over the map"
        case nn.Flatten() | FlattenChannelsLast():
            return ""
    return layer_name(layer)


def _convolution(layer: nn.Conv2d) -> str:
    size, step = (" × ".join(map(str, pair)) for pair in (layer.kernel_size, layer.stride))
    alone = " of each channel alone" if layer.groups > 1 else ""
    every = "" if layer.stride == (1, 1) else f" every {step}"
    return f"{layer.out_channels} convolutions {size}{alone}{every}"

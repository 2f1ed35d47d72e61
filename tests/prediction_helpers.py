"""A bundle for tests: its regression has learned that higher measures mean higher levels."""

import numpy as np

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.neural_networks.ordinal.regression import OrdinalRegression
from spoken_cefr.prediction.bundle import write_bundle
from spoken_cefr.prediction.measures_model import MeasuresModel

NAMES = [measure.name for measure in MEASURES]


def bundle_config(**changes):
    """What `write_bundle` is given, with some keys changed."""
    quartiles = {level: [k, k + 0.5, k + 1] for k, level in enumerate(TARGET_LEVELS)}
    config = {
        "kind": MeasuresModel.kind,
        "name": "a model for tests",
        "classes": list(TARGET_LEVELS),
        "language": "fr",
        "trained_on": "Trained on nothing real.",
        "notice": "Only for tests.",
        "synthetic": True,
        "transcription": {"model": "offline-base", "compute_type": "int8"},
        "measures": NAMES,
        "ranges": {name: dict(quartiles) for name in NAMES},
    }
    return config | changes


def bundle_arrays(seed=0):
    """Arrays of a regression on invented measures that rise with the level."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(5), 20)
    rows = codes[:, None] + rng.normal(0, 0.5, (len(codes), len(NAMES)))
    regression = OrdinalRegression(n_classes=5)
    regression.fit(rows, codes)
    state = {f"regression.{name}": array for name, array in regression.state().items()}
    return state | {"medians": np.median(rows, axis=0)}


def make_bundle(folder, **changes):
    """Write such a bundle; give its folder."""
    return write_bundle(
        folder, config=bundle_config(**changes), arrays=bundle_arrays(), card="# For tests\n"
    )

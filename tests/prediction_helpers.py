"""A bundle for tests: its regression has learned that higher measures mean higher levels."""

import numpy as np

from spoken_cefr.corpus.levels import TARGET_LEVELS
from spoken_cefr.measures.table import MEASURES
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.saved import save_run
from spoken_cefr.store import write_text

NAMES = [measure.name for measure in MEASURES]


def bundle_card(**changes):
    """What `save_run` is given, with some keys changed; a value of ``...`` takes the key out."""
    quartiles = {level: [k, k + 0.5, k + 1] for k, level in enumerate(TARGET_LEVELS)}
    card = {
        "name": "a model for tests",
        "inputs": "measures",
        "architecture": "ordinal",
        "classes": list(TARGET_LEVELS),
        "language": "fr",
        "trained_on": "Trained on nothing real.",
        "notice": "Only for tests.",
        "version": "0",
        "synthetic": True,
        "settings": {"processing.model": "offline-base", "processing.compute_type": "int8"},
        "measures": NAMES,
        "crop_segments": 0,
        "ranges": {name: dict(quartiles) for name in NAMES},
    }
    return {key: value for key, value in (card | changes).items() if value is not ...}


def regression(seed=0):
    """A regression on invented measures that rise with the level."""
    rng = np.random.default_rng(seed)
    codes = np.repeat(np.arange(5), 20)
    rows = codes[:, None] + rng.normal(0, 0.5, (len(codes), len(NAMES)))
    return OrdinalRegression(n_classes=5).fit(rows, codes)


def make_bundle(folder, **changes):
    """Write such a bundle; give its folder."""
    write_text(folder / "README.md", "# For tests\n")
    save_run(folder, regression(), bundle_card(**changes))
    return folder

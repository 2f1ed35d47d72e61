"""Which CEFR level does a spoken recording suit?

Four stages, each with its sub-package, notebook and data folder::

    scraping -> processing -> neural_networks -> evaluation

and `predict`, which uses the result::

    from spoken_cefr import predict
    predict("recording.mp3")[0]["level"]
"""

import os
import tempfile

from spoken_cefr.paths import offering

__version__ = "0.2.0"

# What runs the voice detector reports to its makers unless it is told before its import.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
# Where torch would keep compiled code it makes a folder, also for us who compile nothing. Named
# so, it finds one that is there already and leaves none behind.
os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", tempfile.gettempdir())


# On demand: a stage must not wait for what only a prediction needs.
__getattr__ = offering(__name__, {"spoken_cefr.prediction": ("predict",)})

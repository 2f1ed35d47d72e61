"""Which model a prediction uses."""

from pathlib import Path

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import FRENCH, find_language
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.runs import bundle_folder
from spoken_cefr.neural_networks.saved import CONFIG, load_run_model
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.models import LevelModel
from spoken_cefr.prediction.starter import INPUTS, TranscriptModel

STARTER = ROOT / "data" / "starter"


def choose_model(folder: Path | str | None = None, profile: str | None = None) -> LevelModel:
    """The model to use, the first of these that there is.

    1. the one in ``folder``: a bundle, or the folder of any trained run;
    2. the bundle of the profile that was named (by argument or
       ``SPOKEN_CEFR_PROFILE``), the demo's included; of profile ``fr`` when
       none was named;
    3. for French, the starter model in ``data/starter/``.

    InputError if there is none, or it is damaged or of another version.
    """
    if folder is not None:
        return load_model(folder)
    config = load_config(prediction_profile(profile))
    bundle = bundle_folder(config)
    if (bundle / CONFIG).is_file():
        return load_model(bundle)
    if config.scraping.language == FRENCH and (STARTER / CONFIG).is_file():
        return load_model(STARTER)
    language = find_language(config.scraping.language)
    raise InputError(
        f"there is no model yet for {language.code} ({language.name}): {bundle} does not exist; "
        f"make it with `spoken-cefr run --profile {config.profile}`, or give --model"
    )


def load_model(folder: Path | str) -> LevelModel:
    """A bundle, a run or the starter model; InputError if the folder holds none to be used."""
    saved = load_run_model(folder)
    if saved.card.get("inputs") == INPUTS:
        return TranscriptModel(saved)
    from spoken_cefr.prediction.trained_run import TrainedRun  # what only networks need

    return TrainedRun(saved)

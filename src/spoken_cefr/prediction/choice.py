"""Which model a prediction uses when the user names none."""

from pathlib import Path

from spoken_cefr.config import Config, load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.paths import ROOT
from spoken_cefr.prediction.bundle import CONFIG, read_bundle
from spoken_cefr.prediction.measures_model import MeasuresModel
from spoken_cefr.prediction.models import LevelModel
from spoken_cefr.prediction.transcript_model import TranscriptModel
from spoken_cefr.stages import stage_folder

STARTER = ROOT / "data" / "starter"
STARTER_LANGUAGE = "fr"
KINDS = {kind.kind: kind for kind in (MeasuresModel, TranscriptModel)}


def bundle_folder(config: Config) -> Path:
    """Where the stage neural_networks leaves a profile's bundle."""
    return stage_folder(config, "neural_networks") / "bundle"


def choose_model(folder: Path | str | None = None, profile: str | None = None) -> LevelModel:
    """The model to use, the first of these that there is.

    1. the bundle in ``folder``;
    2. the bundle of the profile that was named (by argument or
       ``SPOKEN_CEFR_PROFILE``), the demo's included; of profile ``fr`` when
       none was named;
    3. for French, the starter model in ``data/starter/``.

    Raises
    ------
    InputError
        If there is none, or the bundle is damaged or of another schema.
    """
    if folder is not None:
        return load_model(Path(folder))
    config = load_config(prediction_profile(profile))
    bundle = bundle_folder(config)
    if (bundle / CONFIG).is_file():
        return load_model(bundle)
    if config.scraping.language == STARTER_LANGUAGE and (STARTER / CONFIG).is_file():
        return load_model(STARTER)
    language = find_language(config.scraping.language)
    raise InputError(
        f"there is no model yet for {language.code} ({language.name}): {bundle} does not exist; "
        f"make it with `spoken-cefr run --profile {config.profile}`, or give --model"
    )


def load_model(folder: Path) -> LevelModel:
    """Load a bundle, or the starter model.

    Raises
    ------
    InputError
        If the folder holds neither, or one that cannot be used.
    """
    bundle = read_bundle(folder)
    kind = bundle.config["kind"]
    if kind not in KINDS:
        raise InputError(
            f"{folder / CONFIG} is of kind {kind!r}; this version knows {', '.join(KINDS)}"
        )
    return KINDS[kind].from_bundle(bundle)

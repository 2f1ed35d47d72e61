"""A profile: one TOML file in ``configs/``, read into frozen dataclasses that pydantic checks.

An unknown key, a value of the wrong type or out of its range is an error that
names the file and the key. Nothing is coerced but int to float.
"""

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)
from pydantic.dataclasses import dataclass

from spoken_cefr import arithmetic
from spoken_cefr.errors import InputError
from spoken_cefr.paths import CONFIGS, under_root

PROFILE_VARIABLE = "SPOKEN_CEFR_PROFILE"
REAL_PROFILE = "fr"  # whose model a prediction uses when no profile is named
WEBMAUS_TERMS = (
    'processing.aligner is "webmaus": it sends every recording and its transcript to a third party '
    "(LMU Munich). The service is for members of academic institutions and non-profit research "
    "only, you must hold the rights on what you send, and voices, of minors in part, are personal "
    "data. If all of that is settled, set processing.accept_terms = true; otherwise set "
    'processing.aligner to "whisper"'
)

STRICT = ConfigDict(extra="forbid", strict=True, defer_build=True, allow_inf_nan=False)
# TOML has lists; what is frozen holds a tuple.
Hosts = Annotated[tuple[str, ...], Field(strict=False)]


@dataclass(frozen=True, config=STRICT)
class ScrapingConfig:
    """Where the recordings come from."""

    base_url: str = ""
    language: str = "fr"
    replica_dir: str = ""  # serve this folder on 127.0.0.1 and scrape that instead of base_url
    replica_port: Annotated[int, Field(ge=0, le=65535)] = 8765  # another one when it is busy
    contact: str = ""  # e-mail address in the User-Agent; a real host demands it
    delay_s: NonNegativeFloat = 1.0  # between two requests
    timeout_s: PositiveFloat = 30.0
    max_tries: PositiveInt = 4
    max_audio_mb: PositiveFloat = 50.0
    audio_hosts: Hosts = ()  # hosts beside base_url's that may serve audio
    limit: NonNegativeInt = 0  # stop after so many cards; 0: all
    from_cache: bool = False  # rebuild the table from the saved pages, without a browser


@dataclass(frozen=True, config=STRICT)
class ProcessingConfig:
    """Audio chain, transcription and alignment."""

    sample_rate: PositiveInt = 16000
    segment_s: Annotated[float, Field(gt=0, le=30)] = 1.0
    overlap: Annotated[float, Field(ge=0, lt=1)] = 0.5
    n_fft: Annotated[int, Field(gt=0, multiple_of=2)] = 1024
    hop_length: PositiveInt = 512
    n_mels: PositiveInt = 128
    segment_window: bool = True  # the study's Hann window over the segment, before the STFT's own
    noise_ratio: NonNegativeFloat = 0.025  # standard deviation of the noise / that of the segment
    engine: Literal["faster-whisper", "openai-whisper"] = "faster-whisper"
    model: str = "offline-base"  # the packaged weights; or a Whisper size; or a folder
    compute_type: Literal["int8", "float32"] = "int8"
    aligner: Literal["whisper", "webmaus"] = "whisper"
    accept_terms: bool = False  # WebMAUS: voices leave this machine; see README.md
    webmaus_url: str = "https://clarin.phonetik.uni-muenchen.de/BASWebServices/services"
    webmaus_delay_s: NonNegativeFloat = 1.0  # between two requests
    webmaus_timeout_s: PositiveFloat = 600.0  # a job is answered when it is done
    backend: Literal["joblib", "dask"] = "joblib"
    dask_scheduler: str = ""  # address such as "tcp://node1:8786"; only with backend "dask"
    max_duration_s: PositiveFloat = 1800.0  # a longer recording is left out, with the reason
    strict: bool = False  # stop at the first recording that cannot be used


@dataclass(frozen=True, config=STRICT)
class NeuralNetworksConfig:
    """Split, runs and training."""

    # Names separated by commas; or ours, paper (the study's 31 cells) or all. On a large corpus the
    # study's take days on a CPU.
    runs: str = "ours"
    # Each fold is tested once, by models that learned from the others; another one is validated
    # on meanwhile, which takes 3 folds at the least.
    n_folds: Annotated[int, Field(ge=3)] = 5
    n_seeds: PositiveInt = 3  # trainings of each fold by a run that learns from chance
    # Who counts as one voice: the author string, or (stricter) all of one first name.
    speaker_groups: Literal["author", "first_name"] = "author"
    rare_levels: Literal["keep", "merge"] = "keep"
    balance: Literal["none", "class_weight", "weighted_sampling", "class_balanced"] = "none"
    epochs: NonNegativeInt = 0  # 0: as many as each run says
    # Stop ours after so many epochs without a better validation macro-F1 (0: never); the study's
    # runs are trained for all of their epochs.
    patience: NonNegativeInt = 10
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    speech_encoder: Literal["whisper", "wav2vec2_base", "voxpopuli_fr"] = "whisper"
    speech_layer: int = 3  # hidden state: 0 is the first layer's input, -1 the last layer's output
    speech_pooling: Literal["mean", "max"] = "mean"
    # What the encoder sees at once: up to 30 s, or one segment (the study's way).
    speech_context: Literal["window", "segment"] = "window"
    # A spaCy package; "hashing"; "none"; or a Hugging Face name or folder. "" becomes the French
    # package in a French profile, "hashing" in another.
    text_encoder: str = ""
    backend: Literal["joblib", "dask"] = "joblib"
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"


@dataclass(frozen=True, config=STRICT)
class EvaluationConfig:
    """Intervals, and the probes of the shortcut audit."""

    n_bootstrap: NonNegativeInt = 1000
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    n_repeats: PositiveInt = 3  # of the probes' cross-validation over speakers
    n_permutations: NonNegativeInt = (
        999  # of the labels, for what a probe reaches by chance; 0: none
    )
    # Finished runs that the audit trains again (and the best of all); "" for none.
    audit_runs: str = "ordinal_measures, attention_speech, fusion, small_cnn"
    n_permuted_trainings: NonNegativeInt = (
        3  # of each of them, with the labels of other speakers; 0: none
    )
    # Score the study's tables on the test part of its 80/20 split, as it did, not on all folds.
    study_split: bool = False


@dataclass(frozen=True, config=STRICT)
class Config:
    """A profile with every key resolved."""

    profile: str
    data_dir: str
    notice: str = ""  # printed beside every result, e.g. that the voices are synthetic
    seed: NonNegativeInt = 42
    n_jobs: PositiveInt = 2
    # "portable": the same numbers on every x86-64 processor with AVX2, see `arithmetic`.
    arithmetic: Literal["fast", "portable"] = "fast"
    scraping: ScrapingConfig = ScrapingConfig()
    processing: ProcessingConfig = ProcessingConfig()
    neural_networks: NeuralNetworksConfig = NeuralNetworksConfig()
    evaluation: EvaluationConfig = EvaluationConfig()

    @property
    def data_path(self) -> Path:
        """``data_dir`` as an absolute path."""
        return under_root(self.data_dir)

    def to_dict(self) -> dict[str, Any]:
        """The whole profile as plain JSON types."""
        return dataclasses.asdict(self)


SECTIONS = {f.name: f.type for f in dataclasses.fields(Config) if dataclasses.is_dataclass(f.type)}
# A key of an older profile, and the one that took its place.
RENAMED = {"evaluation.n_cross_validation_repeats": "neural_networks.n_seeds"}


def load_config(profile: str | None = None, overrides: Sequence[str] = ()) -> Config:
    """Read a profile, apply ``stage.key=value`` overrides, and compute as it says from here on.

    Parameters
    ----------
    profile : str, optional
        Name of a file in ``configs/`` without ``.toml``; by default the value
        of ``SPOKEN_CEFR_PROFILE``, else ``demo``.
    overrides : sequence of str
        Such as ``processing.overlap=0.25``; the value is TOML, or else a string.

    Raises
    ------
    InputError
        For an unknown profile or key, or a value of the wrong type.
    """
    profile = profile or os.environ.get(PROFILE_VARIABLE) or "demo"
    path = CONFIGS / f"{profile}.toml"
    known = sorted(file.stem for file in CONFIGS.glob("*.toml"))
    if profile not in known:
        raise InputError(
            f"there is no profile {profile!r}: choose one of {', '.join(known)}, or write {path}"
        )
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    config = Config(profile=profile, data_dir=f"data/{profile}")
    config = _replaced(config, values, where=str(path))
    for override in overrides:
        config = _replaced(config, _values(override), where=f"--set {override}")
    if not config.neural_networks.text_encoder:
        encoder = "fr_core_news_md" if config.scraping.language == "fr" else "hashing"
        config = _replaced(config, {"neural_networks": {"text_encoder": encoder}}, where=str(path))
    _check(config)
    arithmetic.use(config.arithmetic)
    return config


def prediction_profile(profile: str | None) -> str:
    """The profile of a prediction: the named one, by argument or variable, else a real one."""
    return profile or os.environ.get(PROFILE_VARIABLE) or REAL_PROFILE


def _values(override: str) -> dict[str, Any]:
    """``stage.key=value`` as the table that a profile would hold."""
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"--set {override}: write it as stage.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    section, dot, name = key.strip().partition(".")
    if dot and section not in SECTIONS:
        raise InputError(
            f"--set {override}: unknown stage {section!r}; the stages are {', '.join(SECTIONS)}"
        )
    return {section: {name: value}} if dot else {section: value}


def _replaced(config: Config, values: Mapping[str, Any], *, where: str) -> Config:
    """The profile with other values; each section is checked by itself."""
    changed = dict(values)
    for name in SECTIONS.keys() & values.keys():
        if not isinstance(values[name], Mapping):
            raise InputError(f"{where}: {name} must be a table of keys, not {values[name]!r}")
        changed[name] = _with(getattr(config, name), values[name], where=where, prefix=f"{name}.")
    return _with(config, changed, where=where)


def _with(instance: Any, values: Mapping[str, Any], *, where: str, prefix: str = "") -> Any:
    known = [f.name for f in dataclasses.fields(instance) if f.name != "profile"]
    for name in values:
        if new := RENAMED.get(prefix + name):
            raise InputError(f"{where}: {prefix}{name} is called {new} now")
        if name not in known:
            raise InputError(f"{where}: unknown key {name!r}; the keys are {', '.join(known)}")
    try:
        return dataclasses.replace(instance, **values)
    except ValidationError as error:
        first = error.errors()[0]
        key = prefix + ".".join(map(str, first["loc"]))
        must = first["msg"].replace("Input should", "it must").replace("tuple", "list")
        raise InputError(f"{where}: {key} is {first['input']!r}; {must}") from None


def _check(config: Config) -> None:
    """Stop on values that are right by themselves and do not go together."""
    p, n = config.processing, config.neural_networks
    package = re.match(r"([a-z]{2})_core_", n.text_encoder)
    rules = [
        (
            package is None or package[1] == config.scraping.language,
            f"neural_networks.text_encoder is {n.text_encoder!r}, whose words are of another "
            f"language than scraping.language, {config.scraping.language!r}: take a package of "
            'that language, or "hashing"',
        ),
        (p.aligner != "webmaus" or p.accept_terms, WEBMAUS_TERMS),
        (
            p.backend != "dask" or p.aligner != "webmaus",
            'processing.aligner "webmaus" takes one job at a time, which several workers cannot '
            'keep to: set processing.backend = "joblib"',
        ),
        (
            "dask" not in (p.backend, n.backend) or p.dask_scheduler,
            'a backend is "dask": say where its scheduler is, such as '
            'processing.dask_scheduler = "tcp://127.0.0.1:8786" (see doc/scaling.md)',
        ),
        (
            config.arithmetic != "portable" or (n.device, n.precision) == ("cpu", "float32"),
            'arithmetic is "portable", which GPUs and bfloat16 are not: set '
            'neural_networks.device = "cpu" and neural_networks.precision = "float32"',
        ),
    ]
    for holds, message in rules:
        if not holds:
            raise InputError(message)

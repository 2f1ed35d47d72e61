"""The table of runs: the study's tables 2 to 5, cell by cell, and ours."""

import functools
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from spoken_cefr.arithmetic import pins_of
from spoken_cefr.config import Config
from spoken_cefr.errors import InputError
from spoken_cefr.stages import stage_folder
from spoken_cefr.store import digest, read_csv, read_json, read_kept, read_parquet, sha256_of

# Counted up when a run's folder changes its meaning: older folders are then made again.
FORMAT = 4
# Long enough for some forty words, short enough for nearly every recording.
CROP_S = 15.0
# Modules that decide a run's result. Those that make its embeddings have a number of
# their own (`inputs.EMBEDDING_VERSION`), the measures have `measures.table.method_keys`.
CODE: tuple[str, ...] = (
    *("networks/*.py", "ordinal.py", "training/*.py", "embeddings/places.py"),
    *("inputs.py", "out_of_fold.py", "predictions.py", "recordings.py", "saved.py"),
)
HERE = Path(__file__).parent


def bundle_folder(config: Config) -> Path:
    """Where the stage neural_networks leaves a profile's bundle."""
    return stage_folder(config, "neural_networks") / "bundle"


@dataclass(frozen=True)
class Run:
    """One line of the table of runs.

    ``group`` is "paper" or "ours". The study's runs are trained for all of their epochs, as the
    study did, whatever the profile's ``patience``; kept are the weights of the epoch that
    validates best. ``inputs`` is what is read: "image" (``image_size`` pixels a side),
    "log_mel", "speech_embedding", "text_embedding", "measures" or "fusion" (the last three
    together). ``architecture`` is one of `per_segment.build_model` (each segment is an
    example), or "attention" or "ordinal" (each recording is one); ``head`` is how outputs are
    read, see `heads.HEADS`.

    With ``noisy_training`` the training rows are those with white noise; validation and test
    rows never are. With ``crop_s`` it learns from and answers by so many seconds of each
    recording, so that its length tells little (see `examples.py`); 0: by all of it.
    """

    name: str
    description: str
    group: str
    inputs: str
    architecture: str
    batch_size: int
    epochs: int
    head: str = "softmax"
    learning_rate: float = 1e-3
    image_size: int = 0
    noisy_training: bool = False
    crop_s: float = 0.0

    @property
    def unit(self) -> str:
        """What an example is: "segment" or "recording"."""
        return "recording" if self.architecture in ("attention", "ordinal") else "segment"

    @property
    def learns_from_chance(self) -> bool:
        """Whether another seed gives another model."""
        return self.architecture != "ordinal"

    @property
    def hears(self) -> tuple[object, ...]:
        """All that decides what its trainings are given; runs of which it is equal share that."""
        return (self.inputs, self.image_size, self.noisy_training, self.crop_s)

    def patience(self, config: Config) -> int:
        """Epochs without a better validation score after which training stops; 0: never."""
        return 0 if self.group == "paper" else config.neural_networks.patience


def study_runs() -> list[Run]:
    """The 31 cells of the study's tables 2 to 5; what replaces what is in the descriptions."""
    inputs = {
        2: ("speech_embedding", False, "embeddings of the profile's speech encoder"),
        3: ("speech_embedding", True, "the same, noise in the training segments"),
        4: ("text_embedding", False, "embeddings of the words by the profile's text encoder"),
    }
    replaced = {2: "wav2vec2", 3: "wav2vec2", 4: "BERT"}
    runs = [
        Run(
            f"table{table}_{architecture}_{batch_size}",
            f'the study\'s "{architecture}" DNN, batch {batch_size} (its table {table}), on {told} '
            f"in place of its {replaced[table]}",
            group="paper",
            inputs=kind,
            architecture=architecture,
            batch_size=batch_size,
            epochs=50,
            noisy_training=noisy,
        )
        for table, (kind, noisy, told) in inputs.items()
        for architecture in ("simple", "medium", "complex")
        for batch_size in (50, 128, 256)
    ]
    runs += [
        Run(
            f"table5_cnn{size}_{batch_size}",
            f"the study's CNN on mel images of {size} x {size}, batch {batch_size} (its table 5), "
            "noise in the training segments",
            group="paper",
            inputs="image",
            architecture="study_cnn",
            batch_size=batch_size,
            epochs=10,
            image_size=size,
            noisy_training=True,
        )
        for size, batch_size in ((50, 50), (50, 128), (50, 256), (128, 50))
    ]
    return runs


def our_runs() -> list[Run]:
    """Four models, each on whole recordings and on crops."""
    attention = functools.partial(
        Run, group="ours", architecture="attention", batch_size=16, epochs=100, head="corn"
    )
    whole = [
        Run(
            "ordinal_measures",
            "ordinal logistic regression on fluency, lexis and syntax of the recording",
            group="ours",
            inputs="measures",
            architecture="ordinal",
            batch_size=0,
            epochs=0,
        ),
        attention(
            "attention_speech",
            "attention pooling over the speech embeddings of the recording's segments, CORN",
            inputs="speech_embedding",
        ),
        attention(
            "fusion",
            "attention pooling over speech and text embeddings, joined with the measures, CORN",
            inputs="fusion",
        ),
        Run(
            "small_cnn",
            "depthwise-separable CNN with global pooling on log-mel segments, CORN",
            group="ours",
            inputs="log_mel",
            architecture="small_cnn",
            batch_size=128,
            epochs=30,
            head="corn",
        ),
    ]
    cropped = [
        replace(
            run,
            name=f"{run.name}_crop",
            description=f"{run.description}; {CROP_S:g} s of each recording",
            crop_s=CROP_S,
        )
        for run in whole
    ]
    return [run for pair in zip(whole, cropped, strict=True) for run in pair]


RUNS: tuple[Run, ...] = (*study_runs(), *our_runs())


def select_runs(names: str, *, key: str = "neural_networks.runs") -> list[Run]:
    """Find runs by their names or groups (paper, ours, all), separated by commas.

    They come in the order of the table, each once. InputError, which names the profile's
    ``key`` and the runs that there are, if one of the names is unknown.
    """
    table = {run.name: {run.name} for run in RUNS}
    for group in ("paper", "ours"):
        table[group] = {run.name for run in RUNS if run.group == group}
    table["all"] = {run.name for run in RUNS}
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in table]
    if unknown or not wanted:
        raise InputError(
            f"{key}: there is no {unknown[0] if unknown else names!r}; "
            f"name paper, ours, all or some of {', '.join(run.name for run in RUNS)}"
        )
    chosen = set().union(*(table[name] for name in wanted))
    return [run for run in RUNS if run.name in chosen]


def run_key(run: Run, config: Config, *, input_digest: str) -> str:
    """Digest of all that a run's result depends on: itself, keys of the profile, input, code."""
    c = config.neural_networks
    keys = {
        "format": FORMAT,
        "balance": c.balance,
        "epochs": c.epochs,
        "n_folds": c.n_folds,
        "patience": run.patience(config),
        "precision": c.precision,
        "arithmetic": pins_of(config.arithmetic),
        "rare_levels": c.rare_levels,
        "seed": config.seed,
    }
    told = {"run": asdict(run), "keys": keys, "input": input_digest, "code": code_digest()}
    return digest(told)


@functools.cache
def code_digest(folder: Path = HERE) -> str:
    """Digest of the text of the modules of `CODE`."""
    return digest([sha256_of(path) for name in CODE for path in sorted(folder.glob(name))])


def is_finished(folder: Path, key: str) -> bool:
    """Whether the folder holds the result that this key stands for."""
    card = read_kept(folder / "config.json", read_json) or {}
    if card.get("key") != key:
        return False
    hashes = card.get("files", {}).items()
    read = {".parquet": read_parquet, ".csv": read_csv}
    tables = [path for path in folder.iterdir() if path.suffix in read]
    return all(
        (folder / name).is_file() and sha256_of(folder / name) == sha256 for name, sha256 in hashes
    ) and all(read_kept(path, read[path.suffix]) is not None for path in tables)

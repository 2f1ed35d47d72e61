"""A trained model in a folder: the one format of trainings, runs, bundles and the starter model.

``config.json``, written last, is the model's card. It names the file of the weights and the
SHA-256 of every file that it needs: ``model.safetensors`` beside it, or in a run's folder that
of the training that answers for the run. Nothing that is read here can run code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import (
    Annotated,
    Any,
    Literal,  # of typing only from 3.12 for pydantic
)

import numpy as np
import torch
from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.embeddings.places import PlaceEraser
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import build_model
from spoken_cefr.neural_networks.ordinal import OrdinalRegression
from spoken_cefr.neural_networks.predictions import pool_segments
from spoken_cefr.neural_networks.runs import FORMAT
from spoken_cefr.neural_networks.training.examples import CHUNK, middle_starts
from spoken_cefr.processing.audio import to_image
from spoken_cefr.store import read_json, replacing, sha256_of, write_json

Model = nn.Module | OrdinalRegression

WEIGHTS, CONFIG, README = "model.safetensors", "config.json", "README.md"
PLACE = "place."  # begins the names of the arrays of a `PlaceEraser`
# A name comes from whoever made the folder: a plain file, or that of one of a run's trainings.
FileName = Annotated[str, Field(pattern=r"^((seed_\d+/fold_\d+/)?model\.safetensors|README\.md)$")]
AGAIN = "run the stage neural_networks again, or fetch the folder again"


class CardOfModel(BaseModel, strict=True):
    """The keys of a card by which a model is loaded and asked; there may be others."""

    format: Literal[FORMAT]
    weights: FileName
    files: dict[FileName, str]
    classes: Annotated[list[str], Field(min_length=2)]
    architecture: str
    inputs: str
    measures: list[str]
    crop_segments: NonNegativeInt = 0
    image_size: NonNegativeInt = 0
    head: Literal[*HEADS] = "softmax"
    input_shape: list[PositiveInt] = []
    widths: list[PositiveInt] = []


def checked(card: Any, kind: type[BaseModel], path: Path) -> None:
    """InputError that names the file and the first key of a card that is not as ``kind`` has it."""
    try:
        kind.model_validate(card)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: {key}: {first['msg']}; {AGAIN}") from None


@dataclass(frozen=True)
class RunModel:
    """A trained model with all that is needed to use it.

    ``folder`` is where it was loaded from, for messages; ``card`` its ``config.json``: what it
    reads and answers, and how it was trained; ``place`` takes the place in the encoder's window
    out of speech embeddings, as it was learned from this model's training rows.
    """

    folder: Path
    card: dict[str, Any]
    model: Model
    place: PlaceEraser | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in ascending order."""
        return tuple(self.card["classes"])

    @torch.inference_mode()
    def of_segments(self, segments: np.ndarray) -> np.ndarray:
        """Probabilities by a network whose examples are segments. -> (n, n_classes), float64

        Segments (n, ...) are log-mel spectrograms or embeddings, as `inputs.run_source` has them.
        """
        rows = torch.from_numpy(self._rows(segments))
        return self._read(torch.cat([self.model(chunk) for chunk in rows.split(CHUNK)]))

    @torch.inference_mode()
    def of_recording(self, segments: np.ndarray | None, measures: np.ndarray) -> np.ndarray:
        """Probabilities of one recording, as the run answers it: shape (n_classes,), float64.

        Of all its segments (n_segments, ...) a cropped run takes the middle; None for a model that
        reads none. Measures (n_measures,) are in the order of ``card["measures"]``, NaN where one
        is not defined; of a cropped run, those of the middle.
        """
        if isinstance(self.model, OrdinalRegression):
            return self.model.predict_proba(measures[None])[0]
        crop, n = self.card["crop_segments"], len(segments)
        pooled = self.card["architecture"] != "attention"
        if crop:  # attention is given a recording that is shorter in a loop
            rows = int(middle_starts(np.array([n]), crop)[0]) + np.arange(crop)
            segments = segments[rows[rows < n] if pooled else rows % n]
        if pooled:
            answers = self.of_segments(segments)
            return pool_segments(answers, np.zeros(len(answers), dtype=np.int64), 1)[0]
        bag = torch.from_numpy(self._rows(segments))[None]
        present = torch.ones(bag.shape[:2], dtype=torch.bool)
        told = torch.from_numpy(np.array(measures, dtype=np.float32))[None]
        return self._read(self.model(bag, present, told))[0]

    def _rows(self, segments: np.ndarray) -> np.ndarray:
        """What the network reads of the segments, float32."""
        rows = np.array(segments, dtype=np.float32)
        if self.card["inputs"] == "image":
            return to_image(rows, self.card["image_size"])
        if self.place is not None:
            width = self.card["widths"][0]
            rows[:, :width] = self.place(rows[:, :width])
        return rows

    def _read(self, outputs: Tensor) -> np.ndarray:
        return HEADS[self.card["head"]].probabilities(outputs.double()).numpy()


def new_model(card: Mapping[str, Any]) -> nn.Module:
    """The untrained network that a card describes."""
    n_outputs = len(card["classes"]) - HEADS[card["head"]].fewer
    if card["architecture"] == "attention":
        return AttentionNetwork(
            tuple(card["widths"]), n_measures=len(card["measures"]), n_outputs=n_outputs
        )
    return build_model(card["architecture"], tuple(card["input_shape"]), n_outputs=n_outputs)


def save_run(
    folder: Path, model: Model, card: Mapping[str, Any], *, place: PlaceEraser | None = None
) -> None:
    """Write weights and card; the card gets the format's number and the weights' hash."""
    if isinstance(model, OrdinalRegression):
        tensors = {name: torch.from_numpy(np.array(a)) for name, a in model.state().items()}
    else:
        tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    if place is not None:
        tensors |= {PLACE + name: torch.from_numpy(a) for name, a in place.state().items()}
    with replacing(folder / WEIGHTS) as temporary:
        save_file(tensors, temporary)
    write_card(folder, card)


def write_card(folder: Path, card: Mapping[str, Any], *, weights: str = WEIGHTS) -> None:
    """Write ``config.json`` of weights that are there, in the folder or below it."""
    names = [weights, *([README] if (folder / README).exists() else [])]
    files = {name: sha256_of(folder / name) for name in names}
    told = {"format": FORMAT, "weights": weights, "files": files}
    write_json(folder / CONFIG, dict(card) | told)


def load_run_model(folder: Path | str) -> RunModel:
    """Load the model of a run, a training, a bundle or the starter's folder, on the CPU.

    InputError, which names the file, if one is missing, truncated, changed, or of another version
    of this project.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is no folder: give the folder of a model, a run's or a bundle")
    card = read_json(folder / CONFIG)
    checked(card, CardOfModel, folder / CONFIG)
    path = _checked_weights(folder, card)
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise InputError(f"{path} is damaged ({error}): {AGAIN}") from None
    try:
        return RunModel(folder, card, *_model_of(card, tensors))
    except (RuntimeError, ValueError, KeyError, TypeError, IndexError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise InputError(f"{path} does not fit its {CONFIG} ({reason}): {AGAIN}") from None


def _model_of(
    card: Mapping[str, Any], tensors: dict[str, Tensor]
) -> tuple[Model, PlaceEraser | None]:
    state = {
        name.removeprefix(PLACE): tensors.pop(name).numpy()
        for name in list(tensors)
        if name.startswith(PLACE)
    }
    place = PlaceEraser.from_state(state) if state else None
    if card["architecture"] == "ordinal":
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        return OrdinalRegression.from_state(arrays, n_classes=len(card["classes"])), place
    model = new_model(card)
    model.load_state_dict(tensors)
    return model.eval(), place


def _checked_weights(folder: Path, card: Mapping[str, Any]) -> Path:
    """Path of the weights, after every file was compared with its SHA-256."""
    files, weights = card["files"], card["weights"]
    if weights not in files:
        raise InputError(f"{folder / CONFIG}: files: lack the weights, {weights}; {AGAIN}")
    for name, expected in files.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path} is missing: {AGAIN}")
        if sha256_of(path) != expected:
            raise InputError(
                f"{path} is truncated or not the file that {CONFIG} names (another SHA-256): "
                f"{AGAIN}"
            )
    return folder / weights

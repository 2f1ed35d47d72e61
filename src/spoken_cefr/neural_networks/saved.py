"""A trained model in its folder: ``model.safetensors`` and, written last, ``config.json``."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks.networks.heads import HEADS
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import build_model
from spoken_cefr.neural_networks.ordinal.measures import OrdinalMeasures
from spoken_cefr.neural_networks.runs import FORMAT
from spoken_cefr.neural_networks.training.examples import CHUNK
from spoken_cefr.store import read_json, replacing, sha256_of, write_json

Model = nn.Module | OrdinalMeasures


@dataclass(frozen=True)
class RunModel:
    """A trained model with all that is needed to use it.

    Parameters
    ----------
    card : dict
        ``config.json``: name, description, inputs, architecture, head, classes,
        input_shape, widths, measures and how it was trained.
    model : nn.Module or OrdinalMeasures
    """

    card: dict[str, Any]
    model: Model

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in ascending order."""
        return tuple(self.card["classes"])

    def of_segments(self, inputs: np.ndarray) -> np.ndarray:
        """Probabilities by a network whose examples are segments.

        Parameters
        ----------
        inputs : np.ndarray, shape (n, *card["input_shape"])

        Returns
        -------
        np.ndarray, shape (n, n_classes), float64
        """
        rows = torch.from_numpy(np.array(inputs, dtype=np.float32))
        return self._read(torch.cat([self._run(chunk) for chunk in rows.split(CHUNK)]))

    def of_recording(
        self, segments: np.ndarray | None, measures: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Probabilities by a model whose examples are recordings.

        Parameters
        ----------
        segments : np.ndarray, shape (n_segments, sum(card["widths"])), or None
        measures : np.ndarray, shape (n_measures,)
            In the order of ``card["measures"]``, NaN where one is not defined.

        Returns
        -------
        tuple
            Probabilities (n_classes,), and the weight of each segment
            (n_segments,), None from a model that reads none.
        """
        if isinstance(self.model, OrdinalMeasures):
            return self.model.predict_proba(measures[None])[0], None
        bag = torch.from_numpy(np.array(segments, dtype=np.float32))[None]
        present = torch.ones(bag.shape[:2], dtype=torch.bool)
        told = torch.from_numpy(np.array(measures, dtype=np.float32))[None]
        with torch.inference_mode():
            weights = self.model.attention(bag, present)[0]
        return self._read(self._run(bag, present, told))[0], weights.numpy()

    @torch.inference_mode()
    def _run(self, *inputs: Tensor) -> Tensor:
        return self.model(*inputs)

    def _read(self, outputs: Tensor) -> np.ndarray:
        return HEADS[self.card["head"]].probabilities(outputs.double()).numpy()


def new_model(card: dict[str, Any]) -> nn.Module:
    """The untrained network that a card describes."""
    n_outputs = len(card["classes"]) - HEADS[card["head"]].fewer
    if card["architecture"] == "attention":
        return AttentionNetwork(
            tuple(card["widths"]), n_measures=len(card["measures"]), n_outputs=n_outputs
        )
    return build_model(card["architecture"], tuple(card["input_shape"]), n_outputs=n_outputs)


def save_run(folder: Path, model: Model, card: dict[str, Any]) -> None:
    """Write both files; the card gets the format's number and the model's hash."""
    if isinstance(model, OrdinalMeasures):
        tensors = {name: torch.from_numpy(np.array(a)) for name, a in model.state().items()}
    else:
        tensors = {name: value.cpu().contiguous() for name, value in model.state_dict().items()}
    path = folder / "model.safetensors"
    with replacing(path) as temporary:
        save_file(tensors, temporary)
    write_json(folder / "config.json", card | {"format": FORMAT, "model_sha256": sha256_of(path)})


def load_run_model(folder: Path) -> RunModel:
    """Load what a run has left, ready to answer, on the CPU.

    Raises
    ------
    InputError
        If a file is missing, truncated, changed, or of another version of this
        project; the message names it.
    """
    card = read_json(folder / "config.json")
    path = folder / "model.safetensors"
    again = "run the stage neural_networks again"
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        found = card.get("format", "none") if isinstance(card, dict) else "none"
        raise InputError(
            f"{folder / 'config.json'} has format {found}, this version reads {FORMAT}: {again}"
        )
    if not path.exists():
        raise InputError(f"{path} is missing: {again}")
    if sha256_of(path) != card.get("model_sha256"):
        raise InputError(f"{path} is truncated or not the file of its config.json: {again}")
    try:
        tensors = load_file(path)
        if card["architecture"] == "ordinal":
            state = {name: tensor.numpy() for name, tensor in tensors.items()}
            return RunModel(card, OrdinalMeasures.from_state(state, n_classes=len(card["classes"])))
        model = new_model(card)
        model.load_state_dict(tensors)
    except (SafetensorError, RuntimeError, ValueError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} does not fit its config.json ({reason}): {again}") from None
    return RunModel(card, model.eval())

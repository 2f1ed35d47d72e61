"""Diagrams of networks: a chain of layers, and the fusion network as it branches."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd
import torch
import torchinfo
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from torch import nn

from spoken_cefr.figures.style import OKABE_ITO, Drawing, in_style
from spoken_cefr.neural_networks.networks.per_recording import AttentionNetwork
from spoken_cefr.neural_networks.networks.per_segment import Standardise, count_parameters

BOX_WIDTH, GAP, ROW_HEIGHT = 1.0, 0.28, 1.6  # of a diagram, in its own units
BOXES_IN_ROW = 7  # more could not be read on a page
ARROW = {"arrowstyle": "->"}
LEGEND = "above each layer its parameters, below the shape of its output"
# Layers that only pass on what they get, and hold no parameter: written into the box before.
INLINE = (nn.ReLU, nn.GELU, nn.Tanh, nn.Dropout, nn.Dropout2d, nn.BatchNorm1d, nn.BatchNorm2d)

PLAIN_NAMES = {
    "AdaptiveAvgPool2d": "mean-pool",
    "BatchNorm1d": "batch norm",
    "BatchNorm2d": "batch norm",
    "Flatten": "flatten",
    "FlattenChannelsLast": "flatten",
    "MaxPool2d": "max-pool",
    "Standardise": "standardise",
}


class Layer(NamedTuple):
    """A box of a diagram: its place (1 is the step from box to box), its text and its numbers."""

    column: float
    row: float
    text: str
    output_shape: tuple[int, ...]
    n_parameters: int = 0


def layer_table(model: nn.Module, *inputs: torch.Tensor) -> pd.DataFrame:
    """What each layer gives and holds, in the order in which an example passes them.

    Parameters
    ----------
    model : nn.Module
    inputs : Tensor
        An example as the model's forward pass takes it, a batch of one.

    Returns
    -------
    pd.DataFrame
        layer, output_shape (without the batch), n_parameters. A layer that
        only passes on (ReLU, dropout, normalisation) is written behind the
        one before it, and its parameters counted there. The first row is the input.
    """
    rows = [{"layer": "input", "output_shape": tuple(inputs[0].shape[1:]), "n_parameters": 0}]
    found = torchinfo.summary(model, input_data=list(inputs), depth=9, verbose=0)
    for passed in (layer for layer in found.summary_list if layer.is_leaf_layer):
        layer, shape = passed.module, tuple(passed.output_size[1:])
        if isinstance(layer, INLINE) and len(rows) > 1:
            rows[-1]["layer"] += f", {layer_name(layer)}"
            rows[-1]["n_parameters"] += passed.num_params
        else:
            before = rows[-1]["output_shape"]
            if isinstance(layer, Standardise) and sorted(shape) == sorted(before):
                shape = before  # turned for this layer alone, and back
            row = {"layer": layer_name(layer), "output_shape": shape}
            rows.append(row | {"n_parameters": passed.num_params})
    return pd.DataFrame(rows)


@in_style
def draw_architecture(layers: pd.DataFrame, title: str) -> Drawing:
    """A network that is a chain, as rows of boxes, with what each gives and its parameters.

    Parameters
    ----------
    layers : pd.DataFrame
        As `layer_table` makes it.
    """
    n_rows = -(-len(layers) // BOXES_IN_ROW)
    n_columns = -(-len(layers) // n_rows)
    figure, ax = _canvas(n_columns, (0, n_rows - 1), width_in=max(4.0, 1.25 * n_columns))
    for index, row in enumerate(layers.itertuples()):
        line, column = divmod(index, n_columns)
        text = row.layer.replace(", ", "\n")
        _draw_layer(ax, Layer(column, line, text, row.output_shape, row.n_parameters))
        if index:  # the first of a further row goes on from the row above
            _draw_arrow(ax, (column - 1, line), (column, line))
    total = layers["n_parameters"].sum()
    ax.set_title(f"{title}: {total:,} parameters\n{LEGEND}", fontsize=9)
    return figure


@in_style
def draw_fusion(
    network: AttentionNetwork, kinds: Sequence[str], *, n_segments: int, title: str
) -> Drawing:
    """The fusion network as it branches, on a recording of so many segments.

    Each kind of segment embedding has a lane (``kinds`` are their names, as many as
    ``network.widths``); above them the gate weighs the segments, below them the measures of the
    whole recording join. Parameters are counted in the network itself.
    """
    layers = fusion_layers(network, kinds, n_segments=n_segments)
    arrows = [(kind, _projected(kind)) for kind in (*kinds, "measures")]
    arrows += [(_projected(kind), "segments") for kind in kinds]
    arrows += [("segments", "gate"), ("gate", "weights"), ("weights", "pooled")]
    arrows += [("segments", "pooled"), ("pooled", "joined"), (_projected("measures"), "joined")]
    arrows += [("joined", "output")]
    rows = [layer.row for layer in layers.values()]
    n_columns = 1 + round(max(layer.column for layer in layers.values()))
    figure, ax = _canvas(n_columns, (min(rows), max(rows)), width_in=9.0)
    for layer in layers.values():
        _draw_layer(ax, layer)
    for start, end in arrows:
        _draw_arrow(ax, layers[start][:2], layers[end][:2])
    total = sum(layer.n_parameters for layer in layers.values())
    ax.set_title(f"{title}: {total:,} parameters\n{LEGEND}", fontsize=9)
    return figure


def fusion_layers(
    network: AttentionNetwork, kinds: Sequence[str], *, n_segments: int
) -> dict[str, Layer]:
    """The boxes of `draw_fusion` by name; rows count from the first lane downwards."""
    units, hidden = network.score.in_features, network.content.in_features
    dense, output = f"dense {units}", network.output
    middle, below = (len(kinds) - 1) / 2, len(kinds) - 0.5
    lanes = {}
    for row, (kind, layer) in enumerate(zip(kinds, network.project, strict=True)):
        read, given = (n_segments, layer.in_features), (n_segments, units)
        lanes[kind] = Layer(0, row, f"{kind},\nstandardised", read)
        lanes[_projected(kind)] = Layer(
            1, row, f"{dense}\nReLU\ndropout", given, count_parameters(layer)
        )
    n_in = {name: count_parameters(layer) for name, layer in network.named_children()}
    gates, n_outputs, last = (
        n_in["content"] + n_in["gate"],
        output.out_features,
        (middle + below) / 2,
    )
    gate = f"2 x {dense}\ntanh times\nsigmoid"
    weights = "dense 1\nsoftmax over\nsegments"
    measures, told = "measures,\nstandardised,\ndropout", f"{dense}\nReLU"
    return lanes | {
        "segments": Layer(2, middle, "side by side", (n_segments, hidden)),
        "gate": Layer(3, middle - 1, gate, (n_segments, units), gates),
        "weights": Layer(4, middle - 1, weights, (n_segments,), n_in["score"]),
        "pooled": Layer(5, middle, "weighted\nsum of the\nsegments", (hidden,)),
        "measures": Layer(4, below, measures, (network.n_measures,)),
        _projected("measures"): Layer(5, below, told, (units,), n_in["project_measures"]),
        "joined": Layer(6, last, "side by side,\ndropout", (output.in_features,)),
        "output": Layer(7, last, f"dense {n_outputs}", (n_outputs,), n_in["output"]),
    }


def _projected(kind: str) -> str:
    return f"{kind} projected"


def layer_name(layer: nn.Module) -> str:
    """A layer in a word or two, such as ``dense 512`` or ``dropout 0.5``."""
    name = type(layer).__name__
    if isinstance(layer, nn.Conv2d):
        kind = "conv" if layer.groups == 1 else "depthwise"
        return f"{kind} {layer.kernel_size[0]} x {layer.kernel_size[1]}"
    if isinstance(layer, nn.Linear):
        return f"dense {layer.out_features}"
    if isinstance(layer, (nn.Dropout, nn.Dropout2d)):
        return f"dropout {layer.p:g}"
    return PLAIN_NAMES.get(name, name)


def _canvas(n_columns: int, rows: tuple[float, float], *, width_in: float) -> tuple[Drawing, Axes]:
    """An empty diagram of so many columns, from the first to the last row."""
    first, last = rows
    figure = Drawing(width_in=width_in, height_in=0.6 + 1.5 * (last - first + 1))
    ax = figure.subplots()
    right = n_columns * (BOX_WIDTH + GAP) - GAP + 0.05
    ax.set(xlim=(-GAP - 0.05, right), ylim=(-0.3 - last * ROW_HEIGHT, 1.25 - first * ROW_HEIGHT))
    ax.set_axis_off()
    return figure, ax


def _corner(place: tuple[float, float]) -> tuple[float, float]:
    """Lower left corner of the box at a column and a row."""
    column, row = place
    return column * (BOX_WIDTH + GAP), -row * ROW_HEIGHT


def _draw_arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    (left, low), (to_left, to_low) = _corner(start), _corner(end)
    ax.annotate("", (to_left, to_low + 0.5), (left + BOX_WIDTH, low + 0.5), arrowprops=ARROW)


def _draw_layer(ax: Axes, layer: Layer) -> None:
    """A box with its text, above it its parameters if it holds some, below it its output."""
    left, low = _corner(layer[:2])
    middle = left + BOX_WIDTH / 2
    ax.add_patch(
        FancyBboxPatch(
            (left, low),
            BOX_WIDTH,
            1,
            boxstyle="round,pad=0,rounding_size=0.08",
            facecolor="#DCEBF5" if layer.n_parameters else "white",
            edgecolor=OKABE_ITO[0],
        )
    )
    ax.text(middle, low + 0.5, layer.text, ha="center", va="center", fontsize=8)
    shape = " x ".join(map(str, layer.output_shape))
    ax.text(middle, low - 0.06, shape, ha="center", va="top", fontsize=8)
    if layer.n_parameters:
        told = f"{layer.n_parameters:,}"
        ax.text(middle, low + 1.05, told, ha="center", va="bottom", fontsize=8)

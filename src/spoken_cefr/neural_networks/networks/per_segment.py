"""Networks that read one segment: the study's, and a small one of ours.

Inputs and outputs are float32 tensors; a network's outputs are read by its
head (`heads.py`). The study's networks begin as Keras begins them (Glorot
uniform weights, biases of 0), so that only the framework differs.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from spoken_cefr.corpus.levels import TARGET_LEVELS

N_CLASSES = len(TARGET_LEVELS)
L2 = 0.001
# Keras's defaults. PyTorch's momentum is one minus Keras's, and its epsilon is smaller.
KERAS_BATCH_NORM = {"momentum": 0.01, "eps": 1e-3}
DNN_WIDTHS: dict[str, tuple[int, ...]] = {
    "complex": (768, 200, 100, 50),
    "medium": (512, 200, 100, 50),
}


class FlattenChannelsLast(nn.Module):
    """Maps (n, channels, height, width) to (n, height * width * channels), as Keras flattens.

    Of maps that lie in memory that way this is a view, forward and backward.
    """

    def forward(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 3, 1).flatten(1)


class StudyCNN(nn.Module):
    """Conv 32, conv 64, max-pool, Dense 50: the study's network on grey mel images.

    ``image_size`` is their height and width in pixels. Nearly all of the parameters sit in the
    first dense layer (1.7 million at 50 x 50, 12.3 million at 128 x 128).
    """

    def __init__(self, image_size: int, *, n_outputs: int = N_CLASSES) -> None:
        super().__init__()
        side = (image_size - 4) // 2  # two unpadded 3 x 3 convolutions, then pooling by 2
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            # The study's ReLU stands before its pooling; after it, it is the same on a quarter.
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Dropout(0.25),
            FlattenChannelsLast(),
            nn.Linear(64 * side * side, 50),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(50, n_outputs),
        )
        begin_as_keras(self)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, size, size) in 0..1 to outputs (n, n_outputs)."""
        return self.layers(images.unsqueeze(1).contiguous(memory_format=torch.channels_last))


class SimpleDNN(nn.Module):
    """Dense 512, 256, 128 with dropout 0.5: the study's "simple" network on embeddings."""

    def __init__(self, n_features: int, *, n_outputs: int = N_CLASSES) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, 512),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, n_outputs),
        )
        begin_as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """Map embeddings (n, n_features) to outputs (n, n_outputs)."""
        return self.layers(features)


class RegularisedDNN(nn.Module):
    """Dense layers, each with L2, batch norm, dropout 0.3: "complex" and "medium".

    ``widths`` are the units of the hidden layers, see ``DNN_WIDTHS``.
    """

    def __init__(
        self, n_features: int, *, widths: tuple[int, ...], n_outputs: int = N_CLASSES
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for n_in, n_out in zip((n_features, *widths), widths, strict=False):
            layers += [
                nn.Linear(n_in, n_out),
                nn.ReLU(),
                nn.BatchNorm1d(n_out, **KERAS_BATCH_NORM),
                nn.Dropout(0.3),
            ]
        self.layers = nn.Sequential(*layers, nn.Linear(widths[-1], n_outputs))
        begin_as_keras(self)

    def forward(self, features: Tensor) -> Tensor:
        """Map embeddings (n, n_features) to outputs (n, n_outputs)."""
        return self.layers(features)

    def penalty(self) -> Tensor:
        """Keras's ``kernel_regularizer=l2(0.001)``: added to the loss, biases left out.

        Not the same as weight decay in Adam, which would scale it by the
        gradient's history. The output layer has none.
        """
        dense = [layer for layer in self.layers if isinstance(layer, nn.Linear)]
        return L2 * sum(layer.weight.square().sum() for layer in dense[:-1])


class SmallCNN(nn.Module):
    """Depthwise-separable convolutions and global pooling on log-mel spectrograms.

    Some 9 000 parameters instead of millions: global pooling takes the place of
    the study's wide dense layer. The first layer's steps of 4 bands and 2 frames
    leave a quarter of the work to the others. Each band is standardised by its mean and
    deviation over training rows. Howard et al. (2017), "MobileNets", arXiv 1704.04861.
    """

    def __init__(self, n_mels: int, *, n_outputs: int = N_CLASSES) -> None:
        super().__init__()
        self.standardise = Standardise(n_mels)
        self.layers = nn.Sequential(
            nn.Conv2d(1, 16, (8, 4), stride=(4, 2), padding=(2, 1), bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
            *_separable(16, 32, stride=2),
            *_separable(32, 64, stride=2),
            *_separable(64, 64, stride=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(64, n_outputs),
        )

    def fit_inputs(self, batches: Iterable[Tensor]) -> None:
        """Take mean and deviation from batches (n, n_mels, n_frames) of training rows."""
        self.standardise.fit(batch.transpose(1, 2) for batch in batches)

    def forward(self, log_mel: Tensor) -> Tensor:
        """Map spectrograms (n, n_mels, n_frames) in dB to outputs (n, n_outputs)."""
        images = self.standardise(log_mel.transpose(1, 2)).transpose(1, 2)
        return self.layers(images.unsqueeze(1).contiguous(memory_format=torch.channels_last))


class Standardise(nn.Module):
    """(x - mean) / deviation of each feature, kept as buffers so that a saved model is whole.

    A value that is not there (NaN) becomes the mean; a constant feature becomes 0.
    """

    def __init__(self, n_features: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))

    def fit(self, batches: Iterable[Tensor]) -> None:
        """Take both from batches of shape (..., n_features), NaN left out."""
        count, total, squares = (torch.zeros(len(self.mean), dtype=torch.float64) for _ in range(3))
        for batch in batches:
            rows = batch.reshape(-1, len(self.mean)).cpu().double()
            known = torch.isfinite(rows)
            rows = rows.where(known, 0.0)
            count += known.sum(dim=0)
            total += rows.sum(dim=0)
            squares += rows.square().sum(dim=0)
        count = count.clamp_min(1)
        mean = total / count
        deviation = (squares / count - mean.square()).clamp_min(0).sqrt()
        # Below this a feature is constant but for rounding; dividing would blow that up.
        constant = deviation <= 1e-6 * mean.abs().clamp_min(1)
        self.mean.copy_(mean)
        self.deviation.copy_(deviation.where(~constant, torch.inf))

    def forward(self, features: Tensor) -> Tensor:
        """Map features (..., n_features) to the same shape."""
        return torch.nan_to_num((features - self.mean) / self.deviation, nan=0.0)


def begin_as_keras(model: nn.Module) -> None:
    """Glorot uniform weights and zero biases, in place."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)


def build_model(
    architecture: str, input_shape: tuple[int, ...], *, n_outputs: int = N_CLASSES
) -> nn.Module:
    """Build an untrained network for segments of this shape.

    Parameters
    ----------
    architecture : {"study_cnn", "simple", "medium", "complex", "small_cnn"}
    input_shape : tuple of int
        Shape of one row: (size, size) for an image, (n_mels, n_frames) for a
        spectrogram, (n_features,) for an embedding.
    """
    if architecture == "study_cnn":
        return StudyCNN(input_shape[0], n_outputs=n_outputs)
    if architecture == "small_cnn":
        return SmallCNN(input_shape[0], n_outputs=n_outputs)
    if architecture == "simple":
        return SimpleDNN(input_shape[0], n_outputs=n_outputs)
    if architecture in DNN_WIDTHS:
        return RegularisedDNN(input_shape[0], widths=DNN_WIDTHS[architecture], n_outputs=n_outputs)
    raise ValueError(
        f"{architecture!r} is not an architecture: study_cnn, small_cnn, simple, medium, complex"
    )


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())


def _separable(n_in: int, n_out: int, *, stride: int) -> list[nn.Module]:
    """A 3 x 3 convolution of each channel alone, then a 1 x 1 convolution across them."""
    return [
        nn.Conv2d(n_in, n_in, 3, stride=stride, padding=1, groups=n_in, bias=False),
        nn.BatchNorm2d(n_in),
        nn.ReLU(),
        nn.Conv2d(n_in, n_out, 1, bias=False),
        nn.BatchNorm2d(n_out),
        nn.ReLU(),
    ]

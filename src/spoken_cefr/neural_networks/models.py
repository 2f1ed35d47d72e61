"""The study's networks in PyTorch. Inputs and outputs are float32 tensors; outputs are logits."""

import torch
from torch import Tensor, nn

from spoken_cefr.levels import TARGET_LEVELS

N_CLASSES = len(TARGET_LEVELS)


class StudyCNN(nn.Module):
    """Conv 32, conv 64, max-pool, Dense 50: the study's network on grey mel images.

    Nearly all of its parameters sit in the first dense layer (1.7 million at
    50 x 50, 12.3 million at 128 x 128).

    Parameters
    ----------
    image_size : int
        Height and width of the images in pixels.
    """

    def __init__(self, image_size: int, *, n_classes: int = N_CLASSES) -> None:
        super().__init__()
        side = (image_size - 4) // 2  # two unpadded 3 x 3 convolutions, then pooling by 2
        self.layers = nn.Sequential(
            nn.Conv2d(1, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout(0.25),
            nn.Flatten(),
            nn.Linear(64 * side * side, 50),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(50, n_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, size, size) in 0..1 to logits (n, n_classes)."""
        return self.layers(images.unsqueeze(1))


class SimpleDNN(nn.Module):
    """Dense 512, 256, 128 with dropout 0.5: the study's "simple" network on embeddings.

    The inputs are standardised by means and deviations of the training rows,
    kept as buffers so that the saved model is whole.

    Parameters
    ----------
    n_features : int
        Width of the embedding.
    """

    def __init__(self, n_features: int, *, n_classes: int = N_CLASSES) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(n_features))
        self.register_buffer("deviation", torch.ones(n_features))
        self.layers = nn.Sequential(
            nn.Linear(n_features, 512),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(512, 256),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(256, 128),
            nn.ReLU(),
            nn.Linear(128, n_classes),
        )

    def fit_inputs(self, features: Tensor) -> None:
        """Take mean and deviation from training rows, shape (n, n_features)."""
        self.mean.copy_(features.mean(dim=0))
        self.deviation.copy_(features.std(dim=0, correction=0).clamp_min(1e-6))

    def forward(self, features: Tensor) -> Tensor:
        """Map embeddings (n, n_features) to logits (n, n_classes)."""
        return self.layers((features - self.mean) / self.deviation)


def build_model(architecture: str, input_shape: tuple[int, ...]) -> nn.Module:
    """Build an untrained network for rows of this shape.

    Parameters
    ----------
    architecture : {"study_cnn", "simple_dnn"}
    input_shape : tuple of int
        Shape of one row: (size, size) for an image, (n_features,) for an embedding.
    """
    if architecture == "study_cnn":
        return StudyCNN(input_shape[0])
    if architecture == "simple_dnn":
        return SimpleDNN(input_shape[0])
    raise ValueError(f"{architecture!r} is not an architecture: study_cnn, simple_dnn")


def count_parameters(model: nn.Module) -> int:
    """Number of trained values."""
    return sum(parameter.numel() for parameter in model.parameters())

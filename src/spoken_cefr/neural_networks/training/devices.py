"""Where a network is trained and in which precision."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from spoken_cefr.arithmetic import pin_torch
from spoken_cefr.errors import InputError


def choose_device(name: str) -> torch.device:
    """Resolve ``auto`` to cuda, mps or cpu, whichever is there, in this order.

    Who asks is about to compute: what the profile says of the arithmetic holds from here on.
    InputError if the device that is asked for is not there.
    """
    pin_torch()
    if name == "cuda" and not torch.cuda.is_available():
        raise InputError("neural_networks.device is 'cuda', but this torch sees no GPU: use 'auto'")
    if name == "mps" and not torch.backends.mps.is_available():
        raise InputError("neural_networks.device is 'mps', which is not there: use 'auto'")
    if name != "auto":
        return torch.device(name)
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


@contextmanager
def one_thread(device: torch.device) -> Iterator[None]:
    """Train on one core of a CPU: trainings run side by side, so no core is idle.

    Sums that several cores share depend on how many they are. And a batch of
    small dense layers is done in a few milliseconds: cores that share it wait for
    each other at every layer.
    """
    before = torch.get_num_threads()
    if device.type == "cpu":
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def use_bfloat16(precision: str, *, device: torch.device, convolutional: bool) -> bool:
    """Whether to compute in bfloat16 (weights, loss and sums stay float32).

    ``auto`` says yes for convolutions on hardware that multiplies bfloat16.
    Small dense layers gain nothing from it (`benchmarks/training.py`).
    """
    if precision != "auto":
        return precision == "bfloat16"
    return convolutional and has_bfloat16(device)


def has_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if device.type != "cpu":
        return False
    # Where this torch cannot say, float32 is never slower.
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))

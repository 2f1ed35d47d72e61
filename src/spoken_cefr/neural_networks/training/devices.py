"""Where a network is trained and in which precision."""

import torch

from spoken_cefr.arithmetic import pin_torch
from spoken_cefr.errors import InputError


def choose_device(name: str) -> torch.device:
    """Resolve ``auto`` to cuda, mps or cpu, whichever is there, in this order.

    Who asks is about to compute: what the profile says of the arithmetic holds from here on.
    InputError if the device that is asked for is not there.
    """
    pin_torch()
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        return torch.device(next((kind for kind, is_there in there.items() if is_there), "cpu"))
    if not there.get(name, True):
        raise InputError(f"neural_networks.device is {name!r}, which is not there: use 'auto'")
    return torch.device(name)


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

"""The same numbers on every x86-64 processor with AVX2, for profiles that want them.

Libraries choose their code by the processor: by its maker, instruction sets and the
size of its caches. The order of a sum then differs, and with it the last digits; some
steps later a word or a level. ``arithmetic = "portable"`` pins these choices by
environment variables, which libraries read when they are loaded and child processes
inherit. "fast" leaves them alone.

spaCy's matrix products alone cannot be pinned: its BLIS asks the processor and nobody else.
On one that it does not know (AMD's Zen 5) they differ by some 2e-7, of which the tags and
relations of the demo's 6 121 tokens show nothing.

``python -m spoken_cefr.arithmetic`` prints the pins for a shell, for who starts
Jupyter or workers by hand: ``eval "$(python -m spoken_cefr.arithmetic)"``.
"""

import functools
import logging
import os
import platform
import shlex
import sys
import warnings
from pathlib import Path
from typing import Any, NamedTuple

N_THREADS = 2  # as many as the demo's jobs; on any machine, whatever its cores
CPUINFO = Path("/proc/cpuinfo")


class Pin(NamedTuple):
    """An environment variable, its value, and why."""

    variable: str
    value: str
    reason: str


PINS: tuple[Pin, ...] = (
    Pin(
        "MKL_CBWR",
        "COMPATIBLE",
        "MKL (torch): the only path that all makers' processors share; slow, so that `pin_torch` "
        "takes matrix products from it",
    ),
    Pin("MKL_DYNAMIC", "FALSE", "MKL: as many threads as it is told, on a single core too"),
    Pin("CT2_USE_MKL", "0", "CTranslate2: oneDNN for every maker, or else MKL for Intel's only"),
    Pin("CT2_FORCE_CPU_ISA", "AVX2", "CTranslate2: its own kernels"),
    Pin(
        "ONEDNN_MAX_CPU_ISA",
        "AVX",
        "oneDNN (torch, CTranslate2): with AVX2 its convolutions sum in blocks as large as the "
        "second-level cache allows",
    ),
    Pin("ATEN_CPU_CAPABILITY", "avx2", "torch: its own kernels"),
    Pin("OPENBLAS_CORETYPE", "Haswell", "OpenBLAS (numpy, scipy): matrix products"),
    Pin("OPENBLAS_NUM_THREADS", "1", "OpenBLAS: a sum is not shared out among cores"),
    Pin(
        "NPY_DISABLE_CPU_FEATURES",
        "X86_V4 AVX512_ICL AVX512_SPR",
        "numpy: log10, exp and others have less exact versions for AVX-512; what a processor "
        "lacks may stand here",
    ),
    Pin("OMP_NUM_THREADS", str(N_THREADS), "torch: sums shared out among as many threads"),
    Pin(
        "MKL_NUM_THREADS",
        str(N_THREADS),
        "torch takes this one before OpenMP's, and Dask sets it to 1 in whatever starts workers",
    ),
)

# What reads a pin when it is loaded.
LIBRARIES = ("numpy", "scipy", "torch", "ctranslate2", "spacy")

_told: set[str] = set()


def use(arithmetic: str) -> None:
    """Compute as a profile says ("fast", "portable"), from here on; "fast" changes nothing.

    Where that is not possible, a warning says so once: when a library is loaded already
    without the pins, or the processor has no AVX2.
    """
    if arithmetic != "portable" or is_pinned():
        return
    loaded = [name for name in LIBRARIES if name in sys.modules]
    if not has_avx2():
        _warn("this processor has no AVX2: the last digits of the results may differ from others'")
    elif loaded:
        _warn(
            f"{loaded[0]} was imported before a profile with arithmetic = 'portable' was loaded: "
            "the last digits of what this process computes depend on its processor. Load the "
            'profile first, or start it after: eval "$(python -m spoken_cefr.arithmetic)"'
        )
    else:
        os.environ.update({pin.variable: pin.value for pin in PINS})


@functools.cache
def pin_torch() -> None:
    """Where the pins hold, let numpy's OpenBLAS do torch's matrix products on the CPU.

    Its kernels for Haswell are the same on all makers' processors, and take 0.4 of the
    time of the path of MKL that is (`benchmarks/arithmetic.py`). Called by whoever is
    about to compute with torch, for this imports it.
    """
    if not is_pinned():
        return
    import numpy as np
    import torch

    def product(a: Any, b: Any) -> Any:
        return torch.from_numpy(np.matmul(a.detach().numpy(), b.detach().numpy()))

    def sum_and_product(bias: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Any:
        total = product(a, b) if alpha == 1 else product(a, b).mul_(alpha)
        return total if beta == 0 else total.add_(bias.detach(), alpha=beta)

    kernels = {"mm": product, "bmm": product, "addmm": sum_and_product}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Warning only once for all operators")
        for name, kernel in kernels.items():
            _kernels().impl(name, kernel, "CPU", allow_override=True)


@functools.cache
def _kernels() -> Any:
    """Kernels stay registered as long as this does."""
    from torch.library import Library

    return Library("aten", "IMPL")


def pins_of(arithmetic: str) -> list[str]:
    """What the results of a profile depend on, for its digests; nothing if it is "fast"."""
    return [f"{pin.variable}={pin.value}" for pin in PINS] if arithmetic == "portable" else []


def is_pinned() -> bool:
    """Whether every pin is set; `use` sets none once it would be too late."""
    return all(os.environ.get(pin.variable) == pin.value for pin in PINS)


def has_avx2() -> bool:
    """Whether the processor has AVX2; where its features cannot be read, x86-64 counts as yes."""
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return False
    return not CPUINFO.is_file() or "avx2" in CPUINFO.read_text(errors="replace").split()


def _warn(text: str) -> None:
    if text not in _told:
        _told.add(text)
        logging.getLogger(__name__).warning(text)


if __name__ == "__main__":
    print("\n".join(f"export {pin.variable}={shlex.quote(pin.value)}" for pin in PINS))

"""The same arithmetic on every processor: what is pinned, and that it is in time.

Libraries choose their code by the processor: wider vectors, another order of a
sum, other tables of a logarithm. The differences are in the last digits, but a
word or an answer hangs on them now and then. With ``arithmetic = "portable"`` each
library is held to code that any x86-64 processor with AVX2 runs, of whatever
maker, and the results are equal byte for byte. Libraries read these variables
when they are loaded or first used, so they are set before.
"""

import os
import sys
from typing import NamedTuple

LOADED_TOO_EARLY = ("numpy", "torch", "ctranslate2", "onnxruntime")


class Pin(NamedTuple):
    """An environment variable, its value, and what it holds still."""

    variable: str
    value: str
    reason: str


PINS: tuple[Pin, ...] = (
    Pin("NPY_DISABLE_CPU_FEATURES", "X86_V4 AVX512_ICL AVX512_SPR", "numpy: AVX-512 logarithms"),
    Pin("OPENBLAS_CORETYPE", "Haswell", "numpy's and scipy's matrix products"),
    Pin("OPENBLAS_NUM_THREADS", "1", "numpy and scipy: a product cut for several cores"),
    Pin("ATEN_CPU_CAPABILITY", "avx2", "torch's own loops"),
    # Other values are heeded on Intel's processors only.
    Pin("MKL_CBWR", "COMPATIBLE", "torch's matrix products, on processors of any maker"),
    Pin("MKL_DYNAMIC", "FALSE", "torch: as many threads as were asked for"),
    # Its code for AVX2 cuts convolutions by the size of the second cache.
    Pin("ONEDNN_MAX_CPU_ISA", "AVX", "convolutions of torch, and of Whisper all products"),
    # By default the maker of the processor decides between MKL and oneDNN.
    Pin("CT2_USE_MKL", "0", "Whisper: oneDNN's products everywhere"),
    Pin("CT2_FORCE_CPU_ISA", "AVX2", "Whisper's own loops"),
)


def pin_arithmetic() -> None:
    """Set every pin for this process and those that it starts; nothing if that is too late."""
    if not any(name in sys.modules for name in LOADED_TOO_EARLY):
        os.environ.update({pin.variable: pin.value for pin in PINS})


def is_pinned() -> bool:
    """Whether this process runs under all pins: they are set only where they are in time."""
    return all(os.environ.get(pin.variable) == pin.value for pin in PINS)


def has_avx2() -> bool | None:
    """Whether this processor has the instructions that the pins count on; None if unknown."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:  # noqa: PTH123
            flags = next((line for line in file if line.startswith("flags")), "")
    except OSError:
        return None
    return " avx2 " in f"{flags.strip()} " if flags else None

"""Reading CTranslate2's ``model.bin``, so that another engine can use the same weights.

Layout of binary version 6, little-endian throughout (CTranslate2's own writer,
`ctranslate2.specs.model_spec`): version u32, name of the specification,
revision u32, number of variables u32; for each its name, number of dimensions
u8, dimensions u32, type u8, number of bytes u32 and the bytes; then the number
of aliases u32, and for each its name and the variable that it stands for. A
string is its length u16 with a final zero byte, then the bytes.
"""

import mmap
import os
import struct
from pathlib import Path

import numpy as np

from spoken_cefr.errors import InputError

SPEC = "WhisperSpec"
BINARY_VERSION = 6
# By type number; 5 is bfloat16, which numpy does not have.
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


def _take(file: mmap.mmap, n_bytes: int) -> bytes:
    data = file.read(n_bytes)
    if len(data) < n_bytes:
        raise ValueError(f"{n_bytes - len(data)} bytes are lacking")
    return data


def _number(file: mmap.mmap, kind: str) -> int:
    """The next number, by its letter in `struct`."""
    (value,) = struct.unpack(f"<{kind}", _take(file, struct.calcsize(kind)))
    return value


def _string(file: mmap.mmap) -> str:
    return _take(file, _number(file, "H")).rstrip(b"\0").decode("utf-8")


def _variable(file: mmap.mmap) -> tuple[str, np.ndarray]:
    name = _string(file)
    shape = [_number(file, "I") for _ in range(_number(file, "B"))]
    kind, n_bytes = _number(file, "B"), _number(file, "I")
    if kind not in DTYPES:
        raise ValueError(f"{name} is of the type {kind}")
    start, dtype = file.tell(), np.dtype(DTYPES[kind]).newbyteorder("<")
    file.seek(n_bytes, os.SEEK_CUR)  # ValueError beyond the end
    values = np.frombuffer(file, dtype, count=n_bytes // dtype.itemsize, offset=start)
    return name, values.reshape(shape)


def read_variables(path: Path | str) -> dict[str, np.ndarray]:
    """All variables of a ``model.bin`` in the file's order, read-only views of the mapped file.

    An alias is not repeated: it names a variable that is there. InputError if the file is missing,
    cut short, of another version or kind, or holds a type that numpy does not have.
    """
    path = Path(path)
    try:
        with path.open("rb") as opened:
            file = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            version, kind = _number(file, "I"), _string(file)
            if (version, kind) != (BINARY_VERSION, SPEC):
                raise ValueError(f"it is {kind!r} of binary version {version}")
            _number(file, "I")  # the revision: other variables, nothing that we read
            variables = dict(_variable(file) for _ in range(_number(file, "I")))
            aliases = [(_string(file), _string(file)) for _ in range(_number(file, "I"))]
            if absent := [name for _, name in aliases if name not in variables]:
                raise ValueError(f"{absent[0]} is not there")
            if file.read(1):
                raise ValueError("it goes on after its end")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except ValueError as error:
        raise InputError(
            f"{path} is not CTranslate2's model.bin of {SPEC}, binary version {BINARY_VERSION} "
            f"({error}): convert the model again with a current ctranslate2"
        ) from None
    return variables

"""Reading CTranslate2's ``model.bin``, so that another engine can use the same weights.

Layout of binary version 6, little-endian throughout (CTranslate2's own writer,
`ctranslate2.specs.model_spec`): version u32, name of the specification,
revision u32, number of variables u32; for each its name, number of dimensions
u8, dimensions u32, type u8, number of bytes u32 and the bytes; then the number
of aliases u32, and for each its name and the variable that it stands for. A
string is its length u16 with a final zero byte, then the bytes.
"""

import struct
from pathlib import Path

import numpy as np

from spoken_cefr.errors import InputError

BINARY_VERSION = 6
# By type number; 5 is bfloat16, which numpy does not have.
DTYPES = {0: np.float32, 1: np.int8, 2: np.int16, 3: np.int32, 4: np.float16}


class _Reader:
    """Takes one value after another from bytes; a `struct.error` where they end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def number(self, kind: str) -> int:
        (value,) = struct.unpack_from(f"<{kind}", self.data, self.position)
        self.position += struct.calcsize(f"<{kind}")
        return value

    def take(self, n_bytes: int) -> memoryview:
        end = self.position + n_bytes
        if end > len(self.data):
            raise struct.error(f"{end - len(self.data)} bytes are lacking")
        piece = memoryview(self.data)[self.position : end]
        self.position = end
        return piece

    def string(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode("utf-8")


def read_variables(path: Path | str, *, spec: str = "WhisperSpec") -> dict[str, np.ndarray]:
    """All variables of a ``model.bin`` in the file's order, read-only views of its bytes.

    An alias is not repeated: it names a variable that is there. InputError if the file is missing,
    cut short, of another version or kind, or holds a type that numpy does not have.
    """
    path = Path(path)
    try:
        reader = _Reader(path.read_bytes())
        _check_head(path, reader, spec)
        variables = dict(_variable(path, reader) for _ in range(reader.number("I")))
        aliases = [(reader.string(), reader.string()) for _ in range(reader.number("I"))]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except (struct.error, UnicodeDecodeError):
        raise InputError(f"{path} is cut short or is not CTranslate2's model.bin") from None
    if reader.position != len(reader.data):
        raise InputError(f"{path} goes on after its end: it is not CTranslate2's model.bin")
    for alias, name in aliases:
        if name not in variables:
            raise InputError(f"{path}: {alias} stands for {name}, which is not there")
    return variables


def _check_head(path: Path, reader: _Reader, spec: str) -> None:
    version = reader.number("I")
    if version != BINARY_VERSION:
        raise InputError(
            f"{path} is not CTranslate2's model.bin of binary version {BINARY_VERSION} "
            f"(it begins with {version}): convert the model again with a current ctranslate2"
        )
    found = reader.string()
    if found != spec:
        raise InputError(f"{path} holds a model of the kind {found!r}; {spec!r} is needed")
    reader.number("I")  # revision: what changed between those in use is which variables there are


def _variable(path: Path, reader: _Reader) -> tuple[str, np.ndarray]:
    name = reader.string()
    shape = [reader.number("I") for _ in range(reader.number("B"))]
    kind, n_bytes = reader.number("B"), reader.number("I")
    if kind not in DTYPES:
        raise InputError(f"{path}: {name} is of the type {kind}, which cannot be read")
    values = np.frombuffer(reader.take(n_bytes), dtype=np.dtype(DTYPES[kind]).newbyteorder("<"))
    try:
        return name, values.reshape(shape)
    except ValueError:
        raise InputError(f"{path}: {name} has {values.size} values for the shape {shape}") from None

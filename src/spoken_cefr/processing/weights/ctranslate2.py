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

SPEC = "WhisperSpec"
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

    def variable(self) -> tuple[str, np.ndarray]:
        name = self.string()
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind, n_bytes = self.number("B"), self.number("I")
        if kind not in DTYPES:
            raise ValueError(f"{name} is of the type {kind}")
        values = np.frombuffer(self.take(n_bytes), dtype=np.dtype(DTYPES[kind]).newbyteorder("<"))
        return name, values.reshape(shape)


def read_variables(path: Path | str) -> dict[str, np.ndarray]:
    """All variables of a ``model.bin`` in the file's order, read-only views of its bytes.

    An alias is not repeated: it names a variable that is there. InputError if the file is missing,
    cut short, of another version or kind, or holds a type that numpy does not have.
    """
    path = Path(path)
    try:
        reader = _Reader(path.read_bytes())
        version, kind = reader.number("I"), reader.string()
        if (version, kind) != (BINARY_VERSION, SPEC):
            raise ValueError(f"it is {kind!r} of binary version {version}")
        reader.number("I")  # the revision: other variables, nothing that we read
        variables = dict(reader.variable() for _ in range(reader.number("I")))
        aliases = [(reader.string(), reader.string()) for _ in range(reader.number("I"))]
        if absent := [name for _, name in aliases if name not in variables]:
            raise ValueError(f"{absent[0]} is not there")
        if reader.position != len(reader.data):
            raise ValueError("it goes on after its end")
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error})") from None
    except (struct.error, ValueError) as error:
        raise InputError(
            f"{path} is not CTranslate2's model.bin of {SPEC}, binary version {BINARY_VERSION} "
            f"({error}): convert the model again with a current ctranslate2"
        ) from None
    return variables

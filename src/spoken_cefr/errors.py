"""The one class of error for bad input."""

import re

# C0 and C1 without tab and newline: in a file's name they could move the cursor or worse. And
# what Python makes of the bytes of a name that are not UTF-8.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udcff]")


def printable(text: str) -> str:
    """A text for a terminal: bytes that it cannot show, as a file's name may hold, as ``\\xe9``."""
    return _UNPRINTABLE.sub(lambda found: f"\\x{ord(found.group()) & 0xFF:02x}", text)


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file or key, says what was
    expected and what to do. The command line prints it without a traceback.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message))

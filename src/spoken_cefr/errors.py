"""The one class of error for bad input."""


class InputError(ValueError):
    """Something the user gave cannot be used.

    The message is one sentence that names the file or key, says what was
    expected and what to do. The command line prints it without a traceback.
    """

"""A file of JSON lines that survives a kill: one line is one finished thing."""

import json
from pathlib import Path
from typing import Any

from spoken_cefr.store import write_text


class Journal:
    """What is done, one dict a line; a line that a kill cut short is dropped, the file mended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: list[dict[str, Any]] = []
        content = path.read_bytes() if path.exists() else b""
        for line in content.splitlines():  # of bytes: it may end within a character
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                break
            if not isinstance(row, dict):
                break
            self.rows.append(row)
        text = "".join(map(_line, self.rows))
        if content != text.encode("utf-8"):
            write_text(path, text)

    def append(self, row: dict[str, Any]) -> None:
        """Add one line."""
        self.rows.append(row)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8", newline="\n") as file:
            file.write(_line(row))


def _line(row: dict[str, Any]) -> str:
    return json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n"

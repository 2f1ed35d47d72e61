"""The raw pages of a crawl, kept once (gzip, with address, time and SHA-256), and what is done."""

import datetime
import gzip
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from spoken_cefr.store import replacing, write_text

# A crawl that was stopped goes on from its saved pages for so long; then the
# site may have changed too much and all pages are fetched again.
MAX_AGE_H = 24


class Archive:
    """Saved pages in ``pages/NNNN.html.gz`` and their index ``pages.jsonl``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pages = folder / "pages"
        self._journal = Journal(folder / "pages.jsonl")

    @property
    def site(self) -> dict[str, str]:
        """What the pages are of, empty when there are none."""
        return self._journal.rows[0]["site"] if self._journal.rows else {}

    @property
    def home_url(self) -> str:
        """Address of the first page that was saved, "" when there are none."""
        return self._journal.rows[0]["url"] if self._journal.rows else ""

    def is_fresh(self, site: dict[str, str]) -> bool:
        """Whether the pages are of this site and young enough to go on with."""
        if self.site != site:
            return False
        first = datetime.datetime.fromisoformat(self._journal.rows[0]["time"])
        return _now() - first < datetime.timedelta(hours=MAX_AGE_H)

    def clear(self) -> None:
        """Forget all pages."""
        self._journal.path.unlink(missing_ok=True)
        shutil.rmtree(self._pages, ignore_errors=True)
        self._journal = Journal(self._journal.path)

    def find(self, url: str) -> tuple[str, str] | None:
        """HTML of a saved page and its final address; None if it was not saved or is damaged."""
        for row in reversed(self._journal.rows):  # a damaged page was saved again later
            if row["url"] == url:
                html = self._read(row)
                return None if html is None else (html, row.get("final_url", url))
        return None

    def save(self, url: str, html: str, *, final_url: str, site: dict[str, str]) -> Path:
        """Keep a page under the next free number, with the address that redirects led to."""
        path = self._pages / f"{len(self._journal.rows):04d}.html.gz"
        content = html.encode("utf-8")
        _write(path, content)
        self._journal.append(
            {
                "file": f"{self._pages.name}/{path.name}",
                "url": url,
                "final_url": final_url,
                "site": site,
                "time": _now().isoformat(timespec="seconds"),
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        return path

    def save_unreadable(self, html: str) -> Path:
        """Keep a page that could not be read, for the reader of the error; not in the index."""
        path = self._pages / "unreadable.html.gz"
        _write(path, html.encode("utf-8"))
        return path

    def _read(self, row: dict[str, str]) -> str | None:
        try:
            content = gzip.decompress((self.folder / row["file"]).read_bytes())
        except (OSError, EOFError):
            return None
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            return None
        return content.decode("utf-8")


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as temporary:
        # Without a time in the header the same page gives the same bytes.
        temporary.write_bytes(gzip.compress(content, mtime=0))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


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

"""From uploaded files to the answers that the page shows."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError, printable
from spoken_cefr.measures.pipeline import nlp_of
from spoken_cefr.page.timeline import envelope
from spoken_cefr.page.uploads import taken
from spoken_cefr.page.wording import text
from spoken_cefr.prediction.choice import choose_model
from spoken_cefr.prediction.listening import Wish, listen, load_listener
from spoken_cefr.prediction.recording import rate_recording
from spoken_cefr.prediction.report import clock

BEFORE, AFTER = 0.05, 0.9  # about so much of the time is over when listening begins, and ends
MISSING = {"file": "?", "error": "the file is missing"}


@dataclass
class Answer:
    """The result of a file, as `prediction.predict` gives it, and what is drawn of its sound."""

    result: dict[str, Any]
    sound: np.ndarray | None = None


class Analyst:
    """All that is loaded once, and what it makes of files."""

    def __init__(self, *, model: str | None, profile: str | None, uploads: Path) -> None:
        self._model = choose_model(model, profile)
        self.card = self._model.card
        self._spoken = find_language(self.card.language).whisper
        self._nlp = nlp_of(self.card.language)
        self._listener = load_listener(
            **self._model.transcription,
            n_jobs=load_config(prediction_profile(profile)).n_jobs,
            n_files=1,
        )
        self._uploads = uploads.resolve()

    def analyse(self, paths: Sequence[str], language: str, progress: Callable) -> Iterator[Answer]:
        """The answer to each uploaded file as it is done; all are deleted whatever happens.

        One after the other: each gets all cores, and the first answers come early.
        """
        with taken(paths, self._uploads) as files:
            for n, file in enumerate(files):
                of = text("file_of", language, n=n + 1, total=len(files)) if len(files) > 1 else ""

                def tell(share: float, stage: str, n: int = n, of: str = of, **facts: str) -> None:
                    desc = of + text(stage, language, **facts)
                    progress((n + share) / len(files), desc=desc)

                answer = self._analyse(file, tell) if file else Answer(MISSING)
                if file:
                    file.unlink()  # before the answer is there, which may wait to be taken
                yield answer

    def _analyse(self, file: Path, tell: Callable) -> Answer:
        """The answer to one file; ``tell`` gets the share that is done and the stage."""

        def hear(heard_s: float, of_s: float) -> None:
            done = BEFORE + (AFTER - BEFORE) * heard_s / of_s
            tell(done, "listening", heard=clock(heard_s), whole=clock(of_s))

        name = printable(file.name)
        tell(0.0, "reading")
        (heard,) = listen(self._listener, [file], Wish(self._spoken), n_jobs=1, told=hear)
        if isinstance(heard, InputError):  # its sentence names the file with its path
            told = str(heard).replace(printable(str(file)), name)
            return Answer({"file": name, "error": told})
        tell(AFTER, "rating")
        result = rate_recording(heard, self._model, self._nlp)
        return Answer(result | {"file": name}, envelope(heard.recording))

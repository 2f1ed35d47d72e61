"""From an uploaded file to the answer that the page shows."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from spoken_cefr.config import load_config, prediction_profile
from spoken_cefr.corpus.languages import find_language
from spoken_cefr.errors import InputError
from spoken_cefr.measures.pipeline import nlp_of
from spoken_cefr.page.timeline import envelope
from spoken_cefr.page.uploads import remove
from spoken_cefr.page.wording import text
from spoken_cefr.prediction.choice import choose_model
from spoken_cefr.prediction.listening import Wish, listen, load_listener
from spoken_cefr.prediction.recording import rate_recording


@dataclass
class Answer:
    """The result of a file, as `prediction.predict` gives it, and what is drawn of its sound."""

    result: dict[str, Any]
    sound: np.ndarray | None = None


class Analyst:
    """All that is loaded once, and what it makes of one file."""

    def __init__(self, *, model: str | None, profile: str | None, uploads: Path) -> None:
        self._model = choose_model(model, profile)
        card = self._model.card
        self._spoken = find_language(card.language).whisper
        self._nlp = nlp_of(card.language)
        self._listener = load_listener(
            self._model.transcription["model"],
            compute_type=self._model.transcription["compute_type"],
            n_jobs=load_config(prediction_profile(profile)).n_jobs,
            n_files=1,
        )
        self._uploads = uploads.resolve()

    def analyse(self, path: str, language: str, progress: Callable) -> Answer:
        """The answer to an uploaded file, which is deleted whatever happens."""
        upload = Path(path).resolve()
        name = upload.name
        if self._uploads not in upload.parent.parents:
            return Answer({"file": "?", "error": "the file is missing"})
        try:
            progress(0.1, desc=text("listening", language))
            (heard,) = listen(self._listener, [upload], Wish(self._spoken), n_jobs=1)
            if isinstance(heard, InputError):  # its sentence names the file with its path
                return Answer({"file": name, "error": str(heard).replace(str(upload), name)})
            progress(0.9, desc=text("rating", language))
            result = rate_recording(heard, self._model, self._nlp).to_dict()
            return Answer(result | {"file": name}, envelope(heard.recording))
        finally:
            remove(upload)

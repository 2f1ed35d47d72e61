"""The level of a recording by its transcript alone: what the starter model is."""

from collections.abc import Mapping

import numpy as np
from spacy.tokens import Doc

from spoken_cefr.prediction import text_model
from spoken_cefr.prediction.bundle import Bundle
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import Part, Rating
from spoken_cefr.prediction.rare_words import word_places


class TranscriptModel:
    """`models.LevelModel` of kind ``text_ordinal`` (see `text_model`)."""

    kind = text_model.KIND

    def __init__(self, bundle: Bundle, model: text_model.TextModel) -> None:
        self.card = bundle.card()
        self.ranges = bundle.config["ranges"]
        self.transcription = bundle.config["transcription"]
        self._model = model

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "TranscriptModel":
        """Take the model out of a bundle; raises `InputError` as `text_model.load`."""
        return cls(bundle, text_model.from_bundle(bundle))

    def rate(self, heard: Heard, doc: Doc, measures: Mapping[str, float]) -> Rating:
        """See `models.LevelModel`."""
        told = text_model.level_of_text(doc.text, model=self._model, doc=doc)
        words = heard.transcript.words
        places = word_places(doc.text, words)
        parts = []
        for unit in told.units:
            inside = [
                words[i]
                for i, (start, _) in places.items()
                if unit.start_char <= start < unit.end_char
            ]
            if inside:
                parts.append(Part(inside[0].start_s, inside[-1].end_s, unit.probabilities))
        # From the scale of the cuts to levels: the mean distance of two cuts is one level.
        width = float(np.diff(self._model.regression.cuts).mean())
        pushes = {name: push / width for name, push in told.contributions.items()}
        return Rating(told.probabilities, parts, pushes, told.word_vectors / width)

"""The starter model: a reader of transcripts, for the day before there is a real corpus."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spacy.tokens import Doc

from spoken_cefr.prediction.bundle import read_bundle
from spoken_cefr.prediction.listening import Heard
from spoken_cefr.prediction.models import Part, Rating


class StarterModel:
    """`models.LevelModel` over the text side alone (see `text_model`)."""

    kind = "text_ordinal"

"""The site's words for a speaker's age and a recording's duration, each in order."""

import math
import re
from collections.abc import Mapping

AGE_GROUPS: Mapping[str, str] = {
    "enfant": "child",
    "adolescent": "adolescent",
    "adulte": "adult",
    "seniors": "senior",
}
YOUNG: tuple[str, ...] = ("enfant", "adolescent")
# Each class reaches up to so many seconds.
DURATION_CLASSES: Mapping[str, float] = {
    "0-30 secondes": 30,
    "30-60 secondes": 60,
    "60-90 secondes": 90,
    "90-120 secondes": 120,
    "120-180 secondes": 180,
    ">180 secondes": math.inf,
}


def named_duration(text: str) -> str:
    """The site's class for what a card says in any language: by its numbers, else the text.

    The unit is always seconds; ``> 180 seconds`` has one number, the others two.
    """
    numbers = [int(number) for number in re.findall(r"\d+", text)]
    for name in DURATION_CLASSES:
        if numbers == [int(number) for number in re.findall(r"\d+", name)]:
            return name
    return text


def duration_class(duration_s: float) -> str:
    """The site's class of a duration in s, "" if that is unknown."""
    if math.isnan(duration_s):
        return ""
    return next(name for name, longest_s in DURATION_CLASSES.items() if duration_s <= longest_s)

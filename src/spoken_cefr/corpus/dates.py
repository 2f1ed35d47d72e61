"""The site's long dates to ISO 8601, in the interface languages that are known."""

import datetime
import re

from spoken_cefr.corpus.speakers import fold

# French is the site's default; the others are what `?lang=xx` shows.
MONTHS: dict[str, str] = {
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "es": "enero febrero marzo abril mayo junio "
    "julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno "
    "luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho "
    "julho agosto setembro outubro novembro dezembro",
    "ca": "gener febrer març abril maig juny juliol agost setembre octubre novembre desembre",
}
YEAR = re.compile(r"\d{4}")
# "1er", "1st", "1." and "1º" are first days; the ordinal sign folds to a letter.
DAY = re.compile(r"(\d{1,2})(?:er|re|st|nd|rd|th|o|a)?")


# A spelling that two languages share means the same month in both.
_MONTH_NUMBERS = {
    fold(name): number
    for names in MONTHS.values()
    for number, name in enumerate(names.split(), start=1)
}


def iso_date(text: str) -> str | None:
    """Turn a date such as ``dimanche 1er septembre 2013`` into ``2013-09-01``.

    Weekday and filler words are skipped. Exactly one month, one year of four
    digits and one day are needed; anything else, or a day that the calendar
    lacks, gives None.
    """
    tokens = [token for token in re.split(r"[\s,.]+", fold(text)) if token]
    months = [_MONTH_NUMBERS[token] for token in tokens if token in _MONTH_NUMBERS]
    years = [int(token) for token in tokens if YEAR.fullmatch(token)]
    days = [int(match[1]) for token in tokens if (match := DAY.fullmatch(token))]
    if not len(months) == len(years) == len(days) == 1:
        return None
    try:
        return datetime.date(years[0], months[0], days[0]).isoformat()
    except ValueError:
        return None

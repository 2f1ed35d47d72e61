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
    "oc": "genièr febrièr març abril mai junh julhet agost setembre octobre novembre decembre",
    "co": "ghjennaghju ferraghju marzu aprile maghju ghjugnu "
    "lugliu aostu settembre uttobre nuvembre dicembre",
    "crp": "janvye fevriye mas avril me jen jiyè out septanm oktòb novanm desanm",
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября декабря",
    "ar": "يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر",
    "he": "ינואר פברואר מרץ אפריל מאי יוני יולי אוגוסט ספטמבר אוקטובר נובמבר דצמבר",
}
# Arabic of the Maghreb and of the Levant has other names.
MAGHREB = "جانفي فيفري مارس أفريل ماي جوان جويلية أوت سبتمبر أكتوبر نوفمبر ديسمبر"
# 2024年7月5日, whose parts are numbers.
CHINESE = re.compile(r"(\d{4}) *年 *(\d{1,2}) *月 *(\d{1,2}) *日")
YEAR = re.compile(r"\d{4}")
# "1er", "1st", "1." and "1º" are first days; the ordinal sign folds to a letter.
DAY = re.compile(r"(\d{1,2})(?:er|re|st|nd|rd|th|o|a)?")


# A spelling that two languages share means the same month in both.
_MONTH_NUMBERS = {
    fold(name): number
    for names in (*MONTHS.values(), MAGHREB)
    for number, name in enumerate(names.split(), start=1)
}


def _in_numbers(found: re.Match[str]) -> str:
    months = MONTHS["fr"].split()
    number = int(found[2])
    return f"{found[1]} {months[number - 1] if 1 <= number <= 12 else ''} {found[3]} "


def iso_date(text: str) -> str | None:
    """Turn a date such as ``dimanche 1er septembre 2013`` into ``2013-09-01``.

    Weekday and filler words are skipped. Exactly one month, one year of four
    digits and one day are needed; anything else, or a day that the calendar
    lacks, gives None.
    """
    text = CHINESE.sub(_in_numbers, text)
    tokens = [token for token in re.split(r"[\s,.،'’]+", fold(text)) if token]
    # Hebrew writes "in" at the head of the month.
    bare = [token if token in _MONTH_NUMBERS else token.removeprefix("ב") for token in tokens]
    months = [_MONTH_NUMBERS[token] for token in bare if token in _MONTH_NUMBERS]
    years = [int(token) for token in tokens if YEAR.fullmatch(token)]
    days = [int(match[1]) for token in tokens if (match := DAY.fullmatch(token))]
    if not len(months) == len(years) == len(days) == 1:
        return None
    try:
        return datetime.date(years[0], months[0], days[0]).isoformat()
    except ValueError:
        return None

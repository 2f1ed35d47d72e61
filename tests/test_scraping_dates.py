import datetime

import pytest

from spoken_cefr.corpus.cards import named_duration
from spoken_cefr.corpus.dates import MONTHS, iso_date
from spoken_cefr.corpus.languages import LANGUAGES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dimanche 1er septembre 2013", "2013-09-01"),
        ("Mercredi\u00a028 AOÛT 2024", "2024-08-28"),
        ("jeudi 10 fevrier 2022", "2022-02-10"),
        ("May 1st, 2019", "2019-05-01"),
        ("Donnerstag, 3. Oktober 2024", "2024-10-03"),
        ("Freitag, 1. März 2024", "2024-03-01"),
        ("jueves 3 de octubre de 2024", "2024-10-03"),
        ("giovedì 1º agosto 2024", "2024-08-01"),
        ("quinta-feira, 3 de outubro de 2024", "2024-10-03"),
        ("dijous, 3 d'octubre de 2024", "2024-10-03"),
        ("четверг, 3 октября 2024", "2024-10-03"),
        ("الخميس 3 أكتوبر 2024", "2024-10-03"),
        ("الخميس ٣ أوت ٢٠٢٤", "2024-08-03"),
        ("3 באוקטובר 2024", "2024-10-03"),
        ("2024年10月3日", "2024-10-03"),
        ("2024年13月3日", None),
    ],
)
def test_long_dates_are_read_in_every_known_language(text, expected):
    assert iso_date(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "un beau matin",
        "octobre 2024",
        "jeudi 3 2024",
        "31 février 2024",
        "3 mai 24",
        "du 3 au 5 mai 2024",
        "03/10/2024",
    ],
)
def test_what_is_no_single_date_is_left_unread(text):
    assert iso_date(text) is None


@pytest.mark.parametrize("language", MONTHS)
def test_every_day_of_a_leap_year_comes_back(language):
    names = MONTHS[language].split()
    assert len(names) == 12
    for offset in range(366):
        day = datetime.date(2024, 1, 1) + datetime.timedelta(days=offset)
        assert iso_date(f"{day.day} {names[day.month - 1]} {day.year}") == day.isoformat()


def test_every_language_of_the_site_has_its_months():
    # Chinese months are numbers.
    assert {language.code for language in LANGUAGES} - {"zh"} == MONTHS.keys()
    assert all(len(names.split()) == 12 for names in MONTHS.values())


@pytest.mark.parametrize(
    ("told", "known"),
    [
        ("0-30 seconds", "0-30 secondes"),
        ("60–90 Sekunden", "60-90 secondes"),
        ("> 180 ثانية", ">180 secondes"),
        ("120-180 秒", "120-180 secondes"),
        ("sehr lang", "sehr lang"),
        ("", ""),
    ],
)
def test_a_duration_is_known_by_its_numbers_in_any_language(told, known):
    assert named_duration(told) == known

import datetime

import pytest

from spoken_cefr.corpus.dates import MONTHS, iso_date


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dimanche 1er septembre 2013", "2013-09-01"),
        ("jeudi 3 octobre 2024", "2024-10-03"),
        ("vendredi 10 février 2022", "2022-02-10"),
        ("Mercredi\u00a028 AOÛT 2024", "2024-08-28"),
        ("jeudi 10 fevrier 2022", "2022-02-10"),
        ("Thursday 3 October 2024", "2024-10-03"),
        ("May 1st, 2019", "2019-05-01"),
        ("Donnerstag, 3. Oktober 2024", "2024-10-03"),
        ("Freitag, 1. März 2024", "2024-03-01"),
        ("jueves 3 de octubre de 2024", "2024-10-03"),
        ("giovedì 1º agosto 2024", "2024-08-01"),
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

"""Rows of the real catalogue through the real browser; skipped where the catalogue is absent.

All 1 006 rows take minutes: see ``benchmarks/scraping.py``. Nothing of the
catalogue is kept: it names real people.
"""

import pytest
from scraping_helpers import catalogue_rows, config_for, expected, found, make_replica, table_of

from spoken_cefr.replica import serve_replica
from spoken_cefr.replica.catalogue import FIRST_ARTICLE
from spoken_cefr.scraping import run


def odd(row):
    """Whether a row has one of the peculiarities that only few rows have."""
    text = row["Title"] + row["Author"] + row["Description"]
    return (
        "" in row.values()
        or any(sign in text for sign in ("&", "\n", "http", "œ"))
        or row["Title"].count('"') > 1
        or row["Level"] == "C2"
    )


@pytest.mark.browser
def test_the_odd_rows_of_the_real_catalogue_come_back_equal(shared, tmp_path):
    all_rows = catalogue_rows(shared / "data" / "audio_lingua_fr_2025-01.csv")
    rows = [row for row in all_rows if odd(row)]
    make_replica(tmp_path, rows)
    with serve_replica(tmp_path, accordion="click") as base_url:
        config = config_for(base_url, tmp_path)
        run(config)
    assert 40 < len(rows) < 80
    assert found(table_of(config)) == {
        str(FIRST_ARTICLE + index): expected(row, "level C2" if row["Level"] == "C2" else "")
        for index, row in enumerate(rows)
    }

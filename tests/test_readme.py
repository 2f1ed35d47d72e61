"""What README shows is what the commands print today, and every file that it names is there."""

import re

import pytest

from spoken_cefr import cli
from spoken_cefr.paths import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
SHOWN = re.compile(r"```\n\$ spoken-cefr (?P<arguments>predict .*)\n(?P<output>(?:.*\n)+?)```")


@pytest.mark.whisper
def test_the_result_in_readme_is_what_predict_prints(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    shown = SHOWN.search(README)
    assert cli.main(shown["arguments"].split()) == 0
    printed = capsys.readouterr().out.splitlines()
    for line in shown["output"].splitlines():
        assert line == "..." or line in printed


def test_every_file_that_readme_links_to_is_there():
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", README)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_readme_is_short_enough_to_be_read():
    assert len(README.splitlines()) < 150

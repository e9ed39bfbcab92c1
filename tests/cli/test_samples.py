"""The commands that samples/README.md tells newcomers to try."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = re.findall(r"`(lossctl [^`]+)`", (ROOT / "samples" / "README.md").read_text())


def test_every_sample_has_one():
    assert len(COMMANDS) == 10


@pytest.mark.parametrize("line", COMMANDS)
def test_try(here, monkeypatch, line):
    monkeypatch.chdir(ROOT)
    answer = here(*shlex.split(line)[1:])
    assert (answer.code, answer.err) == (0, "")
    assert float(answer.out.split()[-1]) > 0

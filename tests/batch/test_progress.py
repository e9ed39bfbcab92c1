"""How far a batch or a long pair is, said on stderr whether or not anything has been finished."""

import os
import pty
import re
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pytest
from pairs_of_files import sides

from lossctl.data.opening import open_source
from lossctl.show import progress
from lossctl.show.progress import Progress, Reading


@pytest.fixture
def told(monkeypatch, capsys):
    """Return what is told until a text is there; the clock runs fast."""
    monkeypatch.setattr(progress, "BEAT", 0.01)
    seen = [""]

    def until(text):
        deadline = time.monotonic() + 20
        while text not in seen[0]:
            assert time.monotonic() < deadline
            time.sleep(0.005)
            seen[0] += capsys.readouterr().err
        return seen[0]

    return until


def test_a_beat_comes_before_any_pair_is_done(told):
    with Progress(quiet=False) as shown:
        shown.begin(10, 2)
        shown.watch()
        assert told("lossctl: ").startswith("lossctl: 2 of 10 pairs, 0.0 pairs/s, 0 MB/s")
        shown.step(4, 8_000_000, 1)
        line = told("failed").splitlines()[-1]
    assert re.fullmatch(r"lossctl: 6 of 10 pairs, [\d.]+ pairs/s, \d+ MB/s, 0:0\d left, 1 failed", line)


def test_nothing_is_said_when_it_is_over_or_quiet(monkeypatch, capsys):
    monkeypatch.setattr(progress, "BEAT", 0.01)
    with Progress(quiet=True) as shown:
        shown.begin(1, 0)
        shown.watch()
        time.sleep(0.05)
    assert capsys.readouterr().err == ""


def test_a_long_pair(told, tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "WORTH", 0)
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1_000_000))
    source = open_source(str(path), role="pred")
    with Reading(False, [str(path), str(path)]):
        pieces = source.pieces(500_000)
        next(pieces)
        line = told("4 of 16 MB").splitlines()[-1]
        pieces.close()
    assert re.fullmatch(r"lossctl: 4 of 16 MB, \d+ MB/s, \d:\d\d left", line)


def test_a_pipe_of_unknown_length(told, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with Reading(False, [str(tmp_path / "pipe")]):
        assert told("MB/s").startswith("lossctl: 0 MB, 0 MB/s")


def test_small_pairs_start_no_thread():
    with Reading(False, ["pred", __file__]) as shown:
        assert shown._thread is None


def test_a_bar_on_a_terminal(many, monkeypatch):
    """Shown at once here; afterwards nothing is left of it, and the cursor is there again."""
    code = (
        "from lossctl.show import progress\n"
        "progress.PATIENCE = progress.LOOK = 0.01\n"
        "from lossctl.cli.main import main\n"
        "main()"
    )
    near, far = pty.openpty()
    line = [sys.executable, "-c", code, "batch", "giou,ciou", *sides(many), "--threads", "2"]
    env = os.environ | {"TERM": "xterm", "COLUMNS": "150"}
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=far, env=env)
    os.close(far)
    seen = b""
    with suppress(OSError):
        while part := os.read(near, 1 << 16):
            seen += part
    os.close(near)
    assert process.communicate()[0]
    assert process.returncode == 0
    text = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", seen.decode())
    assert re.search(r"\d+ of 400 pairs, [\d.]+ pairs/s, \d+ MB/s", text)
    assert seen.rfind(b"\x1b[?25h") > seen.rfind(b"\x1b[?25l") >= 0

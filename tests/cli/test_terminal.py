"""On a terminal: a table that fits, no colour where none is wanted, no number broken."""

import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest

TWO = ("box", "giou,focal-eiou", "0,0,4,4;1,1,2,2.3", "0,0,4,4;1,1,3,4")


@pytest.fixture
def terminal():
    """Run a command line on a terminal of so many columns and return its exit code and what is seen."""

    def call(columns, *arguments, **env):
        child, master = pty.fork()
        if child == 0:
            # Not execv: readline sets COLUMNS behind Python's back.
            clean = {name: text for name, text in os.environ.items() if name not in ("COLUMNS", "LINES")} | env
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
            os.execve(sys.executable, [sys.executable, "-m", "lossctl", *arguments], clean)
        seen = bytearray()
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            seen += part
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        os.close(master)
        return code, seen.decode().replace("\r\n", "\n")

    return call


@pytest.mark.parametrize("columns", [20, 80, 200])
def test_numbers_are_whole_at_any_width(terminal, here, columns):
    code, seen = terminal(columns, *TWO, NO_COLOR="1")
    assert code == 0
    plain = dict(line.split("\t") for line in here(*TWO).out.splitlines())
    for name, number in plain.items():
        assert name in seen
        assert f" {number}" in seen
    results, signatures = seen.splitlines()[:-2], seen.splitlines()[-2:]
    assert max(map(len, results)) <= columns or columns == 20
    assert [line.split("|")[0] for line in signatures] == ["giou", "focal-eiou(gamma=0.5)"]


@pytest.mark.parametrize(
    ("env", "coloured"), [({"TERM": "xterm"}, True), ({"TERM": "dumb"}, False), ({"NO_COLOR": "1"}, False)]
)
def test_colour_is_for_those_who_want_it(terminal, env, coloured):
    code, seen = terminal(80, *TWO, **({"TERM": "xterm"} | env))
    assert code == 0
    assert ("\x1b[" in seen) == coloured


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": ""}


def test_terminals_that_know_ascii_only(terminal):
    code, seen = terminal(80, *TWO, NO_COLOR="1", **ASCII)
    assert code == 0
    assert seen.isascii()
    code, seen = terminal(80, "explain", "ciou", **ASCII)
    assert code == 0
    assert "\\u2264" in seen


@pytest.mark.parametrize("columns", [20, 60])
def test_help_is_as_wide_as_the_terminal(terminal, columns):
    code, seen = terminal(columns, "list")
    assert code == 0
    assert max(len(line) for line in seen.splitlines() if line.startswith(" ")) <= max(columns, 40)
    # A term never runs into its text.
    assert re.search(r"^  diou( |$)", seen, re.MULTILINE)


def test_standard_input_from_a_terminal_is_refused(terminal):
    code, seen = terminal(80, "box", "giou", "-", "1,2,3,4")
    assert code == 3
    assert seen == "lossctl: error: <stdin>: standard input is a terminal, expected a pipe or a file\n"

"""The README's examples are run, and print what it says."""

import contextlib
import doctest
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import lossctl
from lossctl.cli.main import run

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def blocks(language, text=README):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def console_examples():
    for block in blocks("console"):
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = example.partition("\n")
            yield command, output


@pytest.mark.parametrize(("command", "output"), list(console_examples()), ids=lambda text: text[:60])
def test_console(command, output, monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("COLUMNS", "100")
    if "|" in re.sub(r"'[^']*'", "", command):
        program = shutil.which("lossctl") or f"{sys.executable} -m lossctl"
        script = f'lossctl() {{ {program} "$@"; }}\n{command}'
        found = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert found.stdout + found.stderr == output
        return
    import shlex

    words = shlex.split(command)
    assert words[0] == "lossctl"
    both = io.StringIO()
    with contextlib.redirect_stdout(both), contextlib.redirect_stderr(both):
        run(words[1:])
    assert both.getvalue() == output


def test_python_session(monkeypatch):
    monkeypatch.chdir(ROOT)
    session = next(block for block in blocks("python") if ">>>" in block)
    test = doctest.DocTestParser().get_doctest(session, {}, "README", "README.md", 0)
    runner = doctest.DocTestRunner()
    runner.run(test)
    assert runner.summarize().attempted >= 8
    assert runner.summarize().failed == 0


def test_own_loss_of_the_readme(tmp_path):
    (own,) = (block for block in blocks("python") if "def value" in block)
    (tmp_path / "mine.py").write_text(own)
    mine = lossctl.loss(str(tmp_path / "mine.py"), scale=2)
    assert mine([3.0], [1.0]) == 16
    assert mine.gradient([3.0], [1.0]).tolist() == [24]


def test_two_commands_of_one_line():
    for title in ("Run it", "Test it"):
        section = README.partition(f"## {title}\n")[2].partition("\n## ")[0]
        (command,) = blocks("sh", section)
        assert command.count("\n") == 1


def test_public_names_are_documented():
    for name in lossctl.__all__:
        assert getattr(lossctl, name).__doc__

"""A loss file of the user's own: as good as the shelf's where it is whole, and named where it is not."""

import numpy as np
import pytest

OWN = '''"""Squared relative difference.

Formula
    ((pred - target) / scale)²

Parameters
    scale    the unit
"""

from lossctl.loss import Positive


def value(pred, target, scale: Positive = 1.0):
    return ((pred - target) / scale) * ((pred - target) / scale)


def slope(pred, target, scale):
    return 2.0 * (pred - target) / (scale * scale)
'''


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Write a loss file and return its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="mine.py"):
        (tmp_path / name).write_text(text)
        return f"./{name}"

    return write


def test_evaluate(here, own):
    file = own(OWN)
    assert here("regression", file, "1,2,3", "2,2,2").out == f"{2 / 3!r}\n"
    assert here("regression", file, "1,2,3", "2,2,2", "--scale=2").out == f"{1 / 6!r}\n"
    assert here("regression", f"{file}(scale=2),mae", "1,2,3", "2,2,2").out == f"mine\t{1 / 6!r}\nmae\t{2 / 3!r}\n"
    assert here("regression", file, "1", "2", "--scale=0").error() == "scale is 0; expected > 0"


def test_help_and_explain(here, own):
    file = own(OWN)
    assert "--scale X" in here("regression", file, "--help").out
    assert "((pred - target) / scale)²" in here("explain", file).out
    assert here("box", file, "1", "2").error() == "mine is a regression loss"


def test_gradient(here, own, tmp_path):
    assert here("regression", own(OWN), "1,2,3", "2,2,2", "--gradient", tmp_path / "g.csv").code == 0
    assert (tmp_path / "g.csv").read_text().replace("\n", ",") == f"{-2 / 3!r},0.0,{2 / 3!r},"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = (", "./mine.py does not run: SyntaxError"),
        ("import nothere", "./mine.py does not run: ModuleNotFoundError"),
        ("x = 1", "mine.py has no function value"),
        ('"""A."""\ndef value(pred, target, a: int = 3): return pred\n', "mine.py: parameter a is <class 'int'>"),
        ('"""A."""\ndef value(pred, target):\n    return pred / 0\n', "mine.py:3: ZeroDivisionError"),
    ],
)
def test_broken_files(here, own, text, message):
    answer = here("regression", own(text), "1,2", "3,4")
    assert answer.code == 2
    assert message in answer.error()


def test_a_missing_file(here, own):
    assert here("regression", "./gone.py", "1", "2").error() == "no loss file ./gone.py"


def test_without_a_slope_there_is_no_gradient(here, own, tmp_path):
    file = own('"""A."""\ndef value(pred, target): return pred - target\n')
    assert here("regression", file, "3", "2").out == "1\n"
    answer = here("regression", file, "3", "2", "--gradient", "g.npy")
    assert (answer.code, answer.error()) == (2, "mine has no slope, so no gradient")
    assert not (tmp_path / "g.npy").exists()


def test_what_cannot_be_compiled_is_named(command, own, tmp_path):
    file = own('"""A."""\nimport json\n\n\ndef value(pred, target):\n    return float(json.dumps(pred)) - target\n')
    np.save(tmp_path / "many.npy", np.ones(40_000))
    answer = command("regression", file, "many.npy", "many.npy")
    assert answer.code == 2
    assert answer.error().endswith("mine.py:6: cannot be compiled")

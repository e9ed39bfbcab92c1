"""Help of everything, as wide as the terminal, and the examples of every loss file as commands."""

import re
import shlex

import pytest

from lossctl.cli.shelf import COMMANDS
from lossctl.loss import find, names

EXAMPLES = [(name, *example) for name in names() for example in find(name).examples()]


@pytest.mark.parametrize("name", names())
def test_help_of_a_loss(here, name):
    loss = find(name)
    family = COMMANDS.get(loss.family, loss.family)
    answer = here(family, name, "--help")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"Usage: lossctl {family} {name} {' '.join(loss.operands).upper()} [OPTIONS]")
    for title in ("Formula", "Range", "Reference", "Examples", "Arguments", "Data", "Result", "Output"):
        assert f"\n{title}\n" in answer.out or (title == "Data" and name == "distillation")
    options = set(re.findall(r"^  (?:-\w, )?--([\w-]+)", answer.out, re.MULTILINE))
    assert {parameter.option for parameter in loss.parameters} < options
    assert {"reduction", "weights", "format", "output", "gradient", "fail-above", "help"} <= options
    assert ("input" in options) == (loss.takes_scores or loss.needs_logits)
    assert ("box-format" in options) == (loss.shape == "boxes")
    assert ("degrees" in options) == (loss.shape == "rotated")


@pytest.mark.parametrize(
    "arguments", [[], ["box"], ["pixel"], ["ranking"], ["list"], ["explain"], ["env"], ["box", "giou,ciou"]]
)
def test_help_of_the_rest(here, arguments):
    short, long = here(*arguments, "-h"), here(*arguments, "--help")
    assert short == long
    assert long.code == 0
    assert long.out.startswith(f"Usage: lossctl {' '.join(arguments)}".rstrip())
    assert max(map(len, long.out.splitlines())) <= 100


def test_families_list_their_losses(here):
    listed = re.findall(r"^  ([a-z0-9-]+)  ", here("box", "--help").out, re.MULTILINE)
    assert listed == names("box")


@pytest.mark.parametrize(("name", "arguments", "expected"), EXAMPLES, ids=lambda part: str(part)[:40])
def test_examples(here, name, arguments, expected):
    family = find(name).family
    answer = here(COMMANDS.get(family, family), name, *shlex.split(arguments))
    assert answer.code == 0, answer.err
    digits = len(re.sub(r"[.-]|e.*", "", expected).lstrip("0"))
    tolerance = 10.0 ** -(min(digits, 15) - 1) * abs(float(expected)) or 1e-15
    assert float(answer.out) == pytest.approx(float(expected), abs=tolerance, rel=0)

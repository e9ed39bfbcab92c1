"""A loss whose slope jumps says in its text what is taken there, and one that says so has such a place."""

import numpy as np
import pytest
from points import GOLDEN_TARGET
from ranges import needed

import lossctl
from lossctl.loss import find, names

STEP = 1e-7
# Two slopes that differ by less than this are those of a bend.
BEND = 0.01
BOXES = [
    GOLDEN_TARGET,
    (10.0, 2.0, 15.0, 7.0),
    (0.0, 2.0, 5.0, 12.0),
    (0.0, -2.0, 10.0, 12.5),
    (3.0, -4.0, 7.0, 9.0),
    (5.0, 1.0, 15.0, 8.0),
    (-20.0, 2.0, 10.0, 6.0),
]
KINDS = ("numbers", "boxes")


def jumps(name):
    """Return the largest jump of the slope of a loss where it may have one."""
    loss = find(name)
    given = needed(loss)
    function = lossctl.loss(name, **given)
    if loss.shape == "boxes":
        places, target = np.array(BOXES), np.array(GOLDEN_TARGET)
    else:
        settings = [p.default for p in loss.parameters if isinstance(p.default, float)]
        target = np.array(1.0 if loss.inside else 0.0)
        places = target + np.array([0.0, 1.0, *settings, *(-s for s in settings)])
        places = places[:, None]
        target = target[None]

    def value(pred):
        pred, goal = (side[0] if loss.shape == "numbers" else side for side in (pred, target))
        return function(np.array([pred]), np.array([goal]), reduction="mean" if loss.root else "sum")

    found = []
    for place in places:
        for axis in range(len(place)):
            step = STEP * np.eye(len(place))[axis]
            here = value(place)
            found.append(abs(value(place + step) + value(place - step) - 2 * here) / STEP)
    return max(found)


@pytest.mark.parametrize("name", [n for n in names() if find(n).shape in KINDS])
def test_kinks_are_told(name):
    told = find(name).sections.get("Kinks", "None")
    assert (jumps(name) > BEND) == (not told.startswith("None"))

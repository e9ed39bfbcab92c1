"""Settings to test a loss under: its parameters over their whole declared ranges, read from the loss itself."""

from __future__ import annotations

import itertools
import random

NUMBERS = (0.0, 1e-6, 0.05, 0.35, 0.5, 0.9, 1.0, 1.75, 4.0, 40.0, 1e3)

# For parameters that have no default: sizes in the unit of the data.
NEEDED = 12.5


def needed(loss):
    """Return the settings without which a loss does not run."""
    return {parameter.name: NEEDED for parameter in loss.parameters if parameter.required}


def values_of(parameter):
    """Return the default of a parameter, both ends of its range where they belong to it, and points between."""
    if parameter.choices and not parameter.interval:
        return list(parameter.choices)
    if parameter.flag:
        return [parameter.default, not parameter.default]
    ends = (parameter.interval.low, parameter.interval.high)
    found = [NEEDED] if parameter.required else [parameter.default]
    # What the data decide is a number here.
    found = [0.5 if value == "auto" else value for value in found]
    # One step inside the ends as well, where 1 - x and ln x cancel.
    near = [end + step for end in ends for step in (-1e-9, 1e-9)]
    found += [x for x in (*ends, *near, *NUMBERS) if x in parameter.interval and x not in found]
    if parameter.name == "gamma":
        # An exponent, or one over it, multiplies the rounding of its base; beyond this little else would be measured.
        found = [x for x in found if x <= 40 and (x >= 0.05 or 0 in parameter.interval)]
    return found + [None] * (parameter.nullable and None not in found)


def settings(loss, most=40):
    """Return the defaults first, then some random settings, then every parameter by itself over its range."""
    choices = {parameter.name: values_of(parameter) for parameter in loss.parameters}
    found = [{name: values[0] for name, values in choices.items()}]
    every = list(itertools.product(*choices.values())) if len(choices) > 1 else []
    random.Random(loss.name).shuffle(every)
    found += [dict(zip(choices, combination, strict=True)) for combination in every[:5]]
    # Of all parameters by turns, so that none is left out where there are many.
    alone = [[found[0] | {name: value} for value in values[1:]] for name, values in choices.items()]
    found += [given for turn in itertools.zip_longest(*alone) for given in turn if given is not None]
    # The one condition between parameters.
    found = [given for given in found if not {"d", "u"} <= set(given) or given["d"] < given["u"]]
    return [given for i, given in enumerate(found) if given not in found[:i]][:most]


def label(given):
    """Write settings as part of a test's name."""
    return ",".join(f"{name}={value}" for name, value in given.items()) or "plain"

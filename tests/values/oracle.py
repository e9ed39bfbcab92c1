"""A loss file's own formula at any precision, and the slope of any formula by differences.

A formula is plain Python over the names of `lossctl.maths`. Here its functions are copied with those names bound to
mpmath, so that what remains of its error is what the formula says, not how it is rounded.

The slope asks nothing of the file but its value: it is the mean of the two one-sided slopes, which is our
rule at kinks too, each from a difference so small, at so many digits, that it is exact for any double.
"""

from __future__ import annotations

import contextlib
import functools
import types
from typing import NamedTuple

from mpmath import mp, mpf

from lossctl import maths

INF = mpf("inf")


class Truth(NamedTuple):
    """The precise value and slopes of an item; `sizes` are those of the one-sided slopes."""

    value: mpf
    slopes: list
    sizes: list


class Held:
    """Keeps what a formula holds constant in its slope, and gives it back while the prediction is moved."""

    def __init__(self):
        self.kept, self.at, self.replays = [], 0, False

    def __call__(self, x):
        if not self.replays:
            self.kept.append(x)
            return x
        self.at += 1
        return self.kept[self.at - 1]

    def replay(self):
        self.replays, self.at = True, 0


_held = [Held()]


@contextlib.contextmanager
def holding(held):
    """Let the formulas' `held` be this one."""
    _held.append(held)
    try:
        yield
    finally:
        _held.pop()


def _power(x, y):
    if x == 0:
        return mpf(1) if y == 0 else mpf(0) if y > 0 else INF
    return mp.power(x, y)


def _log(x):
    return -INF if x == 0 else mp.log(x)


def _parts(x):
    """Return k and 1 + f of x = 2ᵏ (1 + f), √½ <= 1 + f < √2."""
    if not (0 < x < INF):
        return -9999, mpf(1)
    fraction, k = mp.frexp(x)
    return (k - 1, 2 * fraction) if fraction < mp.sqrt(mpf(1) / 2) else (k, fraction)


def _exp(x):
    # What is below 1e-400000 is 0 for every double, and takes mpmath long.
    return mp.exp(x) if x > -1e6 else mpf(0)


PRECISE = {
    "held": lambda x: _held[-1](x),
    # A scale decides nothing, but a formula may say how small is small in its units.
    "scale_of": lambda x: mpf(1) if x == 0 else mpf(2) ** (1 - mp.frexp(x)[1]),
    "select": lambda condition, a, b: a if condition else b,
    "larger": lambda a, b: a if a > b else b,
    "smaller": lambda a, b: a if a < b else b,
    "maximum": lambda a, b: a if a > b else b,
    "minimum": lambda a, b: a if a < b else b,
    "clamp": lambda x, lo, hi: min(max(x, lo), hi),
    "magnitude": lambda x: -x if x < 0 else x,
    "step": lambda x: (mpf(x > 0) + mpf(x >= 0)) / 2,
    "slope_of_abs": lambda x: mpf(x > 0) - mpf(x < 0),
    "ratio": lambda a, b: mpf(0) if b == 0 else mpf(a) / b,
    "over": lambda x, c: mpf(x) / c,
    "times": lambda a, b: mpf(0) if a == 0 else mpf(a) * b,
    "power": _power,
    "sqrt": mp.sqrt,
    "exp": _exp,
    "expm1": lambda x: mp.expm1(x) if x > -1e6 else mpf(-1),
    "log": _log,
    "log1p": lambda x: -INF if x == -1 else mp.log1p(x),
    "log1p_part": mp.log1p,
    "decay": lambda x: -mp.expm1(-x) if x < 1e6 else mpf(1),
    "artanh_rest": lambda s: mp.fsum(s ** (2 * k) / (2 * k + 1) for k in range(1, 42)),
    "exponent": lambda x: mpf(_parts(x)[0]),
    "fraction": lambda x: _parts(x)[1],
    "tanh": mp.tanh,
    "atan": mp.atan,
    "sigmoid": lambda z: 1 / (1 + _exp(-z)),
    "softplus": lambda z: max(z, mpf(0)) + mp.log1p(_exp(-abs(z))),
}


@functools.cache
def precise(function):
    """Return a copy of a plain function, and of all it reaches, that calculates with mpmath."""
    scope = {name: _translated(thing) for name, thing in function.__globals__.items()}
    return types.FunctionType(function.__code__, scope, function.__name__, function.__defaults__, function.__closure__)


class _Module:
    """A module of the shelf whose functions are copied once they are asked for."""

    def __init__(self, module):
        self._module = module

    def __getattr__(self, name):
        return _translated(getattr(self._module, name))


def _translated(thing):
    if isinstance(thing, types.ModuleType) and thing.__name__.startswith("lossctl.losses"):
        return _Module(thing)
    if not isinstance(thing, types.FunctionType):
        return thing
    if thing.__module__ == maths.__name__:
        # A KeyError here: a new elementary function needs its precise version above.
        return PRECISE[thing.__name__]
    if thing.__module__.startswith("lossctl.losses"):
        # Not at once: the functions of a file name each other.
        return lambda *arguments: precise(thing)(*arguments)
    return thing


def setting(value):
    """Return a parameter as the formula takes it here: numbers in full precision."""
    return mpf(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def value_and_slopes(formula, pred, steps, sides=None):
    """Return formula(pred, held), its slope in each entry of pred, and the larger of the two it is the mean of.

    A slope is None where there is no finite one.

    `steps` are distances so small that nothing happens within them; `sides` says on which sides of an entry the
    formula exists (below, above), both unless told.
    """
    held = Held()
    base = formula(pred, held)
    slopes, sizes = [], []
    for i, step in enumerate(steps):
        below, above = sides[i] if sides else (True, True)
        found = [_one_sided(formula, pred, held, base, i, sign * step) for sign in (-1, 1) if (below, above)[sign > 0]]
        slopes.append(None if None in found else sum(found) / len(found))
        sizes.append(None if None in found else max(map(abs, found)))
    return Truth(base, slopes, sizes)


def _one_sided(formula, pred, held, base, i, step):
    rises = []
    for part in (step, step / 2):
        moved = list(pred)
        moved[i] = moved[i] + part
        held.replay()
        rises.append(formula(moved, held) - base)
    whole, half = rises
    # Half the way, half the rise: else it jumps here, or has an infinite slope.
    if not mp.isfinite(whole) or abs(whole - 2 * half) > mpf("1e-15") * abs(whole):
        return None
    return whole / step

"""The elementary functions: their accuracy, their special values and what the compiler makes of them."""

import functools
import importlib.util
import inspect
import math
import platform
import re
import struct
import sys
import time
from pathlib import Path

import mpmath
import numpy as np
import pytest
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic, overload

import lossctl

INF, NAN, TINY, HUGE = math.inf, math.nan, 2.0**-1074, sys.float_info.max
LN2 = math.log(2.0)


def _fresh_maths():
    # A second copy of the module: its functions are registered with numba here, the package's own by the
    # engine, and neither registration gets in the other's way.
    path = Path(lossctl.__file__).with_name("maths.py")
    spec = importlib.util.spec_from_file_location("maths_under_test", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


maths = _fresh_maths()
FUNCTIONS = {name: f for name, f in vars(maths).items() if inspect.isfunction(f)}
PUBLIC = sorted(name for name in FUNCTIONS if not name.startswith("_"))
ANGULAR = ["sine", "cosine", "sine_degrees", "cosine_degrees"]
ELEMENTARY = [
    "exp",
    "expm1",
    "log",
    "log1p",
    "log1p_part",
    "artanh_rest",
    "decay",
    "tanh",
    "atan",
    "sqrt",
    "sigmoid",
    "softplus",
    "power",
    *ANGULAR,
]


@intrinsic
def _bits(_, x):
    return types.int64(types.float64), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.IntType(64))


@intrinsic
def _unbits(_, i):
    return types.float64(types.int64), lambda _c, builder, _s, args: builder.bitcast(args[0], ir.DoubleType())


def _register():
    options = {"jit_options": {"forceinline": True, "error_model": "numpy"}, "strict": False}
    overload(maths.bits, **options)(lambda x: lambda x: _bits(x))
    overload(maths.unbits, **options)(lambda i: lambda i: _unbits(i))
    for name, function in FUNCTIONS.items():
        if name not in ("bits", "unbits"):
            scope = {"function": function}
            exec(f"def typed({', '.join(inspect.signature(function).parameters)}): return function", scope)
            overload(function, prefer_literal=True, **options)(scope["typed"])


_register()


def arity(name):
    return len(inspect.signature(FUNCTIONS[name]).parameters)


@functools.cache
def loop(name):
    """The function compiled into a loop over arrays, as the engine would."""
    names = ", ".join("abc"[: arity(name)])
    each = ", ".join(f"{one}[i]" for one in "abc"[: arity(name)])
    scope = {"function": FUNCTIONS[name]}
    source = f"def run({names}, out):\n    for i in range(len(out)):\n        out[i] = function({each})"
    exec(source, scope)
    return njit(error_model="numpy")(scope["run"])


def compiled(name, *columns):
    columns = [np.ascontiguousarray(column) for column in columns]
    out = np.empty(len(columns[0]), np.int64 if name == "bits" else np.float64)
    loop(name)(*columns, out)
    return out


# --- where the functions are tried -----------------------------------------------------------------------


def random(seed):
    return np.random.default_rng([2024, seed])


def any_double(rng, n):
    """Finite doubles whose bit patterns are uniform, so all exponents are as likely."""
    x = rng.integers(0, 2**64, n, dtype=np.uint64).view(float)
    return x[np.isfinite(x)]


def either_sign(rng, x):
    return x * rng.choice([-1.0, 1.0], len(x))


def powers(rng, low, high, n):
    return either_sign(rng, np.exp2(rng.uniform(low, high, n)))


def around(rng, centres, n):
    """A few dozen ulp to either side of each centre."""
    return (np.atleast_1d(centres) * (1.0 + rng.integers(-40, 41, (n, 1)) * 2.0**-52)).ravel()


def half_steps():
    # Where the reduction of exp changes k, halved and whole, up to both ends of the range.
    return np.arange(-1076, 1026) * (LN2 / 2.0)


def exp_points(rng):
    ends = [709.782712893384, -708.3964185322641, -745.1332191019411, 710.0, -746.0]
    return [
        any_double(rng, 1000),
        rng.uniform(-745.2, 709.8, 3000),
        rng.uniform(-1.0, 1.0, 2000),
        rng.uniform(-745.2, -708.0, 1000),
        powers(rng, -60, 9.4, 1000),
        around(rng, half_steps(), 1),
        around(rng, ends, 60),
    ]


def expm1_points(rng):
    return [
        *exp_points(rng),
        rng.uniform(-1.5, 1.5, 2000),
        powers(rng, -1074, 0, 1000),
        either_sign(rng, rng.uniform(36.0, 38.5, 1000)),
    ]


def log_points(rng):
    return [
        np.abs(any_double(rng, 3000)),
        rng.uniform(0.5, 2.0, 4000),
        1.0 + powers(rng, -52, -2, 2000),
        around(rng, [math.sqrt(2.0), math.sqrt(0.5), 1.0, 2.0, 0.5], 60),
        np.exp2(rng.uniform(-1074, -1020, 1000)),
    ]


def log1p_points(rng):
    return [
        np.abs(any_double(rng, 1000)),
        rng.uniform(-1.0, 3.0, 4000),
        powers(rng, -1074, -0.001, 2000),
        np.exp2(rng.uniform(0, 70, 2000)),
        -1.0 + np.exp2(rng.uniform(-53, -1, 1000)),
        around(rng, [math.sqrt(2.0) - 1.0, math.sqrt(0.5) - 1.0, 1.0, -0.5], 60),
    ]


def log1p_part_points(rng):
    return [
        rng.uniform(0.0, 1.0, 6000),
        rng.uniform(math.sqrt(2.0) - 1.0, 0.5, 3000),
        np.abs(powers(rng, -1074, -0.001, 3000)),
        around(rng, [math.sqrt(2.0) - 1.0, 0.5], 60),
        np.array([0.0, 1.0]),
    ]


def artanh_rest_points(rng):
    limit = 3.0 - 2.0 * math.sqrt(2.0)
    return [rng.uniform(-limit, limit, 6000), powers(rng, -400, -3, 2000), np.array([limit, -limit])]


def decay_points(rng):
    return [
        rng.uniform(0.0, 2.0, 4000),
        rng.uniform(0.0, 45.0, 4000),
        np.abs(powers(rng, -1074, 6, 3000)),
        np.abs(around(rng, half_steps()[950:1200], 2)),
        np.array([0.0, 1e300]),
    ]


def tanh_points(rng):
    return [
        any_double(rng, 1000),
        rng.uniform(-1.0, 1.0, 4000),
        rng.uniform(-20.0, 20.0, 3000),
        powers(rng, -1074, 5, 1500),
        around(rng, half_steps()[950:1200] / 2.0, 2),
        either_sign(rng, rng.uniform(18.0, 19.3, 500)),
    ]


def atan_points(rng):
    return [
        any_double(rng, 2000),
        rng.uniform(-4.0, 4.0, 5000),
        powers(rng, -30, 60, 2500),
        around(rng, [0.4375, 0.6875, 1.1875, 2.4375, 0.5, 1.0, 1.5], 60),
    ]


def logistic_points(rng):
    return [
        any_double(rng, 1000),
        rng.uniform(-4.0, 4.0, 5000),
        rng.uniform(-40.0, 40.0, 2000),
        rng.uniform(-745.2, 0.0, 1500),
        rng.uniform(-745.2, -708.0, 500),
        powers(rng, -60, 9.4, 1000),
    ]


def power_points(rng):
    x = np.concatenate(
        [
            np.abs(any_double(rng, 4000)),
            rng.uniform(0.5, 2.0, 4000),
            rng.uniform(0.7, 1.42, 3000),
            1.0 + powers(rng, -52, -2, 2000),
        ]
    )
    x = x[(x > 0.0) & (x != 1.0)]
    # Most exponents are drawn for a result of any finite size; the rest are those formulas use, or anything.
    y = rng.uniform(-745.2, 709.8, len(x)) / np.log(x)
    usual = rng.random(len(x)) < 0.25
    y[usual] = rng.choice([2.0, 0.5, 3.0, -1.0, 1.0, 0.25, 1.5, 0.75, 1e-9], usual.sum())
    wild = rng.random(len(x)) < 0.05
    y[wild] = any_double(rng, 4 * len(x))[: wild.sum()]
    return x, y


def angle_pairs(rng, quarter):
    """Pairs of angles within reach: any, close ones, and differences of almost a multiple of a quarter turn."""
    x = rng.uniform(-4.0 * quarter, 4.0 * quarter, 1500)
    wide = rng.uniform(-1e6, 1e6, (1500, 2))
    turns = np.concatenate([rng.integers(-12, 13, 500), rng.integers(-int(1e6 / quarter), int(1e6 / quarter), 1500)])
    pairs = [
        (x, rng.permutation(x)),
        (wide[:, 0], wide[:, 1]),
        (around(rng, x, 1), x),
        (x, powers(rng, -300, 0, 1500)),
        (turns * quarter, 0.0 * turns),
        (around(rng, turns * quarter, 1), 0.0 * turns),
        (powers(rng, -1000, 0, 500), np.zeros(500)),
        (turns * quarter + x.max(), np.full(2000, x.max())),
    ]
    columns = zip(*(np.broadcast_arrays(*pair) for pair in pairs), strict=True)
    a, b = (np.concatenate(list(column)) for column in columns)
    return a, b


POINTS = {
    "exp": exp_points,
    "expm1": expm1_points,
    "log": log_points,
    "log1p": log1p_points,
    "log1p_part": log1p_part_points,
    "artanh_rest": artanh_rest_points,
    "decay": decay_points,
    "tanh": tanh_points,
    "atan": atan_points,
    "sqrt": lambda rng: [np.abs(any_double(rng, 2000)), rng.uniform(0.0, 4.0, 2000)],
    "sigmoid": logistic_points,
    "softplus": logistic_points,
}


def points(name, seed=0):
    if name == "power":
        return power_points(random(seed))
    if name in ANGULAR:
        return angle_pairs(random(seed), 90.0 if name.endswith("degrees") else math.pi / 2)
    x = np.concatenate(POINTS[name](random(seed)))
    return (x[np.isfinite(x)],)


# --- accuracy --------------------------------------------------------------------------------------------


def tame(z):
    # Beyond this the result has long overflowed, underflowed or reached its limit.
    return max(min(z, mpmath.mpf(3000)), mpmath.mpf(-3000))


def of_degrees(function):
    """In as many digits as the sum of two doubles may have."""

    def exact(a, b):
        with mpmath.workdps(420):
            return function((a - b) * mpmath.pi / 180)

    return exact


def of_radians(function):
    def exact(a, b):
        with mpmath.workdps(420):
            return function(a - b)

    return exact


EXACT = {
    "exp": lambda x: mpmath.exp(tame(x)),
    "expm1": lambda x: mpmath.expm1(tame(x)),
    "log": mpmath.log,
    "log1p": mpmath.log1p,
    "log1p_part": mpmath.log1p,
    "artanh_rest": lambda s: sum(s ** (2 * k) / (2 * k + 1) for k in range(1, 34)),
    "decay": lambda x: -mpmath.expm1(-tame(x)),
    "tanh": lambda x: mpmath.tanh(tame(x)),
    "atan": mpmath.atan,
    "sqrt": mpmath.sqrt,
    "sigmoid": lambda z: 1 / (1 + mpmath.exp(tame(-z))),
    "softplus": lambda z: max(z, 0) + mpmath.log1p(mpmath.exp(tame(-abs(z)))),
    "power": lambda x, y: mpmath.exp(tame(y * mpmath.log(x))),
    "sine": of_radians(mpmath.sin),
    "cosine": of_radians(mpmath.cos),
    "sine_degrees": of_degrees(mpmath.sin),
    "cosine_degrees": of_degrees(mpmath.cos),
}
# What the docstrings promise.
BOUND = dict.fromkeys(ELEMENTARY, 1.0)
BOUND |= {"sqrt": 0.5, "artanh_rest": 2.0, "decay": 1.5, "expm1": 1.5, "tanh": 1.3, "sigmoid": 1.5, "softplus": 2.0}


def error_in_ulp(result, exact):
    if exact > HUGE:
        # Beyond the range the unit stays that of the largest numbers, and ∞ stands for 2¹⁰²⁴.
        value = mpmath.ldexp(1, 1024) if result == INF else mpmath.mpf(result)
        return float(abs(value - min(exact, mpmath.ldexp(1, 1024))) / mpmath.ldexp(1, 971))
    if not math.isfinite(result):
        return INF
    exponent = mpmath.frexp(exact)[1] if exact else -2000
    return float(abs(mpmath.mpf(result) - exact) / mpmath.ldexp(1, max(exponent - 53, -1074)))


@pytest.mark.parametrize("name", ELEMENTARY)
def test_error_against_fifty_digits(name, record_property):
    columns = points(name)
    results = compiled(name, *columns).tolist()
    worst, where = 0.0, None
    with mpmath.workdps(50):
        for *arguments, result in zip(*(column.tolist() for column in columns), results, strict=True):
            error = error_in_ulp(result, EXACT[name](*map(mpmath.mpf, arguments)))
            if error > worst:
                worst, where = error, arguments
    record_property("ulp", worst)
    print(f"{name}: at most {worst:.3f} ulp on {len(results)} points, at {where}")
    assert worst <= BOUND[name] <= 2.0


def test_powers_of_whole_exponents():
    x = np.abs(any_double(random(1), 3000))
    x = x[(x > 1e-100) & (x < 1e100)]
    ones = np.ones(len(x))
    assert (compiled("power", x, ones) == x).all()
    assert (compiled("power", x, 0.0 * ones) == 1.0).all()
    square = x * x
    assert (np.abs(compiled("power", x, 2.0 * ones) - square) <= np.spacing(square)).all()


# --- special values --------------------------------------------------------------------------------------

SPECIAL = {
    "exp": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (710.0, INF), (-746.0, 0.0), (-745.0, TINY)],
    "expm1": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (TINY, TINY), (-1e300, -1.0), (1e300, INF)],
    "log": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (INF, INF), (-1.0, NAN), (-INF, NAN), (-TINY, NAN)],
    "log1p": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (-1.0, -INF),
        (INF, INF),
        (-1.0000000000000002, NAN),
        (-INF, NAN),
        (TINY, TINY),
        (-TINY, -TINY),
    ],
    "log1p_part": [(0.0, 0.0), (TINY, TINY), (1.0, LN2)],
    "artanh_rest": [(0.0, 0.0), (-0.0, 0.0), (1e-170, 0.0)],
    "decay": [(0.0, 0.0), (-0.0, 0.0), (TINY, TINY), (50.0, 1.0), (INF, 1.0)],
    "exponent": [(1.0, 0.0), (1.5, 1.0), (0.71, 0.0), (0.7, -1.0), (2.0**-1022, -1022.0), (2.0**1023, 1023.0)],
    "fraction": [(1.0, 1.0), (1.5, 0.75), (0.71, 0.71), (0.7, 1.4), (2.0**-1022, 1.0), (2.0**1023, 1.0)],
    "tanh": [(0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (TINY, TINY), (-TINY, -TINY), (HUGE, 1.0)],
    "atan": [(0.0, 0.0), (-0.0, -0.0), (INF, math.pi / 2), (-INF, -math.pi / 2), (-TINY, -TINY)],
    "sqrt": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-TINY, NAN), (-INF, NAN), (4.0, 2.0)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (-745.0, TINY), (-HUGE, 0.0), (HUGE, 1.0)],
    "softplus": [(0.0, LN2), (INF, INF), (-INF, 0.0), (-745.0, TINY), (HUGE, HUGE), (-HUGE, 0.0)],
    "magnitude": [(-0.0, 0.0), (-INF, INF), (-2.5, 2.5)],
    "step": [(0.0, 0.5), (-0.0, 0.5), (TINY, 1.0), (-TINY, 0.0), (INF, 1.0), (-INF, 0.0)],
    "slope_of_abs": [(0.0, 0.0), (-0.0, 0.0), (TINY, 1.0), (-TINY, -1.0), (INF, 1.0), (-INF, -1.0)],
    "scale_of": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (1.0, 1.0),
        (-3.0, 0.5),
        (TINY, 2.0**1022),
        (2.0**-1022, 2.0**1022),
        (HUGE, 2.0**-1022),
        (INF, 2.0**-1022),
    ],
    "held": [(-0.0, -0.0), (INF, INF), (2.5, 2.5)],
    "ratio": [(1.0, 4.0, 0.25), (1.0, 0.0, 0.0), (INF, -0.0, 0.0), (NAN, 0.0, 0.0), (NAN, 1.0, NAN)],
    "times": [(0.0, -INF, 0.0), (-0.0, NAN, 0.0), (2.0, -INF, -INF), (3.0, 2.0, 6.0), (NAN, 0.0, NAN)],
    "over": [(3.0, 4.0, 0.75), (-0.0, TINY, -0.0), (INF, 2.0, INF), (0.0, INF, 0.0), (NAN, 2.0, NAN)],
    "larger": [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (NAN, 1.0, NAN), (1.0, NAN, NAN), (-INF, INF, INF)],
    "smaller": [(1.0, 2.0, 1.0), (2.0, 1.0, 1.0), (NAN, 1.0, NAN), (1.0, NAN, NAN), (-INF, INF, -INF)],
    "maximum": [(1.0, 2.0, 2.0), (2.0, 1.0, 2.0), (-INF, INF, INF), (HUGE, TINY, HUGE)],
    "minimum": [(1.0, 2.0, 1.0), (2.0, 1.0, 1.0), (-INF, INF, -INF), (HUGE, TINY, TINY)],
    "clamp": [(2.0, 0.0, 1.0, 1.0), (-2.0, 0.0, 1.0, 0.0), (0.5, 0.0, 1.0, 0.5), (NAN, 0.0, 1.0, NAN)],
    "power": [
        (0.0, 0.0, 1.0),
        (-0.0, 0.0, 1.0),
        (0.0, 2.0, 0.0),
        (-0.0, 3.0, 0.0),
        (0.0, -1.0, INF),
        (-0.0, -1.0, INF),
        (0.0, INF, 0.0),
        (0.0, -INF, INF),
        (INF, 0.0, 1.0),
        (INF, 1e-9, INF),
        (INF, -1e-9, 0.0),
        (INF, INF, INF),
        (INF, -INF, 0.0),
        (1.0, INF, 1.0),
        (1.0, -INF, 1.0),
        (1.0, HUGE, 1.0),
        (1.0000000000000002, HUGE, INF),
        (1.0000000000000002, -INF, 0.0),
        (0.9999999999999999, -HUGE, INF),
        (0.9999999999999999, INF, 0.0),
        (HUGE, TINY, 1.0),
        (2.0, -1074.0, TINY),
        (TINY, 1.0, TINY),
        (TINY, -1.0, INF),
        (HUGE, 1.0, HUGE),
        (-1.0, 2.0, NAN),
        (-INF, 0.0, NAN),
        (-TINY, 0.5, NAN),
        (NAN, 0.0, NAN),
        (1.0, NAN, NAN),
        (NAN, 1.0, NAN),
        (0.0, NAN, NAN),
        (INF, NAN, NAN),
    ],
}


SPECIAL |= {
    "sine": [
        (0.0, 0.0, 0.0),
        (TINY, 0.0, TINY),
        (2e6, 1e300, NAN),
        (2.1e6, 0.0, NAN),
        (INF, 0.0, NAN),
        (INF, INF, NAN),
    ],
    "cosine": [
        (0.0, 0.0, 1.0),
        (TINY, 0.0, 1.0),
        (-2.1e6, 0.0, NAN),
        (0.0, -INF, NAN),
        (NAN, 0.0, NAN),
        (7.5, 7.5, 1.0),
    ],
    "sine_degrees": [(90.0 * k, 0.0, (0.0, 1.0, -0.0, -1.0)[k % 4]) for k in range(-9, 10)]
    + [(30.0, -60.0, 1.0), (1e6 + 80.0, 1e6 - 10.0, 1.0), (2.1e6, 0.0, NAN), (0.0, INF, NAN)],
    "cosine_degrees": [(90.0 * k, 0.0, (1.0, 0.0, -1.0, -0.0)[k % 4]) for k in range(-8, 9, 2)]
    + [(200.5, 20.5, -1.0), (NAN, 1.0, NAN), (1.0, NAN, NAN)],
}


def test_exponent_and_fraction_are_the_number():
    x = np.abs(any_double(random(8), 4000))
    x = x[x >= 2.0**-1022]
    k, fraction = compiled("exponent", x), compiled("fraction", x)
    assert (np.ldexp(fraction, k.astype(int)) == x).all()
    assert ((fraction >= math.sqrt(0.5)) & (fraction < math.sqrt(2.0))).all()


def same(a, b):
    return (a != a and b != b) or struct.pack("<d", a) == struct.pack("<d", b)


@pytest.mark.parametrize("name", SPECIAL)
def test_special_values(name):
    rows = SPECIAL[name] + [(NAN, NAN)] * (arity(name) == 1 and name not in ("exponent", "fraction"))
    results = compiled(name, *(np.array(column) for column in list(zip(*rows, strict=True))[:-1]))
    for (*arguments, expected), result in zip(rows, results.tolist(), strict=True):
        assert same(FUNCTIONS[name](*arguments), expected), arguments
        assert same(result, expected), arguments


def test_scale_of_brings_a_number_into_one_to_two():
    x = np.concatenate([any_double(random(2), 4000), np.exp2(np.arange(-1022.0, 1023.0))])
    x = x[(np.abs(x) >= 2.0**-1022) & (np.abs(x) < 2.0**1023)]
    scale = compiled("scale_of", x)
    assert ((np.abs(x) * scale >= 1.0) & (np.abs(x) * scale < 2.0)).all()
    assert (np.frexp(scale)[0] == 0.5).all()
    assert ((scale >= 2.0**-1022) & np.isfinite(scale)).all()


def test_bits_and_back():
    for x in (0.0, -0.0, 1.0, -INF, TINY, HUGE):
        assert same(maths.unbits(maths.bits(x)), x)
    assert maths.bits(-0.0) == -(2**63)
    assert maths.bits(1.0) == 1023 << 52


# --- one source, the same bits ---------------------------------------------------------------------------


def hostile():
    """Zeros, infinities, both ends of every range and NaNs with every kind of payload."""
    ends = [0.0, 1.0, TINY, 2.0**-1022, np.nextafter(2.0**-1022, 0.0), HUGE, INF, 2.0**1023, 2.0**66]
    ends += [0.5, 2.0, 710.0, 746.0, 709.782712893384, 745.1332191019412, 40.0, 30.0, 54 * LN2, 60 * LN2]
    patterns = [0x7FF8 << 48, 0x7FFFFFFFFFFFFFFF, 0x7FF8000000000FFF, 0x7FF8000000000800, 0x7FFC << 48]
    nans = np.array(patterns, np.int64).view(float)
    x = np.array(ends)
    with np.errstate(over="ignore", under="ignore"):
        beside = np.concatenate([np.nextafter(x, INF), np.nextafter(x, -INF)])
    return np.concatenate([x, -x, beside, -beside, nans, -nans])


def columns_for(name):
    rng = random(3)
    if name == "unbits":
        return (rng.integers(-(2**63), 2**63, 3000, dtype=np.int64),)
    ends = hostile()
    if arity(name) == 1:
        x = np.concatenate(POINTS.get(name, logistic_points)(rng))
        return (np.concatenate([ends, rng.permutation(x)[:2500]]),)
    if name == "clamp":
        x = np.concatenate([ends, rng.uniform(-2.0, 2.0, 1000)])
        return x, rng.uniform(-1.0, 0.0, len(x)), rng.uniform(0.0, 1.0, len(x))
    pairs = [np.repeat(ends, len(ends)), np.tile(ends, len(ends))]
    more = [rng.permutation(np.stack(power_points(rng)).T)[:2500].T, rng.permutation(ends.repeat(25)[:500])]
    x, y = (np.concatenate([pairs[i], more[0][i], powers(rng, -2, 2, 500)]) for i in (0, 1))
    return (x > y, x, y) if name == "select" else (x, y)


@pytest.mark.parametrize("name", PUBLIC)
def test_interpreted_and_compiled_agree_bit_for_bit(name):
    columns = columns_for(name)
    fast = compiled(name, *columns)
    function = FUNCTIONS[name]
    slow = np.array([function(*row) for row in zip(*(c.tolist() for c in columns), strict=True)], fast.dtype)
    both_nan = (fast != fast) & (slow != slow)
    if name == "bits":
        both_nan |= columns[0] != columns[0]  # Python may quieten or re-sign a NaN on the way through
    agree = (fast.view(np.int64) == slow.view(np.int64)) | both_nan
    assert agree.all(), [c[~agree][:5] for c in columns]


class Int64(int):
    """An integer that refuses what a 64-bit register would not hold, and shifts of negative values."""

    def __new__(cls, value):
        assert -(2**63) <= value < 2**63
        return super().__new__(cls, value)

    def __lshift__(self, other):
        return Int64(int(self) << other)

    def __rshift__(self, other):
        assert self >= 0
        return Int64(int(self) >> other)


def _checked(plain):
    return lambda self, other: Int64(plain(self, other))


for operation in ("add", "radd", "sub", "rsub", "and", "rand", "or", "ror"):
    setattr(Int64, f"__{operation}__", _checked(getattr(int, f"__{operation}__")))


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in ("bits", "unbits")])
def test_integers_stay_within_sixty_four_bits(name, monkeypatch):
    monkeypatch.setattr(maths, "bits", lambda x: Int64(struct.unpack("<q", struct.pack("<d", x))[0]))
    for row in zip(*(column[:400].tolist() for column in columns_for(name)), strict=True):
        FUNCTIONS[name](*row)


def test_over_is_a_quotient_within_three_halves_of_an_ulp():
    chance = random(5)
    x, c = (
        chance.normal(0.0, 1.0, 5000) * 10.0 ** chance.uniform(-100, 100, 5000),
        10.0 ** chance.uniform(-150, 150, 5000),
    )
    found, exact = compiled("over", x, c), [mpmath.mpf(a) / b for a, b in zip(x.tolist(), c.tolist(), strict=True)]
    assert max(abs(f - e) / np.spacing(abs(float(e))) for f, e in zip(found.tolist(), exact, strict=True)) < 1.5


def test_an_integer_exponent_compiles_too():
    power = maths.power

    @njit
    def square(x, out):
        for i in range(len(x)):
            out[i] = power(x[i], 2)

    x = random(4).uniform(0.0, 3.0, 500)
    out = np.empty(500)
    square(x, out)
    assert (out == compiled("power", x, np.full(500, 2.0))).all()


# --- packed instructions ---------------------------------------------------------------------------------

LIBRARY = re.compile(r"\b_*(sin|cos|exp2?|expm1|log|log1p|log2|tanh|atan|pow|sqrt|fabs|fmax|fmin|ldexp|frexp)f?\b")


@pytest.mark.parametrize("name", [name for name in PUBLIC if name not in ("bits", "unbits", "held")])
def test_a_loop_becomes_packed_instructions(name):
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("reads x86-64 assembly")
    rng = random(5)
    columns = [rng.uniform(0.1, 3.0, 4096) for _ in range(arity(name))]
    if name == "select":
        columns[0] = columns[0] > 1.0
    out = compiled(name, *columns)
    (assembly,) = loop(name).inspect_asm().values()
    # A root alone counts unpacked too: older machines take no fewer cycles for two at once.
    arithmetic = re.findall(r"\tv?(?:(?:add|sub|mul|div)pd|sqrt[ps]d)\t", assembly)
    # The rest only compare, mask and move, in packed registers.
    packed = arithmetic if name in ELEMENTARY else re.findall(r"\tv?\w+\t.*%[xyz]mm", assembly)
    assert packed
    targets = re.findall(r"\t(?:call\w*|jmp|movabsq)\t\$?([A-Za-z_]\w*)", assembly)
    assert not [target for target in targets if LIBRARY.fullmatch(target)]
    best = INF
    for _ in range(5):
        start = time.perf_counter()
        for _ in range(5):
            loop(name)(*columns, out)
        best = min(best, (time.perf_counter() - start) / 5)
    print(f"{name}: {best / len(out) * 1e9:.2f} ns each, {len(arithmetic)} packed operations")


# --- properties ------------------------------------------------------------------------------------------


def close(a, b, ulps):
    return (np.abs(a - b) <= ulps * np.spacing(np.abs(b))).all()


def test_identities():
    x = random(6).uniform(-30.0, 30.0, 2000)
    assert close(compiled("exp", x) * compiled("exp", -x), np.ones(2000), 3)
    assert close(compiled("sigmoid", x) + compiled("sigmoid", -x), np.ones(2000), 1)
    assert (compiled("tanh", -x) == -compiled("tanh", x)).all()
    assert (compiled("atan", -x) == -compiled("atan", x)).all()
    assert close(compiled("softplus", x) - compiled("softplus", -x), x, 1)
    positive = np.abs(x)
    assert close(compiled("log1p", compiled("expm1", positive)), positive, 3)
    assert close(compiled("power", positive, np.full(2000, 0.5)), compiled("sqrt", positive), 1)
    assert close(compiled("atan", positive) + compiled("atan", 1.0 / positive), np.full(2000, math.pi / 2), 2)


@pytest.mark.parametrize("name", [name for name in ELEMENTARY if arity(name) == 1])
def test_never_falls(name):
    ends = {"log1p_part": (0.0, 1.0), "artanh_rest": (0.0, 0.17), "decay": (0.0, 45.0)}
    low, high = ends.get(name, (0.0 if name in ("log", "log1p", "sqrt") else -15.0, 15.0))
    x = np.sort(random(7).uniform(low, high, 3000))
    assert (np.diff(compiled(name, x)) >= 0.0).all()

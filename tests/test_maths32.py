"""The elementary functions in single precision: accuracy over all float32, special values, packed instructions."""

import functools
import inspect
import platform
import re

import numpy as np
import pytest
from mpmath import mp
from numba import njit

from lossctl import maths, maths32
from lossctl.engine import compile as compiler
from lossctl.engine.native import native

INF, NAN = np.inf, np.nan
# How many ulp each may be off.
ONE_ARGUMENT = {
    "exp": 1.0, "expm1": 1.5, "log": 1.0, "log1p": 1.0, "tanh": 1.5, "atan": 2.0, "sqrt": 0.5, "sigmoid": 2.0,
    "softplus": 2.0, "log1p_part": 1.5, "artanh_rest": 2.0,
    "decay": 1.5,
}  # fmt: skip
ANGULAR = ["sine", "cosine", "sine_degrees", "cosine_degrees"]


@functools.cache
def loop(name):
    """The function compiled into a loop over arrays, as the engine would."""
    function = native(getattr(maths, name))
    compiler.register(function)
    names = ", ".join("ab"[: len(inspect.signature(function).parameters)])
    each = ", ".join(f"{one}[i]" for one in names.split(", "))
    scope = {"function": function}
    exec(f"def run({names}, out):\n    for i in range(len(out)):\n        out[i] = function({each})", scope)
    return njit(error_model="numpy")(scope["run"])


def single(name, *columns):
    columns = [np.asarray(column, np.float32) for column in columns]
    out = np.empty(len(columns[0]), np.float32)
    loop(name)(*columns, out)
    return out


def precise(name, *numbers):
    """The exact result as an mpmath number; finite arguments within the domain."""
    x, *more = map(mp.mpf, numbers)
    if name in ANGULAR:
        angle = (x - more[0]) * (mp.pi / 180 if name.endswith("degrees") else 1)
        return mp.sin(angle) if name.startswith("sine") else mp.cos(angle)
    if name == "power":
        return mp.power(x, more[0])
    if name == "log1p_part":
        return mp.log1p(x)
    if name == "artanh_rest":
        return mp.fsum(x ** (2 * k) / (2 * k + 1) for k in range(1, 42))
    special = {
        "decay": lambda z: -mp.expm1(-z),
        "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
        "softplus": lambda z: mp.log1p(mp.exp(z)),
    }
    return special.get(name, getattr(mp, name, None))(x)


def off(name, *columns):
    """By how many ulp each result is off the exact one."""
    found = single(name, *columns)
    errors = []
    with mp.workdps(60):
        for got, *numbers in zip(found.tolist(), *(np.float32(c).tolist() for c in columns), strict=True):
            exact = precise(name, *numbers)
            if abs(exact) >= mp.mpf(2) ** 128 * (1 - mp.mpf(2) ** -25):
                errors.append(0.0 if got == float(mp.sign(exact)) * INF else INF)
                continue
            unit = float(np.spacing(np.float32(abs(float(exact)))))
            errors.append(float(abs(mp.mpf(got) - exact) / unit) if got == got else INF)
    return np.array(errors)


def any_float32(seed, n):
    """Finite numbers whose bit patterns are uniform, so all exponents, the subnormals' too, are as likely."""
    x = np.random.default_rng(seed).integers(0, 2**32, n, dtype=np.uint64).astype(np.uint32).view(np.float32)
    return x[np.isfinite(x)]


def domain(name, x):
    if name in ("log", "sqrt"):
        return np.abs(x[x != 0])
    if name == "log1p":
        return x[x > -1]
    if name == "log1p_part":
        return x[(x >= 0) & (x <= 1)]
    if name == "artanh_rest":
        return x[np.abs(x) <= 3 - 2 * np.sqrt(2)]
    if name == "decay":
        return x[(x >= 0) & (x < 1e4)]
    # Beyond this e^x is nothing to mpmath either, and takes it long.
    return x[np.abs(x) < 1e4] if name in ("exp", "expm1", "sigmoid", "softplus") else x


@pytest.mark.parametrize("name", ONE_ARGUMENT)
def test_accuracy(name):
    chance = np.random.default_rng(1)
    reductions = np.arange(-160, 140) * (np.log(2) / 2)
    x = np.concatenate([
        any_float32(2, 3000), chance.normal(0, 3, 1500), chance.uniform(-105, 89, 1500),
        1 + chance.normal(0, 0.1, 500), reductions, np.nextafter(np.float32(reductions), np.float32(INF)),
    ]).astype(np.float32)  # fmt: skip
    errors = off(name, domain(name, x))
    assert errors.max() <= ONE_ARGUMENT[name] + 1e-6


def test_accuracy_of_power():
    chance = np.random.default_rng(3)
    x = np.concatenate([np.abs(any_float32(4, 2000)), chance.uniform(0, 1, 3000), 1 + chance.normal(0, 1e-3, 1000)])
    x = np.float32(x[x > 0])
    y = np.float32(chance.normal(0, 1, len(x)) * np.exp2(chance.uniform(-12, 10, len(x))))
    y[::4] = chance.choice([0.5, 1, 2, 3, 4], len(y[::4]))
    near = np.abs(y.astype(float) * np.log(x.astype(float))) < 1000
    assert off("power", x[near], y[near]).max() <= 1.0


@pytest.mark.parametrize("name", ANGULAR)
def test_accuracy_of_angles(name):
    chance = np.random.default_rng(5)
    a, b = chance.uniform(-1000, 1000, 2000), chance.uniform(-4, 4, 2000)
    quarters = np.float32(np.arange(-40, 40) * (90 if "degrees" in name else np.pi / 2))
    assert off(name, np.concatenate([a, quarters]), np.concatenate([b, 0 * quarters])).max() <= 1.0


@pytest.mark.parametrize(
    ("name", "pairs"),
    [
        ("exp", [(0, 1), (-INF, 0), (INF, INF), (89, INF), (-104, 0), (NAN, NAN)]),
        ("expm1", [(0.0, 0.0), (-0.0, -0.0), (-INF, -1), (INF, INF), (1e-45, 1e-45), (NAN, NAN)]),
        ("log", [(0.0, -INF), (-0.0, -INF), (-1, NAN), (INF, INF), (1, 0), (NAN, NAN)]),
        (
            "log1p",
            [(0.0, 0.0), (-0.0, -0.0), (-1, -INF), (-2, NAN), (INF, INF), (-INF, NAN), (-1e-45, -1e-45), (NAN, NAN)],
        ),
        ("tanh", [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (1e-45, 1e-45), (NAN, NAN)]),
        ("atan", [(0.0, 0.0), (-0.0, -0.0), (INF, np.pi / 2), (-INF, -np.pi / 2), (NAN, NAN)]),
        ("artanh_rest", [(0.0, 0.0), (-0.0, 0.0), (1e-30, 0.0), (NAN, NAN)]),
        ("decay", [(0.0, 0.0), (-0.0, 0.0), (1e-45, 1e-45), (30, 1), (INF, 1), (NAN, NAN)]),
        ("sqrt", [(0.0, 0.0), (-0.0, -0.0), (-1, NAN), (INF, INF), (NAN, NAN)]),
        ("sigmoid", [(0, 0.5), (INF, 1), (-INF, 0), (-100, 3.783506e-44), (NAN, NAN)]),
        ("softplus", [(INF, INF), (-INF, 0), (100, 100), (NAN, NAN)]),
        (
            "scale_of",
            [(0, 1), (1, 1), (3, 0.5), (-0.75, 2), (1e-45, 2.0**126), (3e38, 2.0**-126), (INF, 2.0**-126), (NAN, NAN)],
        ),
        ("step", [(1, 1), (0, 0.5), (-1, 0), (NAN, NAN)]),
        ("slope_of_abs", [(1, 1), (0, 0), (-1, -1), (NAN, NAN)]),
    ],
)
def test_special_values(name, pairs):
    x, expected = np.ascontiguousarray(np.float32(pairs).T)
    found = single(name, x)
    np.testing.assert_array_equal(found, expected)
    assert (np.signbit(found) == np.signbit(expected))[~np.isnan(expected)].all()


@pytest.mark.parametrize("x", [0.0, 0.5, 1.0, 2.0, INF, 1e-45])
@pytest.mark.parametrize("y", [0.0, -0.0, 0.5, -1.0, 3.0, 1e30, -1e30, INF, -INF])
def test_special_powers(x, y):
    with np.errstate(all="ignore"):
        expected = np.float32(np.float64(np.float32(x)) ** np.float64(np.float32(y)))
    (found,) = single("power", [x], [y])
    assert abs(found - expected) <= 1.2e-7 * expected if np.isfinite(expected) else found == expected


def test_power_of_what_is_no_number():
    assert np.isnan(single("power", [NAN, 1, 0, -1, -INF], [0, NAN, NAN, 2, 1])).all()


def reaches_bits(function):
    """Whether a function of lossctl.maths works on the bits of doubles, and nothing of lossctl.maths32 is between."""
    if function in (maths.bits, maths.unbits):
        return True
    if getattr(maths32, function.__name__, function) is not function:
        return False
    called = (vars(maths).get(name) for name in function.__code__.co_names)
    return any(reaches_bits(one) for one in called if inspect.isfunction(one) and one is not function)


def test_what_works_on_the_bits_of_doubles_is_not_compiled_for_float32():
    public = {name: f for name, f in vars(maths).items() if inspect.isfunction(f) and not name.startswith("_")}
    assert {name for name, function in public.items() if reaches_bits(function)} == {"bits", "unbits"}


@pytest.mark.parametrize("name", [*ONE_ARGUMENT, "power"])
def test_a_loop_becomes_packed_instructions(name):
    if platform.machine().lower() not in ("x86_64", "amd64"):
        pytest.skip("reads x86-64 assembly")
    columns = [np.random.default_rng(6).uniform(0.1, 3, 4096)] * (2 if name == "power" else 1)
    single(name, *columns)
    (assembly, *_) = loop(name).inspect_asm().values()
    assert re.findall(r"\tv?(?:add|sub|mul|div|sqrt)ps\t.*%[yz]mm", assembly)
    assert not re.findall(r"\t(?:call\w*|jmp)\t_*(?:exp|log|pow|tanh|atan|expm1|log1p)f?\b", assembly)

"""Arrays in memory to a number: every loss on the shelf, its value and its gradient, and the cost of one small call."""

import pytest
from sized import case_of

from lossctl.bench.cases import DTYPES, Kind, kinds, one_of_each_shape
from lossctl.engine import kernels

ROUNDS = 5


def note(benchmark, case):
    """Keep size and speed beside the times."""
    benchmark.extra_info["items"] = case.items
    if benchmark.stats:
        median = benchmark.stats.stats.median
        benchmark.extra_info["ns_per_item"] = round(1e9 * median / case.items, 3)
        benchmark.extra_info["gigabytes_per_second"] = round(1e-9 * case.bytes / median, 2)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", list(kinds()), ids=str)
def test_value(benchmark, kind, dtype, threads, divide):
    case = case_of(kind, dtype, threads, divide)
    benchmark.group = f"value, {dtype}"
    # The first round loads or compiles the kernel.
    benchmark.pedantic(case.call(), rounds=ROUNDS, warmup_rounds=1)
    note(benchmark, case)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", list(kinds()), ids=str)
def test_value_and_gradient(benchmark, kind, dtype, threads, divide):
    case = case_of(kind, dtype, threads, divide)
    benchmark.group = f"value and gradient, {dtype}"
    benchmark.pedantic(case.call(gradient=True), rounds=ROUNDS, warmup_rounds=1)
    note(benchmark, case)


@pytest.mark.parametrize("compiled", [False, True], ids=["interpreted", "compiled"])
@pytest.mark.parametrize("name", list(one_of_each_shape()))
def test_small_call(benchmark, name, compiled):
    """A call on a few items is all overhead."""
    large = case_of(Kind(name, "", ""), "float64", divide=16)
    small = large.first(4)
    # Once there has been a large call, small ones use its compiled kernel; before, they are interpreted.
    kernels._warm.clear()
    if compiled:
        large.call()()
    benchmark.group = "call on 4 rows"
    benchmark(small.call())

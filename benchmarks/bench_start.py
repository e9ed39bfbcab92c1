"""Whole commands from start to exit, beside the imports that they cannot do without; and compiling a kernel."""

from pathlib import Path

import pytest
from commands import PYTHON, Told, lossctl, run

from lossctl.bench.cases import one_of_each_shape

ROUNDS = 10
COMMANDS = {
    "python -c pass": [PYTHON, "-c", "pass"],
    "python -c 'import typer'": [PYTHON, "-c", "import typer"],
    "lossctl --help": lossctl("--help"),
    "python -c 'import numpy'": [PYTHON, "-c", "import numpy"],
    "lossctl box giou 0,0,10,10 5,5,15,15": lossctl("box", "giou", "0,0,10,10", "5,5,15,15"),
}
COMPILE = """
import sys, time
sys.path.insert(0, {here!r})
import lossctl.engine.compile
from lossctl.bench.cases import Kind
from sized import case_of
case = case_of(Kind({name!r}, "", ""), "float64", divide=64)
start = time.perf_counter()
case.{what}()
print(time.perf_counter() - start)
"""


told = Told()


@pytest.mark.benchmark(timer=told, group="start, wall time")
@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_start(benchmark, command):
    cpu = []

    def once():
        cost = run(command)
        told.now += cost.wall
        cpu.append(cost.cpu)

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=2)
    benchmark.extra_info["median_cpu_seconds"] = sorted(cpu[2:])[ROUNDS // 2]


@pytest.mark.benchmark(timer=told, group="first call with an empty kernel cache, numba imported")
@pytest.mark.parametrize("what", ["value", "value_and_gradient"])
@pytest.mark.parametrize("name", list(one_of_each_shape()))
def test_compile(benchmark, name, what, tmp_path_factory):
    source = COMPILE.format(here=str(Path(__file__).parent), name=name, what=what)

    def once():
        empty = {"LOSSCTL_CACHE_DIR": str(tmp_path_factory.mktemp("kernels"))}
        told.now += float(run([PYTHON, "-c", source], empty).output)

    benchmark.pedantic(once, rounds=3)

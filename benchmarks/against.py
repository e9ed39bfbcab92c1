"""Time lossctl against torch and NumPy: `python benchmarks/against.py --help`."""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import platform
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import targets
import torch
from cases import DTYPES, Case, make
from interleave import Duel, duel
from rivals import NUMPY, TORCH

from lossctl.engine.cache import sources_digest

CASES = (
    ("giou", ""), ("bce", ""), ("focal", ""), ("ce", "NC"), ("ce", "NCHW"), ("mse", ""), ("smooth-l1", ""), ("dice", "")
)  # fmt: skip
HEAD = (
    "| loss | data | threads | result | lossctl ms | torch eager | torch.compile | NumPy |",
    "|---|---|---|---|---|---|---|---|",
)
# How far apart the results may be before anything is timed. torch and NumPy compute float32 data in float32.
TOLERANCE = {"float64": 1e-6, "float32": 1e-5}


def agree(name: str, dtype: str, ours: float, theirs: float) -> None:
    """Raise SystemExit when two results are not the same loss."""
    if not abs(ours - theirs) <= TOLERANCE[dtype] * abs(ours):
        raise SystemExit(f"{name}, {dtype}: lossctl says {ours!r}, the rival {theirs!r}: nothing to compare")


class Torch:
    """A loss in torch on the data of a case."""

    def __init__(self, case: Case, name: str, compile_it: bool) -> None:
        self.function = torch.compile(TORCH[name], dynamic=False) if compile_it else TORCH[name]
        self.pred = torch.from_numpy(case.pred)
        self.target = torch.from_numpy(case.target)
        if self.target.dtype == torch.uint8:  # a mask; torch gets it converted, outside the time
            self.target = self.target.to(self.pred.dtype)

    def value(self) -> float:
        """Compute the mean, without recording what a gradient would need."""
        with torch.inference_mode():
            return self.function(self.pred, self.target).item()

    def value_and_gradient(self) -> tuple[float, torch.Tensor]:
        """Compute the mean and its gradient."""
        pred = self.pred.detach().requires_grad_()
        mean = self.function(pred, self.target)
        mean.backward()
        return mean.item(), pred.grad


class Numpy:
    """A loss in NumPy on the data of a case."""

    def __init__(self, case: Case, name: str) -> None:
        self.value = functools.partial(NUMPY[name], case.pred, case.target)


def rows(options: argparse.Namespace, threads: int) -> Iterator[str]:
    """Yield the lines of the table: one for each loss, dtype and kind of result."""
    torch.set_num_threads(threads)
    for name, layout in CASES:
        if options.losses and name not in options.losses.split(","):
            continue
        for dtype in DTYPES:
            case = make(name, layout, dtype, threads, options.divide)
            torch._dynamo.reset()
            rivals: dict[str, Any] = {
                "torch eager": Torch(case, name, compile_it=False),
                "torch.compile": Torch(case, name, compile_it=True) if options.compile else None,
                "NumPy": Numpy(case, name) if threads == 1 else None,
            }
            shape = " × ".join(map(str, case.pred.shape))
            for result in ("value", "value_and_gradient"):
                fights = [fight(case, other, result, dtype, options.rounds) for other in rivals.values()]
                ours = 1e3 * median(fought.a for fought in fights if fought)
                cells = " | ".join(cell(fought) for fought in fights)
                kind = "gradient too" if "gradient" in result else "value"
                yield f"| {f'{name} {layout}'.strip()} | {shape} {dtype} | {threads} | {kind} | {ours:.1f} | {cells} |"


def fight(case: Case, other: Any, result: str, dtype: str, rounds: int) -> Duel | None:
    """Time a case against a rival, once both agree on the number; None when the rival does not take part."""
    if not hasattr(other, result):
        return None
    ours, theirs = getattr(case, result), getattr(other, result)
    if result == "value":
        agree(case.function.name, dtype, ours(), theirs())
    else:
        (value, gradient), (their_value, their_gradient) = ours(), theirs()
        agree(case.function.name, dtype, value, their_value)
        agree(case.function.name, dtype, float(np.linalg.norm(gradient)), float(their_gradient.double().norm()))
    return duel(ours, theirs, rounds)


def cell(fought: Duel | None) -> str:
    """Write how a rival did: the ratio, its interval and the rival's time."""
    return f"**{fought.ratio:.2f}** ({fought.low:.2f}–{fought.high:.2f}) {1e3 * fought.b:.1f} ms" if fought else ""


def circumstances(options: argparse.Namespace) -> str:
    """Tell machine, versions, threads and date."""
    cpu = Path("/proc/cpuinfo")
    lines = cpu.read_text().splitlines() if cpu.exists() else []
    model = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown CPU")
    versions = ", ".join(f"{name} {version(name)}" for name in ("lossctl", "numpy", "numba", "pyarrow", "torch"))
    load = ", ".join(f"{x:.2f}" for x in os.getloadavg())
    return (
        f"{date.today()}; {model}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"{versions}; load before the run {load}; {options.rounds} rounds; kernels {sources_digest()}."
    )


def main() -> None:
    """Measure and print; with --write, into RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--losses", help="only these, with commas between")
    parser.add_argument("--threads", default="1", help="for lossctl and for torch: 1, or 1,2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--divide", type=int, default=1, help="make all data this many times smaller")
    parser.add_argument("--compile", action="store_true", help="against torch.compile too; needs a C++ compiler")
    parser.add_argument("--large", action="store_true", help="measure a pair of files of 2 GB too (with --write)")
    parser.add_argument("--write", action="store_true", help="measure the targets too, and write RESULTS.md")
    options = parser.parse_args()
    conditions = circumstances(options)
    found = targets.measure(options.rounds, options.large) if options.write else []
    table = []
    for line in itertools.chain(HEAD, *(rows(options, int(threads)) for threads in options.threads.split(","))):
        print(line, flush=True)
        table.append(line)
    print("\n" + conditions)
    if options.write:
        targets.write(found, table, conditions)


if __name__ == "__main__":
    main()

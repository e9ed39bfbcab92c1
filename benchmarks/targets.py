"""What the commands should cost, and what they do cost."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from bench_reading import read_rows
from bench_start import COMMANDS
from commands import lossctl, run
from files import csv_pair, large, npy
from sized import BOXES

from lossctl.bench.statistics import Estimate, paired_ratio


class Duel(NamedTuple):
    """Median times of A and B, and how many times A's B's is."""

    a: float
    b: float
    ratio: Estimate

    def __str__(self) -> str:
        """Write the ratio and its interval."""
        return f"{self.ratio.median:.2f} × ({self.ratio.low:.2f}–{self.ratio.high:.2f})"


class Target(NamedTuple):
    """One target and what was measured."""

    what: str
    wanted: str
    measured: str
    met: bool


def measure(rounds: int, with_large: bool) -> list[Target]:
    """Measure all targets, the missed ones first."""
    with tempfile.TemporaryDirectory() as folder:
        return sorted(_measured(max(5, rounds), Path(folder), with_large), key=lambda target: target.met)


def _measured(rounds: int, folder: Path, with_large: bool) -> Iterator[Target]:
    help_, one_off = "lossctl --help", "lossctl box giou 0,0,10,10 5,5,15,15"
    for ours, bare in ((help_, "python -c 'import typer'"), (one_off, "python -c 'import numpy'")):
        wall, cpu = _commands(COMMANDS[bare], COMMANDS[ours], rounds)
        measured = (
            f"{wall}: {1e3 * wall.b:.0f} ms against {1e3 * wall.a:.0f} ms "
            f"(processor time {cpu.ratio.median:.2f} ×, {1e3 * cpu.b:.0f} ms)"
        )
        yield Target(f"`{ours}`", f"at most 1.5 × `{bare}`", measured, wall.ratio.median <= 1.5)
    giou = lossctl("box", "giou", *npy(folder, BOXES))
    run(giou)  # compiles, if it has to
    costs = [run(giou) for _ in range(rounds)]
    cpu_seconds = median(cost.cpu for cost in costs)
    measured = f"{cpu_seconds:.2f} s (wall time {median(cost.wall for cost in costs):.2f} s)"
    yield Target("GIoU of 1M pairs from NPY, process time", "below 1.2 s", measured, cpu_seconds < 1.2)
    for decimals, kind in ((2, "2 decimals"), (None, "all digits")):
        path = csv_pair(folder, BOXES, decimals)[0]
        megabytes = Path(path).stat().st_size / 1e6
        wall, cpu = (megabytes / seconds for seconds in _reading(path, rounds))
        measured = f"{wall:.0f} MB/s ({megabytes:.0f} MB; {cpu:.0f} MB per second of processor time)"
        yield Target(f"CSV of 1M boxes with {kind} to arrays", "150 MB/s or more", measured, wall >= 150)
    if with_large:
        command = lossctl("box", "giou", *large(folder))
        peaks = [run(command) for _ in range(3)]
        peak = max(cost.peak for cost in peaks) / 1e6
        measured = f"{peak:.0f} MB (wall time {median(cost.wall for cost in peaks):.1f} s)"
        yield Target("two NPY files of 1 GiB, peak memory", "below 400 MB", measured, peak < 400)


def _reading(path: str, rounds: int) -> tuple[float, float]:
    """Return the median wall and processor time of reading a file, after a first time."""
    read_rows(path)
    walls, cpus = [], []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        read_rows(path)
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
    return median(walls), median(cpus)


def _commands(a: Sequence[str], b: Sequence[str], rounds: int) -> tuple[Duel, Duel]:
    """Run two commands in turns; return how they compare in wall time and in processor time."""
    run(a), run(b)
    order = random.Random(1)
    walls, cpus = [], []
    for _ in range(rounds):
        costs = {id(command): run(command) for command in order.sample((a, b), 2)}
        walls.append((costs[id(a)].wall, costs[id(b)].wall))
        cpus.append((costs[id(a)].cpu, costs[id(b)].cpu))
    return _judged(walls), _judged(cpus)


def _judged(pairs: Sequence[tuple[float, float]]) -> Duel:
    a, b = zip(*pairs, strict=True)
    return Duel(median(a), median(b), paired_ratio(a, b))

"""Files to a printed mean: the processor time of the whole process with a warm kernel cache, and its peak memory."""

import shutil

import pytest
from commands import Told, lossctl, run
from files import csv_pair, large, npy
from sized import BOXES

ROUNDS = 5
told = Told()


@pytest.mark.benchmark(timer=told, group="1M box pairs (over --divide) to a printed mean, user + system time")
@pytest.mark.parametrize("kind", ["npy float64", "npy float32", "csv"])
def test_boxes(benchmark, kind, tmp_path, divide):
    makers = {
        "npy float64": lambda: npy(tmp_path, BOXES // divide),
        "npy float32": lambda: npy(tmp_path, BOXES // divide, "float32"),
        "csv": lambda: csv_pair(tmp_path, BOXES // divide),
    }
    command = lossctl("box", "giou", *makers[kind]())
    costs = []

    def once():
        costs.append(run(command))
        told.now += costs[-1].cpu

    benchmark.pedantic(once, rounds=ROUNDS, warmup_rounds=1)
    benchmark.extra_info["median_wall_seconds"] = sorted(cost.wall for cost in costs[1:])[ROUNDS // 2]
    benchmark.extra_info["peak_megabytes"] = round(max(cost.peak for cost in costs) / 1e6)


@pytest.mark.benchmark(timer=told, group="two files of 1 GiB to a printed mean, wall time")
def test_memory(benchmark, tmp_path, request):
    if not request.config.getoption("--large"):
        pytest.skip("takes 2 GB of disk: --large")
    command = lossctl("box", "giou", *large(tmp_path))
    peaks = []

    def once():
        cost = run(command)
        told.now += cost.wall
        peaks.append(cost.peak)

    try:
        benchmark.pedantic(once, rounds=3)
    finally:
        shutil.rmtree(tmp_path)
    benchmark.extra_info["peak_megabytes"] = round(max(peaks) / 1e6)

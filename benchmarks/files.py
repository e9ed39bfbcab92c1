"""Files of box pairs to read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import csv

from lossctl.bench.cases import Array, boxes

COLUMNS = ("x1", "y1", "x2", "y2")


def pair(n: int, dtype: str = "float64") -> tuple[Array, Array]:
    """Return n predicted boxes and their targets."""
    pred, target = boxes(np.random.default_rng(7), n)
    return pred.astype(dtype), target.astype(dtype)


def npy(folder: Path, n: int, dtype: str = "float64") -> list[str]:
    """Write a pair of NPY files."""
    paths = [folder / f"pred-{dtype}.npy", folder / f"target-{dtype}.npy"]
    for path, side in zip(paths, pair(n, dtype), strict=True):
        np.save(path, side)
    return [str(path) for path in paths]


def csv_pair(folder: Path, n: int, decimals: int | None = 2) -> list[str]:
    """Write a pair of CSV files; pixels have two decimals, None stands for all digits a float has."""
    paths = [folder / f"pred-{decimals}.csv", folder / f"target-{decimals}.csv"]
    for path, side in zip(paths, pair(n), strict=True):
        written = side if decimals is None else side.round(decimals)
        csv.write_csv(pa.table({name: written[:, i] for i, name in enumerate(COLUMNS)}), path)
    return [str(path) for path in paths]


def large(folder: Path, size: int = 1 << 30) -> list[str]:
    """Write a pair of NPY files of float32 boxes, each of about `size` bytes, one piece after the other."""
    pieces = size >> 24
    paths = []
    for path, side in zip(("pred.npy", "target.npy"), pair(1 << 20, "float32"), strict=True):
        header = {"descr": "<f4", "fortran_order": False, "shape": (pieces * len(side), 4)}
        with (folder / path).open("wb") as file:
            np.lib.format.write_array_header_1_0(file, header)
            for _ in range(pieces):
                file.write(side)
        paths.append(str(folder / path))
    return paths

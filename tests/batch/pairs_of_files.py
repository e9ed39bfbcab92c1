"""Folders of small pairs of files for the tests of batches."""

import numpy as np


def write_boxes(folder, pairs):
    """Write two folders of boxes, pair i of i % 7 + 1 rows."""
    generator = np.random.default_rng(1)
    for side in ("pred", "target"):
        (folder / side).mkdir(parents=True)
        for i in range(pairs):
            corner = generator.random((i % 7 + 1, 2)) * 10
            np.save(folder / side / f"im{i:03}.npy", np.hstack([corner, corner + generator.random((i % 7 + 1, 2)) * 9]))
    return folder


def sides(folder):
    return "--pred", f"{folder}/pred", "--target", f"{folder}/target"


def figures(answer):
    """Return the figures of a plain summary by what stands before the value."""
    return {tuple(line.split("\t")[:-1]): line.split("\t")[-1] for line in answer.out.splitlines()}

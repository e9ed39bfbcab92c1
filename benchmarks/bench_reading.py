"""Files to arrays: megabytes of text or of NPY a second, beside a plain read of the same bytes."""

from pathlib import Path

import pytest
from files import csv_pair, npy
from sized import BOXES

from lossctl.data.opening import open_source

BLOCK = 1 << 18  # rows, what a walk over boxes takes at once
ROUNDS = 5


def read_plainly(path):
    """Read a file as `cat file > /dev/null` does, 1 MiB at a time into the same memory."""
    room = memoryview(bytearray(1 << 20))
    with Path(path).open("rb", buffering=0) as file:
        while file.readinto(room):
            pass


def read_rows(path):
    """Read a file as lossctl does, and drop the blocks."""
    for _ in open_source(path, role="pred").blocks(BLOCK):
        pass


@pytest.mark.parametrize("read", [read_plainly, read_rows])
@pytest.mark.parametrize("kind", ["csv, 2 decimals", "csv, all digits", "npy"])
def test_read(benchmark, kind, read, tmp_path, divide):
    makers = {
        "csv, 2 decimals": lambda: csv_pair(tmp_path, BOXES // divide),
        "csv, all digits": lambda: csv_pair(tmp_path, BOXES // divide, decimals=None),
        "npy": lambda: npy(tmp_path, BOXES // divide),
    }
    path = makers[kind]()[0]
    benchmark.group = f"read {kind}"
    # The file is in the page cache: this measures reading, not the disk.
    benchmark.pedantic(read, args=(path,), rounds=ROUNDS, warmup_rounds=1)
    size = Path(path).stat().st_size
    benchmark.extra_info["megabytes"] = round(size / 1e6, 1)
    if benchmark.stats:
        benchmark.extra_info["megabytes_per_second"] = round(size / 1e6 / benchmark.stats.stats.median)

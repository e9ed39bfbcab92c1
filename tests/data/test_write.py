"""Files appear whole or not at all, and numbers read back to the same bits."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lossctl.data.opening import open_source
from lossctl.data.write import ArrayWriter, check_writable, replacing
from lossctl.errors import OutputError, UsageError


@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.npy", "A.CSV", "/dev/null", "/dev/stdout"])
def test_writable(tmp_path: Path, name: str) -> None:
    check_writable(os.path.join(tmp_path, name))  # noqa: PTH118
    assert list(tmp_path.iterdir()) == []


def test_not_writable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(OutputError, match="its folder does not exist"):
        check_writable(str(tmp_path / "no" / "a.csv"))
    with pytest.raises(OutputError, match="a folder, expected the name of a file"):
        check_writable(str(tmp_path))
    with pytest.raises(UsageError, match=r"unknown ending, expected one of \.csv, \.json, \.npy"):
        check_writable(str(tmp_path / "a.txt"))
    with pytest.raises(UsageError, match="unknown ending"):
        ArrayWriter(str(tmp_path / "a.json"), (1,))
    with pytest.raises(OutputError):
        check_writable("a\0.csv")
    with pytest.raises(OutputError, match="could not be written"):
        check_writable("/proc/a.csv")
    monkeypatch.chdir(tmp_path)
    check_writable("a.csv")


def test_replacing(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    with replacing(str(link)) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert link.is_symlink()
    assert path.stat().st_mode & 0o777 == 0o640
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError, OutputError])
def test_old_output_survives(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(str(path)) as file:
            file.write(b"new" * 1_000_000)
            raise error("stop")

    with pytest.raises(error):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


VALUES = [0.1, -0.0, 1e-323, 1.7976931348623157e308, 1 / 3, 5.0]


@pytest.mark.parametrize("ending", ["csv", "npy"])
@pytest.mark.parametrize("shape", [(6,), (3, 2), (1, 2, 3)])
def test_array_round_trip(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    path = str(tmp_path / f"a.{ending}")
    with ArrayWriter(path, shape) as writer:
        writer.append(VALUES[:1])
        writer.append(np.array(VALUES[1:5], ">f8"))
        writer.append(np.array(VALUES[5:], "f4"))
    read = np.concatenate([block.flat for block in open_source(path, role="a").blocks(1)])
    assert read.tobytes() == np.array(VALUES).tobytes()
    if ending == "npy":
        assert np.load(path).shape == shape


def test_csv_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    with ArrayWriter(str(path), (2, 2), columns=["x", 'a "b", c']) as writer:
        writer.append([1.0, 0.1, 1e300])
        writer.append([-0.0])
    assert path.read_text() == 'x,"a ""b"", c"\n1.0,0.1\n1e+300,-0.0\n'


@pytest.mark.parametrize("shape", [(0,), (0, 4), (3, 0)])
@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_nothing_to_write(tmp_path: Path, shape: tuple[int, ...], ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    with ArrayWriter(str(path), shape) as writer:
        writer.append([])
    assert path.stat().st_size == (0 if ending == "csv" else 128)


def test_wrong_number_of_items(tmp_path: Path) -> None:
    path = str(tmp_path / "a.npy")

    def write(count: int) -> None:
        with ArrayWriter(path, (3,)) as writer:
            writer.append([1.0] * count)

    with pytest.raises(ValueError, match="1 items fewer than shape"):
        write(2)
    with pytest.raises(ValueError, match="1 items more than shape"):
        write(4)
    assert list(tmp_path.iterdir()) == []


RUN = """
import resource, sys
from lossctl.data.write import ArrayWriter
from lossctl.errors import OutputError
path, limit = sys.argv[1], int(sys.argv[2])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with ArrayWriter(path, (1_000_000,)) as writer:
        for _ in range(100):
            writer.append([1.0] * 10_000)
except OutputError as error:
    print(error, "|", error.hint, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def run(path: str, limit: int = 0, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, path, str(limit)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("ending", ["csv", "npy"])
def test_no_room(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"a.{ending}"
    path.write_bytes(b"old")
    done = run(str(path), 1_500_000)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == f"{path}: could not be written: file too large | what was there before is intact\n"
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_full_device() -> None:
    done = run("/dev/full")
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == "/dev/full: could not be written: no space left on device | None\n"


def test_standard_output(tmp_path: Path) -> None:
    done = run("/dev/stdout")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1.0\n" * 1_000_000
    path = tmp_path / "out.txt"
    path.write_text("before\n")
    with path.open("a") as file:
        subprocess.run([sys.executable, "-c", RUN, "/dev/stdout", "0"], stdout=file, check=True, timeout=60)
    assert path.read_text().startswith("before\n1.0\n1.0\n")

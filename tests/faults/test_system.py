"""Files, streams and the machine: what is missing, in the way, full or closed."""

import os
import resource
import signal
import subprocess
import sys
from contextlib import suppress

import numpy as np
import pytest

BOX = ("1,2,3,4", "1,2,3,5")
LOSSCTL = [sys.executable, "-m", "lossctl"]


def test_missing_files_name_the_nearest(command, tmp_path):
    (tmp_path / "boxes.csv").write_text("1,2,3,4\n")
    answer = command("box", "giou", "boxes.cvs", "1,2,3,4", cwd=tmp_path)
    assert (answer.code, answer.error(), answer.hint) == (3, "boxes.cvs: no such file", "did you mean 'boxes.csv'?")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("folder", "folder: a folder, expected a file"),
        ("loop", "loop: a loop of symbolic links"),
        ("/dev/null", "/dev/null: empty file"),
        ("/dev/zero", "/dev/zero: a device or a socket, expected a file"),
        ("1,2,3,x", "1,2,3,x: no such file"),
        ("a\tb", "a\\tb: no such file"),
    ],
)
def test_what_is_no_file(command, tmp_path, name, message):
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to("loop")
    answer = command("box", "giou", name, "1,2,3,4", cwd=tmp_path)
    assert (answer.code, answer.error()) == (3, message)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(command, tmp_path):
    (tmp_path / "p.csv").write_text("1,2,3,4\n")
    (tmp_path / "p.csv").chmod(0)
    assert command("box", "giou", "p.csv", "1,2,3,4", cwd=tmp_path).error() == "p.csv: no permission to read it"


def shell(line, **env):
    """Run a line of bash; unbuffered and buffered output fail at different moments, so both are run."""
    answers = []
    for unbuffered in ("1", ""):
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", line.replace("lossctl", " ".join(LOSSCTL))],
            capture_output=True, text=True, env=os.environ | {"PYTHONUNBUFFERED": unbuffered} | env,
        )  # fmt: skip
        answers.append((done.returncode, done.stdout, done.stderr))
    assert answers[0] == answers[1]
    return answers[0]


FULL = "lossctl: error: <stdout>: could not be written: no space left on device\n"
CLOSED = "lossctl: error: <stdout>: could not be written: it is closed\n"


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("lossctl box giou 1,2,3,4 1,2,3,4 >/dev/full", (5, "", FULL)),
        ("lossctl box giou 1,2,3,4 1,2,3,4 --format json >/dev/full", (5, "", FULL)),
        ("lossctl box giou --help >/dev/full", (5, "", FULL)),
        ("lossctl list >/dev/full", (5, "", FULL)),
        ("lossctl box giou 1,2,3,4 1,2,3,4 >&-", (5, "", CLOSED)),
        ("lossctl box giou 1,2,3,4 1,2,3,4 -q 2>&-", (0, "0\n", "")),
        ("lossctl box giou 1,2,3,4 1,2,3 2>/dev/full", (3, "", "")),
        ("lossctl box giou 1,2,3,4 1,2,3 >&- 2>&- <&-", (3, "", "")),
        ("lossctl box giou - 1,2,3,4 <&-", (3, "", "lossctl: error: <stdin>: standard input is closed\n")),
        ("lossctl box giou - 1,2,3,4 </dev/null", (3, "", "lossctl: error: <stdin>: empty file\n")),
        ("lossctl list | true", (141, "", "")),
        ("lossctl box giou 1,2,3,4 1,2,3 --format json >/dev/full",
         (3, "", "lossctl: error: target: 3 numbers in a row, expected 4\n")),
    ],
)  # fmt: skip
def test_streams(line, answer):
    assert shell(line) == answer


def test_head_is_silent(tmp_path):
    # More than a pipe holds.
    (tmp_path / "p.csv").write_text("0.3\n" * 30_000)
    (tmp_path / "t.csv").write_text("0.1\n" * 30_000)
    line = f"{' '.join(LOSSCTL)} regression mae {tmp_path}/p.csv {tmp_path}/t.csv --reduction=none | head -1"
    for unbuffered in ("1", ""):
        env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, env=env)
        assert (done.returncode, done.stdout, done.stderr) == (141, f"{0.3 - 0.1!r}\n", "")


def test_a_full_disk_takes_no_half_results(tmp_path):
    (tmp_path / "p.csv").write_text("0,0,3,4\n" * 1000)
    line = f"ulimit -f 1; trap '' XFSZ; {' '.join(LOSSCTL)} box giou p.csv p.csv --reduction=none > out"
    for unbuffered in ("1", ""):
        env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=env, cwd=tmp_path)
        assert done.returncode == 5
        assert done.stderr == "lossctl: error: <stdout>: could not be written: file too large\n"


@pytest.fixture
def before(tmp_path):
    """A folder with an earlier output and boxes that make a gradient larger than any buffer."""
    (tmp_path / "old.csv").write_text("earlier\n")
    (tmp_path / "old.npy").write_text("earlier\n")
    np.save(tmp_path / "p.npy", np.arange(24_000.0).reshape(-1, 4))
    return tmp_path


def unharmed(folder):
    return (
        (folder / "old.csv").read_text() == (folder / "old.npy").read_text() == "earlier\n"
        and sorted(path.name for path in folder.iterdir()) == ["old.csv", "old.npy", "p.npy"]
    )  # fmt: skip


@pytest.mark.parametrize("output", [("-o", "old.csv"), ("--gradient", "old.npy"), ("--gradient", "old.csv")])
@pytest.mark.parametrize("trouble", ["data", "limit"])
def test_earlier_output_survives(command, before, output, trouble):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (50, 50))

    options = {"preexec_fn": limit} if trouble == "limit" else {}
    target = "p.npy" if trouble == "limit" else "1,2,3,4"
    answer = command("box", "giou", "p.npy", target, *output, cwd=before, **options)
    assert answer.code == (5 if trouble == "limit" else 3)
    if trouble == "limit":
        assert answer.error() == f"{output[1]}: could not be written: file too large"
        assert answer.hint == "what was there before is intact"
    else:
        assert answer.error() == "6000 predictions but 1 target (p.npy 6000x4, target 1x4)"
    assert unharmed(before)


@pytest.mark.parametrize(
    ("output", "message"),
    [("gone/a.csv", "gone/a.csv: its folder does not exist"), (".", ".: a folder, expected the name of a file")],
)
@pytest.mark.parametrize("option", ["-o", "--gradient"])
def test_unwritable_places_are_found_before_computing(here, before, monkeypatch, option, output, message):
    monkeypatch.chdir(before)
    monkeypatch.setattr("lossctl.run.evaluate.evaluate", None)
    answer = here("box", "giou", *BOX, option, output)
    assert (answer.code, answer.error()) == (5, message)


def test_dev_full_as_output(command):
    answer = command("box", "giou", *BOX, "-o", "/dev/full")
    assert (answer.code, answer.error()) == (5, "/dev/full: could not be written: no space left on device")


@pytest.mark.parametrize("option", ["-o", "--gradient"])
@pytest.mark.parametrize("name", ["p.npy", "./p.npy", "link.npy"])
def test_an_input_is_no_output(here, before, monkeypatch, option, name):
    monkeypatch.chdir(before)
    (before / "link.npy").symlink_to("p.npy")
    data = (before / "p.npy").read_bytes()
    answer = here("box", "giou", "p.npy", "p.npy", option, name)
    assert (answer.code, answer.error()) == (2, f"{name} is an input")
    assert (before / "p.npy").read_bytes() == data


def test_not_enough_memory_is_a_limit(command, tmp_path):
    with (tmp_path / "p.npy").open("wb") as file:
        header = f"{{'descr': '<f8', 'fortran_order': True, 'shape': ({1 << 24}, 4), }}\n".encode()
        file.write(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
        file.truncate(10 + len(header) + (4 << 27))

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (700 << 20, 700 << 20))

    # In a pipe, columns have to be held until the last one came.
    with subprocess.Popen(["cat", tmp_path / "p.npy"], stdout=subprocess.PIPE) as cat:
        few = {"OPENBLAS_NUM_THREADS": "1"}
        answer = command("box", "giou", "-", "1,2,3,4", env=few, stdin=cat.stdout, preexec_fn=limit)
        cat.kill()
    assert answer.code == 6
    assert "memory" in answer.error()


@pytest.mark.parametrize(
    "env",
    [{"NUMBA_DISABLE_JIT": "1"}, {"NUMBA_NUM_THREADS": "1"}, {"LC_ALL": "C"}, {"TERM": "dumb"}, {"COLUMNS": "20"}],
)
def test_environments(command, env):
    answer = command("box", "giou,iou", "0,0,4,4", "0,0,4,2", "--threads=8", env=env)
    assert answer == (0, "giou\t0.5\niou\t0.5\n", "")


def test_a_file_that_shrinks_while_it_is_read(tmp_path):
    fifo, file = tmp_path / "fifo", tmp_path / "p.csv"
    os.mkfifo(fifo)
    file.write_text("1,2\n" * 3_000_000)
    process = subprocess.Popen(
        [*LOSSCTL, "regression", "mae", file, fifo], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    # The prediction is open and looked at; its reading waits for the target.
    with suppress(BrokenPipeError), fifo.open("w") as target:
        target.write("1,2\n" * 10_000)
        target.flush()
        file.write_text("1,2\n" * 1_000)
        target.write("1,2\n" * 2_990_000)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (3, "")
    assert err == f"lossctl: error: {file}: the file changed while it was read\n"

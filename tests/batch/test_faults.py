"""What goes wrong around a batch and a comparison, through the real command: one line, the right exit, nothing lost."""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from pairs_of_files import figures, sides

LARGE = 40_000_000


def manifest(path, count, last=""):
    """Write a manifest of many rows, and perhaps another row below them."""
    rows = "".join(f"image-{i:07},pred/im{i % 9:03}.npy,target/im{i % 9:03}.npy,{i % 4}\n" for i in range(count))
    path.write_text(f"id,pred,target,group\n{rows}{last}")
    return path


def hollow(path, count=LARGE):
    """Write an array of zeros that takes no room on the disk."""
    np.save(path, np.zeros(0))
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (count,)})
        file.truncate(file.tell() + 8 * count)
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,pred\na,b\n", ":1: no column target"),
        ("name,pred,target\na,b,c\n", ":1: no column id"),
        ("id,id,pred,target\na,b,c,d\n", ":1: duplicate column name 'id'"),
        ("id;pred;target\na;b;c\n", ":1: no column id and pred and target"),
        ("", ": empty file"),
        ("id,pred,target\n\n", ": no rows, only a header"),
        ("id,pred,target\na,b,c\n\nd,e,f\n", ":3: blank line"),
        ("id,pred,target\na,\0,c\n", ":2: "),
        ("id,pred,target\na,b\x1b[31m,c\n", ": no such file"),
    ],
)
def test_manifests_that_are_none(command, tmp_path, text, message):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    answer = command("batch", "giou", "--manifest", path, "-o", tmp_path / "rows.csv")
    assert answer.code == 3
    assert message in answer.error()
    assert "\x1b" not in answer.err
    assert not (tmp_path / "rows.csv").exists()


def test_a_long_manifest_with_an_error_in_its_last_row(command, few):
    """The line is told, nothing is on stdout, and a row costs about half a kilobyte."""
    count = 200_000
    path = manifest(few / "long.csv", count, "image-0000001,pred/a.npy,target/a.npy,1\n")

    def limit():
        resource.setrlimit(resource.RLIMIT_AS, (400 << 20, 400 << 20))

    answer = command("batch", "giou", "--manifest", path, env={"OPENBLAS_NUM_THREADS": "1"}, preexec_fn=limit)
    assert (answer.code, answer.error()) == (3, f"{path}:{count + 2}: id image-0000001 is also in line 3")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (["--pred", "{few}/pred/*.png", "--target", "{few}/target"], "pred: no file matches {few}/pred/*.png"),
        (["--pred", "{few}/empty", "--target", "{few}/target"], "pred: no .npy .csv .gz in the folder {few}/empty"),
        (["--pair", "{few}/pred/{{id}}.png", "{few}/target/{{id}}.npy"], "pred: no file is like {few}/pred/{{id}}.png"),
        (
            ["--pred", "{few}/twice", "--target", "{few}/target"],
            "pred: {few}/twice/a.csv and {few}/twice/a.npy are both 'a'",
        ),
    ],
)  # fmt: skip
def test_globs_that_find_nothing_or_too_much(command, few, line, message):
    (few / "empty").mkdir()
    (few / "twice").mkdir()
    for ending in ("csv", "npy"):
        (few / f"twice/a.{ending}").write_text("")
    answer = command("batch", "giou", *(part.format(few=few) for part in line))
    assert (answer.code, answer.error()) == (3, message.format(few=few))


def test_two_runs_on_one_output(many, start, command, tmp_path):
    """The second is refused while the first is at it, and the first does not notice."""
    path = tmp_path / "rows.csv"
    first = start("giou,ciou", *sides(many), "-o", path, "--threads", "1")
    journal = tmp_path / "rows.csv.journal"
    while not journal.exists() or not journal.stat().st_size:
        assert first.poll() is None
        time.sleep(0.001)
    os.kill(first.pid, signal.SIGSTOP)
    for option in ([], ["--resume"], ["--restart"]):
        answer = command("batch", "giou,ciou", *sides(many), "-o", path, *option)
        assert (answer.code, answer.error()) == (2, f"{path}.journal: another run is writing it")
    os.kill(first.pid, signal.SIGCONT)
    first.communicate(timeout=60)
    assert first.returncode == 0
    assert len(path.read_text().splitlines()) == 401


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs a folder that nobody may write to")
@pytest.mark.parametrize("option", ["-o", "--junit"])
def test_a_folder_that_cannot_be_written_to(command, few, option):
    path = "/proc/rows.csv" if option == "-o" else "/proc/report.xml"
    answer = command("batch", "giou", *sides(few), option, path)
    assert (answer.code, answer.error()) == (5, f"{path}: could not be written: no such file or directory")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_that_is_read_only(command, few):
    path = few / "rows.csv"
    path.write_text("before\n")
    path.chmod(0o444)
    answer = command("batch", "giou", *sides(few), "-o", path)
    assert (answer.code, answer.error()) == (5, f"{path}: no permission to write it")
    assert path.read_text() == "before\n"


def test_a_disk_that_is_full_when_all_is_computed(command, few, tmp_path):
    """Rows of a comparison that do not fit: what was there before is intact, and no piece of it is left."""
    base = few / "rows.csv"
    assert command("batch", "giou,ciou", *sides(few), "-o", base).code == 0
    path = tmp_path / "moved.csv"
    path.write_text("before\n")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    answer = command("compare", base, base, "-o", path, preexec_fn=limit)
    assert (answer.code, answer.error()) == (5, f"{path}: could not be written: file too large")
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == ["moved.csv"]
    assert path.read_text() == "before\n"
    with Path("/dev/full").open("w") as full:
        answer = command("compare", base, base, stdout=full)
    assert (answer.code, answer.err.splitlines()[0]) == (
        5,
        "lossctl: error: <stdout>: could not be written: no space left on device",
    )


@pytest.mark.parametrize("pause", [0, 0.02, 0.1])
def test_ctrl_c_twice(many, start, command, tmp_path, pause):
    """The second says no more than the first, and takes nothing away."""
    path = tmp_path / "rows.csv"
    process = start("giou,ciou", *sides(many), "-o", path)
    journal = tmp_path / "rows.csv.journal"
    while not journal.exists() or journal.stat().st_size < 2000:
        assert process.poll() is None
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    time.sleep(pause)
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert err == b"lossctl: interrupted; what is computed is kept: --resume goes on\n"
    assert command("batch", "giou,ciou", *sides(many), "-o", path, "--resume").code == 0
    assert len(path.read_text().splitlines()) == 401


def opened(process, path):
    """Wait until a process has a file open."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None
        with suppress(OSError):
            if any(fd.readlink() == path for fd in Path(f"/proc/{process.pid}/fd").iterdir()):
                return
    raise AssertionError("it was never opened")


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see open files")
@pytest.mark.parametrize("how", ["vanishes", "shrinks", "grows", "is rewritten"])
def test_a_file_that_changes_while_it_is_read(start, tmp_path, how):
    """Whenever it happens after the file was opened, the pair has no value: exit 3, and the error names the file."""
    for side in ("pred", "target"):
        (tmp_path / side).mkdir()
        hollow(tmp_path / side / "a.npy")
    path = tmp_path / "pred/a.npy"
    process = start("mae", *sides(tmp_path), "-o", tmp_path / "rows.csv")
    opened(process, path)
    if how == "vanishes":
        path.unlink()
    elif how == "is rewritten":
        hollow(tmp_path / "b.npy").replace(path)
    else:
        os.truncate(path, 4096 if how == "shrinks" else path.stat().st_size + 4096)
    out, err = process.communicate(timeout=60)
    told, *rest = err.decode().splitlines()
    assert (process.returncode, out) == (3, b"")
    assert told.startswith(f"lossctl: error: pair a: {path}: ")
    assert all(line.startswith("  hint: ") for line in rest)
    assert not (tmp_path / "rows.csv").exists()


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see open files")
def test_a_pair_that_fails_so_is_tried_again(start, command, tmp_path):
    for side in ("pred", "target"):
        (tmp_path / side).mkdir()
        hollow(tmp_path / side / "b.npy")
        np.save(tmp_path / side / "a.npy", np.zeros(3))
    process = start("mae", *sides(tmp_path), "-o", tmp_path / "rows.csv", "--on-error", "skip")
    opened(process, tmp_path / "pred/b.npy")
    os.truncate(tmp_path / "pred/b.npy", 4096)
    process.communicate(timeout=60)
    assert process.returncode == 4
    assert len((tmp_path / "rows.csv").read_text().splitlines()) == 2
    for side in ("pred", "target"):
        np.save(tmp_path / side / "b.npy", np.zeros(5))
    answer = command("batch", "mae", *sides(tmp_path), "-o", tmp_path / "rows.csv", "--resume")
    assert (answer.code, figures(answer)["mae", "count"]) == (0, "8")


def test_a_pipe_that_is_closed(many, command, tmp_path):
    base = tmp_path / "rows.csv"
    assert command("batch", "giou", *sides(many), "-o", base).code == 0
    python = f"{sys.executable} -m lossctl"
    for line in (f"compare {base} {base}", f"batch giou --pred {many}/pred --target {many}/target --dry-run"):
        found = subprocess.run(
            ["bash", "-o", "pipefail", "-c", f"{python} {line} | true"], capture_output=True, check=False
        )
        assert (found.returncode, found.stderr) == (141, b"")


def test_the_journal_of_another_loss_file(command, few):
    """A loss of one's own that was edited between run and resume is another loss."""
    own, path = few / "mine.py", few / "rows.csv"
    text = '"""Mine."""\n\n\ndef value(pred, target):\n    return {}\n'
    own.write_text(text.format("abs(pred - target)"))
    np.save(few / "target/im011.npy", np.zeros((1, 1)))
    assert command("batch", own, *sides(few), "-o", path).code == 3
    own.write_text(text.format("2 * abs(pred - target)"))
    answer = command("batch", own, *sides(few), "-o", path, "--resume")
    assert (answer.code, answer.error()) == (3, f"{path}.journal: it is of a loss file that has changed")


def test_bytes_that_were_changed(here, few):
    """Whatever is done to a manifest or to rows, it ends in a result or in an error of the data."""
    import pyarrow.csv
    import pyarrow.parquet as pq

    chance = random.Random(11)
    files = [manifest(few / "m.csv", 5), few / "m.parquet", few / "r.csv", few / "r.jsonl", few / "r.parquet"]
    pq.write_table(pyarrow.csv.read_csv(files[0]), files[1])
    for file in files[2:]:
        assert here("batch", "giou", *sides(few), "-o", file).code == 0
    pieces = [b'"', b"\0", b"\n", b",", b"\r", b"\xff", b"1e999", b"nan", b"{", b"[", b"-inf", b"null", b"\xef\xbb\xbf"]
    for turn in range(120):
        file = files[turn % len(files)]
        data = bytearray(file.read_bytes())
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.randrange(len(data))
            data[at : at + chance.randrange(3)] = chance.choice([*pieces, bytes([chance.randrange(256)])])
        changed = few / f"changed{file.suffix}"
        changed.write_bytes(data)
        rows = "compare", file, changed, "--unmatched", "skip", "--worst", "0"
        answer = here(*(rows if file.stem == "r" else ("batch", "giou", "--manifest", changed, "--dry-run")))
        assert answer.code in (0, 3, 6), (answer, bytes(data))


def test_text_that_is_none(here, few):
    """Parquet that says text and holds other bytes."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    broken = pa.array([b"a\xff"], pa.binary()).view(pa.string())
    path = few / "m.parquet"
    pq.write_table(pa.table({"id": broken, "pred": ["a"], "target": ["b"], "giou": [1.0]}), path)
    for line in (("batch", "giou", "--manifest", path), ("compare", path, path)):
        answer = here(*line)
        assert (answer.code, answer.error()[: len(str(path))]) == (3, str(path))


def test_errors_as_json(command, few):
    answer = command("compare", few / "a.csv", few / "b.csv", "--format", "json")
    record = json.loads(answer.out)
    assert (answer.code, answer.err, record["schema"]) == (3, "", "lossctl.error/1")
    answer = command("batch", "giou", "--manifest", manifest(few / "m.csv", 3, "x,,,\n"), "--format", "json")
    record = json.loads(answer.out)["error"]
    assert (answer.code, record["path"], record["line"], record["exit"]) == (3, str(few / "m.csv"), 5, 3)

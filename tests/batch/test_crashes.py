"""A batch is crash-only: whatever stops it, --resume ends in the bytes of a run that nothing stopped."""

import os
import random
import resource
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from pairs_of_files import figures, sides


@pytest.fixture(scope="module")
def whole(many, tmp_path_factory):
    """The rows of a run that nothing stopped, and its summary."""
    import subprocess
    import sys

    path = tmp_path_factory.mktemp("whole") / "rows.csv"
    line = [sys.executable, "-m", "lossctl", "batch", "giou,ciou", *sides(many), "-o", str(path), "--threads", "1"]
    done = subprocess.run(line, capture_output=True, check=True)
    assert not path.with_suffix(".csv.journal").exists()
    return path.read_bytes(), done.stdout.decode()


@pytest.mark.parametrize("ending", ["csv", "shard"])
def test_killed_at_random_and_resumed(many, whole, start, command, tmp_path, ending):
    """Ten kills -9, at points of a journal that grows, then a last run that ends."""
    chance = random.Random(ending)
    rows = tmp_path / "rows.csv"
    path = rows if ending == "csv" else tmp_path / "rows.jsonl"
    line = ["giou,ciou", *sides(many), "-o", path, "--resume", *(["--shard", "2/2"] * (ending == "shard"))]
    journal = tmp_path / f"{path.name}.journal"
    stopped = 0
    for _ in range(10):
        before = journal.stat().st_size if journal.exists() else 0
        process = start(*line, "--threads", str(chance.choice([1, 2])))
        wanted = before + chance.randrange(3000)
        while process.poll() is None and (not journal.exists() or journal.stat().st_size <= wanted):
            time.sleep(0.001)
        process.kill()
        process.communicate()
        stopped += process.returncode == -signal.SIGKILL
        if chance.random() < 0.5 and journal.exists():
            # What a power cut does to the end of a file.
            data = journal.read_bytes()
            torn = data[: max(0, len(data) - chance.randrange(1, 200))]
            journal.write_bytes(chance.choice([torn, data + bytes(64), data + data[data[:-1].rfind(b"\n") + 1 :]]))
    assert stopped >= 3
    answer = command("batch", *line)
    assert answer.code == 0
    assert not journal.exists()
    if ending == "csv":
        assert (rows.read_bytes(), answer.out) == whole
        return
    other = command("batch", "giou,ciou", *sides(many), "-o", tmp_path / "other.jsonl", "--shard", "1/2")
    assert other.code == 0
    answer = command("merge", path, tmp_path / "other.jsonl", "-o", rows)
    assert (rows.read_bytes(), answer.out) == whole


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_hand(many, whole, start, command, tmp_path, number):
    path = tmp_path / "rows.csv"
    process = start("giou,ciou", *sides(many), "-o", path)
    journal = tmp_path / "rows.csv.journal"
    while not journal.exists() or journal.stat().st_size < 2000:
        assert process.poll() is None
        time.sleep(0.001)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 0.3 + 0.3  # as much again for a machine that is busy
    assert (process.returncode, out) == ({signal.SIGINT: 130, signal.SIGTERM: 143}[number], b"")
    told = b"lossctl: interrupted; what is computed is kept: --resume goes on\n"
    assert err == (told if number == signal.SIGINT else b"")
    assert command("batch", "giou,ciou", *sides(many), "-o", path).error() == f"{journal}: a run that did not finish"
    answer = command("batch", "giou,ciou", *sides(many), "-o", path, "--resume")
    assert (path.read_bytes(), answer.out) == whole


def unfinished(here, few):
    """Leave a journal behind: one pair has no valid boxes."""
    good = np.load(few / "pred/im006.npy")
    np.save(few / "pred/im006.npy", good[:, ::-1])
    path = few / "rows.csv"
    answer = here("batch", "giou", *sides(few), "-o", path)
    assert answer.code == 3
    assert answer.error().startswith(f"pair im006: {few}/pred/im006.npy: row 0: inverted box")
    assert not path.exists()
    np.save(few / "pred/im006.npy", good)
    return path, few / "rows.csv.journal"


def test_a_journal_is_neither_overwritten_nor_mistaken(here, few):
    path, journal = unfinished(here, few)
    kept = journal.read_bytes()
    answer = here("batch", "giou", *sides(few), "-o", path)
    assert (answer.code, answer.error()) == (2, f"{journal}: a run that did not finish")
    assert answer.hint == "--resume continues it, --restart begins anew"
    answer = here("batch", "ciou", *sides(few), "-o", path, "--resume")
    assert answer.code == 3
    assert answer.error().startswith(f"{journal}: it is of giou|reduction=mean|")
    for file in ("pred/im011.npy", "target/im011.npy"):
        (few / file).unlink()
    answer = here("batch", "giou", *sides(few), "-o", path, "--resume")
    assert (answer.code, answer.error()) == (3, f"{journal}: it is of another pairing")
    assert journal.read_bytes() == kept
    assert here("batch", "giou", *sides(few), "-o", path, "--restart").code == 0
    assert not journal.exists()
    assert len(path.read_text().splitlines()) == 1 + 11


@pytest.mark.parametrize("content", [b"", b'{"schema":"loss', bytes(100)])
def test_a_journal_of_which_there_is_less_than_a_line(here, few, content):
    path, journal = unfinished(here, few)
    journal.write_bytes(content)
    assert here("batch", "giou", *sides(few), "-o", path, "--resume").code == 0


def test_a_file_that_is_no_journal_is_left_alone(here, few):
    path, journal = unfinished(here, few)
    journal.write_text("my notes\n")
    answer = here("batch", "giou", *sides(few), "-o", path, "--resume")
    assert (answer.code, answer.error()) == (3, f"{journal}: not a journal of lossctl")
    assert journal.read_text() == "my notes\n"


def test_inputs_that_change_between_run_and_resume(here, few):
    path, _ = unfinished(here, few)
    np.save(few / "pred/im002.npy", np.load(few / "target/im002.npy"))
    answer = here("batch", "giou", *sides(few), "-o", path, "--resume")
    resumed = path.read_bytes()
    assert b"\nim002,3,0,0,giou|" in resumed
    assert here("batch", "giou", *sides(few), "-o", path).out == answer.out
    assert path.read_bytes() == resumed


def test_two_runs_on_one_output(many, start, command, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "rows.csv"
    journal = tmp_path / "rows.csv.journal"
    with journal.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        for option in ([], ["--resume"], ["--restart"]):
            answer = command("batch", "giou", *sides(many), "-o", path, *option)
            assert (answer.code, answer.error()) == (2, f"{journal}: another run is writing it")


def test_a_disk_that_is_full(many, command, tmp_path):
    """What fits into the journal is kept, and the output that was there before is intact."""
    path = tmp_path / "rows.csv"
    path.write_text("before\n")

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))

    answer = command("batch", "giou", *sides(many), "-o", path, "--threads", "1", preexec_fn=limit)
    assert answer.code == 5
    assert answer.error() == f"{path}.journal: could not be written: file too large"
    assert answer.hint == "what is in it is kept: make room, then --resume"
    assert path.read_text() == "before\n"
    assert 7000 < path.with_suffix(".csv.journal").stat().st_size <= 8000
    answer = command("batch", "giou", *sides(many), "-o", path, "--resume")
    assert answer.code == 0
    assert len(path.read_text().splitlines()) == 401


def test_places_that_cannot_be_written(here, command, few):
    answer = here("batch", "giou", *sides(few), "-o", few / "nowhere/rows.csv")
    assert (answer.code, answer.error()) == (5, f"{few}/nowhere/rows.csv: its folder does not exist")
    answer = here("batch", "giou", *sides(few), "-o", few / "rows.txt")
    assert (answer.code, answer.error()) == (
        2,
        f"{few}/rows.txt: unknown ending, expected one of .csv, .jsonl, .parquet",
    )
    answer = here("batch", "giou", *sides(few), "-o", few / "pred/im001.npy")
    assert answer.code == 2
    with Path("/dev/full").open("w") as full:
        assert command("batch", "giou", *sides(few), stdout=full).code == 5


def test_a_file_that_vanishes(here, few):
    """A pair that fails under skip is told of, is in no row, and is tried again by --resume."""
    manifest = few / "pairs.csv"
    names = [f"im{i:03}" for i in range(12)]
    manifest.write_text("id,pred,target\n" + "".join(f"{n},pred/{n}.npy,target/{n}.npy\n" for n in names))
    (few / "pred/im004.npy").rename(few / "away.npy")
    path, errors = few / "rows.csv", few / "rows.errors.csv"
    line = "batch", "giou", "--manifest", manifest, "-o", path, "--on-error", "skip"
    answer = here(*line)
    assert answer.code == 4
    assert figures(answer)[("failed",)] == "1"
    told = f"1 of 12 pairs failed: im004: {few}/pred/im004.npy: no such file"
    assert answer.err == f"lossctl: {told}; all of them: {errors}; --resume tries them again\n"
    assert errors.read_text().splitlines() == ["id,exit,message", f"im004,3,{few}/pred/im004.npy: no such file"]
    assert len(path.read_text().splitlines()) == 12
    (few / "away.npy").rename(few / "pred/im004.npy")
    answer = here(*line, "--resume")
    assert answer.code == 0
    assert not errors.exists()
    assert len(path.read_text().splitlines()) == 13
    assert not (few / "rows.csv.journal").exists()


def workers_of(process):
    """Return the processes that a batch has started."""
    return [int(number) for number in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to see children")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_is_left_behind(many, start, tmp_path, number):
    """Neither by kill -9 nor by Ctrl-C, which goes to the workers as well."""
    process = start("giou,ciou", *sides(many), "-o", tmp_path / "rows.csv", "--threads", "2")
    journal = tmp_path / "rows.csv.journal"
    while not journal.exists() or journal.stat().st_size < 1500:
        assert process.poll() is None
        time.sleep(0.001)
    workers = workers_of(process)
    for each in [process.pid, *workers] if number == signal.SIGINT else [process.pid]:
        os.kill(each, number)
    process.communicate(timeout=20)
    assert process.returncode == (130 if number == signal.SIGINT else -number)
    deadline = time.monotonic() + 5
    while left := [worker for worker in workers if alive(worker)]:
        assert time.monotonic() < deadline, f"{left} are still there"
        time.sleep(0.01)
    assert len(workers) == 2


def alive(worker):
    try:
        return ") Z" not in Path(f"/proc/{worker}/stat").read_text()
    except OSError:
        return False


def test_a_worker_that_is_killed(many, start, tmp_path):
    """As the kernel does it when there is no memory: the batch says so, and what is computed is kept."""
    process = start("giou,ciou", *sides(many), "-o", tmp_path / "rows.csv", "--threads", "2")
    deadline = time.monotonic() + 20
    while not (workers := workers_of(process)):
        assert process.poll() is None
        assert time.monotonic() < deadline
    os.kill(workers[0], signal.SIGKILL)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 6
    assert err.decode().splitlines()[0] == "lossctl: error: a worker process was killed"
    assert (tmp_path / "rows.csv.journal").exists()

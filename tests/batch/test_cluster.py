"""A batch on Dask ends in the bytes of a run here; whoever is killed, what is computed stays."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from dask_processes import Cluster
from pairs_of_files import sides

from lossctl.batch import cluster as tasks
from lossctl.batch import connection

pytest.importorskip("distributed")

SLOW = '''"""Slow error."""

import time


def value(pred, target):
    time.sleep(0.002)
    return abs(pred - target)


def slope(pred, target):
    return 1.0 if pred > target else -1.0
'''


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """A scheduler with two workers."""
    running = Cluster(tmp_path_factory.mktemp("dask"))
    running.worker()
    running.worker()
    yield running
    running.stop()


@pytest.fixture
def slow(tmp_path, here):
    """Pairs of a loss file that takes its time, and the rows of a run here."""
    folder = tmp_path / "slow"
    generator = np.random.default_rng(2)
    for side in ("pred", "target"):
        (folder / side).mkdir(parents=True)
        for i in range(120):
            np.save(folder / side / f"n{i:03}.npy", generator.random(i % 7 + 3))
    (folder / "slow.py").write_text(SLOW)
    line = [folder / "slow.py", *sides(folder)]
    answer = here("batch", *line, "-o", folder / "here.csv")
    assert answer.code == 0
    return line, folder / "here.csv", answer.out


def until(condition, process=None):
    """Wait for what is to happen."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.005)


def size(path):
    return path.stat().st_size if path.exists() else 0


def test_the_bytes_of_a_run_here(here, many, dask, tmp_path):
    wanted = here("batch", "giou,ciou+0.5*diou", *sides(many), "-o", tmp_path / "here.csv")
    answer = here(
        "batch", "giou,ciou+0.5*diou", *sides(many), "-o", tmp_path / "there.csv", "--scheduler", dask.address
    )
    assert answer == wanted
    assert (tmp_path / "there.csv").read_bytes() == (tmp_path / "here.csv").read_bytes()
    assert not (tmp_path / "there.csv.journal").exists()


def test_relative_paths(many, dask, command, tmp_path):
    line = ["batch", "giou", "--pred", "pred/*::0..3", "--target", "target/*.npy", "--on-error", "skip"]
    answer = command(*line, "--scheduler", dask.address, cwd=many)
    assert "giou.npy" not in answer.err
    assert (answer.code, answer.err.count("an NPY file has no columns to choose")) == (4, 1)
    answer = command("batch", "giou", "--pred", "pred", "--target", "target", "--scheduler", dask.address, cwd=many)
    assert answer == command("batch", "giou", "--pred", "pred", "--target", "target", cwd=many)


@pytest.mark.parametrize("shape", [(70_000, 4), (12, 3, 31, 33)])
def test_large_pairs_are_split(here, dask, tmp_path, monkeypatch, shape):
    """The lines of the journal are the same, so is whatever is made of them."""
    generator = np.random.default_rng(3)
    for side in ("pred", "target"):
        (tmp_path / side).mkdir()
        for i in range(3):
            array = generator.random(shape)
            array[..., 2:] += array[..., :2] if shape[-1] == 4 else 0
            if side == "target" and len(shape) == 4:
                array = generator.integers(0, 3, (12, 31, 33))
            np.save(tmp_path / side / f"a{i}.npy", array)
    losses = ["giou"] if len(shape) == 2 else ["dice,ce", "--input", "logits", "--aggregate", "per-image"]
    line = ["batch", *losses, *sides(tmp_path), "--shard", "1/1"]
    assert here(*line, "-o", tmp_path / "here.jsonl").code == 0
    monkeypatch.setattr(tasks, "PART", 40_000)
    begun = []
    begin = tasks._Large.begin
    monkeypatch.setattr(tasks._Large, "begin", lambda self, split: (begun.append(split), begin(self, split)))
    assert here(*line, "-o", tmp_path / "there.jsonl", "--scheduler", dask.address).code == 0
    assert (tmp_path / "there.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()
    assert {split.number for split in begun} == {0, 1, 2}
    assert all(len(split.parts) > 3 for split in begun)


def test_an_error_in_a_part_is_told_as_it_is_here(here, dask, tmp_path, monkeypatch):
    for side in ("pred", "target"):
        (tmp_path / side).mkdir()
        np.save(tmp_path / side / "a.npy", np.tile([0.0, 0, 1, 1], (20_000, 1)))
    pred = np.tile([0.0, 0, 1, 1], (20_000, 1))
    pred[17_770] = pred[17_770, ::-1]
    np.save(tmp_path / "pred/a.npy", pred)
    monkeypatch.setattr(tasks, "PART", 40_000)
    wanted = here("batch", "giou", *sides(tmp_path))
    assert here("batch", "giou", *sides(tmp_path), "--scheduler", dask.address) == wanted
    assert "row 17770: inverted box" in wanted.error()


def test_a_worker_that_is_killed(start, dask, slow, tmp_path):
    """What it was at is done by another one."""
    line, wanted, summary = slow
    path = tmp_path / "there.csv"
    victim = dask.worker()
    time.sleep(1)
    process = start(*line, "-o", path, "--scheduler", dask.address)
    until(lambda: size(tmp_path / "there.csv.journal") > 3000, process)
    victim.kill()
    out, err = process.communicate(timeout=40)
    assert (process.returncode, out.decode(), err) == (0, summary, b"")
    assert path.read_bytes() == wanted.read_bytes()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_client_that_is_stopped_goes_on(start, here, dask, slow, tmp_path, number):
    line, wanted, summary = slow
    path = tmp_path / "there.csv"
    process = start(*line, "-o", path, "--scheduler", dask.address)
    until(lambda: size(tmp_path / "there.csv.journal") > 3000, process)
    began = time.monotonic()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert time.monotonic() - began < 0.3 + 0.5  # more than here: the machine has workers to do as well
    told = b"lossctl: interrupted; what is computed is kept: --resume goes on\n"
    assert (process.returncode, out) == (130 if number == signal.SIGINT else -number, b"")
    assert err == (told if number == signal.SIGINT else b"")
    answer = here("batch", *line, "-o", path, "--resume", "--scheduler", dask.address)
    assert (answer.code, answer.out) == (0, summary)
    assert path.read_bytes() == wanted.read_bytes()


def test_what_fails_within_dask_is_not_logged(dask):
    """An interruption makes its callbacks fail now and then, in a thread of its own."""
    code = f"""
import threading
from lossctl.batch.connection import connected
with connected({dask.address!r}) as cluster:
    done = threading.Event()
    loop = cluster._client.loop
    loop.add_callback(lambda: 1 / 0)
    loop.add_callback(done.set)
    assert done.wait(10)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=40)
    assert (process.returncode, process.stdout, process.stderr) == (0, b"", b"")


def test_files_that_changed_are_computed_anew(here, few, dask):
    good = np.load(few / "pred/im006.npy")
    np.save(few / "pred/im006.npy", good[:, ::-1])
    path = few / "rows.csv"
    line = ["batch", "giou", *sides(few), "-o", path, "--scheduler", dask.address]
    answer = here(*line, "--on-error", "skip")
    assert answer.code == 4
    np.save(few / "pred/im006.npy", good)
    np.save(few / "pred/im002.npy", np.load(few / "target/im002.npy"))
    assert here(*line, "--resume").code == 0
    resumed = path.read_bytes()
    assert b"im002,3,0,0" in resumed
    assert here("batch", "giou", *sides(few), "-o", path).code == 0
    assert path.read_bytes() == resumed


def test_urls(here, few, dask, web):
    """Workers read them; the stamps tell what has changed since."""
    few.rename(web.folder / "few")
    path = web.folder / "rows.csv"
    line = ["batch", "giou", "--pred", f"{web.url}/few/pred/*.npy", "--target", f"{web.url}/few/target/", "-o", path]
    assert here(*line).code == 0
    wanted = path.read_bytes()
    assert here("batch", "giou", *sides(web.folder / "few"), "-o", path).code == 0
    assert path.read_bytes() == wanted
    web.faults = [404]
    assert here(*line, "--scheduler", dask.address, "--on-error", "skip").code == 4
    np.save(web.folder / "few/pred/im002.npy", np.load(web.folder / "few/target/im002.npy"))
    os.utime(web.folder / "few/pred/im002.npy", (0, 0))
    assert here(*line, "--scheduler", dask.address, "--resume").code == 0
    resumed = path.read_bytes()
    assert b"im002,3,0,0" in resumed
    assert here("batch", "giou", *sides(web.folder / "few"), "-o", path).code == 0
    assert path.read_bytes() == resumed


def test_workers_of_this_machine(command, start, slow, tmp_path):
    line, wanted, summary = slow
    path = tmp_path / "there.csv"
    process = start(*line, "-o", path, "--scheduler", "local:2")
    until(lambda: size(tmp_path / "there.csv.journal") > 3000, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert err == b"lossctl: interrupted; what is computed is kept: --resume goes on\n"
    answer = command("batch", *line, "-o", path, "--scheduler", "local:2", "--resume")
    assert (answer.code, answer.out, answer.err) == (0, summary, "")
    assert path.read_bytes() == wanted.read_bytes()


def test_a_scheduler_that_is_killed(start, command, slow, tmp_path):
    line, wanted, summary = slow
    own = Cluster(tmp_path)
    try:
        path = tmp_path / "there.csv"
        own.worker(threads=2)
        process = start(*line, "-o", path, "--scheduler", own.address)
        until(lambda: size(tmp_path / "there.csv.journal") > 3000, process)
        own.running[0].kill()
        out, err = process.communicate(timeout=40)
        told = f"lossctl: error: the scheduler at {own.address} is gone\n  hint: --resume goes on from here\n"
        assert (process.returncode, out, err.decode()) == (6, b"", told)
    finally:
        own.stop()
    answer = command("batch", *line, "-o", path, "--resume")
    assert (answer.code, answer.out) == (0, summary)
    assert path.read_bytes() == wanted.read_bytes()


def test_a_scheduler_without_workers(here, few, tmp_path, monkeypatch):
    monkeypatch.setattr(connection, "WORKERS", 0.5)
    own = Cluster(tmp_path)
    try:
        answer = here("batch", "giou", *sides(few), "--scheduler", own.address)
        assert (answer.code, answer.error()) == (6, f"the scheduler at {own.address} has no workers")
        assert answer.hint.startswith(f"dask worker {own.address}")
    finally:
        own.stop()


def test_nobody_there(here, few, web, monkeypatch):
    monkeypatch.setattr(connection, "CONNECT", 0.3)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
        began = time.monotonic()
        answer = here("batch", "giou", *sides(few), "-o", few / "rows.csv", "--scheduler", address)
        assert (answer.code, answer.error()) == (6, f"no scheduler at {address}: connection refused")
        assert time.monotonic() - began < 3
        assert not (few / "rows.csv.journal").exists()
    address = web.url.replace("http", "tcp")
    answer = here("batch", "giou", *sides(few), "--scheduler", address)
    assert (answer.code, answer.error()) == (6, f"no Dask scheduler answers at {address}")


@pytest.mark.parametrize("address", ["local", "local:0", "127.0.0.1:8786", "tcp://here", "http://here:80", ""])
def test_addresses_that_are_none(here, few, address):
    answer = here("batch", "giou", *sides(few), "--scheduler", address or " ")
    assert (answer.code, answer.hint) == (2, "tcp://host:8786, or local:4 for workers of this machine")


def test_options_that_do_not_go_together(here, few):
    answer = here("batch", "giou", *sides(few), "--scheduler", "local:2", "--threads", "2")
    assert (answer.code, answer.error()) == (2, "--threads with --scheduler")


def test_dask_is_not_installed(here, few, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    answer = here("batch", "giou", *sides(few), "--scheduler", "local:2")
    assert (answer.code, answer.hint) == (2, "pip install 'lossctl[cluster]'")


def test_a_worker_of_another_build(here, few, dask, monkeypatch):
    monkeypatch.setattr(connection, "build", lambda: {"lossctl": "0.0.9", "numba": "0"})
    answer = here("batch", "giou", *sides(few), "-o", few / "rows.csv", "--scheduler", dask.address)
    assert answer.code == 6
    assert "has another build of lossctl: lossctl 0.1.0 and not 0.0.9, sources of lossctl " in answer.error()
    assert not (few / "rows.csv").exists()


def test_a_worker_that_does_not_see_the_files(here, few, dask):
    """What is in the memory of this process is nowhere else."""
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    for side in ("pred", "target"):
        memory.pipe(f"/few/{side}.npy", (few / side / "im003.npy").read_bytes())
    manifest = few / "pairs.csv"
    manifest.write_text("id,pred,target\na,memory://few/pred.npy,memory://few/target.npy\n")
    line = ["batch", "giou", "--manifest", manifest, "-o", few / "rows.csv", "--on-error", "skip"]
    answer = here(*line, "--scheduler", dask.address)
    assert answer.code == 6
    assert answer.error().endswith(" does not see memory://few/pred.npy")
    assert here(*line, "--resume").code == 0
    manifest.write_text("id,pred,target\na,gone.npy,gone.npy\n")
    answer = here("batch", "giou", "--manifest", manifest, "--scheduler", dask.address)
    assert (answer.code, answer.error()) == (3, f"pair a: {few}/gone.npy: no such file")


def test_a_loss_file_that_is_wrong(here, slow, dask):
    line, _, _ = slow
    Path(line[0]).write_text(SLOW.replace("abs(pred - target)", "pred.sign"))
    answer = here("batch", *line, "--scheduler", dask.address)
    assert answer.code == 2
    assert answer.error() == f"{line[0]}:8: AttributeError: 'float' object has no attribute 'sign'"


def test_a_loss_that_kills_its_workers(here, slow, tmp_path):
    line, _, _ = slow
    Path(line[0]).write_text(SLOW.replace("import time", "import os").replace("time.sleep(0.002)", "os._exit(9)"))
    answer = here("batch", *line, "-o", tmp_path / "rows.csv", "--scheduler", "local:1")
    assert answer.code == 6
    assert answer.error().startswith("workers were killed again and again by pairs n0")

"""Threads that compute side by side: every block once, errors told, nothing held, and they come again after sleep."""

import gc
import os
import threading
import time
import weakref

import pytest

from lossctl.engine.watch import Cell
from lossctl.run import helpers
from lossctl.run.workers import Workers, guided


@pytest.fixture(params=[helpers.PATIENCE, 0], ids=["watching", "sleeping"])
def patience(request, monkeypatch):
    monkeypatch.setattr(helpers, "PATIENCE", request.param)
    helpers.helpers.cache_clear()
    yield request.param
    helpers.helpers.cache_clear()


@pytest.mark.parametrize("threads", [2, 3, 7])
@pytest.mark.parametrize("blocks", [1, 4, 5, 64, 1000])
def test_ranges_cover_all_blocks(blocks, threads):
    ranges = guided(blocks, threads)
    assert [block for lo, hi in ranges[::-1] for block in range(lo, hi)] == list(range(blocks))
    assert all(hi > lo for lo, hi in ranges)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_block_is_done_once(threads):
    for _ in range(50):
        done = []
        Workers(threads).spread(200, lambda lo, hi, done=done: done.extend(range(lo, hi)))
        assert sorted(done) == list(range(200))


@pytest.mark.usefixtures("patience")
def test_a_thread_that_sleeps_is_woken():
    for _ in range(3):
        time.sleep(0.05)
        assert len(threads_of(2)) == 2


def threads_of(threads):
    """Return the threads that took part; the first part waits until another thread has one."""
    seen = set()
    both = threading.Event()

    def work(lo, hi):
        seen.add(threading.get_ident())
        if len(seen) == threads:
            both.set()
        assert both.wait(10)

    Workers(threads).spread(100, work)
    return seen


@pytest.mark.usefixtures("patience")
def test_an_error_of_another_thread_is_raised():
    here = threading.get_ident()
    begun = threading.Event()

    def work(lo, hi):
        if threading.get_ident() == here:
            assert begun.wait(10)
        else:
            begun.set()
            raise ZeroDivisionError("there")

    with pytest.raises(ZeroDivisionError, match="there"):
        Workers(2).spread(100, work)
    assert len(threads_of(2)) == 2


@pytest.mark.usefixtures("patience")
def test_an_error_here_leaves_the_rest():
    here = threading.get_ident()
    done = []

    def work(lo, hi):
        if threading.get_ident() == here:
            raise ZeroDivisionError("here")
        time.sleep(0.01)
        done.append(lo)

    with pytest.raises(ZeroDivisionError, match="here"):
        Workers(2).spread(1000, work)
    assert len(done) < len(guided(1000, 2))


def test_what_was_worked_on_is_not_held():
    class Data:
        pass

    data = Data()
    gone = weakref.ref(data)
    assert len(threads_of(2)) == 2
    Workers(2).spread(100, lambda lo, hi, data=data: None)
    del data
    for _ in range(100):
        gc.collect()
        if gone() is None:
            return
        time.sleep(0.01)
    pytest.fail("a thread holds it")


@pytest.mark.usefixtures("patience")
def test_many_threads_ask_at_once():
    totals = []

    def ask():
        for _ in range(30):
            done = []
            Workers(3).spread(100, lambda lo, hi, done=done: done.extend(range(lo, hi)))
            totals.append(sum(done))

    askers = [threading.Thread(target=ask) for _ in range(4)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert totals == [sum(range(100))] * 120


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_has_threads_of_its_own():
    assert len(threads_of(2)) == 2
    child = os.fork()
    if not child:
        os._exit(0 if len(threads_of(2)) == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0


def test_a_cell_is_watched():
    cell = Cell()
    assert not cell.changed(0, 100, 0)
    cell.number = 3
    assert cell.changed(0, 1, 0)
    setter = threading.Timer(0.05, setattr, (cell, "number", 4))
    setter.start()
    start = time.perf_counter()
    assert cell.changed(3, 1 << 40, 10)
    assert time.perf_counter() - start >= 0.04
    setter.join()

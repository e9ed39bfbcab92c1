"""Turns, with a clock that only works move on."""

import gc

import pytest

from lossctl.bench import clock as clocks
from lossctl.bench.clock import FEWEST, REST, calibrated, timed, turns


class Watch:
    """A clock, and works that take as long as they say."""

    def __init__(self):
        self.now = 0.0
        self.called = []

    def __call__(self):
        return self.now

    def work(self, name, *seconds):
        """Return a work whose calls take so long, the last of them from then on."""
        rest = list(seconds)

        def call():
            self.called.append(name)
            self.now += rest.pop(0) if len(rest) > 1 else rest[0]

        return call


@pytest.fixture
def watch():
    return Watch()


@pytest.fixture(autouse=True)
def rests(monkeypatch):
    """Rests, which take no time here."""
    taken = []
    monkeypatch.setattr(clocks.time, "sleep", taken.append)
    return taken


def test_time_of_one_call(watch):
    assert timed(watch.work("a", 0.25), 4, watch) == 0.25
    assert watch.called == ["a"] * 4


@pytest.mark.parametrize("each", [2.0, 1e-3, 4e-4, 1e-5, 1e-7])
def test_turns_take_long_enough_but_not_much_longer(watch, each):
    repeats = calibrated(watch.work("a", each), 1e-3, watch)
    assert repeats == 1 if each >= 1e-3 else 1e-3 <= repeats * each <= 1.2e-3 + each


def test_a_clock_that_stands_still_at_first(watch):
    assert calibrated(watch.work("a", *[0.0] * 300, 1e-3), 1e-3, watch) > 100


def test_a_first_guess_that_is_far_too_low(watch):
    # The first call is ten times as fast as all others.
    assert 100 <= calibrated(watch.work("a", 1e-6, 1e-5), 1e-3, watch) <= 1000


def test_every_round_has_a_turn_of_each_in_random_order(watch):
    works = [watch.work("a", 1.0), watch.work("b", 3.0)]
    collected, repeats = turns(works, 40, clock=watch)
    assert (collected, repeats) == ([(1.0, 3.0)] * 40, [1, 1])
    # Two calls calibrate; of the two of a turn the first is not timed.
    rounds = ["".join(watch.called[2 + i : 6 + i : 2]) for i in range(0, 160, 4)]
    assert set(rounds) == {"ab", "ba"}
    assert 10 < rounds.count("ab") < 30


def test_every_turn_begins_with_a_rest_and_a_call_that_are_not_timed(watch, rests):
    watch.called = rests
    a, b = watch.work("a", 1.0, 7.0, 1.0, 7.0, 1.0, 7.0, 1.0, 7.0, 1.0, 7.0, 1.0), watch.work("b", 3.0)
    collected, _ = turns([a, b], 5, clock=watch)
    assert collected == [(1.0, 3.0)] * 5
    assert rests[:2] == ["a", "b"]  # two calls calibrate
    assert rests[2::3] == [REST] * 10
    assert rests[3::3] == rests[4::3]
    assert sorted(rests[3::3]) == ["a"] * 5 + ["b"] * 5


def test_order_comes_from_the_seed(watch):
    def order(seed):
        watch.called.clear()
        turns([watch.work("a", 1.0), watch.work("b", 1.0)], 20, seed=seed, clock=watch)
        return list(watch.called)

    assert order(1) == order(1) != order(2)


def test_a_budget_ends_the_rounds_but_for_the_fewest(watch):
    works = [watch.work("a", 1.0)]
    # A round takes two of them: one call is not timed.
    assert len(turns(works, 100, seconds=16.0, clock=watch)[0]) == 8
    assert len(turns(works, 100, seconds=0.1, clock=watch)[0]) == FEWEST
    assert len(turns(works, 3, seconds=0.1, clock=watch)[0]) == 3


def test_garbage_is_collected_before_and_not_meanwhile(watch):
    seen = []
    turns([lambda: seen.append(gc.isenabled()) or watch.work("a", 1.0)()], 5, clock=watch)
    assert set(seen) == {False}
    assert gc.isenabled()


def test_a_work_that_raises_leaves_the_collector_on(watch):
    def fails():
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - nothing else is in there
        turns([fails], 5, clock=watch)
    assert gc.isenabled()

"""When kernels are compiled."""

from lossctl.engine import kernels
from lossctl.loss import find

READING = ("", "", "", "error")


def test_many_small_calls_are_compiled_in_the_end(monkeypatch):
    monkeypatch.setattr(kernels, "_warm", set())
    monkeypatch.setattr(kernels, "_interpreted", {})
    fast = [kernels.choose(find("mae"), {}, READING, 10_000)[0] for _ in range(30)]
    assert fast == sorted(fast)
    assert fast.index(True) == kernels.PATIENCE // 10_000 + 1
    assert not kernels.choose(find("mse"), {}, READING, 10_000)[0]


def test_a_large_call_is_compiled_at_once_and_others_after_it(monkeypatch):
    monkeypatch.setattr(kernels, "_warm", set())
    assert [kernels.choose(find("mae"), {}, READING, size)[0] for size in (10, kernels.SMALL + 1, 10)] == [
        False, True, True,
    ]  # fmt: skip

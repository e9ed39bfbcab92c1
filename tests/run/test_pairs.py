"""All pairs: what the pair costs written out beside its like, to the bit, whatever the shape of the matrix."""

import numpy as np
import pytest
from cases import NAMES, boxes, loss_of

import lossctl
from lossctl.data.source import Source
from lossctl.engine.sums import BLOCK
from lossctl.requests import requests
from lossctl.run import pairs
from lossctl.run.options import Options
from lossctl.run.sides import ArraySource

BOXES = [name for name in NAMES if loss_of(name).shape == "boxes"]


def sides(n, m):
    return boxes(n, seed=1)[0], boxes(m, seed=2)[0]


def written_out(pred, target):
    """Return both boxes of every pair, in the order of the matrix."""
    return np.repeat(pred, len(target), axis=0), np.tile(target, (len(pred), 1))


@pytest.mark.parametrize("name", BOXES)
def test_a_pair_is_what_it_is_alone(name):
    pred, target = sides(7, 5)
    loss = lossctl.loss(name)
    matrix = loss.pairs(pred, target)
    assert matrix.shape == (7, 5)
    assert matrix.dtype == np.float64
    assert np.array_equal(matrix, loss(*written_out(pred, target), reduction="none").reshape(7, 5))


@pytest.mark.parametrize("name", ["giou", "focal-eiou", "wiou(version=3)"])
@pytest.mark.parametrize("shape", [(1, 9000), (9000, 1), (3, 20000), (20000, 3), (130, 127), (1024, 64)])
def test_every_shape_gives_the_bits_of_pairs_written_out(name, shape):
    pred, target = sides(*shape)
    loss = lossctl.loss(name)
    both = written_out(pred, target)
    assert np.array_equal(loss.pairs(pred, target), loss(*both, reduction="none").reshape(shape))
    for reduction in ("mean", "sum"):
        expected = loss(*both, reduction=reduction)
        for threads in (1, 3):
            assert loss.pairs(pred, target, reduction=reduction, threads=threads) == expected


def test_pieces_make_no_difference(monkeypatch):
    pred, target = sides(100, 333)
    whole = lossctl.loss("ciou").pairs(pred, target), lossctl.loss("ciou").pairs(pred, target, reduction="mean")
    monkeypatch.setattr(pairs, "PIECE", BLOCK)
    assert np.array_equal(lossctl.loss("ciou").pairs(pred, target), whole[0])
    assert lossctl.loss("ciou").pairs(pred, target, reduction="mean") == whole[1]


def test_other_formats_and_types():
    pred, target = sides(6, 4)
    sizes = np.concatenate([pred[:, :2], pred[:, 2:] - pred[:, :2]], axis=1)
    loss = lossctl.loss("giou")
    expected = loss(*written_out(sizes, target), pred_format="xywh", reduction="none").reshape(6, 4)
    assert np.array_equal(loss.pairs(sizes, target, pred_format="xywh"), expected)
    single = pred.astype(np.float32)
    both = written_out(single.astype(np.float64), target)
    assert np.array_equal(loss.pairs(single, target), loss(*both, reduction="none").reshape(6, 4))


def test_the_weighted_mean_is_that_of_all_pairs():
    pred, target = sides(40, 30)
    loss = lossctl.loss("focal-eiou")
    shares = (1 - lossctl.loss("iou").pairs(pred, target)) ** 0.5
    assert loss.pairs(pred, target, reduction="mean") == pytest.approx(loss.pairs(pred, target).sum() / shares.sum())


def test_a_normalizer_divides_the_sum():
    pred, target = sides(4, 3)
    loss = lossctl.loss("iou")
    assert loss.pairs(pred, target, reduction="mean", normalizer=5) == loss.pairs(pred, target, reduction="sum") / 5


def test_counts_are_of_pairs_and_degenerate_ones_of_boxes():
    pred = [[0, 0, 1, 1], [2, 2, 2, 5], [0, 0, 3, 3]]
    target = [[0, 0, 1, 1], [4, 4, 9, 4]]
    result = lossctl.evaluate("giou", np.array(pred), np.array(target), pairs="all")
    assert (result.count, result.degenerate, result.value) == (6, 2, None)
    assert np.shape(result.values) == (3, 2)
    assert "|pairs=all|reduction=none|" in result.signature
    assert [side.shape for side in result.inputs] == [(3, 4), (2, 4)]


@pytest.mark.parametrize("size", [3, 300])
def test_what_is_not_finite(size):
    pred, target = sides(size, size)
    target[1, 2] = np.nan
    loss = lossctl.loss("giou")
    with pytest.raises(lossctl.DataError, match=r"target row 1: coordinate that is not finite"):
        loss.pairs(pred, target)
    good = np.delete(target, 1, axis=0)
    skipped = loss.pairs(pred, target, nonfinite="skip")
    assert np.isnan(skipped[:, 1]).all()
    assert np.array_equal(np.delete(skipped, 1, axis=1), loss.pairs(pred, good))
    expected = np.mean(loss.pairs(pred, good))
    assert loss.pairs(pred, target, nonfinite="skip", reduction="mean") == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize(("side", "row"), [(0, 2), (1, 250)])
def test_an_inverted_box_is_named_once(side, row):
    both = [*sides(300, 260)]
    both[side][row] = [9, 9, 1, 1]
    with pytest.raises(lossctl.DataError) as caught:
        lossctl.loss("giou").pairs(*both)
    role = ("pred", "target")[side]
    assert str(caught.value) == f"{role} row {row}: inverted box (9, 9, 1, 1): x2 < x1 and y2 < y1"


def test_nothing_is_handed_out_before_all_boxes_are_looked_at():
    pred, target = sides(300, 260)
    target[259] = [9, 9, 1, 1]

    class Sink:
        def begin(self, shape):
            raise AssertionError("begun")

        append = begin

    with pytest.raises(lossctl.DataError):
        pairs.evaluate_pairs(
            requests("giou"), ArraySource(pred, "pred"), ArraySource(target, "target"),
            Options(pairs="all", reduction="none"), [Sink()],
        )  # fmt: skip


class Once(ArraySource):
    """A source that can be read once."""

    rereadable = False

    def blocks(self, rows):
        assert not hasattr(self, "read"), "read twice"
        self.read = True
        return super().blocks(rows)


def test_a_pipe_is_read_once():
    pred, target = sides(5, 4)
    once: list[Source] = [Once(pred, "pred"), Once(target, "target")]
    options = Options(pairs="all", reduction="mean")
    asked = [*requests("giou"), *requests("wiou(version=2)")]
    found = pairs.evaluate_pairs(asked, *once, options)
    assert [result.value for result in found] == [
        lossctl.loss(str(request)).pairs(pred, target, reduction="mean") for request in asked
    ]


def test_too_large_a_matrix_is_not_held(monkeypatch):
    monkeypatch.setattr(pairs.Held, "most", 11)
    with pytest.raises(lossctl.LimitError, match="4x3 losses are too many to hold in memory"):
        lossctl.loss("iou").pairs(*sides(4, 3))
    assert lossctl.loss("iou").pairs(*sides(4, 3), reduction="mean") > 0


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"weights": [1.0, 1.0]}, "weights with pairs"),
        ({"pairs": "some"}, "pairs is 'some'; expected all"),
        ({"match": "greedy"}, "pairs and match"),
    ],
)
def test_what_does_not_go_together(keywords, told):
    with pytest.raises(lossctl.UsageError, match=told):
        lossctl.loss("iou")(*sides(2, 2), **{"pairs": "all", **keywords})


def test_no_gradient_and_no_other_shape():
    with pytest.raises(lossctl.UsageError, match="no gradient of all pairs"):
        lossctl.loss("iou").gradient(*sides(2, 2), pairs="all")
    with pytest.raises(lossctl.UsageError, match="pairs has no effect on mse"):
        lossctl.loss("mse").pairs([1.0], [2.0])
    with pytest.raises(lossctl.DataError, match="pred: no boxes"):
        lossctl.loss("iou").pairs(np.zeros((0, 4)), sides(1, 1)[1])

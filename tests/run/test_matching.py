"""Matching, against plain searches: all permutations of small sets, and the greedy of COCO written out."""

import itertools
import sys

import numpy as np
import pytest
from cases import boxes
from hypothesis import given, settings
from hypothesis import strategies as st

import lossctl
from lossctl.run import matching


def iou(p, g):
    """Return the IoU of two boxes, from its definition."""
    width, height = (max(0.0, min(p[k + 2], g[k + 2]) - max(p[k], g[k])) for k in (0, 1))
    area = [(b[2] - b[0]) * (b[3] - b[1]) for b in (p, g)]
    union = sum(area) - width * height
    return width * height / union if union else 0.0


def crowd(seed, n, m):
    """Return boxes that overlap a lot, in three groups, with scores of which some are equal."""
    chance = np.random.default_rng(seed)
    pred, target = (np.sort(chance.uniform(0, 10, (count, 2, 2)), axis=1).reshape(count, 4) for count in (n, m))
    # Corners: sorted along the axis of the two corners, so x1 <= x2 and y1 <= y2.
    groups = [chance.integers(0, 3, count).tolist() for count in (n, m)]
    return pred, target, groups, chance.integers(0, 4, n) / 4


def coco(pred, target, groups, scores, threshold):
    """Go through the predictions by falling score; each takes the free target of the highest IoU."""
    taken = {}
    for i in sorted(range(len(pred)), key=lambda i: -scores[i]):
        best = None
        for j in range(len(target)):
            overlap = iou(pred[i], target[j])
            free = j not in taken.values() and groups[0][i] == groups[1][j]
            if free and overlap >= threshold and (best is None or overlap > best[0]):
                best = overlap, j
        if best is not None:
            taken[i] = best[1]
    return sorted(taken.items())


def by_iou(pred, target, groups, threshold):
    """Take the pair of the highest IoU again and again."""
    taken = []
    while True:
        free = [
            (-iou(pred[i], target[j]), i, j)
            for i, j in itertools.product(range(len(pred)), range(len(target)))
            if groups[0][i] == groups[1][j] and all(i != a and j != b for a, b in taken)
        ]
        free = [pair for pair in free if -pair[0] >= threshold]
        if not free:
            return sorted(taken)
        taken.append(min(free)[1:])


def largest_sum(pred, target, groups, threshold):
    """Return the largest sum of IoU of all ways to assign."""
    best = 0.0
    for order in itertools.permutations([*range(len(target)), *[None] * len(pred)], len(pred)):
        pairs = [(i, j) for i, j in enumerate(order) if j is not None and groups[0][i] == groups[1][j]]
        best = max(best, sum(x for i, j in pairs if (x := iou(pred[i], target[j])) >= threshold))
    return best


def found(answer):
    return list(zip(answer.pred.tolist(), answer.target.tolist(), strict=True))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("threshold", [0.05, 0.3])
def test_greedy_by_score(seed, threshold):
    pred, target, groups, scores = crowd(seed, 25, 20)
    answer = lossctl.match(
        pred, target, "greedy", threshold, pred_groups=groups[0], target_groups=groups[1], scores=scores
    )
    expected = coco(pred, target, groups, scores, threshold)
    assert expected
    assert found(answer) == expected
    assert (answer.matched, answer.missed, answer.spurious) == (len(expected), 20 - len(expected), 25 - len(expected))


@pytest.mark.parametrize("seed", range(12))
def test_greedy_by_iou(seed):
    pred, target, groups, _ = crowd(seed, 15, 20)
    answer = lossctl.match(pred, target, threshold=0.1, pred_groups=groups[0], target_groups=groups[1])
    assert found(answer) == by_iou(pred, target, groups, 0.1)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("n", "m"), [(4, 3), (3, 5), (4, 4)])
def test_hungarian_has_the_largest_sum(seed, n, m):
    pytest.importorskip("scipy")
    pred, target, _, _ = crowd(seed, n, m)
    groups = [0] * n, [0] * m
    answer = lossctl.match(pred, target, "hungarian", threshold=0.1)
    overlaps = [iou(pred[i], target[j]) for i, j in found(answer)]
    assert all(overlap >= 0.1 for overlap in overlaps)
    assert sum(overlaps) == pytest.approx(largest_sum(pred, target, groups, 0.1), abs=1e-12)


def test_hungarian_gives_up_the_best_pair_for_the_sum():
    pytest.importorskip("scipy")
    pred = [[0, 0, 10, 10], [0, 0, 10, 6]]
    target = [[0, 0, 10, 9], [0, 0, 10, 13]]
    # IoU: 9/10 and 10/13; 6/9 and 6/13.
    assert found(lossctl.match(pred, target, "greedy", 0.4)) == [(0, 0), (1, 1)]
    assert found(lossctl.match(pred, target, "hungarian", 0.4)) == [(0, 1), (1, 0)]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(["greedy", "hungarian"]), st.integers(0, 9), st.integers(0, 9))
def test_a_matching_is_one_to_one_within_groups(seed, method, n, m):
    pred, target, groups, _ = crowd(seed, n, m)
    answer = lossctl.match(pred, target, method, 0.2, pred_groups=groups[0], target_groups=groups[1])
    pairs = found(answer)
    assert len({i for i, _ in pairs}) == len({j for _, j in pairs}) == answer.matched == len(pairs)
    assert pairs == sorted(pairs)
    assert all(groups[0][i] == groups[1][j] and iou(pred[i], target[j]) >= 0.2 - 1e-12 for i, j in pairs)
    assert (answer.matched + answer.spurious, answer.matched + answer.missed) == (n, m)
    # Nothing that could still be matched is left.
    left = [sorted(set(range(count)) - set(used)) for count, used in ((n, answer.pred.tolist()), (m, answer.target))]
    rest = [iou(pred[i], target[j]) for i in left[0] for j in left[1] if groups[0][i] == groups[1][j]]
    assert all(overlap < 0.2 + 1e-12 for overlap in rest)


@pytest.mark.parametrize("tenths", range(1, 10))
def test_the_threshold_itself_is_enough(tenths):
    # 0.9 and 0.1 are no sums of powers of two: 1 - (1 - 0.1) is less than 0.1.
    pred, target = [[0, 0, 10, 10]], [[0, 0, 10, tenths]]
    assert lossctl.match(pred, target, threshold=tenths / 10).matched == 1
    assert lossctl.match(pred, target, threshold=tenths / 10 + 1e-9).matched == 0


def test_batches_make_no_difference(monkeypatch):
    pred, target, groups, _ = crowd(3, 200, 150)
    asked = {"threshold": 0.1, "pred_groups": groups[0], "target_groups": groups[1]}
    whole = found(lossctl.match(pred, target, **asked))
    monkeypatch.setattr(matching, "BATCH", 64)
    assert found(lossctl.match(pred, target, **asked)) == whole


def test_boxes_that_are_not_finite_match_nothing():
    pred, target = boxes(5)
    pred[2, 0] = np.nan
    with pytest.raises(lossctl.DataError, match="pred row 2: coordinate that is not finite"):
        lossctl.match(pred, target)
    answer = lossctl.match(pred, target, threshold=0.01, nonfinite="skip")
    assert 2 not in answer.pred
    assert answer.matched == 4


def test_the_loss_is_that_of_the_pairs_and_the_gradient_has_the_shape_of_all():
    pred, target, groups, scores = crowd(1, 30, 20)
    by = groups[0], groups[1]
    keywords = {"match": "greedy", "match_threshold": 0.1, "match_by": by, "match_score": scores}
    answer = lossctl.match(pred, target, threshold=0.1, pred_groups=groups[0], target_groups=groups[1], scores=scores)
    loss = lossctl.loss("ciou")
    pair = pred[answer.pred], target[answer.target]
    value, gradient = loss.value_and_gradient(pred, target, **keywords)
    expected, slopes = loss.value_and_gradient(*pair)
    assert value == expected == loss(pred, target, **keywords)
    assert gradient.shape == (30, 4)
    assert np.array_equal(gradient[answer.pred], slopes)
    assert not np.delete(gradient, answer.pred, axis=0).any()
    assert np.array_equal(loss(pred, target, reduction="none", **keywords), loss(*pair, reduction="none"))
    result = lossctl.evaluate("wiou(version=3)", pred, target, **keywords)
    assert result.value == lossctl.loss("wiou(version=3)")(*pair)
    assert result.matching.counts() == {"matched": answer.matched, "missed": answer.missed, "spurious": answer.spurious}
    assert "|match=greedy(threshold=0.1,by=given,score=given)|" in result.signature


@pytest.mark.parametrize(
    ("keywords", "error", "told"),
    [
        ({"threshold": 0}, lossctl.UsageError, "match_threshold is 0; expected an IoU above 0, up to 1"),
        ({"threshold": 1.5}, lossctl.UsageError, "match_threshold is 1.5"),
        ({"method": "best"}, lossctl.UsageError, "match is 'best'; expected greedy, hungarian"),
        ({"pred_groups": [1, 2, 3]}, lossctl.UsageError, "groups of one side"),
        ({"method": "hungarian", "scores": [1, 2, 3]}, lossctl.UsageError, "match_score with hungarian"),
        ({"pred_groups": [1, 2, 3], "target_groups": [1]}, lossctl.DataError, "target: 1 label for 3 boxes"),
        ({"scores": [1.0]}, lossctl.DataError, "pred: 1 score for 3 boxes"),
        ({"scores": [1.0, np.nan, 2.0]}, lossctl.DataError, "pred: a score is NaN"),
    ],
)
def test_what_is_refused(keywords, error, told):
    with pytest.raises(error, match=told):
        lossctl.match(*boxes(3), **keywords)


def test_nothing_matched_says_how_far_it_was():
    with pytest.raises(lossctl.DataError) as caught:
        lossctl.loss("giou")([[0, 0, 10, 10]], [[0, 5, 10, 15]], match="greedy")
    assert str(caught.value) == "nothing to average: nothing matches (1 prediction, 1 target)"
    assert caught.value.hint == "the highest IoU is 0.333, --match-threshold 0.5"
    with pytest.raises(lossctl.DataError) as caught:
        lossctl.loss("giou")([[0, 0, 10, 10]], [[0, 0, 10, 10]], match="greedy", match_by=(["a.png"], ["a.jpg"]))
    hint = "no label is on both sides: predictions begin with 'a.png', targets with 'a.jpg'"
    assert caught.value.hint == hint


def test_weights_are_refused():
    with pytest.raises(lossctl.UsageError, match="weights with match"):
        lossctl.loss("giou")(*boxes(3), match="greedy", weights=[1, 2, 3])


def test_hungarian_without_scipy_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    with pytest.raises(lossctl.UsageError, match="match hungarian needs scipy") as caught:
        lossctl.match(*boxes(3), "hungarian")
    assert caught.value.hint == "pip install 'lossctl[scipy]'"

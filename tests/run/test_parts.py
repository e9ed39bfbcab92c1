"""A pair in parts gives the bits of the pair as one, and what cannot be cut is not."""

import json

import numpy as np
import pytest

from lossctl.batch.pairing import Pair, Pairing
from lossctl.batch.plan import Plan
from lossctl.batch.record import compute, opened, record_of, stamp
from lossctl.engine.sums import BLOCK
from lossctl.requests import requests
from lossctl.run.foreground import scheme
from lossctl.run.options import Options
from lossctl.run.parts import bounds, finish_parts, walk_part

RANDOM = np.random.default_rng(5)
N = BLOCK + 915
CORNERS = RANDOM.random((N, 2))
BOXES = np.hstack([CORNERS, CORNERS + RANDOM.random((N, 2))])
LOGITS = {"input": "logits"}
ROWS = RANDOM.normal(size=(3011, 7)).astype(np.float32), RANDOM.integers(0, 7, 3011)
IMAGES = RANDOM.normal(size=(9, 3, 17, 21)).astype(np.float32), RANDOM.integers(0, 3, (9, 17, 21))
SPARSE = np.where(RANDOM.random(3011) < 0.2, 255, ROWS[1])
CASES = {
    "boxes": ("giou,ciou+0.5*diou", BOXES, BOXES + 0.01, {}),
    "boxes like": ("ciou", BOXES, BOXES + 0.01, {"like": "mmdet"}),
    "numbers": ("mae,rmse,huber(delta=0.1)", RANDOM.random((181, 97)), RANDOM.random((181, 97)), {}),
    "sums": ("mse", RANDOM.random(N), RANDOM.random(N), {"reduction": "sum"}),
    "wide": ("mse", RANDOM.normal(size=N) * 10.0 ** RANDOM.integers(-9, 9, N), np.zeros(N), {}),
    "float16": ("mae", RANDOM.random(N).astype(np.float16), RANDOM.random(N), {}),
    "binary": ("bce,focal", RANDOM.normal(size=N), RANDOM.integers(0, 2, N), LOGITS),
    "foreground": ("bce", RANDOM.normal(size=N), RANDOM.integers(0, 2, N), LOGITS | {"weights": "foreground"}),
    "native": ("bce", ROWS[0].ravel(), RANDOM.integers(0, 2, 3011 * 7), LOGITS | {"arithmetic": "native"}),
    "classes": ("ce,poly1", ROWS[0], SPARSE, LOGITS | {"ignore_index": 255}),
    "images": ("dice,tversky,ce+dice", *IMAGES, LOGITS | {"aggregate": "per-image"}),
    "hardest images": ("dice", *IMAGES, LOGITS | {"aggregate": "per-image", "reduction": "hardest:0.3"}),
    "pooled images": ("dice,jaccard", *IMAGES, LOGITS | {"aggregate": "global"}),
    "mask": ("dice", RANDOM.normal(size=(571, 583)), RANDOM.integers(0, 2, (571, 583)), LOGITS),
    "classes last": ("dice,ce", RANDOM.normal(size=(1, 361, 387, 3)), RANDOM.integers(0, 3, (1, 361, 387)), LOGITS),
}  # fmt: skip


def planned(folder, losses, pred, target, options):
    """Write a pair; return the plan of a batch of it."""
    np.save(folder / "p.npy", pred)
    np.save(folder / "t.npy", target)
    if "weights" in options:
        options = options | {"weights": scheme(options["weights"])}
    return Plan(
        requests(losses), Options(threads=1, **options), Pairing([Pair("a", f"{folder}/p.npy", f"{folder}/t.npy")])
    )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("size", [1, 20_000])
def test_the_same_record(tmp_path, case, size):
    losses, pred, target, options = CASES[case]
    plan = planned(tmp_path, losses, pred, target, options)
    pair = plan.pairing.pairs[0]
    parts = bounds(plan.asked, *opened(plan, pair), size)
    assert len(parts) > 1
    assert (parts[0][0], parts[-1][1:4:2]) == (0, (pred.size, target.size))
    found = [walk_part(plan.asked, *opened(plan, pair), part) for part in reversed(parts)]
    results = finish_parts(plan.asked, *opened(plan, pair), found[::-1])
    assert json.dumps(record_of(plan, 0, pair, stamp(pair), results)) == json.dumps(compute(plan, 0))


@pytest.mark.parametrize(
    ("losses", "pred", "target", "options"),
    [
        ("giou", np.asfortranarray(BOXES), BOXES, {}),
        ("giou", BOXES, BOXES, {"reduction": "hardest:0.5"}),
        ("giou", BOXES, BOXES, {"match": "greedy"}),
        ("giou", BOXES, BOXES[1:], {}),
        ("lovasz-hinge", IMAGES[0][:, 0], IMAGES[1] > 0, LOGITS | {"layout": "NHW", "aggregate": "per-image"}),
        ("dice", IMAGES[0][0], IMAGES[1][0], LOGITS),
    ],
)
def test_what_is_taken_as_one(tmp_path, losses, pred, target, options):
    plan = planned(tmp_path, losses, pred, target, options)
    assert len(bounds(plan.asked, *opened(plan, plan.pairing.pairs[0]), 1)) < 2


def test_text_is_taken_as_one(samples):
    pair = Pair("a", f"{samples}/boxes_pred.csv", f"{samples}/boxes_target.csv")
    plan = Plan(requests("giou"), Options(), Pairing([pair]))
    assert bounds(plan.asked, *opened(plan, pair), 1) == []

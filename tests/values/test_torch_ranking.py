"""Where torch's ranking losses are ours, their values and their autograd are ours."""

import numpy as np
import pytest

import lossctl

torch = pytest.importorskip("torch")
F = torch.nn.functional

CHANCE = np.random.default_rng(12)
A, B, C = CHANCE.normal(0, 1, (3, 30, 20))
X1, X2 = CHANCE.normal(0, 2, (2, 50))
SIGNS, SIGNS_OF_ROWS = CHANCE.choice([-1.0, 1.0], 50), CHANCE.choice([-1.0, 1.0], 30)


def check(ours, sides, y, theirs, reduction):
    """Compare value and slopes with those of a function of torch tensors."""
    tensors = [torch.tensor(side, requires_grad=True) for side in sides]
    goal = [] if y is None else [torch.tensor(y)]
    expected = theirs(*tensors, *goal, reduction=reduction)
    expected.backward()
    pred = tuple(sides) if len(sides) > 1 else sides[0]
    value, by = lossctl.loss(ours).value_and_gradient(pred, y, reduction=reduction)
    assert value == pytest.approx(expected.item(), rel=1e-13)
    for slope, tensor in zip(by if len(sides) > 1 else [by], tensors, strict=True):
        np.testing.assert_allclose(slope, tensor.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_scores(reduction, margin):
    def ranking(x1, x2, y, reduction):
        return F.margin_ranking_loss(x1, x2, y, margin=margin, reduction=reduction)

    def hinge(x, y, reduction):
        return F.hinge_embedding_loss(x, y, margin=margin, reduction=reduction)

    def logistic(x1, x2, y, reduction):
        return F.soft_margin_loss(x1 - x2, y, reduction=reduction)

    check(f"margin-ranking(margin={margin})", [X1, X2], SIGNS, ranking, reduction)
    check(f"hinge-embedding(margin={margin})", [X1], SIGNS, hinge, reduction)
    check("pairwise-logistic", [X1, X2], SIGNS, logistic, reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("margin", [0.0, 0.1])
def test_angles(reduction, margin):
    def cosine(a, b, y, reduction):
        return F.cosine_embedding_loss(a, b, y, margin=margin, reduction=reduction)

    check(f"cosine-embedding(margin={margin})", [A, B], SIGNS_OF_ROWS, cosine, reduction)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.5])
@pytest.mark.parametrize("squared", [False, True])
def test_triplets(reduction, p, squared):
    def triplet(a, p_side, n, reduction):
        if squared:
            losses = F.relu(torch.norm(a - p_side, p, 1) ** 2 - torch.norm(a - n, p, 1) ** 2 + 1)
            return losses.mean() if reduction == "mean" else losses.sum()
        return F.triplet_margin_loss(a, p_side, n, p=p, eps=0.0, reduction=reduction)

    check(f"triplet(p={p},squared={'yes' if squared else 'no'})", [A, B, C], None, triplet, reduction)


@pytest.mark.parametrize("same", [True, False])
def test_contrastive(same):
    def theirs(a, b, y, reduction):
        distance = torch.linalg.norm(a - b, dim=1)
        return (0.5 * ((1 - y) * distance**2 + y * F.relu(7 - distance) ** 2)).sum()

    check("contrastive(margin=7)", [A, B], np.zeros(30) if same else np.ones(30), theirs, "sum")

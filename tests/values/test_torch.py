"""Where torch's definition is ours, its values and its autograd are ours."""

import numpy as np
import pytest

import lossctl

torch = pytest.importorskip("torch")
F = torch.nn.functional

CHANCE = np.random.default_rng(11)
Z = CHANCE.normal(0, 6, 40)
HARD, SOFT = (CHANCE.random(40) < 0.4).astype(float), CHANCE.random(40)
ROWS = CHANCE.normal(0, 4, (25, 6))
LABELS = CHANCE.integers(0, 6, 25)
SHARES = CHANCE.dirichlet([0.7] * 6, 25)
WEIGHTS = CHANCE.uniform(0.2, 3, 6)
REDUCTIONS = ["mean", "sum"]


def check(ours, pred, target, theirs, scale=1.0, **keywords):
    """Compare value and slope with those of a function of torch tensors."""
    tensor = torch.tensor(pred, dtype=torch.float64, requires_grad=True)
    goal = torch.tensor(target)
    expected = theirs(tensor, goal)
    expected.backward()
    value, slope = ours.value_and_gradient(pred, target, **keywords)
    assert value == pytest.approx(scale * expected.item(), rel=1e-13)
    np.testing.assert_allclose(slope, scale * tensor.grad.numpy(), rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("weight", [1.0, 2.5])
def test_binary_cross_entropy(reduction, target, weight):
    def theirs(z, y):
        positive = torch.tensor(weight, dtype=torch.float64)
        return F.binary_cross_entropy_with_logits(z, y, pos_weight=positive, reduction=reduction)

    check(lossctl.loss("bce", pos_weight=weight), Z, target, theirs, input="logits", reduction=reduction)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_labels(reduction, weights, smoothing):
    def theirs(z, y):
        w = None if weights is None else torch.tensor(weights)
        return F.cross_entropy(z, y, weight=w, label_smoothing=smoothing, reduction=reduction)

    keywords = {} if weights is None else {"class_weights": list(weights)}
    ours = lossctl.loss("ce", label_smoothing=smoothing)
    check(ours, ROWS, LABELS, theirs, input="logits", reduction=reduction, **keywords)


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["plain", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_distributions(weights, smoothing):
    def theirs(z, y):
        w = None if weights is None else torch.tensor(weights)
        return F.cross_entropy(z, y, weight=w, label_smoothing=smoothing)

    # torch divides by the number of rows here, lossctl by what their classes weigh.
    scale = 1.0 if weights is None else len(ROWS) / (SHARES * WEIGHTS).sum()
    keywords = {} if weights is None else {"class_weights": list(weights)}
    ours = lossctl.loss("ce", label_smoothing=smoothing)
    check(ours, ROWS, SHARES, theirs, scale, input="logits", **keywords)


def test_ignored_labels():
    labels = np.where(np.arange(25) % 4 == 3, 255, LABELS)
    check(
        lossctl.loss("ce"),
        ROWS,
        labels,
        lambda z, y: F.cross_entropy(z, y, ignore_index=255),
        input="logits",
        ignore_index=255,
    )


def test_divergence():
    def theirs(z, y):
        return F.kl_div(F.log_softmax(z, 1), y, reduction="batchmean")

    check(lossctl.loss("kl"), ROWS, SHARES, theirs, input="logits")


@pytest.mark.parametrize("temperature", [1.0, 4.0])
def test_distillation(temperature):
    def theirs(z, t):
        soft = F.log_softmax(z / temperature, 1), F.softmax(t / temperature, 1)
        return temperature**2 * F.kl_div(*soft, reduction="batchmean")

    check(lossctl.loss("distillation", temperature=temperature), ROWS, ROWS[::-1].copy(), theirs)


@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("mae", F.l1_loss),
        ("mse", F.mse_loss),
        *(
            (f"smooth-l1(beta={beta})", lambda *a, b=beta, **k: F.smooth_l1_loss(*a, beta=b, **k))
            for beta in (0.0, 0.3, 1.0)
        ),
        *((f"huber(delta={delta})", lambda *a, d=delta, **k: F.huber_loss(*a, delta=d, **k)) for delta in (0.3, 1.0)),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_numbers(reduction, ours, theirs):
    # A difference of exactly 0 among them: there both say 0, the mean of the two slopes.
    pred = np.append(Z, SOFT[0])
    check(
        lossctl.loss(ours),
        pred,
        np.append(SOFT, SOFT[0]),
        lambda z, y: theirs(z, y, reduction=reduction),
        reduction=reduction,
    )

"""One small but awkward data set for every shape of loss: sizes that are no multiple of a block."""

import numpy as np

from lossctl.loss import find, names


def boxes(n, seed=0):
    """Return predicted and target boxes (n, 4)."""
    chance = np.random.default_rng(seed)
    pred = chance.uniform(0, 100, (n, 4))
    pred[:, 2:] = pred[:, :2] + chance.uniform(0, 40, (n, 2))
    target = pred + chance.normal(0, 4, (n, 4))
    target[:, 2:] = np.maximum(target[:, 2:], target[:, :2])
    return pred, target


def rotated(n, seed=0):
    """Return predicted and target boxes (n, 5), the angles in radians."""
    chance = np.random.default_rng(seed)
    pred = np.column_stack([chance.uniform(0, 100, (n, 2)), chance.uniform(0, 40, (n, 2)), chance.uniform(-2, 2, n)])
    target = pred + chance.normal(0, 2, (n, 5)) * [1, 1, 1, 1, 0.1]
    target[:, 2:4] = np.maximum(target[:, 2:4], 0)
    return pred, target


def each(function, pred):
    """Return function(prediction), or a tuple with that of each of several predictions."""
    return tuple(map(function, pred)) if isinstance(pred, tuple) else function(pred)


def ranking(loss, n, chance):
    """Return the sides and y of a loss of scores or of embeddings, some of them equal rows and rows of zeros."""
    sides = [chance.normal(0, 2, (n, 7) if loss.shape == "embeddings" else n) for _ in loss.sides]
    for row in range(0, n, 9):
        sides[-1][row] = sides[0][row]
        sides[0][row + 5 : row + 6] *= 0
    y = [y for y in (-1.0, 0.0, 1.0) if loss.inside and loss.inside(*[1.0] * (len(loss.data) - 1), y, *defaults(loss))]
    return sides[0] if len(sides) == 1 else tuple(sides), chance.choice(y, n) if loss.has_target else None, {}


def defaults(loss):
    """Return the defaults of a loss's parameters."""
    return [parameter.default for parameter in loss.parameters]


def case(name, n=2100, seed=0):
    """Return (prediction, target, keywords) for a loss; of a loss of several sides a tuple of predictions."""
    loss = loss_of(name)
    chance = np.random.default_rng(seed)
    if loss.family == "ranking":
        return ranking(loss, n, chance)
    if loss.shape == "boxes":
        return *boxes(n, seed), {}
    if loss.shape == "rotated":
        return *rotated(n, seed), {}
    if loss.inside is not None:
        good = [y for y in (1.0, -1.0, 2.0, 0.5) if loss.inside(1.0, y, *defaults(loss))]
        return chance.uniform(0.1, 3, n), chance.choice(good, n), {}
    if loss.shape == "numbers":
        return chance.normal(0, 2, n), chance.normal(0, 2, n), {}
    if loss.shape == "binary":
        return chance.normal(0, 3, n).astype(np.float32), chance.integers(0, 2, n), {"input": "logits"}
    if loss.shape == "regions":
        scores = chance.normal(0, 3, (3, 4, 17, n // 170))
        labels = chance.integers(0, 4, (3, 17, n // 170))
        return scores, labels, {"input": "logits", "aggregate": "per-image"}
    scores = chance.normal(0, 3, (n, 5))
    keywords = {"input": "logits"} if loss.takes_scores else {}
    if not loss.has_target:
        return scores, None, keywords
    if loss.target_input == "logits":
        return scores, chance.normal(0, 3, (n, 5)), keywords
    return scores, chance.integers(0, 5, n).astype(np.uint8), keywords


def loss_of(text):
    """Return the Loss of a text like `nwd(constant=10)`."""
    return find(text.partition("(")[0])


def spelled(name):
    """Return a name with the parameters that have to be given."""
    required = [f"{parameter.name}=10" for parameter in find(name).parameters if parameter.required]
    return f"{name}({','.join(required)})" if required else name


NAMES = [spelled(name) for name in names()]
SUMMED = [name for name in NAMES if loss_of(name).shape != "regions" and loss_of(name).root is None]
# Without an ignored pixel its neighbours would lie closer together: distances between pixels are left out.
LABELLED = [
    name
    for name in NAMES
    if loss_of(name).family != "box" and loss_of(name).has_target and not loss_of(name).target_input
    and "from_pred" not in loss_of(name).data
]  # fmt: skip

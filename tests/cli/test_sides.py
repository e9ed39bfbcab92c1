"""Losses of several sides on the command line and in Python: what is given, what comes out, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

import lossctl

CHANCE = np.random.default_rng(3)
A, P, N = CHANCE.normal(0, 1, (3, 6, 4))


@pytest.fixture
def rows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, side in (("a", A), ("p", P), ("n", N), ("narrow", N[:, :3]), ("few", N[:5])):
        np.save(f"{name}.npy", side)
    np.save("kinds.npy", np.array([0, 1, 0, 1, 1, 0]))
    np.save("signs.npy", np.array([1, -1, 1, -1, -1, 1]))
    header = [f"{side}{k}" for side in "ap" for k in range(4)]
    lines = [",".join(map(repr, map(float, row))) for row in np.hstack([A, P])]
    (tmp_path / "pairs.csv").write_text("\n".join([",".join([*header, "y"]), *(f"{line},0" for line in lines)]) + "\n")
    (tmp_path / "scores.csv").write_text("x1,x2,y\n1,2,1\n3,1,1\n2,2,-1\n")


def test_one_gradient_for_each_side(rows, here):
    answer = here("ranking", "triplet", "a.npy", "p.npy", "n.npy", "--gradient", "g_{side}.npy")
    value, gradients = lossctl.loss("triplet").value_and_gradient((A, P, N))
    assert float(answer.out) == value
    for side, gradient in zip("apn", gradients, strict=True):
        assert gradient.shape == (6, 4)
        assert np.array_equal(np.load(f"g_{side}.npy"), gradient)


def test_gradient_of_columns_keeps_their_names(rows, here):
    here("ranking", "margin-ranking", "scores.csv", "scores.csv", "scores.csv", "--gradient", "{side}.csv")
    for side in ("x1", "x2"):
        header, *slopes = Path(f"{side}.csv").read_text().split()
        assert header == side
        assert len(slopes) == 3


def test_json_names_the_sides(rows, here):
    sides = ("pairs.csv::a0..a3", "pairs.csv::p0..p3", "pairs.csv")
    answer = here("ranking", "contrastive", *sides, "--format", "json")
    told = json.loads(answer.out)
    assert [(side["role"], side["shape"]) for side in told["inputs"]] == [("a", [6, 4]), ("b", [6, 4]), ("y", [6, 1])]
    assert told["results"][0]["value"] == lossctl.loss("contrastive")((A, P), np.zeros(6))
    assert lossctl.evaluate("contrastive", sides[:2], sides[2]).value == told["results"][0]["value"]


def test_two_losses_of_the_same_sides(rows, here):
    answer = here("ranking", "margin-ranking,pairwise-logistic", "scores.csv", "scores.csv", "scores.csv")
    assert answer.out == "margin-ranking\t0.3333333333333333\npairwise-logistic\t0.7111122930403803\n"


def test_rows_in_a_stream_equal_those_in_a_file(rows, command):
    with Path("a.npy").open("rb") as stream:
        answer = command("ranking", "triplet", "-", "p.npy", "n.npy", stdin=stream)
    assert float(answer.out) == lossctl.evaluate("triplet", ("a.npy", "p.npy", "n.npy")).value


@pytest.mark.parametrize(
    ("line", "code", "message", "hint"),
    [
        ("contrastive a.npy few.npy kinds.npy", 3, "do not fit: a 6×4, b 5×4, y 6", "nothing is broadcast"),
        ("contrastive a.npy narrow.npy kinds.npy", 3, "do not fit: a 6×4, b 6×3, y 6", "equally long"),
        ("contrastive a.npy p.npy 0,1", 3, "do not fit: a 6×4, b 6×4, y 2", "nothing is broadcast"),
        ("triplet a.npy p.npy few.npy", 3, "do not fit: a 6×4, p 6×4, n 5×4", "nothing is broadcast"),
        ("margin-ranking 1,2,3 1,2 1,1", 3, "do not fit: x1 3, x2 2, y 2", "nothing is broadcast"),
        (
            "contrastive a.npy p.npy signs.npy",
            3,
            "-1 at row 1: y has to be 0 (the same) or 1 (different) (3 such",
            "(1 -",
        ),
        ("cosine-embedding a.npy p.npy kinds.npy", 3, "0 at row 0: y has to be 1 (the same) or -1 (diff", "2 y - 1"),
        ("margin-ranking 1,2 2,1 1,0", 3, "0 at (0, 1): y has to be 1 (x1 is higher) or -1 (x2", "2 y - 1"),
        ("contrastive 0,1 1,0 2", 3, "2 at (0, 0): y has to be 0 (the same) or 1 (different)", ""),
        ("triplet a.npy p.npy n.npy --gradient g.npy", 2, "one gradient file for the sides a, p, n", "{side}"),
        ("triplet a.npy p.npy a.npy", 2, "a and n are the same rows of a.npy", "choose the columns"),
        ("contrastive pairs.csv pairs.csv scores.csv", 2, "a and b are the same rows of pairs.csv", "pairs.csv::"),
        ("triplet,contrastive 0,1 1,0 1", 2, "do not take the same sides", "contrastive A B Y"),
        ("all 0,1 1,0 1", 2, "do not take the same sides", "triplet A P N"),
        ("triplet 0,1 1,0", 2, "missing N", "triplet A P N"),
        ("triplet 0,1 1,0 1,1 --margin -1", 2, "expected ≥ 0", ""),
        ("triplet 0,1 1,0 1,1 --p 0.5", 2, "expected ≥ 1 | inf", ""),
        ("triplet 0,1 1,0 1,1 --ignore-index 1", 2, "no effect on triplet", ""),
        ("0,1 1,0 1", 2, "'0,1' is no loss", "SIDES"),
    ],
)
def test_refused(rows, here, line, code, message, hint):
    answer = here("ranking", *line.split())
    assert answer.code == code
    assert message in answer.error()
    assert hint in answer.hint


def test_python_takes_a_tuple():
    contrastive = lossctl.loss("contrastive")
    for pred in (A, [A, P], (A,), (A, P, N)):
        with pytest.raises(lossctl.UsageError, match="takes its 2 sides in a tuple"):
            contrastive(pred, np.zeros(6))
    with pytest.raises(lossctl.UsageError, match="target is missing"):
        contrastive((A, P))
    assert contrastive((A[0], P[0]), [0]) == contrastive((A[:1], P[:1]), [0])
    gradient = lossctl.loss("hinge-embedding").gradient([1.0, 2], [1, -1])
    assert gradient.shape == (2,)


def test_sides_may_lie_anyhow():
    turned = tuple(np.asfortranarray(side) for side in (A, P, N))
    assert lossctl.loss("triplet")(turned) == lossctl.loss("triplet")((A, P, N))
    whole = tuple((side * 10).astype(np.int32) for side in (A, P, N))
    assert lossctl.loss("triplet")(whole) == lossctl.loss("triplet")(tuple(side.astype(float) for side in whole))
    assert lossctl.loss("contrastive")((A, P), np.zeros((6, 1))) == lossctl.loss("contrastive")((A, P), np.zeros(6))

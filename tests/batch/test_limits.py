"""A batch within its memory: a pair that is too large is a failure like any other, and can be tried again with more."""

import json

import numpy as np


def test_a_pair_that_is_too_large(here, tmp_path):
    chance = np.random.default_rng(1)
    for name, size in (("small", 20), ("large", 300)):
        for side in ("pred", "target"):
            (tmp_path / side).mkdir(exist_ok=True)
            array = chance.normal(0, 1, (size, size)) if side == "pred" else chance.integers(0, 2, (size, size))
            np.save(tmp_path / side / f"{name}.npy", array.astype(np.float32 if side == "pred" else np.uint8))
    line = "batch", "lovasz-hinge", "--pred", tmp_path / "pred", "--target", tmp_path / "target"
    line = *line, "-o", tmp_path / "rows.csv"
    answer = here(*line, "--max-memory", "1M")
    assert answer.code == 6
    assert answer.error().startswith("pair large: ")
    assert "lovasz-hinge of 300×300, in which a pixel depends on all others, needs " in answer.error()
    assert answer.hint.endswith("--max-memory 10M")
    answer = here(*line, "--resume", "--max-memory", "1G", "--format", "json")
    assert answer.code == 0
    assert json.loads(answer.out)["results"][0]["count"] == 2


def test_a_recipe(here, tmp_path):
    np.save(tmp_path / "pred.npy", np.random.default_rng(1).normal(0, 1, (300, 300)))
    np.save(tmp_path / "target.npy", np.zeros((300, 300), np.uint8))
    recipe = tmp_path / "r.toml"
    recipe.write_text('[[term]]\nloss = "lovasz-hinge"\npred = "pred.npy"\ntarget = "target.npy"\n')
    assert here("joint", recipe, "--max-memory", "1M").code == 6
    assert here("joint", recipe, "--max-memory", "1G").code == 0
    recipe.write_text('max_memory = "1G"\n' + recipe.read_text())
    answer = here("joint", recipe)
    assert (answer.code, answer.hint) == (2, "lossctl joint --max-memory N")

"""Which file belongs to which."""

import json
import shutil

import numpy as np
import pytest
from pairs_of_files import figures, sides


def test_dry_run_tells_pairs_and_what_is_alone(here, few):
    (few / "pred/im003.npy").unlink()
    (few / "target/im007.npy").unlink()
    answer = here("batch", "giou", *sides(few), "--dry-run")
    lines = answer.out.splitlines()
    assert answer.code == 0
    assert lines[0] == f"im000\t{few}/pred/im000.npy\t{few}/target/im000.npy"
    assert lines[-2:] == [f"unmatched pred\t{few}/pred/im007.npy", f"unmatched target\t{few}/target/im003.npy"]
    assert len(lines) == 10 + 2
    record = json.loads(here("batch", "giou", *sides(few), "--dry-run", "--format", "json").out)
    assert len(record["pairs"]) == 10
    assert record["unmatched"] == {"pred": [f"{few}/pred/im007.npy"], "target": [f"{few}/target/im003.npy"]}


def test_unmatched_files_are_refused_or_skipped(here, few):
    (few / "pred/im003.npy").unlink()
    answer = here("batch", "giou", *sides(few))
    assert (answer.code, answer.error()) == (3, f"a target has no prediction: {few}/target/im003.npy")
    assert figures(here("batch", "giou", *sides(few), "--unmatched", "skip"))[("pairs",)] == "11"


def test_stems_that_occur_twice(here, few):
    shutil.copy(few / "pred/im003.npy", few / "pred/im003.csv")
    answer = here("batch", "giou", *sides(few))
    assert (answer.code, answer.error()) == (
        3, f"pred: {few}/pred/im003.csv and {few}/pred/im003.npy are both 'im003'",
    )  # fmt: skip
    (few / "pred/im003.csv").unlink()
    assert figures(here("batch", "giou", *sides(few), "--match-files", "name"))[("pairs",)] == "12"


@pytest.mark.parametrize(
    ("pred", "message"),
    [
        ("{few}/pred/*.png", "pred: no file matches {few}/pred/*.png"),
        ("{few}/nowhere", "pred: no file matches {few}/nowhere"),
        ("{few}", "pred: no .npy .csv .gz in the folder {few}"),
    ],
)
def test_nothing_there(here, few, pred, message):
    answer = here("batch", "giou", "--pred", pred.format(few=few), "--target", few / "target")
    assert (answer.code, answer.error()) == (3, message.format(few=few))


def test_globs_patterns_and_expressions_find_the_same_pairs(here, few):
    for file in (few / "target").iterdir():
        file.rename(file.with_name(f"{file.stem}_gt.npy"))
    patterns = here("batch", "giou", "--pair", f"{few}/pred/{{id}}.npy", f"{few}/target/{{id}}_gt.npy", "--dry-run")
    globs = "--pred", f"{few}/pred/im*.npy", "--target", f"{few}/**/*_gt.npy"
    assert here("batch", "giou", *globs, "--match-files", r"regex:^(im\d+)", "--dry-run").out == patterns.out
    assert len(patterns.out.splitlines()) == 12
    answer = here("batch", "giou", *globs)
    assert (answer.code, answer.error()) == (3, "no prediction has a target of its name")


def test_a_selector_is_for_all_files(here, tmp_path):
    for side in ("pred", "target"):
        (tmp_path / side).mkdir()
        for i in range(3):
            (tmp_path / side / f"{i}.csv").write_text(f"name,a,b\nx,{i},1\n")
    places = [f"{tmp_path}/{side}::{column}" for side, column in (("pred", "a"), ("target", "b"))]
    answer = here("batch", "mae", "--pred", places[0], "--target", places[1])
    assert figures(answer)["mae", "total"] == repr(2 / 3)


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_manifests(here, few, kind):
    rows = [
        {"id": name, "pred": f"pred/{name}.npy", "target": f"target/{name}.npy", "group": group, "weight": weight}
        for name, group, weight in (("im005", "b", 1.0), ("im001", "a", 2.0), ("im002", "b", 0.5))
    ]
    path = few / f"pairs.{kind}"
    if kind == "parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        path.write_text("\n".join([",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]) + "\n")
    out = few / "rows.jsonl"
    answer = here("batch", "giou", "--manifest", path, "-o", out, "--format", "json")
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["id"] for row in found] == ["im005", "im001", "im002"]
    assert [row["group"] for row in found] == ["b", "a", "b"]
    score = json.loads(answer.out)["results"][0]
    weights, counts = np.array([1.0, 2.0, 0.5]), np.array([row["count"] for row in found])
    values = np.array([row["giou"] for row in found])
    assert score["total"] == pytest.approx((weights * counts * values).sum() / (weights * counts).sum(), rel=1e-14)
    assert score["pairs"]["mean"] == pytest.approx((weights * values).sum() / weights.sum(), rel=1e-14)
    assert [(group["group"], group["pairs"]) for group in score["groups"]] == [("a", 1), ("b", 2)]
    assert score["groups"][0]["total"] == pytest.approx(values[1], rel=1e-15)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,pred\na,b\n", ":1: no column target"),
        ("id,pred,target\n", ": no rows, only a header"),
        ("id,pred,target\na,b,c\na,d,e\n", ":3: id a is also in line 2"),
        ("id,pred,target\na,b,\n", ":2: column target: no label"),
        ("id,pred,target,weight\na,b,c,-1\n", ":2: weight is -1; expected a number ≥ 0"),
        ("id,pred,target\na,-,b\n", ":2: - is no path of a file"),
        ("id,pred,target\na,b\n", ":2: 2 fields, expected 3"),
    ],
)
def test_manifests_that_are_wrong(here, tmp_path, text, message):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    answer = here("batch", "giou", "--manifest", path)
    assert (answer.code, answer.error()) == (3, f"{path}{message}")


def test_a_manifest_in_json_that_is_none(here, tmp_path):
    path = tmp_path / "pairs.jsonl"
    for text, message in (
        ("{\n", ":1: no JSON"),
        ("[1]\n", ":1: expected a JSON object"),
        ("[" * 100_000, ":1: no JSON"),
    ):
        path.write_text(text)
        answer = here("batch", "giou", "--manifest", path)
        assert (answer.code, answer.error()[: len(f"{path}{message}")]) == (3, f"{path}{message}")


def test_pairs_have_to_be_asked_for_in_one_way(here, few):
    assert here("batch", "giou").error() == "a batch of which files?"
    assert here("batch", "giou", "--pred", few / "pred").error() == "no --target"
    assert here("batch", "giou", *sides(few), "--pair", "{id}", "{id}").error() == "several ways to pair"
    assert here("batch", "triplet", *sides(few)).error() == "a batch is of pairs: a prediction and a target"
    assert here("batch", "giou", *sides(few), "--reduction", "none").error() == "reduction 'none' in a batch"

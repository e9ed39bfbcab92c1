"""Options of single pairs: columns of a manifest beside id, pred, target, group and weight."""

import json

import numpy as np
import pytest
from pairs_of_files import figures

import lossctl


def write(path, rows):
    """Write rows by the ending of the path; return it."""
    if path.suffix == ".parquet":
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        lines = [",".join(rows[0]), *(",".join("" if x is None else str(x) for x in row.values()) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def boxes(tmp_path):
    """The same boxes in two formats, and their targets."""
    generator = np.random.default_rng(4)
    corners = generator.random((9, 2)) * 10
    target = np.hstack([corners, corners + 1 + generator.random((9, 2)) * 5])
    pred = target + generator.random((9, 4)) * 0.5
    np.save(tmp_path / "t.npy", target)
    np.save(tmp_path / "xyxy.npy", pred)
    np.save(tmp_path / "xywh.npy", np.hstack([pred[:, :2], pred[:, 2:] - pred[:, :2]]))
    return tmp_path


def pair(name, pred, target="t.npy", **options):
    return {"id": name, "pred": pred, "target": target, **options}


def test_boxes_of_two_formats_and_how_the_rows_tell(here, boxes):
    rows = [pair("a", "xyxy.npy", pred_format=None), pair("b", "xywh.npy", pred_format="xywh")]
    rows += [pair("c", "xyxy.npy", pred_format="xyxy")]
    expected = lossctl.loss("giou")(np.load(boxes / "xyxy.npy"), np.load(boxes / "t.npy"))
    for ending in ("csv", "jsonl", "parquet"):
        out = boxes / "rows.jsonl"
        answer = here("batch", "giou", "--manifest", write(boxes / f"m.{ending}", rows), "-o", out, "--format", "json")
        found = [json.loads(line) for line in out.read_text().splitlines()]
        assert [row["giou"] for row in found] == pytest.approx([expected] * 3, rel=1e-12)
        told = [row["signature"].split("|")[1] for row in found]
        assert told == ["reduction=mean", "pred_format=xywh", "pred_format=xyxy"]
        (result,) = json.loads(answer.out)["results"]
        assert result["total"] == pytest.approx(expected, rel=1e-12)
        assert result["signature"].startswith("giou|pred_format=by-row|reduction=mean|")


def test_a_row_goes_before_the_command_line(here, boxes):
    rows = [pair("a", "xyxy.npy", **{"pred-format": "xyxy"}), pair("b", "xywh.npy", **{"pred-format": None})]
    path = write(boxes / "m.csv", rows)
    found = figures(here("batch", "giou", "--manifest", path, "--pred-format", "xywh"))
    assert found["giou", "min"][:12] == found["giou", "max"][:12]
    answer = here("batch", "giou", "--manifest", path, "--dry-run")
    assert answer.out.splitlines()[0] == f"a\t{boxes}/xyxy.npy\t{boxes}/t.npy\tpred_format=xyxy"
    record = json.loads(here("batch", "giou", "--manifest", path, "--dry-run", "--format", "json").out)
    assert [each["options"] for each in record["pairs"]] == [{"pred_format": "xyxy"}, {}]


def test_classes_that_are_ignored_and_inputs_that_differ(here, tmp_path):
    """What is in one file logits is in another probabilities; each has another label that does not count."""
    generator = np.random.default_rng(6)
    logits, labels = generator.normal(size=(20, 3)), generator.integers(0, 3, 20)
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    for name, array in (("z", logits), ("p", probs), ("a", np.where(labels == 2, 255, labels)), ("b", labels)):
        np.save(tmp_path / f"{name}.npy", array)
    rows = [pair("a", "z.npy", "a.npy", input="logits", ignore_index=255)]
    rows += [pair("b", "p.npy", "b.npy", input="probs", ignore_index=2)]
    for ending in ("csv", "jsonl", "parquet"):
        path = write(tmp_path / f"m.{ending}", rows)
        found = figures(here("batch", "ce", "--manifest", path))
        expected = lossctl.loss("ce")(logits, labels, input="logits", ignore_index=2)
        assert float(found["ce", "total"]) == pytest.approx(expected, rel=1e-12)
        assert found["ce", "ignored"] == str(2 * int((labels == 2).sum()))
    # A row without says nothing of it, and nobody else does.
    path = write(tmp_path / "m.csv", [*rows, pair("c", "p.npy", "b.npy", input=None, ignore_index=None)])
    assert here("batch", "ce", "--manifest", path).error() == "ce needs to know what the prediction is"
    assert here("batch", "ce", "--manifest", path, "--input", "probs").code == 0


def test_images_of_two_inputs_are_pooled(here, tmp_path):
    generator = np.random.default_rng(8)
    logits, masks = generator.normal(size=(2, 5, 6)), generator.integers(0, 2, (2, 5, 6))
    for i in range(2):
        np.save(tmp_path / f"z{i}.npy", logits[i] if i else 1 / (1 + np.exp(-logits[i])))
        np.save(tmp_path / f"t{i}.npy", masks[i])
    rows = [pair("a", "z0.npy", "t0.npy", input="probs"), pair("b", "z1.npy", "t1.npy", input="logits")]
    line = "batch", "dice", "--manifest", write(tmp_path / "m.jsonl", rows), "--aggregate", "global"
    found = figures(here(*line))
    expected = lossctl.loss("dice")(logits, masks, input="logits", aggregate="global", layout="NHW")
    assert float(found["dice", "total"]) == pytest.approx(expected, rel=1e-12)


def test_means_of_other_shares_of_the_items_have_a_total(here, boxes):
    rows = [pair("a", "xyxy.npy", reduction="mean"), pair("b", "xyxy.npy", reduction="hardest:0.34")]
    found = figures(here("batch", "giou", "--manifest", write(boxes / "m.csv", rows)))
    values = sorted(lossctl.loss("giou")(*(np.load(boxes / n) for n in ("xyxy.npy", "t.npy")), reduction="none"))
    assert float(found["giou", "total"]) == pytest.approx(np.mean([*values, *values[-4:]]), rel=1e-13)


@pytest.mark.parametrize(
    ("column", "value", "message", "hint"),
    [
        ("box_fromat", "xywh", ":1: unknown column 'box_fromat'; did you mean 'box_format'?", "known: id, pred"),
        ("gate", "0.5", ":1: unknown column 'gate'", "known: id, pred"),
        ("arithmetic", "native", ":1: column arithmetic: not an option of single pairs", "what is computed is the"),
        ("aggregate", "global", ":1: column aggregate: not an option of single pairs", "what is computed is the"),
        ("threads", "2", ":1: column threads: not an option of single pairs", "--threads N is for the whole run"),
        ("weights", "w.npy", ":1: column weights: not an option of single pairs", "a column weight weighs a pair"),
        ("group-by", "class", ":1: column group-by: not an option of single pairs", "a column group names"),
        ("box_format", "xyx", ":3: box_format is 'xyx'; expected xyxy, xywh, cxcywh", ""),
        ("degrees", "very", ":3: degrees is 'very'; expected yes or no", ""),
        ("degrees", "yes", ":3: degrees has no effect on giou", ""),
        ("ignore_index", "1_000", ":3: ignore_index is '1_000'; expected a number", ""),
        ("reduction", "sum", ":3: reduction 'sum' beside 'mean'", "a sum and a mean have no total together"),
        ("reduction", "none", ":3: reduction 'none' in a batch", "there is one row for each pair"),
        ("match_by", "image", ":3: match_by without match", "--match greedy or --match hungarian"),
    ],
)
def test_options_that_make_no_sense(here, boxes, column, value, message, hint):
    path = write(boxes / "m.csv", [pair("a", "xyxy.npy", **{column: None}), pair("b", "xyxy.npy", **{column: value})])
    answer = here("batch", "giou", "--manifest", path)
    assert (answer.code, answer.error()) == (3, f"{path}{message}")
    assert answer.hint.startswith(hint)


def test_two_spellings_and_columns_left_alone(here, boxes):
    path = write(boxes / "m.csv", [pair("a", "xyxy.npy", box_format="xyxy", **{"box-format": "xyxy"})])
    assert here("batch", "giou", "--manifest", path).error() == f"{path}:1: two columns of box_format"
    path = write(boxes / "m.csv", [pair("a", "xyxy.npy", _note="by hand", _=None)])
    assert here("batch", "giou", "--manifest", path).code == 0


def test_other_options_are_another_batch(here, boxes):
    """The journal knows the options of every row: with others it is not continued."""
    rows = [pair("a", "xyxy.npy", box_format=None), pair("b", "gone.npy", box_format="xyxy")]
    path, out = write(boxes / "m.csv", rows), boxes / "rows.csv"
    assert here("batch", "giou", "--manifest", path, "-o", out).code == 3
    rows[1]["box_format"] = "xywh"
    write(path, rows)
    answer = here("batch", "giou", "--manifest", path, "-o", out, "--resume")
    assert (answer.code, answer.error()) == (3, f"{out}.journal: it is of another pairing")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_shards_keep_the_options(here, boxes, ending):
    rows = [pair(f"{i}", "xywh.npy" if i % 2 else "xyxy.npy", pred_format="xywh" if i % 2 else None) for i in range(5)]
    line = "batch", "giou,ciou", "--manifest", write(boxes / "m.jsonl", rows), "--threads", 1
    whole = here(*line, "-o", boxes / f"whole.{ending}")
    for i in (1, 2):
        assert here(*line, "--shard", f"{i}/2", "-o", boxes / f"s{i}.jsonl").code == 0
    assert here("merge", boxes / "s1.jsonl", boxes / "s2.jsonl", "-o", boxes / f"merged.{ending}") == whole
    assert (boxes / f"merged.{ending}").read_bytes() == (boxes / f"whole.{ending}").read_bytes()


def test_the_same_in_other_processes(command, boxes):
    rows = [pair(f"{i}", "xywh.npy" if i % 2 else "xyxy.npy", pred_format="xywh" if i % 2 else None) for i in range(80)]
    path = write(boxes / "m.csv", rows)
    outs = [boxes / f"rows{threads}.csv" for threads in (1, 2)]
    for threads, out in enumerate(outs, 1):
        assert command("batch", "giou", "--manifest", path, "-o", out, "--threads", threads).code == 0
    assert outs[0].read_bytes() == outs[1].read_bytes()

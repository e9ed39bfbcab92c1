"""What a batch adds up to: over all items as if all files were one, and over pairs."""

import json
import math
import statistics
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pairs_of_files import figures, sides

import lossctl
from lossctl.batch.totals import Sum
from lossctl.engine.sums import BLOCK, expansion

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)


def write(folder, preds, targets):
    for side, arrays in (("pred", preds), ("target", targets)):
        (folder / side).mkdir(parents=True, exist_ok=True)
        for i, array in enumerate(arrays):
            np.save(folder / side / f"{i:03}.npy", array)
    return folder


@given(st.lists(finite, max_size=50))
def test_an_expansion_has_the_exact_sum(numbers):
    parts = expansion(numbers)
    assert sum(map(Fraction, parts)) == sum(map(Fraction, numbers))
    assert len(parts) <= 41  # 2100 bits of 53 each


@given(st.lists(finite, max_size=30), st.integers(1, 4), st.randoms())
@settings(max_examples=50)
def test_sums_in_shards_in_any_order_are_the_same_bits(numbers, shards, chance):
    pieces = [expansion(numbers[i::shards]) for i in range(shards)]
    chance.shuffle(pieces)
    total = Sum()
    for x in (x for piece in pieces for x in piece):
        total.add(x)
    assert total.value() == math.fsum(numbers)


def test_infinite_sums():
    total = Sum()
    for x in (1.0, math.inf, 2.0, 1e308, 1e308, 1e308):
        total.add(x)
    assert total.value() == math.inf
    assert expansion([1.0, math.inf]) == [math.inf]


@pytest.mark.parametrize("loss", ["giou", "mae", "rmse", "mse+0.5*mae"])
def test_the_total_is_that_of_one_file(here, tmp_path, loss):
    """To the bit, where the blocks of items lie as they do in one file: files of whole blocks, but for the last."""
    generator = np.random.default_rng(3)
    sizes = [BLOCK, 2 * BLOCK, BLOCK, 7]
    corners = [[generator.random((n, 2)) for n in sizes] for _ in range(2)]
    made = [[np.hstack([corner, corner + generator.random(corner.shape)]) for corner in side] for side in corners]
    if loss != "giou":
        made = [[array[:, 0].copy() for array in side] for side in made]
    found = figures(here("batch", loss, *sides(write(tmp_path, *made))))
    whole = lossctl.loss(loss)(*(np.concatenate(side) for side in made))
    assert found[loss, "total"] == repr(whole)
    assert found[loss, "count"] == str(sum(sizes))


def test_figures_of_pairs(here, many, tmp_path):
    path = tmp_path / "rows.jsonl"
    answer = here("batch", "giou", *sides(many), "-o", path, "--worst", 5, "--format", "json", "--threads", 1)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    values = [row["giou"] for row in rows]
    record = json.loads(answer.out)
    score = record["results"][0]
    assert (record["pairs"], record["failed"]) == (400, 0)
    assert score["count"] == sum(row["count"] for row in rows) == sum(i % 7 + 1 for i in range(400))
    spread = score["pairs"]
    assert spread["mean"] == math.fsum(values) / 400
    assert spread["median"] == pytest.approx(statistics.median(values), rel=1e-15)
    assert [spread["p5"], spread["p95"]] == pytest.approx(np.quantile(values, [0.05, 0.95]).tolist(), rel=1e-14)
    assert [spread["min"], spread["max"]] == [min(values), max(values)]
    order = sorted(rows, key=lambda row: -row["giou"])[:5]
    assert score["worst"] == [{"id": row["id"], "value": row["giou"]} for row in order]
    for row in rows[:5]:
        files = [np.load(many / side / f"{row['id']}.npy") for side in ("pred", "target")]
        assert row["giou"] == lossctl.loss("giou")(*files)


@pytest.mark.parametrize("aggregate", ["per-image", "global"])
def test_masks(here, tmp_path, aggregate):
    """Over all items: the mean over images, or a ratio of sums over all pixels of all files."""
    generator = np.random.default_rng(5)
    shapes = [(8, 9), (5, 30), (64, 16)]
    logits = [generator.normal(size=shape) for shape in shapes]
    masks = [(generator.random(shape) < 0.4).astype(np.uint8) for shape in shapes]
    folder = write(tmp_path, logits, masks)
    found = figures(here("batch", "dice", *sides(folder), "--input", "logits", "--aggregate", aggregate))
    dice = lossctl.loss("dice")
    if aggregate == "global":
        rows = [np.concatenate([array.ravel() for array in arrays]) for arrays in (logits, masks)]
        expected = dice(*rows, input="logits")
    else:
        expected = statistics.fmean(dice(z, y, input="logits") for z, y in zip(logits, masks, strict=True))
    assert float(found["dice", "total"]) == pytest.approx(expected, rel=1e-14)


def test_classes_that_differ_are_not_pooled(here, tmp_path):
    generator = np.random.default_rng(5)
    logits = [generator.normal(size=(classes, 6, 6)) for classes in (3, 4)]
    folder = write(tmp_path, logits, [generator.integers(0, 3, (6, 6)) for _ in range(2)])
    line = "batch", "dice", *sides(folder), "--input", "logits", "--aggregate"
    assert here(*line, "global").error() == "pair 001 has 4 classes, those before it have 3"
    assert here(*line, "per-image").code == 0


def test_ignored_items_do_not_weigh(here, tmp_path):
    generator = np.random.default_rng(6)
    logits = [generator.normal(size=(n, 3)) for n in (5, 50)]
    labels = [generator.integers(0, 3, n) for n in (5, 50)]
    labels[1][:40] = 255
    folder = write(tmp_path, logits, labels)
    found = figures(here("batch", "ce", *sides(folder), "--input", "logits", "--ignore-index", 255))
    whole = lossctl.loss("ce")(np.concatenate(logits), np.concatenate(labels), input="logits", ignore_index=255)
    assert float(found["ce", "total"]) == pytest.approx(whole, rel=1e-15)
    assert (found["ce", "count"], found["ce", "ignored"]) == ("15", "40")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("shards", [1, 3])
def test_shards_together_are_one_run(here, many, tmp_path, ending, shards):
    line = "batch", "giou,ciou(gate=0.5)+2*giou", *sides(many), "--threads", 1
    whole = here(*line, "-o", tmp_path / f"whole.{ending}")
    names = [tmp_path / f"s{i}.jsonl" for i in range(1, shards + 1)]
    for i, name in enumerate(names, 1):
        assert here(*line, "--shard", f"{i}/{shards}", "-o", name).code == 0
    merged = here("merge", *reversed(names), "-o", tmp_path / f"merged.{ending}")
    assert merged == whole
    assert (tmp_path / f"merged.{ending}").read_bytes() == (tmp_path / f"whole.{ending}").read_bytes()


def test_shards_that_do_not_fit(here, few):
    one, two, other = few / "1.jsonl", few / "2.jsonl", few / "o.jsonl"
    line = "batch", "giou", *sides(few)
    for name, shard in ((one, "1/2"), (two, "2/2")):
        assert here(*line, "--shard", shard, "-o", name).code == 0
    assert here("batch", "ciou", *sides(few), "--shard", "2/2", "-o", other).code == 0
    assert here("merge", one).error() == "6 of 12 pairs are in no shard"
    assert here("merge", one, two, one).error() == f"{one}:2: pair im000 is also in {one}"
    assert here("merge", one, other).error().startswith(f"{other}: it is of ciou")
    two.write_bytes(two.read_bytes().replace(b'"count":', b'"count":1', 1))
    assert here("merge", one, two).error() == f"{two}:2: a line is torn or was changed"
    assert here("merge", few / "pred/im000.npy").error() == f"{few}/pred/im000.npy: not a shard of lossctl"
    assert here(*line, "--shard", "3/2", "-o", two).error() == "shard is '3/2'; expected i/n, from 1/n to n/n"


def test_gates(here, few):
    (few / "g.csv").write_text(
        "id,pred,target,group\n"
        + "".join(f"im{i:03},pred/im{i:03}.npy,target/im{i:03}.npy,{i % 2}\n" for i in range(12))
    )
    line = "batch", "giou", "--manifest", few / "g.csv", "--junit", few / "report.xml", "--fail-above"
    found = figures(here(*line, "2"))
    total, most = float(found["giou", "total"]), float(found["giou", "max"])
    assert here(*line, f"giou={total!r},pair:giou={most!r}").code == 0
    answer = here(*line, f"giou={total - 1e-9!r}")
    assert (answer.code, answer.err) == (1, f"lossctl: gate: giou {total!r} is above {total - 1e-9!r}\n")
    assert here(*line, f"pair:giou={most - 1e-9!r}").code == 1
    assert (few / "report.xml").read_text().count("<failure message=") == 1
    assert (few / "report.xml").read_text().count("<testcase ") == 12
    assert here(*line, "group:giou=0.1").code == 1
    answer = here(*line, "class:giou=1")
    assert answer.error() == "fail-above names class:giou, which is not evaluated"


def test_a_gate_says_nothing_of_a_batch_that_is_not_whole(here, few):
    np.save(few / "pred/im004.npy", np.zeros((9, 4)))
    answer = here("batch", "giou", *sides(few), "--on-error", "skip", "--fail-above", "0")
    assert answer.code == 4
    assert "gate: giou" in answer.err


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_any_number_of_threads(command, many, tmp_path, threads):
    answer = command("batch", "giou", *sides(many), "-o", tmp_path / "rows.csv", "--threads", threads)
    alone = command("batch", "giou", *sides(many), "-o", tmp_path / "alone.csv", "--threads", 1)
    assert (answer.code, answer) == (0, alone)
    assert (tmp_path / "rows.csv").read_bytes() == (tmp_path / "alone.csv").read_bytes()


def test_a_sum_of_losses_that_count_different_things(here, tmp_path):
    generator = np.random.default_rng(8)
    logits, masks = generator.normal(size=(3, 6, 6)), generator.integers(0, 2, (3, 6, 6))
    path = tmp_path / "rows.csv"
    line = "batch", "dice+0.5*bce,bce", *sides(write(tmp_path, logits, masks)), "--input", "logits", "-o", path
    score = json.loads(here(*line, "--format", "json").out)["results"][0]
    assert score["count"] is None
    terms = [lossctl.loss(name) for name in ("dice", "bce")]
    means = [statistics.fmean(term(z, y, input="logits") for z, y in zip(logits, masks, strict=True)) for term in terms]
    assert score["total"] == pytest.approx(means[0] + 0.5 * means[1], rel=1e-14)
    header, first, *_ = path.read_text().splitlines()
    assert header == "id,count_dice+0.5*bce,ignored_dice+0.5*bce,count_bce,ignored_bce,dice+0.5*bce,bce,signature"
    assert first.startswith("000,,0,36,0,")


def test_the_hardest_items_of_each_pair(here, many):
    found = figures(here("batch", "giou", *sides(many), "--reduction", "hardest:0.5", "--threads", 1))
    giou = lossctl.loss("giou")
    values = []
    for file in sorted((many / "pred").iterdir()):
        each = sorted(giou(np.load(file), np.load(many / "target" / file.name), reduction="none"))
        values += each[-math.ceil(len(each) / 2) :]
    assert float(found["giou", "total"]) == pytest.approx(math.fsum(values) / len(values), rel=1e-14)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_every_row_tells_what_it_is(here, few, ending):
    """Its signature says all that decides its numbers: --arithmetic once, and the losses as the columns stand."""
    from lossctl.data.table import read_table

    path = few / f"rows.{ending}"
    assert here("batch", "giou,ciou(gate=0.5)", *sides(few), "--arithmetic", "native", "-o", path).code == 0
    told = f"giou,ciou(gate=0.5)|reduction=mean|arithmetic=native|lossctl={lossctl.__version__}"
    assert {row[0] for row in read_table(str(path), ["signature"], []).rows} == {told}

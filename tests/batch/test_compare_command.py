"""`lossctl compare`: two outputs of a batch, pair by pair."""

import csv
import json
import math
import random
import statistics

import numpy as np
import pytest
from pairs_of_files import figures, sides
from scipy import stats

import lossctl

SIGNATURE = f"giou|reduction=mean|arithmetic=float64|lossctl={lossctl.__version__}"


def rows_of(values, signature=SIGNATURE, **columns):
    """Return rows as a batch writes them, ids from p000 on."""
    count = len(values)
    table = {"id": [f"p{i:03}" for i in range(count)], **columns, "count": [1] * count, "ignored": [0] * count}
    table |= {"giou": list(values)} | ({"signature": [signature] * count} if signature else {})
    return [dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)]


def write(path, rows):
    """Write rows by the ending of the path; return it."""
    if path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    elif path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        import pyarrow as pa
        import pyarrow.parquet as pq

        pq.write_table(pa.Table.from_pylist(rows), path)
    return path


@pytest.fixture
def two(tmp_path):
    """Write a base and a new output of values; return their paths."""

    def call(base, new, ending="csv", **columns):
        return [write(tmp_path / f"{n}.{ending}", rows_of(v, **columns)) for n, v in (("base", base), ("new", new))]

    return call


def sample(count=50, shift=0.05, seed=1):
    generator = np.random.default_rng(seed)
    base = generator.random(count)
    return base.tolist(), (base + generator.normal(shift, 0.1, count)).tolist()


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_what_a_batch_writes_is_compared(here, few, ending):
    """Losses of two predictions of the same targets, each format against the values that Python has."""
    generator = np.random.default_rng(2)
    (few / "other").mkdir()
    for file in (few / "pred").iterdir():
        np.save(few / "other" / file.name, np.load(file) + generator.random((1, 4)) * [1, 1, 0, 0] * 1e-3)
    old, new = few / f"old.{ending}", few / f"new.{ending}"
    assert here("batch", "giou,ciou", *sides(few), "-o", old).code == 0
    line = "--pred", few / "other", "--target", few / "target"
    assert here("batch", "ciou,giou", *line, "-o", new).code == 0
    answer = here("compare", old, new, "--format", "json", "--worst", 2)
    record = json.loads(answer.out)
    assert (answer.code, record["schema"], record["pairs"]) == (0, "lossctl.compare/1", 12)
    assert [result["loss"] for result in record["results"]] == ["giou", "ciou"]
    for result in record["results"]:
        loss = lossctl.loss(result["loss"])
        names = sorted(file.name for file in (few / "target").iterdir())
        values = [
            [loss(np.load(few / side / n), np.load(few / "target" / n)) for n in names] for side in ("pred", "other")
        ]
        moved = [b - a for a, b in zip(*values, strict=True)]
        assert [result["base"], result["new"]] == pytest.approx([statistics.fmean(v) for v in values], rel=1e-14)
        assert result["difference"] == pytest.approx(statistics.fmean(moved), rel=1e-13)
        counts = [sum(d < 0 for d in moved), sum(d > 0 for d in moved), sum(d == 0 for d in moved)]
        assert [result["better"], result["worse"], result["equal"]] == counts
        order = sorted(range(12), key=lambda i: -moved[i])[:2]
        assert [m["id"] for m in result["worsened"]] == [names[i][:-4] for i in order if moved[i] > 0]
        assert result["signature"].startswith(result["loss"])


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize(("count", "shift"), [(12, 0.1), (60, 0.05), (60, 0.0)])
def test_figures_are_those_of_scipy(here, two, ending, count, shift):
    base, new = sample(count, shift)
    (result,) = json.loads(here("compare", *two(base, new, ending), "--format", "json").out)["results"]
    moved = np.subtract(new, base)
    found = stats.bootstrap((moved,), np.mean, n_resamples=9999, rng=1).confidence_interval
    assert result["interval"] == pytest.approx([found.low, found.high], abs=0.05 * (found.high - found.low))
    if count <= 20:
        exact = stats.permutation_test((moved,), np.mean, permutation_type="samples", n_resamples=np.inf)
        assert result["p"] == pytest.approx(exact.pvalue, abs=1e-12)
    sure = found.low > 0 and result["p"] <= 0.05
    assert result["verdict"] == ("worse" if sure else "no clear difference")


def test_weights_and_groups(here, two):
    base, new = sample(30)
    weights, groups = [i % 3 + 0.5 for i in range(30)], ["even" if i % 2 == 0 else "odd, or so" for i in range(30)]
    line = two(base, new, weight=weights, group=groups)
    (result,) = json.loads(here("compare", *line, "--format", "json").out)["results"]
    assert result["base"] == pytest.approx(np.average(base, weights=weights), rel=1e-14)
    assert result["difference"] == pytest.approx(np.average(np.subtract(new, base), weights=weights), rel=1e-13)
    assert [group["group"] for group in result["groups"]] == ["even", "odd, or so"]
    for start, group in enumerate(result["groups"]):
        expected = np.average(new[start::2], weights=weights[start::2])
        assert (group["pairs"], group["new"]) == (15, pytest.approx(expected, rel=1e-14))
        assert group["interval"][0] < group["difference"] < group["interval"][1]


def test_neither_order_nor_format_plays_a_part(here, two, tmp_path):
    base, new = sample(60)
    first = here("compare", *two(base, new)).out
    rows = [rows_of(values) for values in (base, new)]
    chance = random.Random(3)
    for each in rows:
        chance.shuffle(each)
    paths = [write(tmp_path / f"{name}.jsonl", each) for name, each in zip("ab", rows, strict=True)]
    assert here("compare", *paths).out == first


def test_plain_lines_and_a_table(here, two, monkeypatch):
    paths = two([0.5] * 8, [0.25] * 7 + [0.5])
    found = figures(here("compare", *paths, "--worst", "1"))
    assert found["giou", "verdict"] == "better"
    assert found["giou", "difference"] == repr(-0.25 * 7 / 8)
    assert [found["giou", name] for name in ("better", "worse", "equal")] == ["7", "0", "1"]
    assert found["giou", "improved:p000"] == "-0.25"
    assert found["giou", "p"] == repr(2 / 2**7)
    for width in ("80", "200"):
        monkeypatch.setenv("COLUMNS", width)
        table = here("compare", *paths, "--format", "table").out.splitlines()
        assert table[0].startswith("giou: better: -0.2188 (-44 %), 95 % from -0.25 to -0.1")
        assert table[-1] == SIGNATURE
        assert max(map(len, table)) <= 80


def test_few_pairs_are_never_sure(here, two):
    found = figures(here("compare", *two([0.1] * 5, [0.9] * 5), "--fail-if-worse", "0"))
    assert (found["giou", "verdict"], found["giou", "low"]) == ("no clear difference", "0.8")


def test_pairs_in_one_alone(here, two):
    base, new = two(*sample(12))
    lines = new.read_text().splitlines(keepends=True)
    new.write_text("".join([*lines[:4], *lines[6:]]))
    answer = here("compare", base, new)
    assert (answer.code, answer.error()) == (3, f"{base}:5: 2 pairs are not in {new}: p003, p004")
    assert answer.hint == "--unmatched skip leaves out what is in one alone"
    assert here("compare", new, base).error() == f"{base}:5: 2 pairs are not in {new}: p003, p004"
    new.with_suffix(".errors.csv").write_text("id,exit,message\np003,3,broken\n")
    told = f"pairs that failed are in {new.with_suffix('.errors.csv')}; "
    assert here("compare", base, new).hint == f"{told}--unmatched skip leaves out what is in one alone"
    answer = here("compare", base, new, "--unmatched", "skip")
    assert (answer.code, figures(answer)["giou", "pairs"]) == (0, "10")
    assert answer.err == f"lossctl: warning: 2 pairs of {base} not in {new}: p003, p004; {told}left out\n"
    record = json.loads(here("compare", base, new, "--unmatched", "skip", "--format", "json").out)
    assert (record["base"]["unmatched"], record["new"]["unmatched"]) == (["p003", "p004"], [])


def test_another_signature_is_refused(here, two, tmp_path):
    base, new = two(*sample(12))
    other = write(tmp_path / "o.csv", rows_of(sample(12)[1], SIGNATURE.replace("float64", "native")))
    answer = here("compare", base, other)
    told = f"{other}:2: giou is of arithmetic=native, in {base} of arithmetic=float64"
    assert (answer.code, answer.error()) == (3, told)
    assert answer.hint == "--across-signatures compares them all the same"
    assert here("compare", base, other, "--across-signatures").out == here("compare", base, new).out
    none = write(tmp_path / "none.csv", rows_of(sample(12)[1], signature=""))
    assert here("compare", base, none).error() == f"{none}: no column signature, so nothing tells how it was computed"
    assert here("compare", base, none, "--across-signatures").code == 0
    # One row of another kind is enough.
    lines = new.read_text().splitlines(keepends=True)
    lines[7] = lines[7].replace("reduction=mean", "reduction=sum")
    new.write_text("".join(lines))
    assert here("compare", base, new).error() == f"{new}:8: giou is of reduction=sum, in {base} of reduction=mean"


def test_losses_are_known_by_their_signature(here, two, tmp_path):
    """The same loss beside others is the same; under other parameters it is not, whatever the column is called."""
    base, new = two(*sample(12))
    both = f"giou,ciou(gate=0){SIGNATURE.removeprefix('giou')}"
    other = write(tmp_path / "both.csv", [row | {"signature": both} for row in rows_of(sample(12)[1])])
    text = other.read_text().replace(",giou,signature", ",giou,ciou,signature").replace(',"giou,', ',0.5,"giou,')
    other.write_text(text)
    answer = here("compare", base, other)
    assert answer.out == here("compare", base, new).out
    assert answer.err == f"lossctl: warning: ciou of {other} not in {base}; left out\n"
    other.write_text(text.replace("giou,ciou(gate=0)|", "giou(x=1),ciou(gate=0)|"))
    assert here("compare", base, other).error() == f"{other}:2: giou is of giou(x=1), in {base} of giou"


def test_gates(here, two, command):
    base = [1.0] * 40
    new = [1.1 + 0.01 * (i % 3) for i in range(40)]
    paths = two(base, new)
    for limit, code in (("0", 1), ("0.1", 1), ("10%", 1), ("giou=0.11", 0), ("12 %", 0), ("1", 0)):
        assert here("compare", *paths, "--fail-if-worse", limit).code == code, limit
    answer = command("compare", *paths, "--fail-if-worse", "5%", "-q")
    assert answer.code == 1
    assert answer.err.startswith("lossctl: gate: giou: worse: +0.1")
    assert answer.err.endswith("; 5 % allowed\n")
    assert here("compare", *reversed(paths), "--fail-if-worse", "0").code == 0
    assert here("compare", *two(base, base), "--fail-if-worse", "0").code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--fail-if-worse", "-1"], "fail-if-worse is '-1'; expected a number ≥ 0, or 1%, or loss=number"),
        (["--fail-if-worse", "nan"], "fail-if-worse is 'nan'; expected a number ≥ 0, or 1%, or loss=number"),
        (["--fail-if-worse", "diou=1"], "fail-if-worse names diou, which is not compared"),
        (["--worst", "x"], "worst is 'x'; expected a whole number from 0 on"),
        (["--unmatched", "ignore"], "unmatched is 'ignore'; expected error or skip"),
        (["--nonfinite", "propagate"], "nonfinite is 'propagate'; expected error or skip"),
        (["--format", "csv"], "format is 'csv'; expected table, plain, json"),
        (["-o", "{base}"], "{base} is an input"),
        (["-o", "rows.txt"], "rows.txt: unknown ending, expected one of .csv, .jsonl, .parquet"),
    ],
)
def test_options_that_are_wrong(here, two, options, message):
    base, new = two(*sample(12))
    answer = here("compare", base, new, *(option.format(base=base) for option in options))
    assert (answer.code, answer.error()) == (2, message.format(base=base))


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.replace("p004,", "p002,"), ":6: id p002 is also in line 4"),
        (lambda text: text.replace("id,", "name,"), ":1: no column id"),
        (lambda text: text.replace(",giou,", ",count_giou,"), ": no column of a loss"),
        (lambda text: text.replace(",giou,", ",diou,"), ": no loss of it is in {base}"),
        (lambda text: text.replace("p0", "q0"), ": no pair of it is in {base}"),
        (lambda text: text.replace("p003,1,0,", "p003,1,0,x"), ":5: column giou: 'x"),
        (lambda text: text.replace("p003,1,0,", "p003,1,"), ":5: 4 fields, expected 5"),
        (lambda text: text.replace("p003,1,0,", "p003,1,0,0,"), ":5: 6 fields, expected 5"),
        (lambda text: text.splitlines()[0] + "\n", ": no rows, only a header"),
        (lambda text: "", ": empty file"),
        (lambda text: "\x93NUMPY" + text, ":1: no column id"),
    ],
)
def test_outputs_that_are_wrong(here, two, edit, message):
    base, new = two(*sample(12))
    new.write_text(edit(new.read_text()))
    answer = here("compare", base, new)
    assert answer.code == 3
    assert answer.error().startswith(f"{new}{message.format(base=base)}")


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_losses_that_are_not_finite(here, two, ending):
    base, new = sample(12)
    worse = [math.inf if i == 3 else value for i, value in enumerate(new)]
    line = 4 if ending in ("jsonl", "parquet") else 5
    if ending == "jsonl":
        worse[3] = "inf"
    paths = two(base, worse, ending)
    answer = here("compare", *paths)
    assert (answer.code, answer.error()) == (3, f"{paths[1]}:{line}: giou of pair p003 is inf")
    answer = here("compare", *paths, "--nonfinite", "skip")
    assert (answer.code, figures(answer)["giou", "left out"], figures(answer)["giou", "pairs"]) == (0, "1", "11")
    assert answer.err == "lossctl: warning: giou: 1 pairs without a finite difference; left out\n"


def test_pairs_that_changed_their_group_or_weight(here, two, tmp_path):
    base, _ = two(*sample(12), group=["a"] * 12, weight=[1.0] * 12)
    for column, value, message in (("group", "b", "group b, in {} of a"), ("weight", 2.0, "weight 2, in {} of 1")):
        rows = rows_of(sample(12)[1], group=["a"] * 12, weight=[1.0] * 12)
        rows[4][column] = value
        other = write(tmp_path / "other.csv", rows)
        told = f"{other}:6: pair p004 is of {message.format(base)}"
        assert here("compare", base, other).error() == told
    rows[4]["weight"] = -1
    assert here("compare", base, write(other, rows)).error() == f"{other}:6: weight is -1; expected a number ≥ 0"


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_row_for_each_pair(here, two, tmp_path, ending):
    from lossctl.data.table import columns_of, read_table

    base, new = sample(12)
    out = tmp_path / f"moved.{ending}"
    assert here("compare", *two(base, new, group=["a"] * 12), "-o", out).code == 0
    names = ["id", "group", "base_giou", "new_giou", "difference_giou"]
    assert columns_of(str(out)) == names
    rows = read_table(str(out), names, []).rows
    assert rows == [
        (f"p{i:03}", "a", repr(a), repr(b), repr(b - a)) for i, (a, b) in enumerate(zip(base, new, strict=True))
    ]


def test_errors_in_a_process_of_its_own(command, two):
    base, new = two(*sample(12))
    answer = command("compare", base, new.with_name("nw.csv"))
    assert (answer.code, answer.error(), answer.hint) == (
        3, f"{base.parent}/nw.csv: no such file", f"did you mean '{new}'?",
    )  # fmt: skip
    answer = command("compare", base, "--format", "json", new.with_name("nw.csv"))
    assert (answer.err, json.loads(answer.out)["error"]["exit"]) == ("", 3)
    answer = command("compare", base)
    assert (answer.code, answer.error()) == (2, "missing NEW")

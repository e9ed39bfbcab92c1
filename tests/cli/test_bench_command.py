"""`lossctl bench` as its users type it. Nothing here asserts a time."""

import csv
import importlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from lossctl.bench import saving
from lossctl.bench.measure import Measure
from lossctl.loss import names

QUICK = ("-L", "size=1e3", "--rounds", "5", "--quiet")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOSSCTL_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setattr(saving, "news", [])
    return tmp_path


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_one_loss_from_end_to_end(here):
    answer = here("bench", "mse", *QUICK, "--format=json")
    assert (answer.code, answer.err) == (0, "")
    found = json.loads(answer.out)
    assert found["schema"] == "lossctl.bench/1"
    assert {"cpu", "cpus", "system"} <= found["machine"].keys()
    assert {"python", "lossctl", "numpy", "numba"} <= found["versions"].keys()
    assert list(found["bandwidth"]) == [str(found["rows"][0]["threads"])]
    (row,) = found["rows"]
    assert (row["loss"], row["items"], row["dtype"], row["rival"], row["problem"]) == (
        "mse",
        1000,
        "float64",
        "numpy",
        "",
    )
    assert len(row["times"]) == len(row["rival_times"]) == row["rounds"] == 5
    assert row["low"] <= row["seconds"] <= row["high"]
    assert row["ratio_low"] <= row["ratio"] <= row["ratio_high"]
    assert row["seconds"] == np.median(row["times"])
    assert row["ratio"] == np.median(np.divide(row["rival_times"], row["times"]))
    assert row["items_per_second"] == 1000 / row["seconds"]
    assert row["gigabytes_per_second"] == pytest.approx(16e-6 / row["seconds"])
    assert row["bandwidth_share"] == pytest.approx(16e3 / row["seconds"] / found["bandwidth"][str(row["threads"])])
    assert min(row["first"], row["rival_first"], row["peak_bytes"]) > 0
    assert row["repeats"] * min(row["times"]) > 0


def test_a_cold_start_compiles(command, folder, tmp_path, monkeypatch):
    # A cache of its own: kernels that other tests compile meanwhile would count.
    monkeypatch.setenv("LOSSCTL_CACHE_DIR", str(tmp_path / "kernels"))
    sized = ("-L", "size=4e4", "-L", "rival=none", "--rounds=5", "-q", "--format=csv")
    answers = [command("bench", "mse", *sized, *more) for more in (("--cold",), ("--cold",), ())]
    assert [rows(answer.out)[0]["compiled"] for answer in answers][:2] == ["True", "True"]
    assert rows(command("bench", "mse", *sized).out)[0]["compiled"] == "False"


def test_rivals_warn_nobody(command, samples):
    sides = samples / "boxes_pred.npy", samples / "boxes_target.npy"  # equal boxes among them: 0/0 in ciou
    answer = command("bench", "ciou", "--data", *sides, "--rounds=5", "-q")
    assert (answer.code, answer.err) == (0, "")


def test_each_combination_of_levels_is_a_row(here):
    answer = here("bench", "mse,mae", "-L", "size=1e2,1e3", "-L", "dtype=f32,f64", "-L", "rival=numpy,none",
                  "--rounds=5", "-q", "--format=csv")  # fmt: skip
    found = rows(answer.out)
    assert [(row["loss"], row["items"], row["dtype"], row["rival"]) for row in found] == [
        (loss, size, dtype, rival)
        for loss in ("mse", "mae") for size in ("100", "1000") for dtype in ("float32", "float64")
        for rival in ("numpy", "none")
    ]  # fmt: skip
    assert all(bool(row["ratio"]) == (row["rival"] == "numpy") for row in found)


def test_arithmetic_is_an_axis_of_float32(here):
    answer = here("bench", "mse,lovasz-softmax", "-L", "size=400", "-L", "dtype=f32,f64", "-L",
                  "arithmetic=float64,native", "--rounds=5", "-q", "--format=csv", "--gradient")  # fmt: skip
    found = [(row["loss"], row["dtype"], row["arithmetic"]) for row in rows(answer.out)]
    assert found == [
        ("mse", "float32", "float64"), ("mse", "float32", "native"), ("mse", "float64", "float64"),
        ("lovasz-softmax", "float32", "float64"), ("lovasz-softmax", "float64", "float64"),
    ]  # fmt: skip
    named = here("bench", "mse", *QUICK, "-L", "dtype=f32", "-L", "arithmetic=native", "--format=table").out
    assert named.splitlines()[0].endswith(", against numpy, native arithmetic")


def test_layouts_and_probabilities_are_axes(here):
    answer = here("bench", "dice,ce,mse", "-L", "size=5e4", "-L", "layout=NHW,NCHW", "-L", "input=logits,probs",
                  "--rounds=5", "-q", "--format=csv")  # fmt: skip
    found = [
        (row["loss"].partition("(")[0], *(row[x] for x in ("layout", "input", "problem"))) for row in rows(answer.out)
    ]
    assert found == [
        ("dice", "NHW", "logits", ""), ("dice", "NHW", "probs", ""), ("dice", "NCHW", "logits", ""),
        ("dice", "NCHW", "probs", ""), ("ce", "NCHW", "logits", ""),
        ("ce", "NCHW", "probs", "numpy has no ce of probabilities"), ("mse", "", "", ""),
    ]  # fmt: skip


def test_families_and_requests_with_parameters(here):
    answer = here("bench", "box", "tversky(fp_weight=0.4,fn_weight=0.6)", "-L", "size=20", "--rounds=5", "-q",
                  "--format=csv")  # fmt: skip
    found = rows(answer.out)
    assert {"giou", "ciou(gate=0)", "nwd(constant=1)"} <= {row["loss"] for row in found}
    assert found[-1]["loss"] == "tversky(fp_weight=0.4,fn_weight=0.6,smooth=0)"
    assert all(not row["problem"] or row["problem"].startswith("numpy has no ") for row in found)
    assert "" in {row["problem"] for row in found}


def test_table(here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    answer = here("bench", "mse,bce(label_smoothing=0.1)", "-L", "size=100", "--rounds=5", "-q", "--format=table")
    lines = answer.out.splitlines()
    assert lines[0].startswith("random data, ")
    assert lines[1].split()[:2] == ["loss", "time"]
    assert max(map(len, lines[1:5])) <= 80
    assert "numpy's bce has no label_smoothing" in answer.out
    assert "GB/s (" in answer.out
    # The longest bar stands beside the largest ratio, all of them begin in one column.
    bars = [line.find("█") for line in here("bench", "mse,mae", *QUICK, "--format=table").out.splitlines()[3:5]]
    assert len(set(bars) - {-1}) == 1
    monkeypatch.setenv("COLUMNS", "200")
    assert "of RAM" in here("bench", "mse", *QUICK, "--format=table").out


def test_plain_and_markdown(here):
    (line,) = here("bench", "mse", *QUICK).out.splitlines()
    assert line.split("\t")[:4] == ["mse", "random", "1000", "float64"]
    assert float(line.split("\t")[13]) > 0
    assert "| loss | time |" in here("bench", "mse", *QUICK, "--format=markdown").out


def test_gradient_has_no_numpy(here):
    (row,) = rows(here("bench", "mse", *QUICK, "--gradient", "--format=csv").out)
    assert (row["result"], row["ratio"], row["problem"]) == ("gradient", "", "numpy has no gradients")
    assert float(row["seconds"]) > 0


@pytest.mark.parametrize("stage", ["compute", "load", "all"])
def test_files_of_the_user(here, samples, stage):
    sides = samples / "boxes_pred.npy", samples / "boxes_target.npy"
    answer = here("bench", "giou", "--data", *sides, "--stage", stage, "--rounds=5", "-q", "--format=csv")
    (row,) = rows(answer.out)
    assert (row["items"], row["data"], row["stage"], row["problem"]) == ("106", f"{sides[0]} {sides[1]}", stage, "")
    assert float(row["ratio"]) > 0


def test_files_with_options(here, samples):
    answer = here("bench", "ce", "--data", samples / "classes_logits.npy", samples / "classes_target.npy", "-q",
                  "--input=logits", "--ignore-index=255", "--rounds=5", "--format=csv")  # fmt: skip
    (row,) = rows(answer.out)
    assert (row["items"], row["problem"]) == (str(3 * 64 * 64), "numpy is not written for ignore-index 255")
    text = samples / "diabetes.csv"
    (row,) = rows(here("bench", "mse", "--data", text, text, "--rounds=5", "-q", "--format=csv").out)
    assert (row["items"], row["problem"]) == ("442", "")
    scores = samples / "digits_logits.npy"
    (row,) = rows(here("bench", "entropy", "--data", scores, "none", "--input=logits", "--rounds=5", "-q",
                       "--format=csv").out)  # fmt: skip
    assert row["problem"] == ""


def test_losses_that_do_not_fit_the_files_are_rows_that_say_why(here, samples):
    sides = samples / "boxes_pred.npy", samples / "boxes_target.npy"
    found = rows(here("bench", "giou,probiou,ce", "--data", *sides, "--rounds=5", "-q", "--format=csv").out)
    assert [bool(row["ratio"]) for row in found] == [True, False, False]
    assert found[1]["problem"] == "does not fit: the prediction is 106×4, expected N×5: one box a row"
    assert found[2]["problem"].startswith("does not fit: ")
    alone = here("bench", "probiou", "--data", *sides)
    assert (alone.code, alone.error()) == (3, "the prediction is 106×4, expected N×5: one box a row")
    none = here("bench", "probiou,kfiou", "--data", *sides)
    assert (none.code, none.error(), none.hint) == (3, alone.error(), alone.hint)


@pytest.mark.parametrize("stage", ["load", "all"])
def test_stages_of_random_data(here, stage):
    (row,) = rows(here("bench", "mse", *QUICK, "--stage", stage, "--format=csv").out)
    assert (row["data"], row["stage"], row["problem"]) == ("random", stage, "")


# --- rivals ---


def test_a_function_of_the_user(here, folder):
    (folder / "mine.py").write_text("def good(p, t):\n    return ((p - t) ** 2).mean()\n")
    answer = here("bench", "mse", "--rival", "./mine.py:good", "--rival", "numpy", *QUICK, "--format=csv")
    assert [(row["rival"], row["problem"]) for row in rows(answer.out)] == [("./mine.py:good", ""), ("numpy", "")]


def test_a_function_that_computes_something_else_is_refused(here, folder):
    body = "def items(p, t):\n    d = (p - t) ** 2\n    d[7] += 1\n    return d\ndef mean(p, t):\n    return 3.5\n"
    (folder / "mine.py").write_text(f"{body}def fails(p, t):\n    raise KeyError('x')\n")
    answer = here("bench", "mse", "--rival", "./mine.py:items", *QUICK)
    assert answer.code == 3
    assert answer.error().startswith("rival ./mine.py:items is not mse: item 7: it says ")
    answer = here("bench", "mse", "--rival", "./mine.py:mean", *QUICK)
    assert answer.error().startswith("rival ./mine.py:mean is not mse: it says 3.5, lossctl ")
    assert here("bench", "mse", "--rival", "./mine.py:fails", *QUICK).error() == (
        "rival ./mine.py:fails raised KeyError: 'x'"
    )


def test_a_known_rival_that_disagrees_makes_a_row_with_both_numbers(here, monkeypatch):
    module = importlib.import_module("lossctl.bench.rivals.numpy")
    monkeypatch.setitem(module.EXPRESSIONS, "mse", lambda xp, pred, target: 3.5)
    answer = here("bench", "mse,mae", *QUICK, "--format=csv")
    assert answer.code == 0
    wrong, right = rows(answer.out)
    assert wrong["problem"].startswith("not the same loss: numpy says 3.5, lossctl ")
    assert (wrong["seconds"], wrong["ratio"]) == ("", "")
    assert right["ratio"]


# --- faults ---


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ((), 2, "missing LOSS"),
        (("mee",), 2, "unknown loss 'mee'; did you mean 'mse'?"),
        (("nwd",), 2, "nwd needs constant"),
        (("mse", "-L", "rival=nunpy"), 2, "unknown rival 'nunpy'; did you mean 'numpy'?"),
        (("mse", "--rival", "nope"), 2, "unknown rival 'nope'"),
        (("mse", "--rival", "./nope.py:f"), 2, "no file ./nope.py"),
        (("mse", "-L", "sizes=3"), 2, "unknown axis 'sizes'; did you mean 'size'?"),
        (("mse", "--rounds", "0"), 2, "rounds is '0'; expected a whole number ≥ 1"),
        (("mse", "--seconds", "-1"), 2, "seconds is '-1'; expected a number > 0"),
        (("mse", "--stage", "some"), 2, "stage is 'some'; expected compute, load, all"),
        (("mse", "--stage", "all", "--gradient"), 2, "--gradient with --stage all"),
        (("mse", "--format", "xml"), 2, "format is 'xml'; expected table, plain, json, csv, markdown"),
        (("mse", "--export", "x.txt"), 2, "x.txt: unknown ending, expected one of .json, .csv, .md"),
        (("mse", "--export", "no/x.csv"), 5, "no/x.csv: its folder does not exist"),
        (("mse", "--plot", "x.gif"), 2, "x.gif: unknown ending, expected one of .png, .svg"),
        (("mse", "--save", "../x"), 2, "'../x' is no name"),
        (("mse", "--baseline", "before"), 3, "nothing is saved as 'before'"),
        (("mse", "--fail-if-slower", "5%"), 2, "--fail-if-slower needs times to compare with"),
        (("mse", "--fail-if-slower", "5"), 2, "fail-if-slower is '5'; expected a percentage: 5%"),
        (("mse", "--input", "logits"), 2, "--input without --data"),
        (("mse", "--data", "a.npy", "b.npy", "-L", "size=3"), 2, "-L size= with --data"),
        (("mse", "--data", "-", "b.npy"), 2, "--data - is no file"),
        (("mse", "--data", "1,2", "3,4", "--stage", "all"), 2, "--data 1,2 is no file"),
        (("mse", "--data", "a.npy", "b.npy"), 3, "a.npy: no such file"),
        (("mse,giou", "--data", "a.npy", "b.npy"), 3, "a.npy: no such file"),
        (("compare", "a"), 2, "compare takes two names"),
        (("compare", "a.json", "b.json"), 3, "a.json: no such file"),
    ],
)  # fmt: skip
def test_faults(here, arguments, code, message):
    answer = here("bench", *arguments)
    assert (answer.code, answer.error()) == (code, message)


def test_faults_come_before_anything_is_measured(here, monkeypatch):
    monkeypatch.setattr(Measure, "rows", lambda self, cells: pytest.fail("measured"))
    for arguments in (("--export", "no/x.csv"), ("--plot", "no/x.png"), ("--baseline", "none"), ("--save", "a/b")):
        assert here("bench", "mse", *arguments).code in (2, 3, 5)


def test_missing_libraries(here, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, *rest: None if name in ("torch", "matplotlib") else found(name, *rest)
    )
    answer = here("bench", "mse", "-L", "rival=torch")
    assert (answer.code, answer.error(), answer.hint) == (
        2, "rival torch is not installed", "pip install 'lossctl[torch]'",
    )  # fmt: skip
    answer = here("bench", "mse", "--plot", "x.png")
    assert (answer.error(), answer.hint) == (
        "--plot needs matplotlib, which is not installed", "pip install 'lossctl[plot]'",
    )  # fmt: skip


# --- history ---


def slowed(source, target, factor, **machine):
    """Write a saved document anew, with times that are so many times as long."""
    found = json.loads(source.read_text())
    for row in found["rows"]:
        # One per cent of spread, whatever the machine did meanwhile.
        row["times"] = [factor * (1 + i / 1000) * row["seconds"] for i in range(10)]
    found["machine"] |= machine
    target.write_text(json.dumps(found))


def test_save_and_compare(here, folder):
    assert here("bench", "mse", *QUICK, "--save", "before").code == 0
    saved = folder / "data" / "bench" / "before.json"
    slowed(saved, folder / "one.json", 1.0)
    slowed(saved, folder / "two.json", 1.2)
    answer = here("bench", "compare", "one.json", "two.json", "--format=json")
    (change,) = json.loads(answer.out)["changes"]
    assert (answer.code, change["verdict"]) == (0, "slower")
    assert change["ratio"] == pytest.approx(1.2)
    failed = here("bench", "compare", "one.json", "two.json", "--fail-if-slower", "5%")
    assert failed.code == 1
    assert failed.out.startswith("mse\trandom\t1000\t")
    assert failed.err.startswith("lossctl: gate: mse, 1000 items, float64, ")
    assert re.search(r": 20\.0 % slower \((19|20)\.\d to 20\.\d %\), 5 % allowed\n$", failed.err)
    assert here("bench", "compare", "one.json", "two.json", "--fail-if-slower", "25%").code == 0
    assert here("bench", "compare", "two.json", "one.json", "--fail-if-slower", "5%").code == 0
    assert "slower" in here("bench", "compare", "one.json", "two.json", "--format=table").out


def test_baseline_of_a_run(here, folder):
    assert here("bench", "mse", *QUICK, "--save", "base.json").code == 0
    slowed(folder / "base.json", folder / "fast.json", 1e-3)
    slowed(folder / "base.json", folder / "slow.json", 1e3)
    assert here("bench", "mse", *QUICK, "--baseline", "fast.json", "--fail-if-slower=5%").code == 1
    answer = here("bench", "mse", *QUICK, "--baseline", "slow.json", "--fail-if-slower=5%", "--format=csv")
    assert (answer.code, rows(answer.out)[0]["verdict"]) == (0, "faster")


def test_another_machine_is_refused_before_measuring(here, folder, monkeypatch):
    assert here("bench", "mse", *QUICK, "--save", "base.json").code == 0
    slowed(folder / "base.json", folder / "other.json", 1.0, cpu="Abacus")
    answer = here("bench", "compare", "base.json", "other.json")
    assert (answer.code, answer.hint) == (2, "--across-machines compares them all the same")
    assert answer.error().endswith(", now Abacus")
    with monkeypatch.context() as patch:
        patch.setattr(Measure, "rows", lambda self, cells: pytest.fail("measured"))
        assert here("bench", "mse", *QUICK, "--baseline", "other.json").code == 2
    told = here("bench", "compare", "base.json", "other.json", "--across-machines")
    assert (told.code, "across machines: cpu " in told.err) == (0, True)


def test_another_schema(here, folder):
    (folder / "old.json").write_text('{"schema": "lossctl.bench/0"}')
    answer = here("bench", "mse", "--baseline", "old.json")
    assert (answer.code, answer.error()) == (3, "old.json: its schema is lossctl.bench/0, expected lossctl.bench/1")


# --- exports ---


def test_exports_are_complete_after_an_interrupt(here, folder, monkeypatch):
    measure, done = Measure.rows, []

    def rows_of(self, cells):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(cells)
        return measure(self, cells)

    monkeypatch.setattr(Measure, "rows", rows_of)
    answer = here("bench", "mse,mae,huber,wing", *QUICK, "--export", "a.csv", "--export", "a.json", "--export", "a.md")
    assert (answer.code, answer.out) == (130, "")
    assert [row["loss"] for row in rows((folder / "a.csv").read_text())] == ["mse", "mae"]
    assert [row["loss"] for row in json.loads((folder / "a.json").read_text())["rows"]] == ["mse", "mae"]
    assert (folder / "a.md").read_text().count("\n| m") == 2
    assert saving.news == ["2 of 4 cells are saved in a.csv, a.json, a.md"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.csv", "a.json", "a.md"]


def test_interrupt_says_what_is_saved(folder):
    line = [sys.executable, "-m", "lossctl", "bench", "regression", "-L", "size=3e4", "--export", "a.csv", "-q"]
    process = subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ.copy())
    deadline = time.monotonic() + 60
    while not (folder / "a.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (130, b"")
    assert err.startswith(b"lossctl: interrupted; ")
    assert err.endswith(b" cells are saved in a.csv\n")
    assert rows((folder / "a.csv").read_text())[0]["loss"].partition("(")[0] == names("regression")[0]


def test_a_finished_run_has_no_more_news(here):
    assert here("bench", "mse", *QUICK, "--export", "a.csv").code == 0
    assert saving.news == []


@pytest.mark.parametrize("sizes", ["100", "100,1000"])
def test_pictures(here, folder, sizes):
    pytest.importorskip("matplotlib")
    for name, begin in (("p.png", b"\x89PNG"), ("p.svg", b"<?xml")):
        answer = here("bench", "mse", "-L", f"size={sizes}", "--rounds=5", "-q", "--plot", name)
        assert (answer.code, answer.err) == (0, "")
        assert (folder / name).read_bytes().startswith(begin)


def test_help_names_axes_rivals_and_commands(here):
    text = here("bench", "--help").out
    for word in ("size", "torch-compile", "powerboxes", "--fail-if-slower", "lossctl bench compare before after"):
        assert word in text


def test_a_busy_machine_is_told_of(here, monkeypatch):
    monkeypatch.setattr("os.getloadavg", lambda: (64.0, 1.0, 1.0))
    answer = here("bench", "mse", "-L", "size=100", "--rounds=5")
    assert answer.err.startswith("lossctl: warning: the machine is busy (load 64.0 on ")
    monkeypatch.setattr("os.getloadavg", lambda: (0.0, 1.0, 1.0))
    assert "busy" not in here("bench", "mse", "-L", "size=100", "--rounds=5").err

"""Every loss file is a whole entry: text, parameters, slope, examples."""

import inspect

import pytest

import lossctl
from lossctl.loss import find, names, read
from lossctl.requests import requests


@pytest.mark.parametrize("name", names())
def test_entry_is_whole(name):
    loss = find(name)
    assert loss.missing() == []
    assert all(expected for _, expected in loss.examples())
    for parameter in loss.parameters:
        assert parameter.required or parameter.accept(parameter.default) == parameter.default


@pytest.mark.parametrize("name", names())
def test_functions_take_the_same_arguments(name):
    loss = find(name)
    taken = list(inspect.signature(loss.value).parameters)
    for function in (loss.slope, loss.weight):
        assert function is None or list(inspect.signature(function).parameters) == taken


@pytest.mark.parametrize("name", names())
def test_a_root_is_meant_as_one(name):
    # A helper of that name in a loss file would make one number of all items.
    loss = find(name)
    assert (loss.root is None) == (loss.root_slope is None) == (name != "rmse")


def test_names_are_unique_and_grouped():
    assert len(names()) == len(set(names()))
    assert lossctl.losses("box") == names("box")
    with pytest.raises(lossctl.UsageError, match="unknown family"):
        lossctl.losses("boxes")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("giou", ["giou"]),
        ("giou,ciou", ["giou", "ciou(gate=0)"]),
        ("ciou(gate=0.5), huber( delta = .1)", ["ciou(gate=0.5)", "huber(delta=0.1)"]),
        ("tversky(fp_weight=.1,fn-weight=2)", ["tversky(fp_weight=0.1,fn_weight=2,smooth=0)"]),
        ("focal(alpha=none)", ["focal(alpha=none,gamma=2)"]),
        ("dice(squared=yes)", ["dice(smooth=0,squared=yes)"]),
        ("bce(pos_weight=auto)", ["bce(pos_weight=auto,label_smoothing=0)"]),
        ("giou+mae", ["giou+mae"]),
        (" giou + 2 * box-l1 ,giou", ["giou+2*box-l1", "giou"]),
        (".5*giou", ["0.5*giou"]),
        ("1e-3*mae+1e+3*mse+2.E+0*rmse", ["0.001*mae+1000*mse+2*rmse"]),
        ("0*mae+1*mse", ["0*mae+mse"]),
        ("huber(delta=1e+1)+2*ciou( gate = .1 )", ["huber(delta=10)+2*ciou(gate=0.1)"]),
    ],
)  # fmt: skip
def test_requests(text, expected):
    assert [str(request) for request in requests(text)] == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("goiu", "did you mean 'giou'"),
        ("ciou(gate=2)", r"gate is 2; expected 0\.\.1"),
        ("ciou(gat=.5)", "has no parameter 'gat'; did you mean 'gate'"),
        ("ciou(gate)", "cannot read the loss"),
        ("ciou(gate=.5", "cannot read the loss"),
        ("", "cannot read the loss"),
        ("giou,,ciou", "cannot read the loss"),
        ("huber(delta=0)", "expected > 0"),
        ("huber(delta=nan)", "expected > 0"),
        ("huber(delta=inf)", "expected > 0"),
        ("iou(form=cubic)", r"expected linear \| square \| log"),
        ("dice(squared=maybe)", "expected yes, no"),
        ("./none.py", "no loss file"),
        ("dice+goiu", "did you mean 'giou'"),
        ("dice+", "cannot read the loss ''"),
        ("dice++ce", "cannot read the loss ''"),
        ("2*3*dice", r"cannot read the loss '2\*3\*dice'"),
        ("-1*dice", "the weight of dice is -1; expected a number ≥ 0"),
        ("nan*dice", "the weight of dice is nan"),
        ("inf*dice", "the weight of dice is inf"),
        ("*dice", "'' is no weight of dice"),
        ("dice*0.5", "'dice' is no weight of 0.5"),
        ("dice-0.5*ce", "'dice-0.5' is no weight of ce"),
        ("./none.py+0.5*dice", "no loss file ./none.py"),
    ],
)
def test_bad_requests(text, message):
    with pytest.raises(lossctl.UsageError, match=message):
        requests(text)


@pytest.mark.parametrize("text", ["dice+0.5*ce(label_smoothing=0.1)", "1e-07*giou+1e+20*ciou", "0.5*mae"])
def test_a_sum_is_written_as_it_can_be_asked_for_again(text):
    (request,) = requests(text)
    (again,) = requests(str(request))
    assert str(again) == str(request)
    assert [weight for weight, _ in again.terms] == [weight for weight, _ in request.terms]


def test_parameters_beside_a_sum_are_nobodys():
    with pytest.raises(lossctl.UsageError, match="gamma with several losses"):
        lossctl.loss("dice+0.5*focal", gamma=1)


def write(tmp_path, text):
    path = tmp_path / "mine.py"
    path.write_text(text)
    return str(path)


def test_own_loss_file(tmp_path):
    path = write(
        tmp_path,
        "from lossctl.loss import Positive\n"
        "def value(pred, target, power: Positive = 2.0):\n    return abs(pred - target) * power\n"
        "def slope(pred, target, power):\n    return power if pred > target else -power\n",
    )
    mine = lossctl.loss(path, power=3)
    assert mine([1.0, 4.0], [2.0, 2.0]) == 4.5
    assert mine.gradient([1.0, 4.0], [2.0, 2.0]).tolist() == [-1.5, 1.5]
    many = [float(i % 7) for i in range(50_000)]
    assert mine(many, [0.0] * 50_000) == pytest.approx(3 * sum(many) / 50_000, rel=1e-15)


def test_own_loss_file_in_a_sum(tmp_path):
    path = write(tmp_path, "def value(pred, target): return (pred - target) ** 4")
    assert lossctl.loss(f"{path}+0.5*mse")([3.0], [1.0]) == 18
    assert [request.name for request in requests(f"2*{path},mse")] == ["2*mine", "mse"]
    (request,) = requests("0.5*mse+./mine.py", folder=str(tmp_path))
    assert request.name == "0.5*mse+mine"


def test_own_loss_file_of_any_name(tmp_path):
    path = tmp_path / "a+b,2*(c).py"
    path.write_text("def value(pred, target): return pred")
    assert lossctl.loss(str(path))([3.0], [1.0]) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "has no function value"),
        ("def value(pred, other): return 0", "value takes other"),
        ("SHAPE = 'cubes'\ndef value(pred, target): return 0", "SHAPE is 'cubes'"),
        ("def value(pred, target, n: int = 1): return 0", "parameter n is"),
        ("SHAPE = 'boxes'\ndef value(p, g): return 0\ndef inside(p, g): return True", "boxes have no function inside"),
        ("def value(pred, target): return 0\n1/0", "does not run: ZeroDivisionError"),
        ("def value(pred, target) return", "does not run: SyntaxError"),
    ],
)
def test_bad_own_loss_file(tmp_path, text, message):
    with pytest.raises(lossctl.UsageError, match=message):
        lossctl.loss(write(tmp_path, text))


def test_own_file_without_slope_has_no_gradient(tmp_path):
    mine = lossctl.loss(write(tmp_path, "def value(pred, target): return pred - target"))
    assert mine([3.0], [1.0]) == 2
    with pytest.raises(lossctl.UsageError, match="no slope"):
        mine.gradient([3.0], [1.0])


def test_missing_names_what_lacks():
    module = type(lossctl)("lacking")
    exec("def value(pred, target, delta: float = 1.0): return 0", module.__dict__)
    module.__file__ = "lacking.py"
    loss = read(module, "lacking", "regression")
    assert set(loss.missing()) >= {"section Formula", "section Examples", "text of parameter delta", "slope"}

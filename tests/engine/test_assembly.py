"""Whether the hot loops are made of packed instructions: nothing else tells when a formula stops vectorising."""

import re

import numpy as np
import pytest

import lossctl
from lossctl.engine import kernels

compiler = pytest.importorskip("lossctl.engine.compile")
interleave = pytest.importorskip("lossctl.engine.interleave")
llvm = pytest.importorskip("llvmlite.binding")

# Beyond `SMALL`, so that kernels are compiled.
N = 1 << 16
# One loss for each loop that vectorises over items, and an instruction that its hot loop cannot do without.
LOOPS = {
    "mse": "vmulpd",
    "giou": "vdivpd",
    "bce": "vdivpd",
    "focal": "vdivpd",
    "ce": "vdivpd",
    "kl": "vdivpd",
    "dice": "vdivpd",
    "dice/NCHW": "vdivpd",
    "probiou": "vdivpd",
    "margin-ranking": "vmulpd",
    "cosine-embedding": "vmulpd",
}


@pytest.fixture
def made(monkeypatch):
    """Collect the kernels that are compiled; those from a cache have no text."""
    found, compile_it = [], compiler.compiled
    monkeypatch.setattr(compiler, "cache_directory", lambda: None)
    monkeypatch.setattr(compiler, "compiled", lambda *given: found.append(compile_it(*given)) or found[-1])
    kernels._kernels.cache_clear()
    yield found
    kernels._kernels.cache_clear()


def data(name):
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, N))
    if name == "giou":
        return (*np.sort(rng.random((2, N // 4, 2, 2)), axis=2).reshape(2, -1, 4), {})
    if name == "margin-ranking":
        return (x, y), np.sign(x), {}
    if name == "cosine-embedding":
        return (x.reshape(-1, 64), y.reshape(-1, 64)), np.ones(N // 64), {}
    if name == "probiou":
        return *np.abs(rng.normal(size=(2, N // 4, 5))), {}
    if name == "kl":
        return x.reshape(-1, 16), rng.dirichlet(np.ones(16), N // 16), {"input": "logits"}
    if name == "dice/NCHW":
        labels = rng.integers(0, 4, (1, 64, N // 256))
        return x.reshape(1, 4, 64, -1), labels, {"input": "logits", "layout": "NCHW", "aggregate": "per-image"}
    if name == "ce":
        return x.reshape(-1, 16), rng.integers(0, 16, N // 16), {"input": "logits"}
    if name == "dice":
        return x.reshape(1, 256, -1), (y > 0).astype(np.uint8).reshape(1, 256, -1), {"input": "logits", "layout": "NHW"}
    return x, (y > 0).astype(float), {} if name == "mse" else {"input": "logits"}


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx"), reason="looks for the wide registers of x86")
@pytest.mark.parametrize("name", LOOPS)
def test_hot_loops_are_packed(name, made):
    pred, target, options = data(name)
    lossctl.loss(name.partition("/")[0])(pred, target, **options)
    texts = [text for kernel in made for text in kernel.inspect_asm().values()]
    assert any(re.search(rf"{LOOPS[name]}\s.*[yz]mm", text) for text in texts)


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx"), reason="looks for the wide registers of x86")
@pytest.mark.parametrize(("name", "abreast"), [("bce", True), ("dice/NCHW", True), ("dice", False)])
def test_chains_of_a_formula_lie_abreast_where_there_is_room(name, abreast, made):
    pred, target, options = data(name)
    lossctl.loss(name.partition("/")[0])(pred, target, **options)
    (text,) = (text for kernel in made for text in kernel.inspect_asm().values())
    divisions = [
        len(re.findall(r"vdivpd\s.*[yz]mm", block)) for block in re.split(r"^\.L\w+:", text, flags=re.MULTILINE)
    ]
    assert (max(divisions) >= interleave.ABREAST) == abreast


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx"), reason="looks for the instructions of x86")
def test_easy_exponents_leave_nothing_of_the_power(made):
    pred, target, options = data("focal")
    for gamma in (2.0, 2.5):
        lossctl.loss("focal", gamma=gamma)(pred, target, **options)
    easy, other = (next(iter(kernel.inspect_asm().values())) for kernel in made)
    # The root that an exponent of ½ would take.
    assert "vsqrt" in other
    assert "vsqrt" not in easy


@pytest.mark.skipif(not llvm.get_host_cpu_features().get("avx"), reason="looks for the instructions of x86")
@pytest.mark.parametrize("name", ["balanced-l1", "poisson", "welsch", "wing", "pseudo-huber", "log-cosh"])
def test_single_precision_multiplies_no_doubles(name, made):
    pred, target = np.random.default_rng(4).uniform(1.0, 2.0, (2, N)).astype(np.float32)
    lossctl.loss(name)(pred, target, arithmetic="native")
    (text,) = (text for kernel in made for text in kernel.inspect_asm().values())
    assert "vmulps" in text
    assert not re.search(r"v(mul|div)pd", text)


@pytest.mark.parametrize("name", ["cosine-embedding", "ce", "kl", "dice"])
def test_references_are_counted_of_arguments_alone(name, made):
    # Each takes an atomic operation, which is nothing once a call and much once a row.
    pred, target, options = data(name)
    lossctl.loss(name).value_and_gradient(pred, target, **options)
    for kernel in made:
        for signature, text in kernel.inspect_llvm().items():
            assert text.count("call void @NRT_incref") <= str(signature).count("Array")

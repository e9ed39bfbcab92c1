"""Kernels by what they do: built once, interpreted on lists or compiled for arrays."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lossctl.engine import adapt
from lossctl.engine.foreground import foreground
from lossctl.engine.ranked import ranked_kernel
from lossctl.loss import Loss, Setting

Function = Callable[..., Any]


# Below this many numbers, interpreting takes less time than loading the compiler.
SMALL = 32768
_warm: set[tuple[object, ...]] = set()
_always = False


@contextmanager
def always_compiled() -> Iterator[None]:
    """Compile all kernels that are chosen meanwhile: for many small files, which together are worth it."""
    global _always
    _always = True
    try:
        yield
    finally:
        _always = False


def choose(
    loss: Loss, settings: dict[str, Setting], reading: tuple[str, ...], size: int
) -> tuple[bool, tuple[Function, ...]]:
    """Return whether `size` numbers are worth compiled kernels (or they are there already), and the kernels.

    reading: (source, pred format, target format, nonfinite) for numbers, binary scores and boxes; (source, target)
    for rows; (activation, target) for regions; nothing for scores and embeddings.
    """
    static = adapt.static_names(loss)
    key = (
        loss,
        tuple((name, setting if name in static else 0.0) for name, setting in settings.items()),
        reading,
    )
    fast = size > SMALL or _always or key in _warm
    if fast:
        _warm.add(key)
    return fast, _kernels(*key, fast)


@functools.cache
def foreground_kernel(source: str, fast: bool) -> Function:
    """Return the kernel of foreground weights; `source`: sigmoid, logits or probs."""
    plain = foreground((adapt.SIGMOID if source == "sigmoid" else adapt.SPREADS[source])[0])
    if not fast:
        return plain
    from lossctl.engine.compile import compiled

    return compiled(plain, f"foreground {source}")


@functools.cache
def _kernels(
    loss: Loss, settings: tuple[tuple[str, Setting], ...], reading: tuple[str, ...], fast: bool
) -> tuple[Function, ...]:
    plain: tuple[Function, ...]
    if loss.shape == "regions":
        build = adapt.pixels_kernels if loss.whole else adapt.regions_kernels
        plain = build(loss, dict(settings), *reading)
    elif loss.shape in ("scores", "embeddings"):
        plain = (ranked_kernel(loss, dict(settings)),)
    elif loss.shape == "classes":
        plain = (adapt.rows_kernel(loss, dict(settings), *reading),)
    else:
        plain = (adapt.items_kernel(loss, dict(settings), reading[0], (reading[1], reading[2]), reading[3]),)
    if not fast:
        return plain
    from lossctl.engine.compile import compiled

    source = hashlib.sha256(Path(loss.source).read_bytes()).hexdigest()
    # The name too: a library's losses share a file.
    key = (source, loss.name, settings, reading)
    return tuple(compiled(kernel, repr((*key, part))) for part, kernel in enumerate(plain))

"""Kernels by what they do: built once, interpreted on lists or compiled for arrays."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lossctl.engine import adapt, adapt_regions
from lossctl.engine.foreground import foreground
from lossctl.engine.ranked import ranked_kernel
from lossctl.loss import Loss, Setting

Function = Callable[..., Any]


# Up to this many numbers, interpreting takes less time than loading the compiler; so many in one process after another
# have taken as long as compiling.
SMALL, PATIENCE = 1 << 15, 1 << 18
# Stands for a number that is passed at run time; no number that is compiled in.
ANY = -1.0
_warm: set[tuple[object, ...]] = set()
_interpreted: dict[tuple[object, ...], int] = {}
_always = False
# A kernel is built by one thread at a time: what it reaches is registered with numba once for all of them.
_building = threading.RLock()


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
    loss: Loss, settings: dict[str, Setting], reading: tuple[str, ...], size: int, native: bool = False
) -> tuple[bool, tuple[Function, ...]]:
    """Return whether `size` numbers, with those before, are worth compiled kernels or have them, and the kernels.

    reading: (source, pred format, target format, *rules) for numbers, boxes and scores of any kind; (source, target)
    for rows; (activation, target, *rules) for regions; nothing for embeddings. `rules`: what becomes of what is not
    finite, and `ignore` where targets may be ignored. `native`: kernels in single precision, compiled for any size.
    """
    static = adapt.static_names(loss, settings)
    key = (
        loss,
        tuple((name, setting if name in static else ANY) for name, setting in settings.items()),
        reading,
    )
    if native:
        return True, _built(*key, True, native)
    fast = size > SMALL or _always or key in _warm or _interpreted.get(key, 0) > PATIENCE
    if fast:
        _warm.add(key)
    else:
        _interpreted[key] = _interpreted.get(key, 0) + size
    return fast, _built(*key, fast)


def foreground_kernel(source: str, fast: bool) -> Function:
    """Return the kernel of foreground weights; `source`: sigmoid, logits or probs."""
    with _building:
        return _foreground_kernel(source, fast)


@functools.cache
def _foreground_kernel(source: str, fast: bool) -> Function:
    plain = foreground((adapt.SIGMOID if source == "sigmoid" else adapt.SPREADS[source])[0])
    if not fast:
        return plain
    from lossctl.engine.compile import compiled

    return compiled(plain, f"foreground {source}")


def _built(*key: Any) -> tuple[Function, ...]:
    with _building:
        return _kernels(*key)


@functools.cache
def _kernels(
    loss: Loss, settings: tuple[tuple[str, Setting], ...], reading: tuple[str, ...], fast: bool, native: bool = False
) -> tuple[Function, ...]:
    plain: tuple[Function, ...]
    arithmetic = "native" if native else "float64" if fast else ""
    if loss.shape == "regions":
        build = adapt_regions.pixels_kernels if loss.whole else adapt_regions.regions_kernels
        plain = build(loss, dict(settings), arithmetic, *reading)
    elif loss.shape == "embeddings":
        plain = (ranked_kernel(loss, dict(settings)),)
    elif loss.shape == "classes":
        plain = (adapt.rows_kernel(loss, dict(settings), *reading),)
    else:
        plain = (adapt.items_kernel(loss, dict(settings), arithmetic, reading[0], reading[1:3], *reading[3:]),)
    if not fast:
        return plain
    import hashlib

    compiled: Callable[[Function, str], Function]
    if native:
        from lossctl.engine.native import compiled
    else:
        from lossctl.engine.compile import compiled

    source = hashlib.sha256(Path(loss.source).read_bytes()).hexdigest()
    # The name too: a library's losses share a file.
    key = (source, loss.name, settings, reading)
    return tuple(compiled(kernel, repr((*key, part))) for part, kernel in enumerate(plain))

"""The real libraries, as far as their losses: what those need not is stood in for, so that few packages suffice.

Each is a function that returns the module, or skips the test where the library is not installed.
"""

import functools
import importlib
import importlib.machinery
import importlib.util
import os
import sys
import types
from contextlib import contextmanager
from pathlib import Path

import pytest


class Anything:
    """Stands in for what an import wants and a loss does not use: a decorator, a base class, a context, a number."""

    def __init__(self, *arguments, **keywords):
        pass

    def __call__(self, *arguments, **keywords):
        return arguments[0] if len(arguments) == 1 and callable(arguments[0]) else self

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __mro_entries__(self, bases):
        return ()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False


class StandIn(types.ModuleType):
    """A module that has everything."""

    __path__ = ()

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()


class StandIns:
    """Finds stand-ins for modules of the given packages that are not there."""

    def __init__(self, *roots):
        self.roots = roots

    def find_spec(self, name, path=None, target=None):
        if any(name == root or name.startswith(f"{root}.") for root in self.roots):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec):
        return StandIn(spec.name)

    def exec_module(self, module):
        pass


def installed(name):
    """Return the folder of an installed package, without running it; skips where there is none."""
    spec = importlib.util.find_spec(name)
    if spec is None or not spec.submodule_search_locations:
        pytest.skip(f"{name} is not installed")
    return Path(next(iter(spec.submodule_search_locations)))


def bare(folder, *names):
    """Put packages in place whose modules are real but whose own `__init__` has not run."""
    for name in names:
        package = StandIn(name)
        package.__path__ = [str(folder.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = package


@contextmanager
def stand_in(*roots):
    """Stand in, during imports, for packages that are not installed, and for the modules named with a dot."""
    finder = StandIns(*(root for root in roots if "." in root or importlib.util.find_spec(root) is None))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in list(sys.modules.items()):
            # Others had better not find them.
            if getattr(getattr(module, "__spec__", None), "loader", None) is finder:
                del sys.modules[name]


@functools.cache
def torch():
    """Return torch."""
    return pytest.importorskip("torch")


@functools.cache
def torchvision():
    """Return torchvision.ops; its own operators are declared, since the build need not fit torch's."""
    installed("torchvision")
    torch()
    from torch.library import Library

    operators = Library("torchvision", "FRAGMENT")
    for name in ("nms", "qnms", "roi_align", "roi_pool", "ps_roi_align", "ps_roi_pool", "deform_conv2d"):
        for suffix in ("", "_backward", "_symint"):
            operators.define(f"{name}{suffix}(Tensor x) -> Tensor")
    with stand_in("PIL"):
        ops = importlib.import_module("torchvision.ops")
    ops.declared = operators
    return ops


@functools.cache
def monai():
    """Return monai.losses."""
    installed("monai")
    torch()
    return importlib.import_module("monai.losses")


@functools.cache
def keras():
    """Return keras in float64, on torch."""
    torch()
    os.environ["KERAS_BACKEND"] = "torch"
    found = pytest.importorskip("keras")
    # Its means and quotients are float32, even of float64: here they are not, so that more digits can be compared.
    types = importlib.import_module("keras.src.backend.common.dtypes")
    narrow = types.result_type
    types.result_type = lambda *of: "float64" if any("float64" in str(one) for one in of) else narrow(*of)
    return found


@functools.cache
def mmdet():
    """Return a namespace of mmdet's loss classes."""
    folder = installed("mmdet")
    torch()
    bare(folder, "mmdet", "mmdet.models", "mmdet.models.losses", "mmdet.structures", "mmdet.structures.bbox")
    found = {}
    with stand_in("mmcv", "mmengine", "mmdet.registry", "mmdet.utils"):
        overlaps = importlib.import_module("mmdet.structures.bbox.bbox_overlaps")
        sys.modules["mmdet.structures.bbox"].bbox_overlaps = overlaps.bbox_overlaps
        for file in ("iou_loss", "smooth_l1_loss", "gfocal_loss", "varifocal_loss", "gaussian_focal_loss", "focal_loss",
                     "cross_entropy_loss", "dice_loss", "mse_loss", "balanced_l1_loss"):  # fmt: skip
            found |= vars(importlib.import_module(f"mmdet.models.losses.{file}"))
    return types.SimpleNamespace(**{name: thing for name, thing in found.items() if not name.startswith("__")})


@functools.cache
def ultralytics():
    """Return a namespace of ultralytics' metrics and losses."""
    folder = installed("ultralytics")
    torch()
    bare(folder, "ultralytics", "ultralytics.utils")
    with stand_in(*(f"ultralytics.utils.{name}" for name in ("plotting", "torch_utils", "ops"))):
        found = vars(importlib.import_module("ultralytics.utils.metrics"))
        found = found | vars(importlib.import_module("ultralytics.utils.loss"))
    return types.SimpleNamespace(**{name: thing for name, thing in found.items() if not name.startswith("__")})


@functools.cache
def smp():
    """Return segmentation_models_pytorch.losses."""
    folder = installed("segmentation_models_pytorch")
    torch()
    bare(folder, "segmentation_models_pytorch")
    return importlib.import_module("segmentation_models_pytorch.losses")

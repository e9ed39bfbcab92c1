"""Loops whose rounds are done several at a time, side by side.

A formula is a long chain of operations, each of which waits for the one before. A processor works on the next chains
meanwhile, but only as far as it looks ahead, which is less than two of them where they are written one after the
other. LLVM interleaves short loops only, unless it is told.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from llvmlite.ir.values import MDValue
from numba.core import cgutils
from numba.core import ir as blocks
from numba.core.compiler import CompilerBase, DefaultPassBuilder
from numba.core.compiler_machinery import register_pass
from numba.core.lowering import Lower
from numba.core.typed_passes import NativeLowering

# Vectors that are worked on side by side.
ABREAST = 4


class _Lower(Lower):
    """Writes at the end of each loop that its rounds are to be interleaved."""

    def pre_lower(self) -> None:
        super().pre_lower()
        self._begun: list[Any] = []

    def lower_block(self, block: Any) -> None:
        self._begun.append(block)
        super().lower_block(block)
        end = block.terminator
        if isinstance(end, blocks.Jump) and any(self.blocks[end.target] is one for one in self._begun):
            jump = self.builder.block.terminator
            jump.set_metadata("llvm.loop", _hint(self.module))
            # A block of nothing but a jump is taken away, and with it what stands there, before loops are looked at.
            self.builder.position_before(jump)
            self.builder.call(_nothing(self.module), [])
            self.builder.position_at_end(self.builder.block)


def _hint(module: Any) -> Any:
    count = module.add_metadata([ir.MetaDataString(module, "llvm.loop.interleave.count"), ir.IntType(32)(ABREAST)])
    # It begins with itself, so that no two loops have the same.
    own = MDValue(module, [count], name=str(len(module.metadata)))
    own.operands = (own, count)
    return own


def _nothing(module: Any) -> Any:
    """Return a function that does nothing, which is seen only once calls are replaced by what they call."""
    function = cgutils.get_or_insert_function(module, ir.FunctionType(ir.VoidType(), []), "lossctl.nothing")
    if function.is_declaration:
        function.attributes.add("alwaysinline")
        function.linkage = "linkonce_odr"
        ir.IRBuilder(function.append_basic_block()).ret_void()
    return function


@register_pass(mutates_CFG=True, analysis_only=False)
class _Lowering(NativeLowering):
    _name = "interleaved_lowering"

    @property
    def lowering_class(self) -> Any:
        return _Lower


class Interleaved(CompilerBase):
    """numba's compiler, but for that."""

    def define_pipelines(self) -> list[Any]:
        """Return its passes."""
        passes = DefaultPassBuilder.define_nopython_pipeline(self.state)
        passes.passes = [(_Lowering if one is NativeLowering else one, what) for one, what in passes.passes]
        passes.finalize()
        return [passes]

"""To wait without sleeping: a thread that sleeps takes up to 0.1 ms to wake, as long as 500 000 numbers take.

It is made of LLVM's own text, since numba would take longer to compile it than most calls that wait.
"""

from __future__ import annotations

import ctypes
import functools
import platform
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm

# What tells a processor that it waits; others just look again.
PAUSES = {
    "x86_64": ("declare void @llvm.x86.sse2.pause()", "call void @llvm.x86.sse2.pause()"),
    "aarch64": ("declare void @llvm.aarch64.isb(i32)", "call void @llvm.aarch64.isb(i32 15)"),
}
NAMES = {"AMD64": "x86_64", "arm64": "aarch64"}
TEXT = """
{declaration}

define i64 @watch(i64* %place, i64 %seen, i64 %patience, i64 %grace) {{
entry:
  br label %look
look:
  %turn = phi i64 [ 0, %entry ], [ %next, %same ]
  %now = load atomic i64, i64* %place acquire, align 8
  %changed = icmp ne i64 %now, %seen
  br i1 %changed, label %hold, label %same
same:
  {pause}
  %next = add i64 %turn, 1
  %tired = icmp sge i64 %next, %patience
  br i1 %tired, label %end, label %look
hold:
  %left = phi i64 [ %grace, %look ], [ %less, %wait ]
  %over = icmp sle i64 %left, 0
  br i1 %over, label %end, label %wait
wait:
  {pause}
  %less = sub i64 %left, 1
  br label %hold
end:
  %found = phi i64 [ %seen, %same ], [ %now, %hold ]
  ret i64 %found
}}
"""


class Cell:
    """A number that one thread sets and another watches."""

    def __init__(self) -> None:
        """Begin with 0."""
        self._number = ctypes.c_int64(0)
        self._place = ctypes.addressof(self._number)

    @property
    def number(self) -> int:
        """What it holds."""
        return self._number.value

    @number.setter
    def number(self, number: int) -> None:
        self._number.value = number

    def changed(self, seen: int, patience: int, grace: int) -> bool:
        """Wait until the number is another than `seen`, for `patience` pauses at most; tell whether it is.

        Then wait for `grace` pauses more: whoever set it holds the interpreter's lock, and to ask for that is to sleep.
        Meanwhile other threads run. A pause takes 4 to 50 ns.
        """
        watch, _ = _compiled()
        return watch(self._place, seen, patience, grace) != seen


@functools.cache
def _compiled() -> tuple[Callable[[int, int, int, int], int], Any]:
    """Return `watch`, and what its code is gone with."""
    machine = platform.machine()
    declaration, pause = PAUSES.get(NAMES.get(machine, machine), ("", ""))
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(TEXT.format(declaration=declaration, pause=pause))
    engine = llvm.create_mcjit_compiler(module, llvm.Target.from_default_triple().create_target_machine())
    engine.finalize_object()
    number = ctypes.c_int64
    watch = ctypes.CFUNCTYPE(number, ctypes.c_void_p, number, number, number)(engine.get_function_address("watch"))
    return watch, engine

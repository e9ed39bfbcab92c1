"""Ctrl-C and SIGTERM, answered within 0.3 s even while the main thread is deep in the compiler.

Python runs signal handlers between two instructions of the main thread. LLVM compiles for seconds within one, so a
second thread is woken by the signal as well, gives the main thread a moment to leave in its own way, and leaves.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

INTERRUPTED, TERMINATED = 130, 143
CODES = {signal.SIGINT: INTERRUPTED, signal.SIGTERM: TERMINATED}
PATIENCE = 0.15
# What can be said to whoever interrupts.
advice = "no file is half written, run it again"

_leaving = threading.Lock()
_arrived = threading.Event()


class Terminated(BaseException):
    """SIGTERM arrived."""


def _terminate(signal_number: int, frame: object) -> NoReturn:
    _arrived.set()
    raise Terminated


def _interrupt(signal_number: int, frame: Any) -> None:
    _arrived.set()
    signal.default_int_handler(signal_number, frame)


def _unraisable(what: Any) -> None:
    """Show what was raised where nobody can catch it, but not once a signal has cut short whatever was going on."""
    if not _arrived.is_set():
        sys.__unraisablehook__(what)


def watch() -> None:
    """Answer SIGTERM as SIGINT is answered, by unwinding, and both in time."""
    signal.signal(signal.SIGTERM, _terminate)
    # Unless whoever started this has it ignored.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    sys.unraisablehook = _unraisable
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    threading.Thread(target=_listen, args=(reader,), name="lossctl-signals", daemon=True).start()


def _listen(reader: int) -> None:
    while (number := os.read(reader, 1)[0]) not in CODES:
        pass
    time.sleep(PATIENCE)
    leave(CODES[signal.Signals(number)])


def leave(code: int) -> NoReturn:
    """Say so and exit at once; threads may be deep in compiled code, and nobody waits for them."""
    with _leaving:
        if code == INTERRUPTED:
            saving = sys.modules.get("lossctl.bench.saving")
            news = "; ".join(saving.news) if saving is not None else ""
            with suppress(OSError, ValueError):
                print(f"lossctl: interrupted; {news or advice}", file=sys.stderr, flush=True)
        progress = sys.modules.get("lossctl.show.progress")
        if progress is not None and progress.drawing:
            # A bar hides the cursor.
            with suppress(OSError, ValueError):
                print("\x1b[?25h", end="", file=sys.stderr, flush=True)
        # Only where files were being written is there anything to sweep up.
        output = sys.modules.get("lossctl.data.output")
        for name in list(output.unfinished) if output is not None else ():
            with suppress(OSError):
                Path(name).unlink()
        os._exit(code)

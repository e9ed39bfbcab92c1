"""Processes that compute pairs side by side. The GIL lets two threads do one small pair at a time, not two.

They are forked once the kernels are compiled. When this process is gone, however it went, its pipes are closed, and
each worker leaves after the pair it is at.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, Pipe, wait
from typing import Any, NamedTuple, NoReturn

from lossctl.batch.journal import line_of
from lossctl.errors import LimitError

# A worker reports after this many seconds, or at the end of its task.
REPORT = 0.05


class Report(NamedTuple):
    """Some pairs that are done: their numbers and lines, how many bytes were read, how many failed.

    `done` is said of the last of a task.
    """

    numbers: list[int]
    lines: bytes
    read: int
    failed: int
    done: bool


Compute = Callable[[int], dict[str, Any]]


def alone(compute: Compute, numbers: Sequence[int]) -> Iterator[Report]:
    """Yield reports of pairs that are computed here, one after the other."""
    done: list[int] = []
    lines: list[bytes] = []
    read, failed, since = 0, 0, time.monotonic()
    for number in numbers:
        record = compute(number)
        done.append(number)
        lines.append(line_of(record))
        read += sum(stamp[0] for stamp in record["stat"] if stamp)
        failed += "error" in record
        if time.monotonic() - since > REPORT:
            yield Report(done, b"".join(lines), read, failed, done=False)
            done, lines, read, failed, since = [], [], 0, 0, time.monotonic()
    yield Report(done, b"".join(lines), read, failed, done=True)


def can_fork() -> bool:
    """Tell whether forking is safe here."""
    return sys.platform == "linux" and threading.current_thread() is threading.main_thread()


def together(
    compute: Compute, numbers: Sequence[int], workers: int, size: int, forked: Callable[[], None]
) -> Iterator[Report]:
    """Yield reports of pairs that several processes compute, `size` pairs a task; call `forked` once there are any.

    Raises LimitError where one of them is killed.
    """
    crew = _fork(compute, workers)
    forked()
    starts = iter(range(0, len(numbers), size))
    busy: dict[Connection, int] = {}
    try:
        for pipe in crew:
            # Two tasks each, so that nobody waits for the next.
            for start in (next(starts, None), next(starts, None)):
                if start is not None:
                    pipe.send(numbers[start : start + size])
                    busy[pipe] = busy.get(pipe, 0) + 1
        while busy:
            for ready in wait(list(busy)):
                assert isinstance(ready, Connection)
                report: Report | str = ready.recv()
                if isinstance(report, str):
                    raise RuntimeError(report)
                if report.done:
                    start = next(starts, None)
                    if start is not None:
                        ready.send(numbers[start : start + size])
                    else:
                        busy[ready] -= 1
                        if not busy[ready]:
                            del busy[ready]
                yield report
    except (EOFError, ConnectionError) as error:
        hint = "not enough memory? --threads 1 needs less; --resume continues"
        raise LimitError("a worker process was killed", hint=hint) from error
    finally:
        for pipe in crew:
            pipe.close()
        for worker in crew.values():
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGTERM)
            with suppress(ChildProcessError):
                os.waitpid(worker, 0)


def _fork(compute: Compute, workers: int) -> dict[Connection, int]:
    """Return the pipe to each new process, and its number."""
    crew: dict[Connection, int] = {}
    for _ in range(workers):
        near, far = Pipe()
        with warnings.catch_warnings():
            # The one other thread waits for signals and holds no lock.
            warnings.simplefilter("ignore", DeprecationWarning)
            worker = os.fork()
        if not worker:
            for pipe in (near, *crew):
                pipe.close()
            _work(compute, far)
        far.close()
        crew[near] = worker
    return crew


def _work(compute: Compute, pipe: Connection) -> NoReturn:
    """Do tasks until the pipe is closed. Ctrl-C is for the process that began this one."""
    code = 1
    try:
        # What there is now, the pairs above all, stays: looking for garbage in it would copy every page of it.
        gc.freeze()
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        while True:
            for report in alone(compute, pipe.recv()):
                pipe.send(report)
    except (EOFError, ConnectionError):
        code = 0
    except BaseException as error:
        with suppress(BaseException):
            pipe.send(f"{type(error).__name__}: {error}")
    finally:
        os._exit(code)

"""The connection to a Dask cluster: tasks go out, answers come in as they are done.

What a worker that is killed was at, the scheduler gives to another one. When this process ends, however it does, the
scheduler forgets what it has not begun.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import queue
import re
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import Any, NamedTuple

from lossctl.batch.order import build
from lossctl.batch.pairing import Pair
from lossctl.batch.worker import Refusal, Split, serve
from lossctl.data.number import shown
from lossctl.errors import LimitError, LossctlError, UsageError

# Seconds to wait for a connection, for a scheduler to answer, for the first worker or another one.
CONNECT, ANSWER, WORKERS = 3.0, 10.0, 20.0
BEAT = 0.5
_START = "start dask scheduler there, and dask worker with its address on every machine that computes"
# Bytes that a scheduler says at first, at most.
_GREETING = 1 << 20
_FORMS = "tcp://host:8786, or local:4 for workers of this machine"


class Job(NamedTuple):
    """A task that is out: what it is, and of what."""

    task: str
    arguments: tuple[Any, ...]
    read: int = 0
    split: Split | None = None
    place: int = 0

    @property
    def pairs(self) -> Sequence[Pair]:
        """The pairs that it is about."""
        return next(([a] if isinstance(a, Pair) else a) for a in self.arguments if _is_pairs(a))


class _Errand:
    """A task in transit: reading it is doing it. So only a worker has to know lossctl, and says so if it does not."""

    def __init__(self, theirs: dict[str, str], packed: bytes, job: Job) -> None:
        self._told = theirs, packed, job.task, pickle.dumps(job.arguments)

    def __reduce__(self) -> tuple[Any, ...]:
        return serve, self._told


def _is_pairs(argument: Any) -> bool:
    return isinstance(argument, Pair) or (isinstance(argument, list) and isinstance(argument[0], Pair))


def local_workers(address: str) -> int | None:
    """Return N of `local:N`, None of the address of a scheduler. Raises UsageError for what is neither."""
    match = re.fullmatch(r"local:(\d{1,4})", address.strip())
    if match is not None and int(match[1]) > 0:
        return int(match[1])
    if re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}/?", address.strip()):
        return None
    raise UsageError(f"scheduler is '{shown(address, 200)}'; expected an address", hint=_FORMS)


@contextmanager
def connected(address: str | None) -> Iterator[Cluster | None]:
    """Hold a connection to a cluster, or nothing without an address. Raises LimitError where nobody answers."""
    if address is None:
        yield None
        return
    number = local_workers(address)
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        # Its warnings are of versions, which every task looks at, and of ports of a dashboard.
        warnings.simplefilter("ignore")
        try:
            import distributed
        except ImportError:
            hint = "pip install 'lossctl[cluster]'"
            raise UsageError("--scheduler needs Dask, which is not installed", hint=hint) from None
        _silence("distributed", "tornado", "asyncio")
        if number is None:
            _knock(address.strip())
        try:
            where = address.strip() if number is None else _started(distributed, number, stack)
            client: Any = distributed.Client(where, timeout=ANSWER, set_as_default=False)
        except Exception as error:
            # Whatever listens there, it is no scheduler of this version of Dask.
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise LimitError(f"no Dask scheduler answers at {address}: {shown(reason, 200)}") from error
        stack.callback(_leave, client)
        yield Cluster(client, address.strip())


def _silence(*families: str) -> None:
    """Have loggers say nothing, nor those below them: what went wrong is told in one line, and an interruption by us.

    Dask gives some of those below a level of their own.
    """
    known = [name for name in logging.root.manager.loggerDict if name.partition(".")[0] in families]
    for name in {*families, *known}:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _started(distributed: Any, number: int, stack: ExitStack) -> Any:
    """Return a cluster of so many workers of this machine, which ends with this process at the latest."""
    _hush()
    cluster = distributed.LocalCluster(
        n_workers=number, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    stack.callback(_leave, cluster)
    return cluster


def _hush() -> None:
    """Start the process that sweeps up after workers, so that it does not warn of what an interrupted run leaves it."""
    from multiprocessing import resource_tracker

    before = os.environ.get("PYTHONWARNINGS")
    os.environ["PYTHONWARNINGS"] = "ignore"
    try:
        resource_tracker.ensure_running()
    finally:
        del os.environ["PYTHONWARNINGS"]
        if before is not None:
            os.environ["PYTHONWARNINGS"] = before


def _knock(address: str) -> None:
    """See whether a scheduler is there: Dask would try until its time is up, and wait forever for anything else."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rstrip("/").rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), CONNECT) as door:
            # It speaks first, and begins with the length of what it says.
            said = b"" if scheme == "tls" else door.recv(8, socket.MSG_WAITALL)
    except TimeoutError:
        raise LimitError(f"no Dask scheduler answers at {address}", hint=_START) from None
    except (OSError, ValueError, OverflowError) as error:
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise LimitError(f"no scheduler at {address}: {reason}", hint=_START) from error
    if scheme != "tls" and not 0 < int.from_bytes(said, "little") < _GREETING:
        raise LimitError(f"no Dask scheduler answers at {address}", hint=_START)


def _leave(left: Any) -> None:
    """Close a connection or a cluster; one that takes its time ends with this process."""
    with suppress(Exception):
        left.close(timeout=2)


def _refused(worker: str, refusal: Refusal) -> LossctlError:
    if refusal.exit == UsageError.exit_code:
        return UsageError(refusal.message, hint=refusal.hint or "mend it, then run it again")
    return LimitError(f"worker {worker} has {refusal.message}", hint=refusal.hint)


class Cluster:
    """Sends tasks out and takes answers in."""

    def __init__(self, client: Any, address: str) -> None:
        """Use a connection."""
        self._client, self._address = client, address
        self._answers: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._out: dict[str, tuple[Any, Job]] = {}
        self._build = build()
        self._threads, self._looked, self._seen = 1, -math.inf, time.monotonic()
        self._begun = f"lossctl-{uuid.uuid4().hex}"
        self._sent = 0

    @property
    def busy(self) -> bool:
        """Whether any task is out."""
        return bool(self._out)

    @property
    def threads(self) -> int:
        """How many tasks the workers can do at a time. Raises LimitError where there have been no workers for long."""
        now = time.monotonic()
        if now - self._looked >= BEAT:
            self._looked = now
            try:
                found = sum(self._client.nthreads().values())
            except Exception as error:
                raise self._lost() from error
            if found:
                self._threads, self._seen = found, now
            elif now - self._seen > WORKERS:
                hint = f"dask worker {self._address} --nthreads 1, on every machine that computes"
                raise LimitError(f"the scheduler at {self._address} has no workers", hint=hint)
        return self._threads

    @property
    def has_room(self) -> bool:
        """Whether another task keeps a worker from waiting: each has one that is coming."""
        return len(self._out) < 2 * self.threads + 1

    def send(self, packed: bytes, job: Job) -> None:
        """Send a task of an order out."""
        self._sent += 1
        errand = pickle.dumps(_Errand(self._build, packed, job))
        future = self._client.submit(pickle.loads, errand, key=f"{self._begun}-{self._sent}", pure=False)
        self._out[future.key] = (future, job)
        future.add_done_callback(self._answers.put)

    def take(self) -> Iterator[tuple[Job, Any]]:
        """Yield tasks that are done, with worker and answer; waits for at least one.

        Raises LossctlError for what a worker refuses and for what has no answer, after what has one.
        """
        ready = [self._next()]
        with suppress(queue.Empty):
            while True:
                ready.append(self._answers.get_nowait())
        done = [future for future in ready if future.status == "finished"]
        try:
            answers = self._client.gather(done)
        except Exception as error:
            raise self._lost() from error
        failed = [self._failed(future) for future in ready if future.status != "finished"]
        for future, (worker, answer) in zip(done, answers, strict=True):
            _, job = self._out.pop(future.key)
            if isinstance(answer, Refusal):
                failed.append(_refused(worker, answer))
            else:
                yield job, (worker, answer)
        if failed:
            raise failed[0]

    def _next(self) -> Any:
        while True:
            try:
                return self._answers.get(timeout=BEAT)
            except queue.Empty:
                # A scheduler that is gone, and workers that are, do not say so.
                if self._client.status not in ("running", "connecting"):
                    raise self._lost() from None
                _ = self.threads

    def _lost(self) -> LimitError:
        return LimitError(f"the scheduler at {self._address} is gone")

    def _failed(self, future: Any) -> BaseException:
        """Return what to raise for a task that has no answer."""
        if future.status != "error":
            return self._lost()
        error: BaseException = future.exception()
        _, job = self._out[future.key]
        if type(error).__name__ == "KilledWorker":
            named = ", ".join(shown(pair.id, 100) for pair in job.pairs[:3])
            more = ", …" if len(job.pairs) > 3 else ""
            hint = "not enough memory? a worker with --nthreads 1 needs less"
            return LimitError(f"workers were killed again and again by pairs {named}{more}", hint=hint)
        root: BaseException = error
        while root.__cause__ is not None:
            root = root.__cause__
        if isinstance(root, ImportError | AttributeError) and "lossctl" in str(root):
            hint = "pip install 'lossctl[cluster]' of one version there, on all workers and here"
            return LimitError(f"the cluster at {self._address} cannot load lossctl: {root}", hint=hint)
        if isinstance(error, OSError):
            # Of a connection between others: files that fail are in records.
            return LimitError(f"a task was lost on the cluster at {self._address}: {shown(str(error), 200)}")
        return error

    def drop(self) -> None:
        """Take back what is out."""
        futures = [future for future, _ in self._out.values()]
        self._out.clear()
        self._answers = queue.SimpleQueue()
        with suppress(Exception):
            self._client.cancel(futures)

"""Run a command and tell what it cost: wall time, processor time, peak memory.

As a script this is the meter: a bare Python that starts the command and waits for it. It is needed because on Linux
the peak memory of a child counts that of its parent at the time of the start, and a parent that holds arrays is large.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

PYTHON = sys.executable


class Cost(NamedTuple):
    """What one run cost: seconds, seconds of user and system time in all threads, bytes."""

    wall: float
    cpu: float
    peak: int
    output: str


class Told:
    """A clock that is moved on by what others have measured: pytest-benchmark's timer for times told by a child."""

    now = 0.0

    def __call__(self) -> float:
        """Return the sum of what was told."""
        return self.now


def lossctl(*arguments: str) -> list[str]:
    """Return the command line of lossctl as it is installed beside this Python."""
    script = Path(PYTHON).with_name("lossctl")
    return [str(script) if script.exists() else "lossctl", *arguments]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command through the meter. Raises RuntimeError when it fails."""
    meter = [PYTHON, "-I", "-S", __file__, *command]
    # An installed package has its bytecode on disk; compiling the sources at every start is not what users see.
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(meter, capture_output=True, text=True, env=inherited | dict(environment or {}), check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return Cost(*json.loads(done.stdout))


def _measure(command: Sequence[str]) -> int:
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    unit = 1 if sys.platform == "darwin" else 1024
    print(json.dumps([wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit, output.strip()]))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(_measure(sys.argv[1:]))

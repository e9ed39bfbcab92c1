"""A real scheduler and real workers of Dask on loopback, each a process that can be killed."""

import json
import os
import subprocess
import sys
import time


class Cluster:
    """A scheduler, and the workers that were started."""

    def __init__(self, folder):
        """Start the scheduler on a free port and wait until it is there."""
        self.folder, self.running = folder, []
        self.file = folder / "scheduler.json"
        self._start("scheduler", "--port", "0", "--scheduler-file", self.file)
        self.address = self._wait(lambda: json.loads(self.file.read_text())["address"])

    def _start(self, what, *options):
        log = (self.folder / f"{what}{len(self.running)}.log").open("wb")
        line = [sys.executable, "-m", f"distributed.cli.dask_{what}", "--host", "127.0.0.1", "--no-dashboard"]
        # Its folder is another one than that of the client.
        self.running.append(
            subprocess.Popen([*line, *map(str, options)], cwd=self.folder, stdout=log, stderr=log, env=os.environ)
        )
        log.close()
        return self.running[-1]

    def _wait(self, call):
        deadline = time.monotonic() + 30
        while True:
            try:
                return call()
            except (OSError, ValueError, KeyError):
                assert time.monotonic() < deadline, [file.read_text() for file in self.folder.glob("*.log")]
                time.sleep(0.05)

    def worker(self, threads=1):
        """Start a worker."""
        options = ["--scheduler-file", self.file, "--nthreads", threads, "--no-nanny", "--local-directory", self.folder]
        return self._start("worker", *options)

    def stop(self):
        """Kill all of it."""
        for process in self.running:
            process.kill()
            process.wait()

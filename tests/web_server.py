"""An HTTP server on loopback that gives files as told: whole or in ranges, late, broken or not at all."""

import http.server
import re
import threading
from pathlib import Path

import pytest


class Handler(http.server.SimpleHTTPRequestHandler):
    """One request."""

    def do_GET(self):
        """Answer with the file, or with the next of the faults."""
        web = self.server.web
        web.asked.append((self.command, self.path, self.headers.get("Range")))
        # Lists of folders are given in any case.
        fault = web.faults.pop(0) if web.faults and not self.path.endswith("/") else None
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        path = Path(self.translate_path(self.path))
        if isinstance(fault, int):
            self.send_error(fault)
        elif fault == "torn":
            content = path.read_bytes()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])
            self.close_connection = True
        elif asked and web.ranges and path.is_file():
            content = path.read_bytes()
            part = content[int(asked[1]) : int(asked[2] or len(content)) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {asked[1]}-{int(asked[1]) + len(part) - 1}/{len(content)}")
            self.send_header("Content-Length", str(len(part)))
            self.end_headers()
            self.wfile.write(part)
        else:
            super().do_GET()

    def do_HEAD(self):
        """Answer with the size."""
        self.server.web.asked.append((self.command, self.path, None))
        super().do_HEAD()

    def log_message(self, *_):
        """Say nothing."""


class Web:
    """A running server of a folder; `faults` are what the next GETs end in: a status, torn, or None."""

    def __init__(self, folder):
        """Start it on a free port."""
        self.folder, self.ranges, self.faults, self.asked = folder, True, [], []
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), lambda *given: Handler(*given, directory=str(folder))
        )
        self.server.web = self
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        """Stop it."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(tmp_path):
    """A server of a folder of its own."""
    pytest.importorskip("aiohttp")
    folder = tmp_path / "web"
    folder.mkdir()
    running = Web(folder)
    yield running
    running.stop()

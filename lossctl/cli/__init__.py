"""The command line. typer lives here; everything else is in the rooms below."""

from __future__ import annotations

from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; from the first line on, Ctrl-C ends it without a traceback."""
    from lossctl.cli.signals import INTERRUPTED, TERMINATED, Terminated, leave, watch

    watch()
    try:
        from lossctl.cli.main import main as run

        run()
    except KeyboardInterrupt:
        leave(INTERRUPTED)
    except Terminated:
        leave(TERMINATED)

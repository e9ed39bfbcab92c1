"""The command line. typer lives here; everything else is in the rooms below."""

from lossctl.cli.main import main

__all__ = ["main"]

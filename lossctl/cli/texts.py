"""Arguments as the texts they are typed as, without pydantic."""

from __future__ import annotations

from typing import Any

import typer.core


class _AsTyped:
    """Takes a parameter's text as it is."""

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        return value


def keep_texts() -> None:
    """Let commands pass on texts, not coerced values.

    Since 0.29 typer coerces through pydantic, whose import takes longer than everything else that one number needs (90
    of 240 ms measured); options and parameters check their texts themselves. Any other typer is left alone.
    """
    parameter = getattr(typer.core, "_TyperParameter", None)
    if hasattr(parameter, "get_runtime_param"):
        parameter.get_runtime_param = lambda self: _AsTyped()  # type: ignore[union-attr]

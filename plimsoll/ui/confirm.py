"""Asking a person."""

from __future__ import annotations

from rich.text import Text

from plimsoll.ui.output import console


def ask(question: str) -> str:
    """Return what a person types after `question`, without the spaces around it. The question goes to stderr."""
    console(stderr=True).print(Text(question, style="bold"), end="")
    try:
        return input().strip()
    except EOFError:
        return ""

"""Rendered manifests and what came of judging them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.policy import Validation
    from plimsoll.domain.rendering import Rendering


def draw_rendering(rendering: Rendering, console: Console) -> None:
    """Print the objects as YAML documents that `kubectl` reads, unwrapped and uncoloured."""
    text = yaml.safe_dump_all(rendering.objects, explicit_start=True, sort_keys=False, allow_unicode=True)
    console.print(Text(text, end=""), soft_wrap=True)


def draw_validation(validation: Validation, console: Console) -> None:
    """Print one line: what was judged. Findings are the error's own lines."""
    names = ", ".join(validation.environments)
    console.print(
        Text.assemble(
            ("✔ ", "green"),
            f"{validation.objects} objects of {names}, each overlay alone and with its environment's components: "
            f"schemas and {validation.policies} policies hold",
        )
    )

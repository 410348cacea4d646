"""Rendered manifests and what came of judging them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml
from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console

    from plimsoll.domain.policy import Validation
    from plimsoll.domain.rbac_objects import DeployerRights
    from plimsoll.domain.rendering import Rendering


class Plain(yaml.SafeDumper):
    """Writes what stands in several places several times: `kubectl` reads anchors, people rather not."""

    def ignore_aliases(self, _data: object) -> bool:
        """Never refer to an earlier place."""
        return True


def draw_rendering(rendering: Rendering | DeployerRights, console: Console) -> None:
    """Print the objects as YAML documents that `kubectl` reads, unwrapped and uncoloured."""
    text = yaml.dump_all(rendering.objects, Dumper=Plain, explicit_start=True, sort_keys=False, allow_unicode=True)
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

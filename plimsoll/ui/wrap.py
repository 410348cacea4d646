"""Text on a terminal that is narrower than it: wrapped below its own beginning, and cut only where it is told to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from rich.console import Console


def fitted(console: Console, prefix: Text, body: Text, *, rows: int = 0, mark: str = "") -> list[Text]:
    """Return `body` behind `prefix` as rows of a terminal, at most `rows` (0: all that it takes), the last one cut then.

    Further rows begin with `mark` and are indented like the first. Elsewhere than on a terminal it is one line, whole.
    """
    if not console.is_terminal:
        return [Text.assemble(prefix, body)]
    width = max(console.width - prefix.cell_len, 8)
    lines = list(body.wrap(console, width))
    if rows and len(lines) > rows:
        lines = [*lines[: rows - 1], _cut(body, lines[: rows - 1], width)]
    blank = Text(mark.ljust(prefix.cell_len), style="dim")
    found = [Text.assemble(blank if number else prefix, line) for number, line in enumerate(lines)] or [prefix]
    for line in found:
        line.rstrip()
    return found


def _cut(body: Text, before: list[Text], width: int) -> Text:
    """Return what follows the rows `before`, on one row that ends with an ellipsis."""
    end = 0
    for line in before:
        words = line.plain.strip()
        end = body.plain.index(words, end) + len(words)
    end += len(body.plain[end:]) - len(body.plain[end:].lstrip())
    rest = body[end:]
    rest.truncate(width, overflow="ellipsis")
    return rest

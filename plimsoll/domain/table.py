"""Reading a TOML table key by key: what is wrong is collected, what is left over is a misspelling."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any, TypeVar

from plimsoll.domain.project import parse_duration

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Table:
    """A TOML table that is read key by key; what goes wrong is collected, what is left over is a misspelling.

    Each reader returns the default (or None, where the key is required) for a value of the wrong type, after noting the problem.
    `left` holds what was not read yet. `file` stands before the paths of problems when it is not empty.
    """

    def __init__(self, file: str, path: str, data: dict[str, Any], problems: list[str]) -> None:
        self.file = file
        self.path = path
        self.problems = problems
        self.left = dict(data)
        self._seen: list[str] = []
        self._wrong = False

    def problem(self, key: str, text: str) -> None:
        """Note a problem with `key` of this table."""
        self._wrong = True
        prefix = f"{self.file}: " if self.file else ""
        self.problems.append(f"{prefix}{f'{self.path}.{key}'.strip('.')}: {text}")

    def take(self, key: str, kind: type[T] | tuple[type, ...], what: str, default: Any) -> Any:  # noqa: ANN401 -- checked by `kind`
        """Return the value of `key` when it is of `kind`; `default` of `...` means that the key is required."""
        self._seen.append(key)
        if key not in self.left:
            if default is ...:
                self.problem(key, f"is missing; it should be {what}")
                return None
            return default
        value = self.left.pop(key)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.problem(key, f"should be {what}, not {value!r}")
            return None if default is ... else default
        return value

    def text(self, key: str, default: Any = ...) -> Any:  # noqa: ANN401 -- str, or the default
        """Return a text."""
        return self.take(key, str, "a text", default)

    def number(self, key: str, default: Any = ...) -> Any:  # noqa: ANN401 -- int, or the default
        """Return a whole number."""
        return self.take(key, int, "a whole number", default)

    def flag(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        return bool(self.take(key, bool, "true or false", default))

    def duration(self, key: str, default: int) -> int:
        """Return the seconds of a duration such as `300s`."""
        value = self.take(key, str, "a duration such as 300s", None)
        if value is None:
            return default
        try:
            return parse_duration(value)
        except ValueError as error:
            self.problem(key, str(error))
            return default

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.take(key, list, "a list of texts", None)
        if value is None:
            return default
        if not all(isinstance(each, str) for each in value):
            self.problem(key, "should be a list of texts")
            return default
        return tuple(value)

    def commands(self, key: str) -> tuple[tuple[str, ...], ...]:
        """Return a list of commands, each a list of words."""
        value = self.take(key, list, "a list of commands, each a list of words", [])
        if not all(isinstance(each, list) and all(isinstance(word, str) for word in each) for each in value):
            self.problem(key, "should be a list of commands, each a list of words")
            return ()
        return tuple(tuple(each) for each in value)

    def strings(self, key: str) -> dict[str, str]:
        """Return a table of texts."""
        value = self.take(key, dict, "a table of texts", {})
        for name, each in value.items():
            if not isinstance(each, str):
                self.problem(f"{key}.{name}", f"should be a text, not {each!r}")
        return {name: each for name, each in value.items() if isinstance(each, str)}

    def table(self, key: str, *, required: bool = False) -> Table:
        """Return the table below `key`, empty when it is absent."""
        value = self.take(key, dict, "a table", ... if required else {})
        return Table(self.file, f"{self.path}.{key}".strip("."), value or {}, self.problems)

    def named(self, key: str) -> dict[str, Table]:
        """Return the tables below `key` by their names."""
        outer = self.table(key)
        return {name: outer.table(name, required=True) for name in list(outer.left)}

    def tables(self, key: str) -> list[Table]:
        """Return an array of tables."""
        value = self.take(key, list, f"tables, written [[{key}]]", [])
        found = []
        for index, each in enumerate(value):
            if isinstance(each, dict):
                found.append(Table(self.file, f"{key}[{index}]", each, self.problems))
            else:
                self.problem(f"{key}[{index}]", f"should be a table, not {each!r}")
        return found

    def build(self, make: Callable[[], T]) -> T | None:
        """Return what `make` builds, or None after a problem; its ValueError becomes one at this table's path."""
        self.finish()
        if self._wrong:
            return None
        try:
            return make()
        except ValueError as error:
            self.problem("", str(error))
            return None

    def finish(self) -> None:
        """Note every key that nobody read."""
        for key in self.left:
            near = difflib.get_close_matches(key, self._seen, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(self._seen)}"
            self.problem(key, f"is not a setting; {hint}")
        self.left = {}

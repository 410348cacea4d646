"""Where each of several things stands that are waited for together: what a live table shows, one row each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Standing:
    """One row: `missing` is what the thing lacks, empty once it is done; `seconds` how long that lasted when it was told.

    Of what is done, `seconds` are those that it took.
    """

    name: str
    missing: str
    seconds: float

    @property
    def done(self) -> bool:
        """Whether nothing is missing any more."""
        return not self.missing

"""Secret values: a type that never shows what it holds."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass


@dataclass(frozen=True)
class SecretText:
    """A secret value. It prints as `***`; only `reveal` gives it out."""

    value: str

    def reveal(self) -> str:
        """Return the value, for the one place that hands it over."""
        return self.value

    def hash(self, salt: str, name: str) -> str:
        """Return `salt:hash`, by which a record tells whether the value of `name` changed, and from which nothing else follows.

        The salt is the record's own, so that equal values in two records do not look equal.
        """
        found = hmac.new(salt.encode(), f"{name}\n{self.value}".encode(), hashlib.sha256).hexdigest()
        return f"{salt}:{found[:16]}"

    def __str__(self) -> str:
        return "***"

    def __repr__(self) -> str:
        return "SecretText(***)"

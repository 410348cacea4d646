"""Table of contents: every task of this repository, by the module that holds it."""

from plimsoll.tasks import collect

ns = collect()

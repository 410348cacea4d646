"""Plimsoll: from source to a verified release, and back."""

__version__ = "0.1.0"

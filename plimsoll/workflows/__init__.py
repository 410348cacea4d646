"""Use cases: short lists of steps over ports."""

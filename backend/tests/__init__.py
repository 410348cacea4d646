"""The tests: `unit` needs nothing, `integration` starts real servers."""

"""Invoke tasks: parse flags, call one workflow, show its result."""

"""Behaviour that needs no server."""

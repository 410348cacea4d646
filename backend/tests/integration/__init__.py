"""Behaviour of the real process with a real PostgreSQL and Redis."""

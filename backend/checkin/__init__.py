"""Check participants in to sessions over HTTP: FastAPI with PostgreSQL and Redis."""

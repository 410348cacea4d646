"""Encrypted connections to PostgreSQL and Redis, as managed services ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conftest import missing
from tests.integration.backend import backend_process
from tests.integration.servers import new_certificate, redis_server
from tests.integration.waiting import find_binary

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.integration.conftest import Environment
    from tests.integration.servers import Postgres


@pytest.fixture
def encrypted(environment: Environment, postgres: Postgres, tmp_path: Path) -> Iterator[Environment]:
    """Return the environment for a PostgreSQL and a Redis that speak TLS, with a certificate made for this test."""
    openssl = find_binary("openssl") or missing("OpenSSL (Debian package openssl)")
    redis = find_binary("redis-server") or missing("Redis (Debian package redis-server)")
    certificate = new_certificate(openssl, tmp_path)
    with postgres.speaking_tls(certificate), redis_server(redis, tls=certificate) as secret_redis:
        yield {
            **environment,
            "DATABASE_TLS": "verify",
            "REDIS_TLS": "verify",
            "REDIS_PORT": str(secret_redis.port),
            "SSL_CERT_FILE": str(certificate.certificate),
        }


def test_connections_are_encrypted_where_the_certificate_is_trusted(
    encrypted: Environment, postgres: Postgres, tmp_path: Path
) -> None:
    with backend_process(encrypted, tmp_path) as backend:
        assert backend.http.get("/health/ready").status_code == 200
        in_clear = (
            "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'check-in' AND NOT ssl"
        )
        assert postgres.run_sql(f"{in_clear} AND datname = '{encrypted['DATABASE_NAME']}'") == "0"


def test_a_certificate_that_nobody_vouches_for_is_not_accepted(encrypted: Environment, tmp_path: Path) -> None:
    untrusting = {name: value for name, value in encrypted.items() if name != "SSL_CERT_FILE"}
    with backend_process(untrusting, tmp_path) as backend:
        checks = backend.http.get("/health/ready").json()["checks"]
        assert checks == {"database": "does not answer", "redis": "does not answer"}
        assert "CERTIFICATE_VERIFY_FAILED" in backend.log_file.read_text()

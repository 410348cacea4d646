"""No request fails while releases change, and the same test notices when the care for that is taken out."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.integration.traffic import Traffic

if TYPE_CHECKING:
    from tests.integration.clone import Clone

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]

PORT = 18081
MARGIN = 5.0
CONFIGURATION = "infrastructure/kubernetes/base/backend/kustomization.yaml"


def change_under_traffic(clone: Clone, *words: str) -> Traffic:
    """Send traffic from 5 s before to 5 s after a command."""
    with Traffic(PORT) as traffic:
        time.sleep(MARGIN)
        clone.ok(*words)
        time.sleep(MARGIN)
    assert len(traffic.answers) >= 2 * MARGIN * 10
    return traffic


def test_no_request_fails_during_a_deploy_and_a_rollback(staging: Clone) -> None:
    staging.edit(CONFIGURATION, "LOG_LEVEL=info", "LOG_LEVEL=warning")
    staging.ok("build")
    forth = change_under_traffic(staging, "deploy", "--env", "staging")
    assert forth.bad == []
    assert forth.releases[-1] == staging.status()["release"]
    back = change_under_traffic(staging, "rollback", "--env", "staging")
    assert back.bad == []
    assert back.releases[-1] != forth.releases[-1]


def test_the_same_traffic_notices_when_graceful_stop_and_readiness_are_taken_out(staging: Clone) -> None:
    careless = (staging.folder / "tests/cases/careless/kustomization.yaml").read_text()
    staging.write("infrastructure/kubernetes/components/careless/kustomization.yaml", careless)
    parts = 'components = ["small-cluster", "node-port"]\nport = 18081'
    staging.edit("plimsoll.toml", parts, parts.replace('"node-port"', '"node-port", "careless"'))
    staging.ok("build", "deploy", "--env", "staging")
    # Both the page's server and the backend change.
    staging.edit(CONFIGURATION, "LOG_LEVEL=info", "LOG_LEVEL=warning")
    staging.edit("frontend/nginx/upstream.conf", "\n", "\n# changed\n")
    staging.ok("build")
    traffic = change_under_traffic(staging, "deploy", "--env", "staging")
    assert traffic.bad != []

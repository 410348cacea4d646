"""Which part of the settings goes into an image: only that part makes a commit count for it."""

from __future__ import annotations

import pytest

from plimsoll.domain.build_settings import settings_inputs

SETTINGS = """
[project]
name = "shop"
source = "https://example.org"
[bases.python]
suite = "trixie"
kind = "runtime"
packages = ["python3"]
[bases.redis]
suite = "trixie"
kind = "runtime"
packages = ["redis"]
[services.backend]
dockerfile = "d"
context = "backend"
bases = ["python"]
size_budget_mb = 200
[[smoke]]
name = "ready"
path = "/"
"""
LOCK = """{"schema": "plimsoll.bases/1", "recorded": "2030-01-01",
"bases": {"python": {"python3": "3.13"}, "redis": {"redis": "8.0"}}}"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('path = "/"', 'path = "/health"'),
        ("size_budget_mb = 200", "size_budget_mb = 100"),
        ('packages = ["redis"]', 'packages = ["redis", "dash"]'),
    ],
)
def test_settings_of_other_things_do_not_count(old: str, new: str) -> None:
    assert settings_inputs(SETTINGS.replace(old, new), LOCK, "backend") == settings_inputs(SETTINGS, LOCK, "backend")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('source = "https://example.org"', 'source = "https://example.org/fork"'),
        ('packages = ["python3"]', 'packages = ["python3"]\nexclude = ["x"]'),
        ('bases = ["python"]', 'bases = ["python", "redis"]'),
        ('dockerfile = "d"', 'dockerfile = "e"'),
        ("size_budget_mb = 200", 'arguments = { A = "1" }'),
    ],
)
def test_settings_of_the_image_count(old: str, new: str) -> None:
    assert settings_inputs(SETTINGS.replace(old, new), LOCK, "backend") != settings_inputs(SETTINGS, LOCK, "backend")


def test_only_the_recorded_packages_of_the_images_bases_count() -> None:
    assert settings_inputs(SETTINGS, LOCK.replace("8.0", "8.1"), "backend") == settings_inputs(SETTINGS, LOCK, "backend")
    assert settings_inputs(SETTINGS, LOCK.replace("3.13", "3.14"), "backend") != settings_inputs(SETTINGS, LOCK, "backend")
    assert settings_inputs(SETTINGS, LOCK.replace("2030", "2031"), "backend") == settings_inputs(SETTINGS, LOCK, "backend")


@pytest.mark.parametrize(
    "settings", [None, "not toml", "[project]\nname = 'x'", SETTINGS.replace("trixie", "").replace("runtime", "x")]
)
def test_settings_that_do_not_describe_the_service_answer_nothing(settings: str | None) -> None:
    assert settings_inputs(settings, LOCK, "backend") is None

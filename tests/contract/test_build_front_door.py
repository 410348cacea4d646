"""`inv build` and `inv image.*` as a user types them, in a small repository of its own, on a real engine."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from plimsoll.adapters.image_store import StateImages
from plimsoll.adapters.registry import OciRegistry
from plimsoll.domain.bases import LOCK, BasesLock, loads
from plimsoll.domain.images import Image
from tests.fakes import START
from tests.git_repository import repository
from tests.local_registry import local_registry
from tests.needs import missing
from tests.small_base import SHELL, small_base

if TYPE_CHECKING:
    from tests.git_repository import Repository

# The first test bootstraps a base from the mirror.
pytestmark = [pytest.mark.engine, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
SETTINGS = """
[project]
name = "small-test"
source = "https://example.org/small"
[registry]
repository = "localhost:9/small-test"
[cluster]
[bases.shell]
suite = "trixie"
kind = "runtime"
packages = ["dash", "coreutils"]
exclude = ["usr/lib/*/gconv/*"]
[services.app]
dockerfile = "docker/app.Dockerfile"
context = "app"
bases = ["shell"]
[environments.local]
namespace = "small-local"
overlay = "overlays/local"
[environments.far]
namespace = "small-far"
overlay = "overlays/far"
remote = { context = "far", server = "https://api.example.org:6443", uid = "1" }
"""
DOCKERFILE = "FROM shell AS runner\nRUN echo made > /made\nCOPY . /app\nUSER 1001:1001\n"


@dataclass
class Ran:
    """A finished `inv`."""

    code: int
    out: str
    err: str
    cpu: float

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)


@dataclass
class Door:
    """A repository, and `inv` in it with a state of its own."""

    source: Repository
    home: Path
    cache: Path

    def inv(self, *words: str, **environment: str) -> Ran:
        env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PLIMSOLL")},
            "XDG_STATE_HOME": str(self.home),
            "XDG_CACHE_HOME": str(self.cache),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
            **environment,
        }
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            (sys.executable, "-m", "plimsoll.tasks", *words),
            cwd=self.source.root,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        return Ran(done.returncode, done.stdout, done.stderr, cpu)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if subprocess.run(("docker", "buildx", "inspect"), check=False, capture_output=True, timeout=30).returncode != 0:
        missing("a container engine with buildx")
    folder = tmp_path_factory.mktemp("cache")
    # Bases are named by their content: what other tests bootstrapped need not be made again.
    small_base()
    shutil.copytree(small_base().home, folder / "plimsoll", symlinks=True)
    return folder


@pytest.fixture
def door(tmp_path: Path, cache: Path) -> Door:
    files = {
        "plimsoll.toml": SETTINGS,
        "tasks.py": "from plimsoll.tasks import collect\n\nns = collect()\n",
        "invoke.yaml": (ROOT / "invoke.yaml").read_text(),
        "docker/app.Dockerfile": DOCKERFILE,
        "app/words.txt": "hello\n",
        "infrastructure/versions.toml": (ROOT / "infrastructure/versions.toml").read_text(),
        LOCK: BasesLock(recorded=START.date(), bases={"shell": small_base().recorded}).dumps(),
        ".gitignore": "__pycache__/\n",
    }
    return Door(repository(tmp_path / "source", files), tmp_path / "state", cache)


def test_sources_are_built_once_and_then_answered_for_in_a_moment(door: Door) -> None:
    first = door.inv("build", "--json")
    assert first.code == 0, first.err
    image = first.json["images"]["app"]
    assert (first.json["schema"], image["built"]) == ("plimsoll.build/1", True)
    assert image["labels"]["org.opencontainers.image.revision"] == door.source.commits[0]
    again = door.inv("build", "--json")
    assert again.json["images"]["app"] == {**image, "built": False, "origin": "kept", "seconds": 0.0}
    assert again.json["seconds"] < 1
    assert again.cpu < 1, "processor seconds, Python's own start included"
    told = door.inv("build")
    assert "unchanged" in told.out
    assert "Nothing to build" in told.out
    assert door.inv("build", DOCKER_HOST="unix:///nowhere").code == 0, "no engine is needed for that"


def test_a_dry_run_says_what_would_be_built_and_builds_nothing(door: Door) -> None:
    shown = door.inv("build", "--dry-run", "--json")
    assert shown.json["images"]["app"]["action"] == "build"
    assert not (door.home / "plimsoll" / "small-test" / "images").exists()
    assert "build it" in door.inv("build", "--dry-run").out


def test_uncommitted_changes_show_in_tag_and_plan(door: Door) -> None:
    door.source.write("app/words.txt", "tried\n")
    assert "uncommitted: app/words.txt" in door.inv("build", "--dry-run").out
    tag = door.inv("build", "--json").json["images"]["app"]["tag"]
    assert tag.endswith("-dirty")


def test_an_unknown_service_is_answered_with_a_suggestion(door: Door) -> None:
    ran = door.inv("build", "--service", "ap")
    assert ran.code == 2
    assert "did you mean 'app'?" in ran.err


def test_a_dockerfile_that_does_not_build_is_one_message_and_exit_code_1(door: Door) -> None:
    door.source.commit(**{"docker/app.Dockerfile": f"{DOCKERFILE}RUN echo 'no such thing' >&2; exit 3\n"})
    ran = door.inv("build", "--json")
    assert ran.code == 1
    assert ran.json["error"]["code"] == "build-failed"
    assert ran.json["error"]["where"] == "docker/app.Dockerfile:5"
    assert "  | no such thing" in ran.err
    assert "Traceback" not in ran.err


def test_without_an_engine_a_build_is_exit_code_4_and_names_the_repair(door: Door) -> None:
    door.source.commit(**{"app/words.txt": "changed\n"})
    ran = door.inv("build", DOCKER_HOST="unix:///nowhere.sock")
    assert ran.code == 4
    assert "no container engine answers" in ran.err
    assert "inv setup" in ran.err


def test_a_base_that_nobody_recorded_is_exit_code_2(door: Door) -> None:
    (door.source.root / LOCK).unlink()
    ran = door.inv("build")
    assert ran.code == 2
    assert "inv image.bases --update" in ran.err


def test_an_image_over_its_budget_is_exit_code_1_and_names_its_layers(door: Door) -> None:
    door.source.commit(**{"plimsoll.toml": SETTINGS.replace('bases = ["shell"]', 'bases = ["shell"]\nsize_budget_mb = 1')})
    ran = door.inv("build")
    assert ran.code == 1
    assert "app: " in ran.err
    assert "packages of Debian trixie" in ran.err


def test_equal_inputs_give_equal_digests_from_two_clones(door: Door) -> None:
    ran = door.inv("build", "--check-reproducible", "--json")
    assert ran.code == 0, ran.err
    first, second = ran.json["images"]["app"]["digests"]
    assert first == second
    assert first.startswith("sha256:")


def test_a_planted_date_is_found_by_image_layer_and_file(door: Door) -> None:
    planted = (ROOT / "tests/cases/planted-date/app.Dockerfile").read_text()
    door.source.commit(**{"docker/app.Dockerfile": planted})
    ran = door.inv("build", "--check-reproducible", "--json")
    assert ran.code == 1
    first, second = ran.json["images"]["app"]["digests"]
    assert first != second
    assert ran.json["differences"] == [{"image": "app", "instruction": "RUN date +%N > /built", "files": ["differs: /built"]}]
    assert "app: in the layer of `RUN date +%N > /built`" in ran.err
    assert "differs: /built" in ran.err


def test_a_version_that_is_gone_moves_on_here_and_stops_a_release_elsewhere(door: Door) -> None:
    recorded = small_base().recorded.packages
    gone = BasesLock(
        recorded=START.date(), bases={"shell": type(small_base().recorded)(packages={**recorded, "dash": "0.0-gone"})}
    )
    door.source.commit(**{LOCK: gone.dumps()})
    ran = door.inv("build")
    assert ran.code == 0, ran.err
    assert f"dash 0.0-gone -> {recorded['dash']}" in ran.err
    shown = door.inv("image.bases", "--json").json["bases"]["shell"]
    assert shown["moved"] == [{"package": "dash", "was": "0.0-gone", "now": recorded["dash"]}]
    far = door.inv("image.push", "--env", "far")
    assert far.code == 4
    assert "inv image.bases --update" in far.err
    assert loads((door.source.root / LOCK).read_text()) == gone, "nothing but an update writes the record"


def test_an_update_records_what_the_mirror_has(door: Door) -> None:
    ran = door.inv("image.bases", "--update", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["updated"] == {"shell": []}
    assert loads((door.source.root / LOCK).read_text()).bases["shell"] == small_base().recorded


def test_labels_and_sizes_of_the_present_images_are_shown(door: Door) -> None:
    assert door.inv("image.labels").code == 2, "nothing is built yet"
    assert door.inv("build").code == 0
    labels = door.inv("image.labels")
    assert "org.opencontainers.image.source" in labels.out
    assert "https://example.org/small" in labels.out
    sizes = door.inv("image.size", "--json").json["images"]["app"]
    assert sum(layer["unpacked_bytes"] for layer in sizes["layers"]) == sizes["unpacked_bytes"]


def test_images_are_looked_for_in_the_registry(door: Door, tmp_path: Path) -> None:
    with local_registry(tmp_path / "r") as registry:
        door.source.commit(**{"plimsoll.toml": SETTINGS.replace("localhost:9/", f"{registry.host}/")})
        assert door.inv("build").code == 0
        ran = door.inv("image.exists", "--json")
        assert (ran.code, ran.json["error"]["code"]) == (1, "image-missing")
    down = door.inv("image.exists")
    assert down.code == 4
    assert "does not answer" in down.err


def test_an_image_that_only_the_registry_has_is_not_built_again(door: Door, tmp_path: Path) -> None:
    with local_registry(tmp_path / "r") as registry:
        door.source.commit(**{"plimsoll.toml": SETTINGS.replace("localhost:9/", f"{registry.host}/")})
        built = door.inv("build", "--json").json["images"]["app"]
        store = StateImages(door.home / "plimsoll" / "small-test" / "images")
        kept = store.find("app", built["tag"])
        assert kept is not None
        folder = store.folder(kept.image)
        assert folder is not None
        OciRegistry().push(kept.image, folder)
        other = Door(door.source, tmp_path / "another-state", door.cache)
        ran = other.inv("build", "--json", DOCKER_HOST="unix:///nowhere")
        assert ran.code == 0, ran.err
        found = ran.json["images"]["app"]
        assert (found["origin"], found["built"], found["digest"]) == ("registry", False, built["digest"])
        assert (found["unpacked_bytes"], found["labels"]) == (built["unpacked_bytes"], built["labels"])


def test_a_pulled_base_is_built_upon(door: Door, tmp_path: Path) -> None:
    base = small_base().image
    with local_registry(tmp_path / "r") as registry:
        image = Image(
            service="shell",
            repository=f"{registry.host}/bases/shell",
            tag="v1.0.0",
            digest=base.digest,
            unpacked_bytes=1,
            labels={},
        )
        OciRegistry().push(image, Path(base.folder))
        pull = f'kind = "runtime"\npull = "{image.reference}"'
        door.source.commit(**{"plimsoll.toml": SETTINGS.replace('kind = "runtime"', pull)})
        ran = door.inv("build", "--json")
        assert ran.code == 0, ran.err
        built = ran.json["images"]["app"]
        assert built["labels"]["org.opencontainers.image.base.digest"] == base.digest
        assert built["layers"][0]["digest"] in base.layers.values()
    assert SHELL.packages, "the bootstrapped one is another base"

"""Programs that are Go modules: fetched by version, held to the pinned h1 hash, built with their own go.sum."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.adapters.downloads import SourceFailed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from plimsoll.domain.tools import Source

# Seconds: a cold build of kind takes 80 on one busy core.
TIMEOUT = 900
VANISHED = ("unknown revision", "invalid version", "404 Not Found", "410 Gone", "version is not available")


class GoModules:
    """Builds a module's main package (Fetcher of kind `module`). Modules and build results are kept in `cache`."""

    def __init__(self, cache: Path, go: Callable[[], Path]) -> None:
        """Keep what Go caches below `cache`, so that nothing of the user's is touched; `go` brings the toolchain."""
        self._cache = cache
        self._go = go

    def fetch(self, source: Source, platform: str, into: Path) -> None:
        """Put the built program into `into`.

        The module is built in its own folder, where its go.sum (part of what was just verified) holds every dependency: no
        checksum database is needed, and none of the network once the modules are cached.
        """
        go = self._go()
        module = f"{source.origin['any']}@v{source.version}"
        folder = self._verified(go, module, source.hash_for(platform))
        program = into / source.program
        program.parent.mkdir(parents=True, exist_ok=True)
        argv = (go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", program, ".")
        built = process.run(argv, timeout=TIMEOUT, cwd=folder, env=self._environment(go, "-mod=readonly"), check=False)
        if built.code != 0:
            raise SourceFailed(_last(built.stderr), where=f"go build {module}")

    def _verified(self, go: Path, module: str, wanted: str | None) -> Path:
        environment = self._environment(go, "-mod=mod")
        done = process.run(
            (go, "mod", "download", "-json", module), timeout=TIMEOUT, cwd=self._home(), env=environment, check=False
        )
        try:
            told: Mapping[str, str] = json.loads(done.stdout)
        except ValueError:
            told = {"Error": done.stderr}
        if "Error" in told or done.code != 0:
            error = told.get("Error", done.stderr)
            gone = any(words in error for words in VANISHED)
            raise SourceFailed(_last(error), where=f"Go module {module}", gone=gone)
        if told["Sum"] != wanted:
            raise SourceFailed(f"the module hashes to {told['Sum']}, not to the pinned {wanted}", where=f"Go module {module}")
        return Path(told["Dir"])

    def _home(self) -> Path:
        self._cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._cache

    def _environment(self, go: Path, flags: str) -> Mapping[str, str]:
        return {
            "GOMODCACHE": str(self._cache / "mod"),
            "GOCACHE": str(self._cache / "build"),
            "GOTOOLCHAIN": "local",  # the pinned one, never one that a module asks for
            "GOWORK": "off",
            "GOFLAGS": flags,
            "GOSUMDB": "off",  # the pinned hash and go.sum take its place
            "CGO_ENABLED": "0",
            "GOROOT": str(go.resolve().parent.parent),
        }


def _last(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line]
    return lines[-1] if lines else "it says nothing"

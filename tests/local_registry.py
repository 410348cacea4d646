"""A container registry of a test's own: Debian's docker-registry as a process on a free port, with or without a login."""

from __future__ import annotations

import base64
import http.server
import json
import socket
import subprocess
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from tests.needs import missing, need_program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "ada", "correct horse"


@dataclass(frozen=True)
class LocalRegistry:
    """A running registry; `host` is what image references begin with."""

    port: int
    folder: Path

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    def files(self) -> set[str]:
        """Return the digests of the blobs that it stores."""
        return {path.parent.name for path in self.folder.rglob("data")}


def free_port() -> int:
    with closing(socket.socket()) as door:
        door.bind(("127.0.0.1", 0))
        return int(door.getsockname()[1])


@contextmanager
def local_registry(folder: Path, *, auth: str = "") -> Iterator[LocalRegistry]:
    """Run a registry that keeps its data in `folder`; `auth` is the `auth:` part of its configuration."""
    program = need_program("docker-registry")
    folder.mkdir(parents=True)
    port = free_port()
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n{auth}"
    )
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen((program, "serve", folder / "config.yml"), stdout=log, stderr=log)
    try:
        for _ in range(100):
            with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), timeout=1)):
                break
            time.sleep(0.05)
        else:
            missing("a registry that starts")
        yield LocalRegistry(port, folder / "data")
    finally:
        process.kill()
        process.wait()


class TokenService(http.server.BaseHTTPRequestHandler):
    """Gives a token to whoever knows the password; remembers what was asked for."""

    asked: list[dict[str, str]]

    def do_GET(self) -> None:
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers.get("Authorization") == f"Basic {login}"
        self.asked.append({key: values[0] for key, values in parse_qs(urlsplit(self.path).query).items()})
        body = json.dumps({"token": "a-token"} if known else {"errors": []}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def token_service() -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a token service; give its address and the questions it was asked."""
    handler = type("Service", (TokenService,), {"asked": []})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token", handler.asked
        server.shutdown()

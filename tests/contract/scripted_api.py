"""An HTTP server on 127.0.0.1 that answers as it is told, for faults that a healthy API server does not show."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

CUT = object()  # an answer that is none: the connection ends
KINDS = {
    "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": True},
        {"name": "namespaces", "kind": "Namespace", "namespaced": False},
        {"name": "pods/log", "kind": "Pod", "namespaced": True},
    ]
}


@dataclass(frozen=True)
class Asked:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    body: Any


@dataclass
class Reply:
    """Status, body (JSON, or a list of pieces to stream) and headers."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    stream: Iterable[dict[str, Any]] | None = None


class ScriptedApi:
    """Serves `answer(asked)`; `asked` keeps all requests but those for the kinds of v1, which are always answered."""

    def __init__(
        self, answer: Callable[[Asked], Any], *, certificate: Path | None = None, kinds: dict[str, Any] | None = None
    ) -> None:
        self.asked: list[Asked] = []
        self.headers: list[dict[str, str]] = []
        self.kinds_asked = 0
        api = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                url = urlsplit(self.path)
                length = int(self.headers.get("Content-Length") or 0)
                body = json.loads(self.rfile.read(length)) if length else None
                query = {key: values[0] for key, values in parse_qs(url.query).items()}
                asked = Asked(self.command, url.path, query, body)
                if asked.path == "/api/v1":
                    api.kinds_asked += 1
                    self.reply(Reply(body=kinds or KINDS))
                    return
                api.asked.append(asked)
                api.headers.append(dict(self.headers))
                found = answer(asked)
                if found is CUT:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                else:
                    self.reply(found)

            do_GET = do_PATCH = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 -- http.server's own names

            def reply(self, reply: Reply) -> None:
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.stream is None:
                    data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)
                    return
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                for piece in reply.stream:
                    line = json.dumps(piece).encode() + b"\n"
                    self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
                    self.wfile.flush()
                self.wfile.write(b"0\r\n\r\n")

            def log_message(self, *_: Any) -> None:  # noqa: ANN401 -- the signature of http.server
                """Stay quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def kubeconfig(self, folder: Path, **cluster: str) -> Path:
        """Write a kubeconfig with the context `here` that leads to this server, and return its path."""
        path = folder / "kubeconfig"
        entries = {
            "contexts": [{"name": "here", "context": {"cluster": "c"}}],
            "clusters": [{"name": "c", "cluster": {"server": self.url, **cluster}}],
        }
        path.write_text(json.dumps(entries))
        return path

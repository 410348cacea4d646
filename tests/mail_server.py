"""A mail server of a test's own: enough of SMTP to take a mail, ask for STARTTLS and a login, and remember all of it."""

from __future__ import annotations

import base64
import socketserver
import ssl
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USER, PASSWORD = "ada", "correct horse"


@dataclass
class MailServer:
    """What the server offers, and what it was told. `refuses` are recipients that it does not take."""

    port: int = 0
    tls: ssl.SSLContext | None = None
    login: bool = False
    refuses: tuple[str, ...] = ()
    said: list[str] = field(default_factory=list)
    mails: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


class Session(socketserver.StreamRequestHandler):
    """One connection."""

    server_of: MailServer

    def handle(self) -> None:
        told, encrypted = self.server_of, False
        self._say("220 here")
        while line := self.rfile.readline():
            words = line.decode().rstrip("\r\n")
            told.said.append(words)
            verb = words.split(" ")[0].upper()
            if verb == "EHLO":
                offers = ["STARTTLS"] if told.tls and not encrypted else []
                offers += ["AUTH PLAIN"] if told.login else []
                for offer in ("here", *offers):
                    self._say(f"250-{offer}")
                self._say("250 8BITMIME")
            elif verb == "STARTTLS" and told.tls:
                self._say("220 go on")
                self.connection = told.tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb")
                encrypted = True
            elif verb == "AUTH":
                good = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
                self._say("235 welcome" if words.split(" ")[-1] == good else f"535 no such login: {words}")
            elif verb == "RCPT" and any(each in words for each in told.refuses):
                self._say("550 nobody here of that name")
            elif verb == "DATA":
                self._say("354 go on")
                mail = []
                while (text := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                    mail.append(text)
                told.mails.append("\n".join(mail))
                told.encrypted.append(encrypted)
                self._say("250 taken")
            elif verb == "QUIT":
                self._say("221 bye")
                return
            else:
                self._say("250 fine")

    def finish(self) -> None:
        super().finish()
        # The server closes the socket that it accepted; TLS has taken that one over.
        self.connection.close()

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())
        self.wfile.flush()


@contextmanager
def mail_server(**offers: object) -> Iterator[MailServer]:
    """Run a mail server on this machine, with what it offers."""
    told = MailServer(**offers)
    session = type("TheSession", (Session,), {"server_of": told})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), session) as server:
        server.handle_error = lambda *_words: None
        told.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield told
        server.shutdown()


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Return a server's context for `localhost`, and the certificate file by which clients trust it."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    names = ("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    make = ("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2")
    subprocess.run((*make, *names, "-keyout", key, "-out", cert), check=True, capture_output=True, timeout=30)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context, cert

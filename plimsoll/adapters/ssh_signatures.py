"""Signatures by `ssh-keygen -Y` (port Signatures), made with a person's own SSH key or agent."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from plimsoll.adapters import process
from plimsoll.domain.approval import NAMESPACE
from plimsoll.errors import EnvironmentLacks, Failed, Misconfigured

if TYPE_CHECKING:
    from plimsoll.domain.approver import Approver

PROGRAM = "ssh-keygen"
TIMEOUT = 20.0
# A person types a passphrase, or looks for the token that is to be touched.
PATIENCE = 180.0


class SshSignatures:
    """The `ssh-keygen` of this machine; messages and signatures pass through a folder that only its owner may read."""

    def fingerprint(self, key: str) -> str:
        """Return the SHA256 fingerprint of a key file; see ports.Signatures."""
        if not Path(key).is_file():
            raise Misconfigured(f"there is no key {key}", where="--key", now="name the file of your SSH key", code="no-key")
        found = process.run((_program(), "-l", "-E", "sha256", "-f", key), timeout=TIMEOUT, check=False)
        words = found.stdout.split()
        if found.code != 0 or len(words) < 2:  # noqa: PLR2004 -- bits, fingerprint, comment
            said = (found.stderr or found.stdout).strip().splitlines() or [""]
            raise Misconfigured(
                f"{key} is no SSH key: {said[-1]}",
                where="--key",
                now="name a private key, or the public half of one that your agent holds",
                code="no-key",
            )
        return words[1]

    def sign(self, key: str, message: bytes) -> str:
        """Return the armoured signature of `message`; see ports.Signatures."""
        with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
            file = Path(folder) / "statement"
            file.write_bytes(message)
            # Attached, so that a passphrase can be typed; it says what went wrong on stderr itself.
            code = process.attach((_program(), "-q", "-Y", "sign", "-f", key, "-n", NAMESPACE, str(file)), timeout=PATIENCE)
            signature = file.with_name("statement.sig")
            if code != 0 or not signature.is_file():
                raise Failed(
                    f"{PROGRAM} signed nothing with {key} (exit code {code})",
                    where="--key",
                    now="see what it said above; a key with a passphrase needs a terminal or an agent",
                    code="not-signed",
                )
            return signature.read_text(encoding="ascii")

    def verify(self, message: bytes, signature: str, approver: Approver) -> bool:
        """Tell whether `signature` is of this message and by this approver's key; see ports.Signatures."""
        with tempfile.TemporaryDirectory(prefix="plimsoll-") as folder:
            allowed, signed = Path(folder) / "allowed", Path(folder) / "statement.sig"
            allowed.write_text(f'{approver.name} namespaces="{NAMESPACE}" {approver.public}\n', encoding="utf-8")
            signed.write_text(signature, encoding="utf-8")
            argv = (_program(), "-Y", "verify", "-f", allowed, "-I", approver.name, "-n", NAMESPACE, "-s", signed)
            return process.run(argv, timeout=TIMEOUT, stdin=message, check=False).code == 0


def _program() -> str:
    found = shutil.which(PROGRAM)
    if found is None:
        raise EnvironmentLacks(
            f"{PROGRAM} is not installed, by which approvals are signed and verified",
            where="PATH",
            now="install OpenSSH's client (Debian: openssh-client)",
            code="tool-missing",
        )
    return found

"""Approvers: who may approve a plan, by which key, and whether two names are one person's."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from plimsoll.errors import Misconfigured

if TYPE_CHECKING:
    from collections.abc import Iterable

# No blank, comma, quote or wildcard: each means something in the file of allowed signers.
APPROVER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+@-]*")
KEY_TYPES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "ssh-rsa",
)
# Bytes of an RSA key of 2048 bits with its exponent and lengths: shorter ones can be forged.
SHORTEST_RSA = 275
# GitHub's private addresses: a number, the login, and this domain.
NOREPLY = "users.noreply.github.com"


@dataclass(frozen=True)
class Approver:
    """A person who may approve, by name and public key. `key` is a line as `ssh-keygen` writes it into a file `.pub`."""

    name: str
    key: str

    def __post_init__(self) -> None:
        """Refuse names and keys that a file of allowed signers could not hold."""
        if not APPROVER.fullmatch(self.name):
            msg = f"{self.name!r} is no name for an approver; write an e-mail address or a login"
            raise ValueError(msg)
        kind, _, rest = self.key.strip().partition(" ")
        if kind not in KEY_TYPES or "\n" in self.key.strip():
            msg = f"{self.key[:40]!r} is no public key; paste the line of a file .pub, such as 'ssh-ed25519 AAAA... ada'"
            raise ValueError(msg)
        try:
            blob = base64.b64decode(rest.split(" ")[0], validate=True)
        except (binascii.Error, ValueError) as error:
            msg = f"the public key of {self.name} is damaged: it is not base64"
            raise ValueError(msg) from error
        # The key names its own type again, after that name's length in four bytes.
        if blob[4 : 4 + len(kind)] != kind.encode() or int.from_bytes(blob[:4], "big") != len(kind):
            msg = f"the public key of {self.name} is damaged: it is not of the type {kind}"
            raise ValueError(msg)
        if kind == "ssh-rsa" and len(blob) < SHORTEST_RSA:
            msg = f"the RSA key of {self.name} is shorter than 2048 bits; make a new one: `ssh-keygen -t ed25519`"
            raise ValueError(msg)

    @property
    def public(self) -> str:
        """The key's type and data, without a comment."""
        return " ".join(self.key.split()[:2])

    @property
    def fingerprint(self) -> str:
        """The key's SHA256 fingerprint, as `ssh-keygen -l` prints it."""
        digest = hashlib.sha256(base64.b64decode(self.key.split()[1])).digest()
        return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"

    @property
    def names(self) -> tuple[str, ...]:
        """The names by which this person may be known: the one in the settings, and the key's comment."""
        return (self.name, *self.key.split()[2:])


def approver_of(fingerprint: str, approvers: Iterable[Approver]) -> Approver:
    """Return who signs with the key of this fingerprint. Raise Misconfigured when it is nobody's."""
    known = tuple(approvers)
    found = next((each for each in known if each.fingerprint == fingerprint), None)
    if found is None:
        names = ", ".join(each.name for each in known) or "none"
        raise Misconfigured(
            f"the key {fingerprint} is no approver's",
            where="plimsoll.toml, [approvers]",
            now=f"add its public key there, and have that reviewed (approvers: {names})",
            code="unknown-approver",
        )
    return found


def same_person(one: str, other: str) -> bool:
    """Tell whether two names may be one person's; a login and an e-mail address are compared by what stands before the @."""
    first, second = _plain(one), _plain(other)
    if first == second:
        return True
    if "@" in first and "@" in second:
        return False
    return first.partition("@")[0] == second.partition("@")[0]


def _plain(name: str) -> str:
    name = name.strip().casefold()
    local, _, domain = name.partition("@")
    return local.rpartition("+")[2] if domain == NOREPLY else name

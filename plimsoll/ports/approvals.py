"""What shows that somebody approved: signatures by a person's key, and the reviews of a run in GitHub Actions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from plimsoll.domain.approval import Review
    from plimsoll.domain.approver import Approver


class Signatures(Protocol):
    """Signatures by SSH keys. Every method raises EnvironmentLacks where the program for it is not installed."""

    def fingerprint(self, key: str) -> str:
        """Return the SHA256 fingerprint of a key file, public or private. Raise Misconfigured when there is no key in it."""

    def sign(self, key: str, message: bytes) -> str:
        """Return the armoured signature of `message`; the key's passphrase may be asked for. Raise Failed without one."""

    def verify(self, message: bytes, signature: str, approver: Approver) -> bool:
        """Tell whether `signature` is of this very message and by this approver's key."""


class RunReviews(Protocol):
    """The run of GitHub Actions that we are in.

    Both methods raise EnvironmentLacks when GitHub does not answer, Misconfigured when the job's token may not ask.
    """

    def reviews(self) -> tuple[Review, ...]:
        """Return the reviews of the environments of this run's jobs."""

    def dispatchers(self) -> frozenset[str]:
        """Return the logins of those who started the run, or started it again."""

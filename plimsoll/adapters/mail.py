"""Mail by SMTP (port Messenger), encrypted with STARTTLS, with a login where one is given."""

from __future__ import annotations

import smtplib
import ssl
from email.message import EmailMessage
from email.utils import localtime, make_msgid
from typing import TYPE_CHECKING, Any

from plimsoll.errors import EnvironmentLacks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from plimsoll.domain.channel import MailSettings
    from plimsoll.domain.secret import SecretText


class Mail:
    """A mail server. The certificate has to be one that this machine trusts, for the server's name."""

    def __init__(self, settings: MailSettings, user: SecretText | None = None, password: SecretText | None = None) -> None:
        """Send as `settings` say; `user` and `password` come together."""
        self._settings = settings
        self._login = (user.reveal(), password.reveal()) if user and password else None

    def send(self, message: Mapping[str, Any], *, timeout: float) -> None:
        """Send one mail; see ports.Messenger."""
        settings = self._settings
        try:
            with smtplib.SMTP(settings.host, settings.port, timeout=timeout) as server:
                if settings.starttls:
                    server.starttls(context=ssl.create_default_context())
                if self._login:
                    server.login(*self._login)
                refused = server.send_message(_mail(message))
        except (OSError, smtplib.SMTPException) as error:
            raise EnvironmentLacks(f"{settings.host}:{settings.port} {_why(error)}") from None
        if refused:
            raise EnvironmentLacks(f"{settings.host}:{settings.port} does not take mail for {', '.join(sorted(refused))}")


def _mail(message: Mapping[str, Any]) -> EmailMessage:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = message["subject"], message["from"], ", ".join(message["to"])
    mail["Date"] = localtime()
    mail["Message-ID"] = make_msgid(domain=str(message["from"]).rpartition("@")[2])
    # No robot is to answer this (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(message["text"])
    return mail


def _why(error: Exception) -> str:
    """Return what went wrong; a server's own words could repeat the login, so that only its code is told."""
    known = {
        smtplib.SMTPAuthenticationError: "refuses the login",
        smtplib.SMTPRecipientsRefused: "takes mail for none of the recipients",
        smtplib.SMTPSenderRefused: "does not take mail from the sender",
        smtplib.SMTPNotSupportedError: "offers no STARTTLS or no login",
        smtplib.SMTPServerDisconnected: "hung up",
    }
    # smtplib tells a time-out as a connection that was closed.
    if isinstance(error, TimeoutError) or isinstance(error.__context__, TimeoutError):
        return "did not answer in time"
    code = f" ({error.smtp_code})" if isinstance(error, smtplib.SMTPResponseException) else ""
    for kind, words in known.items():
        if isinstance(error, kind):
            return f"{words}{code}"
    if isinstance(error, smtplib.SMTPException):
        return f"does not take the mail{code}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"shows a certificate that is not trusted: {error.verify_message}"
    return f"is not reached: {getattr(error, 'strerror', None) or type(error).__name__}"

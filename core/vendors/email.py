"""E-mail by SMTP: encrypted from the start on port 465, by STARTTLS elsewhere; certificates are verified.

The Message-ID is derived from the message's key, so that a repeated message is recognized as the same.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage

from core.models.patterns import whole
from core.vendors.base import Check, Message, VendorError
from core.vendors.redact import Redactor

log = logging.getLogger(__name__)
TIMEOUT = 20.0  # seconds for each response of the server
IMPLICIT_TLS = 465
LOOPBACK = ("localhost", "127.0.0.1", "::1")
WHERE = "SMTP_HOST, SMTP_PORT (587 STARTTLS, 465 TLS), SMTP_STARTTLS, SMTP_CA_FILE, SMTP_USER, SMTP_PASSWORD"


class Email:
    name = "email"

    def __init__(
        self,
        host: str,
        port: int,
        sender: str,
        receivers: list[str],
        *,
        user: str = "",
        password: str = "",
        starttls: bool = True,
        ca_file: str = "",
        implicit_tls: bool | None = None,
    ):
        """``implicit_tls``: None means by the port. ``ca_file``: CA certificates that replace the system's."""
        self.host, self.port, self.sender, self.receivers = host, port, sender, receivers
        self.user, self.password, self.starttls, self.ca_file = user, password, starttls, ca_file
        self.implicit_tls = port == IMPLICIT_TLS if implicit_tls is None else implicit_tls
        self.redact = Redactor([password])

    def send(self, message: Message) -> str:
        with self._session() as server:  # also turns an address that no mail can have into a VendorError
            mail = letter(message, self.sender, [message.receiver] if message.receiver else self.receivers)
            refused = server.send_message(mail)
        for receiver, (code, _) in refused.items():
            log.warning("%s refused mail for %s (%s); the others have it", self.host, receiver, code)
        return mail["Message-ID"]

    def check(self) -> Check:
        try:
            with self._session() as server:
                server.noop()
        except VendorError as error:
            return Check(False, error.message, WHERE)
        return Check(True, f"{self.host} accepts mail for {', '.join(self.receivers)}")

    @contextlib.contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """An authenticated connection; all of its faults become a VendorError."""
        encrypted = self.implicit_tls or self.starttls
        if self.user and not encrypted and self.host not in LOOPBACK:
            raise VendorError(self.name, "would send the password unencrypted: set SMTP_STARTTLS", permanent=True)
        try:
            with self._connected() as server:
                if self.starttls and not self.implicit_tls:
                    server.starttls(context=self._context())
                if self.user:
                    server.login(self.user, self.password)
                yield server
        except (OSError, smtplib.SMTPException, ValueError) as error:
            message = self.redact(f"{self.host}:{self.port}: {error}")[:300]
            raise VendorError(self.name, message, permanent=is_permanent(error)) from None

    def _connected(self) -> smtplib.SMTP:
        if self.implicit_tls:
            return smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=self._context())
        return smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)

    def _context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.ca_file or None)


def letter(message: Message, sender: str, receivers: list[str]) -> EmailMessage:
    """The mail. Untrusted text cannot add headers, because its lines are joined. Pure."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, ", ".join(receivers)
    mail["Subject"] = " ".join(whole(message.subject).split())[:200]
    mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@devops-intelligence-platform>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(whole(f"{message.body}\n\n{message.link}\n"))
    return mail


def is_permanent(error: Exception) -> bool:
    """Is a retry useless? So after 5xx, permanent refusal of all receivers, a wrong certificate, or missing TLS."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return all(code >= 500 for code, _ in error.recipients.values())
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code >= 500
    return isinstance(
        error, ssl.SSLCertVerificationError | smtplib.SMTPNotSupportedError | FileNotFoundError | ValueError
    )

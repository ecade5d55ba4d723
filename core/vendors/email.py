"""E-mail by SMTP. The Message-ID comes from the message's key, so that a second sending is seen as the same."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from email.message import EmailMessage

from core.vendors.base import Check, Message, VendorError

TIMEOUT = 20.0  # seconds


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
    ):
        self.host, self.port, self.sender, self.receivers = host, port, sender, receivers
        self.user, self.password, self.starttls = user, password, starttls

    def send(self, message: Message) -> None:
        mail = EmailMessage()
        mail["From"], mail["To"] = self.sender, ", ".join(self.receivers)
        mail["Subject"] = " ".join(message.subject.split())[:200]
        mail["Message-ID"] = f"<{hashlib.sha256(message.key.encode()).hexdigest()[:32]}@devops-intelligence-platform>"
        mail.set_content(f"{message.body}\n\n{message.link}\n")
        with self._connect() as server:
            server.send_message(mail)

    def check(self) -> Check:
        try:
            with self._connect() as server:
                server.noop()
        except VendorError as error:
            return Check(False, error.message, "SMTP_HOST, SMTP_PORT, SMTP_STARTTLS, SMTP_USER, SMTP_PASSWORD")
        return Check(True, f"{self.host} accepts mail for {', '.join(self.receivers)}")

    def _connect(self) -> _Session:
        return _Session(self)


class _Session:
    """An open connection; every fault of it is a VendorError."""

    def __init__(self, email: Email):
        self.email = email

    def __enter__(self) -> smtplib.SMTP:
        e = self.email
        try:
            self.server = smtplib.SMTP(e.host, e.port, timeout=TIMEOUT)
            if e.starttls:
                self.server.starttls(context=ssl.create_default_context())
            if e.user:
                self.server.login(e.user, e.password)
        except (OSError, smtplib.SMTPException) as error:
            raise self._fault(error) from None
        return self.server

    def __exit__(self, kind, error, trace) -> None:
        self.server.close()
        if isinstance(error, OSError | smtplib.SMTPException):
            raise self._fault(error) from None

    def _fault(self, error: Exception) -> VendorError:
        refused = isinstance(error, smtplib.SMTPAuthenticationError | smtplib.SMTPRecipientsRefused)
        return VendorError("email", f"{self.email.host}:{self.email.port}: {error}"[:300], permanent=refused)

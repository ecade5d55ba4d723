"""A mail server: accepts the product's authenticated e-mails and keeps the newest ones. It delivers nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from email import message_from_bytes, policy

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

USER, PASSWORD, SENDER, RECEIVER = "demo", "demo-mail-password", "platform@shop.example", "team@shop.example"
KEPT = 200


class MailServer:
    def __init__(self):
        self.mails: deque[dict] = deque(maxlen=KEPT)
        self.server: asyncio.Server | None = None

    async def start(self) -> int:
        """Listen on loopback, without TLS; returns the port."""

        def made() -> SMTP:
            return SMTP(self, authenticator=_signed_in, auth_required=True, auth_require_tls=False)

        self.server = await asyncio.get_running_loop().create_server(made, "127.0.0.1", 0)
        return self.server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self.server:
            self.server.close()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's
        content = envelope.content or b""
        content = content if isinstance(content, bytes) else content.encode()
        mail = message_from_bytes(content, policy=policy.default)
        body = mail.get_body(("plain",))
        self.mails.append(
            {
                "from": envelope.mail_from,
                "to": envelope.rcpt_tos,
                "subject": mail["subject"],
                "id": mail["message-id"],
                "body": body.get_content() if body else "",
            }
        )
        return "250 OK"


def _signed_in(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data) -> AuthResult:
    given = (getattr(data, "login", b""), getattr(data, "password", b""))
    return AuthResult(success=given == (USER.encode(), PASSWORD.encode()))

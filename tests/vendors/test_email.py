"""E-mail over a real SMTP server on loopback: plain, STARTTLS, TLS from the start, sign-in, and its faults."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from email import message_from_bytes, policy

import pytest
import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from core.vendors import email as module
from core.vendors.base import Message, VendorError
from core.vendors.email import Email

SECRET = "hunter2-and-longer"
MESSAGE = Message(
    "rollback-7-email", "Rolled back: KeyError\r\nBcc: eve@evil.example", "It did harm.\n.\nEnd ✓", "http://c/i?issue=7"
)


class Box:
    """Keeps what arrives; ``answers`` replaces the server's answer to a command."""

    def __init__(self, **answers: str):
        self.mails, self.answers, self.asked = [], answers, []

    async def handle_MAIL(self, server, session, envelope, address, options):
        self.asked.append("MAIL")
        if answer := self.answers.get("MAIL"):
            return answer
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked.append(f"RCPT {address}")
        if answer := self.answers.get(address, self.answers.get("RCPT")):
            return answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if answer := self.answers.get("DATA"):
            return answer
        encrypted = server.transport.get_extra_info("ssl_object") is not None
        self.mails.append((encrypted, envelope.rcpt_tos, envelope.content))
        return "250 OK"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    """(server's TLS context, file of the authority's certificate, another authority's)."""
    folder, context = tmp_path_factory.mktemp("tls"), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours, other = trustme.CA(), trustme.CA()
    ours.issue_cert("localhost").configure_cert(context)
    files = []
    for name, made in (("ours", ours), ("other", other)):
        files.append(str(folder / f"{name}.pem"))
        made.cert_pem.write_to_path(files[-1])
    return context, *files


@contextlib.contextmanager
def serving(box: Box, **options):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def check_password(server, session, envelope, mechanism, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"platform", SECRET.encode()))


def client(port: int, **options) -> Email:
    values = {"user": "", "password": "", "starttls": False} | options
    return Email("localhost", port, "platform@shop.example", ["a@shop.example", "b@shop.example"], **values)


def test_starttls_with_a_sign_in(authority):
    context, ours, _ = authority
    box, login = Box(), {"auth_required": True, "authenticator": check_password}
    with serving(box, tls_context=context, require_starttls=True, **login) as port:
        sent = client(port, starttls=True, ca_file=ours, user="platform", password=SECRET)
        assert sent.check().ok
        reference = sent.send(MESSAGE)
    (encrypted, receivers, content), mail = box.mails[0], message_from_bytes(box.mails[0][2], policy=policy.default)
    assert encrypted and receivers == ["a@shop.example", "b@shop.example"]
    assert mail["Message-ID"] == reference
    assert mail["Subject"] == "Rolled back: KeyError Bcc: eve@evil.example" and mail["Bcc"] is None
    assert mail.get_content().replace("\r\n", "\n") == "It did harm.\n.\nEnd ✓\n\nhttp://c/i?issue=7\n"
    assert client(1).sender in mail["From"] and SECRET.encode() not in content


def test_tls_from_the_start(authority):
    context, ours, _ = authority
    box = Box()
    controller = Controller(box, hostname="127.0.0.1", port=_free(), ssl_context=context)
    controller._trigger_server = lambda: _greet(controller.port)  # its own does not trust a private authority
    controller.start()
    try:
        client(controller.port, implicit_tls=True, ca_file=ours).send(MESSAGE)
    finally:
        controller.stop()
    assert box.mails[0][0]


def _greet(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), 5) as plain:
        ssl._create_unverified_context().wrap_socket(plain).recv(100)


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def test_port_465_means_tls_from_the_start():
    assert Email("mail.example", 465, "a@b", ["c@d"]).implicit_tls
    assert not Email("mail.example", 587, "a@b", ["c@d"]).implicit_tls


@pytest.mark.parametrize(
    ("answers", "permanent", "says"),
    [
        ({"MAIL": "451 try again later"}, False, "451"),
        ({"MAIL": "452 too many mails"}, False, "452"),
        ({"MAIL": "550 sender unknown"}, True, "550"),
        ({"RCPT": "450 mailbox busy"}, False, "450"),
        ({"RCPT": "550 no such user"}, True, "550"),
        ({"a@shop.example": "550 no such user", "b@shop.example": "450 busy"}, False, "450"),
        ({"DATA": "554 spam"}, True, "554"),
        ({"DATA": "421 closing"}, False, "421"),
    ],
)
def test_a_refusal_is_permanent_or_not_by_its_code(answers, permanent, says):
    box = Box(**answers)
    with serving(box) as port, pytest.raises(VendorError) as caught:
        client(port).send(MESSAGE)
    assert caught.value.permanent is permanent and says in caught.value.message
    assert box.asked.count("MAIL") == 1, "trying again is the queue's, not the client's"
    assert not box.mails


def test_one_refused_receiver_does_not_keep_it_from_the_others(caplog):
    box = Box(**{"a@shop.example": "550 no such user"})
    with serving(box) as port:
        assert client(port).send(MESSAGE)
    assert box.mails[0][1] == ["b@shop.example"] and "a@shop.example" in caplog.text


def test_a_wrong_password_is_permanent_and_never_shown(authority):
    context, ours, _ = authority
    login = {"auth_required": True, "authenticator": lambda *_: AuthResult(success=False, handled=False)}
    with serving(Box(), tls_context=context, **login) as port:
        found = client(port, starttls=True, ca_file=ours, user="platform", password=SECRET).check()
    assert not found.ok and "535" in found.message and SECRET not in found.message and "SMTP_PASSWORD" in found.fix


def test_a_certificate_of_a_strange_authority_is_refused(authority):
    context, _, other = authority
    box = Box()
    with serving(box, tls_context=context) as port, pytest.raises(VendorError) as caught:
        client(port, starttls=True, ca_file=other).send(MESSAGE)
    assert caught.value.permanent and "certificate" in caught.value.message.lower() and not box.mails


def test_a_server_without_starttls_gets_nothing():
    box = Box()
    with serving(box) as port, pytest.raises(VendorError) as caught:
        client(port, starttls=True).send(MESSAGE)
    assert caught.value.permanent and not box.asked


def test_a_password_never_goes_unencrypted_over_a_network():
    with pytest.raises(VendorError, match="unencrypted"):
        Email("mail.example", 25, "a@b", ["c@d"], user="u", password=SECRET, starttls=False).send(MESSAGE)


@contextlib.contextmanager
def raw(work):
    """A server that does ``work(connection)`` with one connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    work(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(5)


@pytest.mark.parametrize(
    "work",
    [
        lambda connection: None,
        lambda connection: connection.sendall(b"421 too busy\r\n"),
        lambda connection: connection.sendall(b"220 half a gree"),
        lambda connection: (connection.sendall(b"220 hello\r\n"), connection.recv(100)),
        lambda connection: connection.recv(1),  # says nothing until the time-out
    ],
)
def test_a_connection_that_breaks_can_be_tried_again(work, monkeypatch):
    monkeypatch.setattr(module, "TIMEOUT", 0.3)
    with raw(work) as port, pytest.raises(VendorError) as caught:
        client(port).send(MESSAGE)
    assert not caught.value.permanent


def test_nobody_listens():
    with pytest.raises(VendorError) as caught:
        client(_free()).send(MESSAGE)
    assert not caught.value.permanent and "refused" in caught.value.message.lower()

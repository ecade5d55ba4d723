"""The faults that no commit ships: the carrier, the mailer's key, a variable of the configuration, a partner."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WAITING = 5  # connections in the carrier's queue
VAT = {"VAT_NUMBER": "FR40303265045"}


class Carrier:
    """The carrier's rates service on its own port; when it is down, nothing listens there."""

    def __init__(self, port: int = 0):
        self.port, self.server = port, None
        self.up()

    def up(self) -> None:
        if self.server is None:
            self.server = ThreadingHTTPServer(("127.0.0.1", self.port), _Rates)
            self.server.socket.settimeout(1.0)  # a client may be gone before it is served
            self.port = self.server.server_address[1]
            threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def down(self) -> None:
        if self.server is not None:
            self.server.shutdown()
            self.server.timeout = 0
            for _ in range(WAITING):  # serve accepted connections; only new ones are refused
                self.server.handle_request()
            self.server.server_close()
            self.server = None


class _Rates(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"cents": 490}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """No log."""


class Switches:
    """``variables`` are the shop's; ``redeploy`` starts production with them as they are now."""

    def __init__(self, variables: dict[str, str], redeploy: Callable[[], None]):
        self.variables, self.redeploy = variables, redeploy
        self.carrier, self.partner_sends = Carrier(), False
        self.mailer_key = secrets.token_hex(8)
        self.accepted = {self.mailer_key}
        self.of: Mapping[str, tuple[Callable[[], None], Callable[[], None]]] = {  # by fault: break, restore
            "carrier-down": (self.carrier.down, self.carrier.up),
            "mailer-key-revoked": (self.accepted.clear, lambda: self.accepted.add(self.mailer_key)),
            "invoice-vat-unset": (lambda: self._vat(False), lambda: self._vat(True)),
            "partner-orders": (lambda: self._partner(True), lambda: self._partner(False)),
        }

    def _vat(self, there: bool) -> None:
        for name, value in VAT.items():
            self.variables.pop(name, None)
            self.variables |= {name: value} if there else {}
        self.redeploy()

    def _partner(self, sends: bool) -> None:
        self.partner_sends = sends

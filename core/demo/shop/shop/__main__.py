"""The server: ``python -m shop --port 8000``. One JSON line on standard output for each request and each error."""

import argparse
import json
import os
import time
import traceback
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import sentry_sdk

from shop import account, cart, catalog, checkout, pricing, search

ROUTES = {
    "/catalog": ("catalog", catalog.listing),
    "/catalog/visit": ("catalog", catalog.visited),
    "/catalog/popular": ("catalog", catalog.popular),
    "/cart": ("cart", cart.show),
    "/cart/shipping": ("cart", cart.shipping),
    "/cart/window": ("cart", cart.window),
    "/checkout": ("checkout", checkout.order),
    "/checkout/invoice": ("checkout", checkout.invoice),
    "/checkout/receipt": ("checkout", checkout.receipt),
    "/pricing": ("pricing", pricing.quote),
    "/search": ("search", search.find),
    "/search/suggest": ("search", search.suggest),
    "/search/stock": ("search", search.stock),
    "/account": ("account", account.show),
    "/account/worth": ("account", account.worth),
}
RELEASE, ENVIRONMENT = os.environ.get("RELEASE", ""), os.environ.get("ENVIRONMENT", "production")


def write(event, **fields):
    now = datetime.now(timezone.utc).isoformat()
    print(json.dumps({"ts": now, "event": event, "release": RELEASE, **fields}), flush=True)


def report(error, service, route, user):
    """Tell the error tracker and the log of an unhandled exception."""
    with sentry_sdk.new_scope() as scope:
        scope.set_tag("service", service)
        scope.set_user({"id": user})
        scope.capture_exception(error)
    told = {"type": type(error).__name__, "message": str(error), "stack": "".join(traceback.format_exception(error))}
    write("error", level="error", service=service, route=route, user=user, message=str(error), exception=told)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == "/health":
            return self.answer(200, {"status": "ok", "release": RELEASE})
        if url.path not in ROUTES:
            return self.answer(404, {"error": "no such page"})
        return self.serve(url.path, dict(parse_qsl(url.query)))

    def serve(self, path, params):
        service, handle = ROUTES[path]
        started, status, user = time.perf_counter(), 200, params.get("user", "")
        try:
            body = handle(params)
        except Exception as error:
            status, body = 500, {"error": "internal"}
            report(error, service, path, user)
        spent = round((time.perf_counter() - started) * 1000, 2)
        write("request", service=service, route=path, status=status, duration_ms=spent, user=user)
        self.answer(status, body)

    def answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """The access log is the JSON line."""


def main():
    parser = argparse.ArgumentParser(prog="shop")
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    sentry_sdk.init(dsn=os.environ.get("SENTRY_DSN") or None, release=RELEASE, environment=ENVIRONMENT, project_root=os.getcwd(),
                    in_app_include=["shop"], auto_enabling_integrations=False)
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()

"""The server: ASGI entry, sign-in, API, incoming webhooks, live updates, first paint."""

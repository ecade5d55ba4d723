"""The server: the ASGI entry, sign-in, the API, webhooks in, live updates, the first paint."""

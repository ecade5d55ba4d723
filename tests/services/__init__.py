"""Six services that know nothing of the platform, each from its own crash to a watched release.

``apps`` holds the services as plain folders. A story turns one into a git repository, runs it in its own environment,
lets it crash, and acts as its team: it approves, merges, and keeps the traffic up. The platform runs as a process of
its own, as a customer starts it. ``python -m tests.services`` runs them all.
"""

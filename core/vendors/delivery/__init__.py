"""The ways to production: one file each, all of them a ``Deliverer``."""

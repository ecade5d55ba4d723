"""Orders, their lines and delivery slots."""

__version__ = "5.1.3"

"""Texts and mails to recipients."""

from jinja2 import Template

ARRIVES = Template("Hello {{ name }}, your order {{ order }} arrives between {{ start }} and {{ end }}.")


def arrives(name: str, order: str, start: str, end: str) -> str:
    return ARRIVES.render(name=name, order=order, start=start, end=end)

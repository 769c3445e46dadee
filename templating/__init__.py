"""Texts that a user writes and that are rendered for each message: Jinja2, and Go templates translated into it.

A leaf: it knows nothing of alerts.
"""

from templating.sandbox import Template, TemplateError

__all__ = ["Template", "TemplateError"]

"""Texts that a user writes and that are rendered for each message: Jinja2, and Go templates translated into it.

A leaf: it knows nothing of alerts but what Alertmanager's templates call them (`shapes.py`).
"""

from templating.errors import TemplateError
from templating.library import Library, Named, alertmanagers, defined
from templating.template import Template, from_go
from templating.values import Labels, Pair

__all__ = ["Labels", "Library", "Named", "Pair", "Template", "TemplateError", "alertmanagers", "defined", "from_go"]

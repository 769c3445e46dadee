"""Whatever fails in a template, in words of our own, with the line."""

from __future__ import annotations

from typing import Any

from jinja2 import TemplateNotFound, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError, TemplateRuntimeError

from templating.errors import TemplateError

_LONGEST_REASON = 300


class TranslatedErrors:
    """A context in which whatever fails does so as a TemplateError, with the line.

    Args:
        name: of the template, "" for a text by itself.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None or not isinstance(error, Exception):
            return
        if isinstance(error, TemplateError) and (error.line or error.name):
            return
        line = error.lineno if isinstance(error, TemplateSyntaxError) else _line(error)
        raise TemplateError(_reason(error), line, name=self._name) from None


def _line(error: BaseException) -> int:
    """Where in the template it failed; Jinja2 has put the template's own lines into the trace."""
    line, trace = 0, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def _reason(error: Exception) -> str:
    if isinstance(error, TemplateError):
        return error.reason
    if isinstance(error, TemplateNotFound):
        return f"there is no template {str(error.name)[:100]!r} among those that `templates` names"
    if isinstance(error, RecursionError):
        return "calls itself without end, or is nested too deeply"
    if isinstance(error, ZeroDivisionError):
        return "divides by zero"
    if isinstance(error, UndefinedError | SecurityError | TemplateRuntimeError | TemplateSyntaxError | TypeError):
        # These tell of names and kinds, not of values.
        return " ".join(str(error.args[0] if error.args else error).split())[:_LONGEST_REASON]
    return f"fails ({type(error).__name__}); are its values of the kind that it takes them for?"

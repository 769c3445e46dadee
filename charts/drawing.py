"""What is drawn, and the drawing of it."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Form = Literal["svg", "png"]

_MISSING = "matplotlib is not installed (pip install -r requirements-charts.txt)"
# matplotlib's settings, its caches of text and its fonts are shared by all threads, and not made for several.
_ONE_AT_A_TIME = threading.Lock()


class Missing(Exception):
    """Nothing can be drawn, for this reason."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One series over a while, what bounds it, and when the alert began.

    Attributes:
        title: what the series is, "memory".
        about: what of, "customer/rs-transformer-7d9f-x1".
        description: what is to be seen, in words, for who does not see it.
        unit: of the values; "bytes" has a scale of its own.
        write: a value as people read it: "220 MiB".
        start: the moment of the first value, aware; `end` is that of the last.
        values: evenly from the one to the other, NaN where none is known.
        began_at: when the alert began, be it before the first value.
        bounds: values to hold the series against, by what they are called: {"limit": 268435456}.
    """

    title: str
    about: str
    description: str
    unit: str
    write: Callable[[float], str]
    start: datetime
    end: datetime
    values: tuple[float, ...]
    began_at: datetime
    bounds: tuple[tuple[str, float], ...] = ()


def missing() -> str:
    """Why nothing can be drawn; "" when it can be."""
    return "" if importlib.util.find_spec("matplotlib") else _MISSING


def draw(drawing: Drawing, form: Form) -> bytes:
    """Draw it, one at a time in a process; the same bytes each time.

    Raises:
        Missing: it cannot be.
    """
    with _ONE_AT_A_TIME:
        try:
            from charts import sheet
        except ImportError:
            raise Missing(_MISSING) from None
        return sheet.draw(drawing, form)

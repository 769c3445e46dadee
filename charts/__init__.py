"""Pictures of a series: one drawing, as an SVG for the page and as a PNG for messages.

A leaf. matplotlib need not be there, and is imported only when something is drawn: see `missing`.
"""

from charts.drawing import Drawing, Form, Missing, draw, missing

__all__ = ["Drawing", "Form", "Missing", "draw", "missing"]

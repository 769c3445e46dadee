"""Text in DejaVu, as matplotlib ships it: how wide it is, and what of it there is room for."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import matplotlib
from matplotlib.font_manager import FontProperties, get_font

POINTS = 0.72
"""Of a logical pixel, at a hundred to the inch."""

_LONGEST = 300
_LARGE = 16


@lru_cache(maxsize=8)
def font(size: float, bold: bool) -> FontProperties:
    """The font of a text, in logical pixels."""
    return FontProperties(fname=_path(bold), size=size * POINTS)


def _path(bold: bool) -> str:
    return str(Path(matplotlib.get_data_path(), "fonts", "ttf", f"DejaVuSans{'-Bold' if bold else ''}.ttf"))


def width(text: str, size: float, bold: bool = False) -> float:
    """How wide a text is, in logical pixels."""
    font = get_font(_path(bold))
    # Measured large: small letters are set on whole pixels, as they are not where the sheet is drawn larger.
    font.set_size(_LARGE * size, 72)
    font.set_text(text, 0.0)
    return font.get_width_height()[0] / 64 / _LARGE


def fitted(text: str, size: float, room: float, bold: bool = False) -> str:
    """A text on one line, with what the font has, and no wider than there is room."""
    glyphs = get_font(_path(bold)).get_charmap()
    shown = " ".join(text[:_LONGEST].split())
    shown = "".join(each if ord(each) in glyphs and each.isprintable() else "□" for each in shown)
    if width(shown, size, bold) <= room:
        return shown
    low, high = 0, len(shown)
    while low < high:
        middle = (low + high + 1) // 2
        fits = width(shown[:middle] + "…", size, bold) <= room
        low, high = (middle, high) if fits else (low, middle - 1)
    return shown[:low] + "…" if low else ""

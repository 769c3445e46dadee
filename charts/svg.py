"""What matplotlib writes as SVG, made into one that is small, alone, follows the reader's light and has words."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

# What each thing is drawn in, and what that is where it is dark. The PNG has the first, on a ground of its own.
GROUND, INK, SOFT, GRID = "#f7f8fa", "#1c2128", "#57606a", "#dde2e8"
LINE, AREA, LIMIT, THRESHOLD, BEGAN = "#1d4ed8", "#1d4ed9", "#b91c1c", "#b45309", "#b91c1d"
_DARK = {
    GROUND: "#171b22",
    INK: "#e6edf3",
    SOFT: "#9aa5b1",
    GRID: "#2d333b",
    LINE: "#79b8ff",
    AREA: "#79b8ff",
    LIMIT: "#ff7b72",
    THRESHOLD: "#e3b341",
    BEGAN: "#ff7b72",
}
_BODY = re.compile(r"<svg\b[^>]*>(.*)</svg>", re.DOTALL)
# A comment holds the words that shapes of letters stand for: these are anybody's.
_TONE = re.compile(r"<!--.*?-->|#[0-9a-f]{6}", re.DOTALL)
_METADATA = re.compile(r"<metadata>.*?</metadata>", re.DOTALL)
_NO_XML = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def finished(written: str, title: str, description: str, width: int, height: int) -> bytes:
    """An SVG of this size that refers to nothing outside of it."""
    body = _METADATA.sub("", _BODY.search(written)[1])  # type: ignore[index]  # it is matplotlib's
    names = {light: f"--c{number}" for number, light in enumerate(_DARK)}
    body = _TONE.sub(lambda found: f"var({names[found[0]]})" if found[0] in names else found[0], body)
    light_style = "".join(f"{name}:{light};" for light, name in names.items())
    dark_style = "".join(f"{names[light]}:{dark};" for light, dark in _DARK.items())
    points = f"{width * 0.72:g} {height * 0.72:g}"
    whole = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" role="img" '
        f'width="{width}" height="{height}" viewBox="0 0 {points}" aria-labelledby="title desc">\n'
        f'<title id="title">{_plain(title)}</title>\n<desc id="desc">{_plain(description)}</desc>\n'
        f"<style>:root{{color-scheme:light dark;{light_style}}}"
        f"@media(prefers-color-scheme:dark){{:root{{{dark_style}}}}}</style>{body}</svg>\n"
    )
    return whole.encode()


def _plain(text: str) -> str:
    return escape(_NO_XML.sub("□", text))

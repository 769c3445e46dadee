"""Changes to a YAML text that leave everything else as it is: a value written anew, a key made a comment, a remark."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import yaml

from config.outline import Outline, Spot

# What YAML takes for a line's end.
_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
# How a block begins: its comment, and how far in its first line is.
_BLOCK = re.compile(r"[|>][0-9+-]*(?P<comment>[ \t]+#[^\r\n]*)?\s*?\r?\n(?:[ \t]*\r?\n)*(?P<indent> *)")


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to stand instead of a part of a text."""

    start: int
    end: int
    text: str


def applied(text: str, edits: Iterable[Edit]) -> str:
    """The text with all of them, none of which may overlap."""
    pieces, at = [], 0
    for each in sorted(dict.fromkeys(edits), key=lambda each: (each.start, each.end)):
        pieces += [text[at : each.start], each.text]
        at = each.end
    return "".join([*pieces, text[at:]])


def overlap(some: Iterable[Edit], others: Iterable[Edit]) -> bool:
    """Whether any of some changes, or stands within, what any of the others does."""
    others = tuple(others)
    return any(one.start < other.end and other.start < one.end for one in some for other in others)


def newline(text: str) -> str:
    """What ends the lines of a text."""
    return "\r\n" if "\r\n" in text else "\n"


def rewritten(outline: Outline, spot: Spot, value: str) -> Edit:
    """Have a scalar say something else, written like before as far as that can be."""
    end = max(spot.end, spot.value_start)
    was = outline.text[spot.value_start : end]
    candidates = []
    if spot.style in ("|", ">") and not isinstance(spot.path[-1], int):
        candidates.append(_block(outline, spot, value))
    if "\n" not in value:
        candidates.append(_quoted(value, "'"))
    # Where nothing but single characters differ, they may differ as they are written.
    candidates.insert(0, was.replace(spot.value, value) if spot.value else "")
    found = next((each for each in candidates if _reads(each, spot, outline) == value), None)
    return Edit(spot.value_start, end, found or _quoted(value, '"'))


def _quoted(value: str, style: str) -> str:
    written: str = yaml.dump(value, default_style=style, width=float("inf"), allow_unicode=True)
    return written.rstrip("\n")


def _block(outline: Outline, spot: Spot, value: str) -> str:
    """In lines of its own, as far in as they were; what has empty lines at its end is better quoted."""
    if value.endswith("\n\n"):
        return ""
    was = _BLOCK.match(outline.text, spot.value_start)
    key = spot.place[1] - 1
    indent = was["indent"] if was and len(was["indent"]) > key else " " * (key + 2)
    digit = len(indent) - key if value.lstrip("\n").startswith(" ") else ""
    first = f"|{digit}{'' if value.endswith(chr(10)) else '-'}{(was and was['comment']) or ''}"
    lines = value.removesuffix("\n").split("\n")
    return newline(outline.text).join([first, *(f"{indent}{line}" if line else "" for line in lines)])


def _reads(written: str, spot: Spot, outline: Outline) -> str | None:
    """What would be read where the scalar stands; None when that is no scalar, or might be another thing there."""
    # Nothing but a quoted one ends where it should, whatever is around it.
    if not written.startswith(("'", '"', "|", ">")):
        return None
    indent = " " * (spot.place[1] - 1)
    behind = "" if spot.flow is not None else "\n"
    try:
        node = yaml.compose(f"{indent}k: {written}{behind}", Loader=yaml.SafeLoader)
        if not isinstance(node, yaml.MappingNode):
            return None
        ((_, value),) = node.value
    except (yaml.YAMLError, ValueError):
        return None
    return value.value if isinstance(value, yaml.ScalarNode) else None


def remarked(outline: Outline, spot: Spot | None, remark: str) -> Edit:
    """Say something in a line above that of a spot; above all else where there is none."""
    text = outline.text
    if spot is None:
        begins, indent = _first(text), ""
    else:
        begins = text.rfind("\n", 0, spot.start if spot.flow is None else spot.flow) + 1 or _first(text)
        indent = text[begins : len(text) - len(text[begins:].lstrip(" "))]
    return Edit(begins, begins, f"{indent}# {remark}{newline(text)}")


def left_out(outline: Outline, spot: Spot, remark: str) -> list[Edit]:
    """Make a key, with what is behind it, a comment below a remark; none where that cannot be done.

    It cannot where something else refers to what it holds, or where it stands on a line that it cannot be taken from.
    """
    text = outline.text
    if outline.shares(spot.start, spot.end):
        return []
    if spot.flow is not None:
        return _taken_out(outline, spot, remark)
    before = text[text.rfind("\n", 0, spot.start) + 1 : spot.start].lstrip("\ufeff")
    if before.strip(" -"):
        return []
    indent = " " * len(before)
    lines = _BREAK.split(text[spot.start : spot.end])
    inner = [line[len(indent) :] if not line[: len(indent)].strip() else line.lstrip() for line in lines[1:]]
    made = [f"# {remark}", *(f"{indent}# {line}".rstrip() for line in (lines[0], *inner))]
    # A comment behind it is on the last of these lines.
    return [Edit(spot.start, spot.end, newline(text).join(made))]


def _taken_out(outline: Outline, spot: Spot, remark: str) -> list[Edit]:
    """From between braces into lines above them."""
    text = outline.text
    start, end = spot.start, spot.end
    if spot.following is not None:
        end = spot.following
    elif spot.preceding is not None:
        start = spot.preceding
    elif comma := re.compile(r"\s*,").match(text, end):
        end = comma.end()
    above = remarked(outline, spot, remark)
    indent = above.text[: above.text.index("#")]
    taken = _BREAK.split(text[start:end].strip(" ,\r\n"))
    kept = "".join(f"{indent}# {line.strip()}{newline(text)}" for line in taken)
    return [Edit(above.start, above.end, above.text + kept), Edit(start, end, "")]


def _first(text: str) -> int:
    return 1 if text.startswith("\ufeff") else 0

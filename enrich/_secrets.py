"""What looks like a secret in others' text, struck out. It would rather strike out too much than too little.

Whoever writes a log line writes whatever they like: no pattern here takes more time than its text is long.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

STRUCK_OUT = "***"

_NAMES = "|".join(
    (
        "pass(?:wd|word|phrase)",
        "pwd",
        "secret",
        "token",
        "credential",
        "api[_.-]?key",
        "(?:access|account|auth|encryption|private|shared|signing|storage)[_.-]?key",
        "signature",
        "session[_.-]?id",
        "jwt",
    )
)
# A name, whatever stands around it ("DB_PASSWORD", "accessTokens"), a sign, and what a value begins with: a quote,
# which may be escaped, for JSON is often told within JSON. Of the headers every word behind them is meant. "TokenError:
# no such user" names none.
_NAMED = re.compile(
    rf"(?:(authorization|cookie)|{_NAMES}|(?<![^\W_])(?:pass|sig|otp|pin|pw)\b)(?!\w{{0,30}}(?:error|exception)\b)[\w.-]{{0,30}}"
    r"""\\{0,3}["'`]?\s{0,40}(?:=>|:=|[=:])\s{0,40}(?:(\\{1,3}["'])|(["'`]))?""",
    re.IGNORECASE,
)
_FLAG = re.compile(rf"((?<![\w-])--?[\w-]{{0,30}}(?:{_NAMES})[\w-]{{0,30}}\s{{1,4}})[^\s-]\S*", re.IGNORECASE)
_BARE = re.compile(r"[^\s,;&]*")
_SCHEME = re.compile(r"(\b(?:bearer|basic|digest|negotiate)\s{1,4})[\w.~+/=:-]{6,}", re.IGNORECASE)
_USERINFO = re.compile(r"(?<=://)[^\s/?#@]*@(?:[^\s/?#@]*@)?")
# As MySQL's drivers write it, without a scheme: "root:hunter2@tcp(db:3306)".
_PAIR = re.compile(r"((?<![\w.-])[\w.-]{1,64}:)[^\s@/:]{1,128}@(?=[\w(\[])")
_JWT = re.compile(r"\beyJ[\w-]{6,}(?:\.[\w-]*)*")
# What is known by how it begins: AWS, GitHub, GitLab, Slack, Stripe and OpenAI, Google, Vault, npm, SendGrid.
_KNOWN = re.compile(
    r"\b(?:(?:AKIA|ASIA)[A-Z0-9]{12,}|gh[opsur]_\w{16,}|github_pat_\w{16,}|glpat-[\w-]{16,}|xox[a-z]-[\w-]{8,}"
    r"|xapp-[\w-]{8,}|[rsp]k[-_][\w-]{16,}|AIza[\w-]{16,}|ya29\.[\w.-]{8,}|hv[sbr]\.[\w-]{16,}|npm_\w{16,}"
    r"|SG\.[\w.-]{16,})"
)
_SLACK_HOOK = re.compile(r"(hooks\.slack\.com/(?:services|workflows|triggers)/)[\w/-]+")
# A digest names an image, and is no secret.
_HEX = re.compile(r"(?<![0-9A-Za-z])(?<!sha256:)(?<!sha512:)[0-9A-Fa-f]{32,}(?![0-9A-Za-z])")
_LONG = re.compile(r"(?<![\w+/-])(?<!sha256:)(?<!sha512:)[\w+/-]{32,}={0,2}")
_RUN = re.compile(r"[0-9A-Za-z]{24,}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_PEM = re.compile(r"-----(BEGIN|END)\b")


def masked(lines: Iterable[str]) -> Iterator[str]:
    """Lines that stand below each other, with *** instead of what looks like a secret; as many as there were."""
    lines = list(lines)
    marks = [[mark[1] for mark in _PEM.finditer(line)] for line in lines]
    # Where a block ends that has not begun, it began above.
    inside = next((found[0] for found in marks if found), "") == "END"
    for line, found in zip(lines, marks, strict=True):
        if found:
            struck, inside = inside or "BEGIN" in found, found[-1] == "BEGIN"
        else:
            struck = inside and _BASE64.fullmatch(line.strip()) is not None
        yield STRUCK_OUT if struck else _masked(line)


def _masked(line: str) -> str:
    line = _SCHEME.sub(rf"\1{STRUCK_OUT}", line)
    line = "".join(_without_named(line))
    line = _FLAG.sub(rf"\1{STRUCK_OUT}", line)
    line = _USERINFO.sub(f"{STRUCK_OUT}@", line)
    line = _PAIR.sub(rf"\1{STRUCK_OUT}@", line)
    line = _SLACK_HOOK.sub(rf"\1{STRUCK_OUT}", line)
    for pattern in (_JWT, _KNOWN, _HEX):
        line = pattern.sub(STRUCK_OUT, line)
    return _LONG.sub(lambda found: STRUCK_OUT if _is_made_up(found[0]) else found[0], line)


def _without_named(line: str) -> Iterator[str]:
    """The pieces of a line, with *** for the value behind each name of a secret."""
    at = 0
    while named := _NAMED.search(line, at):
        start, quote = named.end(), named[2] or named[3]
        yield line[at:start]
        if quote:
            at = _end_quoted(line, start, quote)
        else:
            bare = _BARE.match(line, start)
            at = len(line) if named[1] or bare is None else bare.end()
        yield STRUCK_OUT if at > start else ""
    yield line[at:]


def _end_quoted(line: str, start: int, quote: str) -> int:
    """Where a quoted value ends: at the next such quote that is not escaped once more."""
    at = start
    while (at := line.find(quote, at)) >= 0:
        first = at
        while first > start and line[first - 1] == "\\":
            first -= 1
        if first == at or (len(quote) == 1 and (at - first) % 2 == 0):
            return at
        at += len(quote)
    return len(line)


def _is_made_up(text: str) -> bool:
    """Whether a long word is what a generator made, and no name or path.

    Every other letter or digit of what was made is of another kind than the one before it, of names one in five or
    less. But names of pods are like it, short parts with digits: without capitals only a long part in one piece is
    taken for made.
    """
    if any(each.isupper() for each in text):
        return _is_mixed(text, 3)
    return any(_is_mixed(run[0], 2) for run in _RUN.finditer(text))


def _is_mixed(text: str, least_kinds: int) -> bool:
    kinds = [_kind(each) for each in text if each.isalnum()]
    changes = sum(one != other for one, other in pairwise(kinds))
    return len({*kinds}) >= least_kinds and changes * 10 > 3 * len(kinds)


def _kind(character: str) -> str:
    return "digit" if character.isdigit() else "upper" if character.isupper() else "lower"

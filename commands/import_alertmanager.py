"""`python app.py import-alertmanager`: a configuration of ours from one of Alertmanager's, as like it as can be."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from commands.translation import Translation
from config.base import ActionSettings
from config.content import MOST_BYTES
from config.document import ConfigError, Document, Path_, Problem, dotted, read
from config.edits import Edit, applied, left_out, overlap, remarked
from config.environment import Environment
from config.outline import Outline, Spot
from config.templates import read_library

Check = Callable[[Path, bytes], Sequence[Problem]]
"""Given where a configuration is to stand and what is to stand there: what is wrong with it."""
Kinds = Callable[[], Mapping[str, type[ActionSettings]]]

_HEADER = "# Written by import-alertmanager: this is alert-manager's own, where $$ is a dollar and ${NAME} a variable."
_TODO = "TODO(import): "
_ROUTING = ("route", "inhibit_rules", "time_intervals", "mute_time_intervals")
# Taken, but not with every value: without them all else means what it means.
_DISPENSABLE = frozenset({"link_names"})
# Without these something else would be told, or elsewhere: whoever is to decide must come before it runs.
_INDISPENSABLE = frozenset({"service_key", "service_key_file", "bearer_token", "bearer_token_file"})
_INDISPENSABLE |= frozenset({"url", "to", "from", "channel", "payload"})
_MOST_ROUNDS = 200
_OF_KUBERNETES = {
    "Secret": "pipe its key alertmanager.yaml, decoded (kubectl get secret NAME -o"
    " jsonpath='{.data.alertmanager\\.yaml}' | base64 -d), into import-alertmanager -",
    "ConfigMap": "pipe its key alertmanager.yaml or alertmanager.yml (kubectl get configmap NAME -o"
    " jsonpath='{.data.alertmanager\\.yml}') into import-alertmanager -",
    "AlertmanagerConfig": "pipe what the operator makes of it (kubectl get secret alertmanager-NAME-generated -o"
    " jsonpath='{.data.alertmanager\\.yaml\\.gz}' | base64 -d | gunzip) into import-alertmanager -",
}


def make_command(check: Check, kinds: Kinds) -> click.Command:
    """The command.

    Args:
        kinds: gives each kind of action, with its settings.
    """

    @click.command("import-alertmanager")
    @click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Instead of standard output.")
    @click.argument("file", type=click.File("rb"))
    def import_alertmanager(file: Any, output: Path | None) -> None:
        """Write a configuration of ours from Alertmanager's FILE ("-" is standard input).

        What is written in another way here is translated; what is not done here is made a comment; what a person must
        decide is marked with TODO(import), and said on standard error with exit code 1.
        """
        source = Path(getattr(file, "name", "<stdin>"))
        # Where it is to be: beside its templates, unless it is said.
        target = output or source
        try:
            content = file.read(MOST_BYTES + 1)
        except OSError as error:
            raise click.ClickException(f"{source}: cannot be read: {error.strerror}") from None
        text, problems = imported(content, source, target, check, kinds())
        _write(text.encode(), output)
        told = [f"{output or 'output'}:{line}: {said}" for line, said in _marked(text)]
        if told or problems:
            click.echo("\n".join([*told, *map(str, problems)]), err=True)
            sys.exit(1)

    return import_alertmanager


def imported(
    content: bytes, source: Path, target: Path, check: Check, kinds: Mapping[str, type[ActionSettings]]
) -> tuple[str, list[Problem]]:
    """A configuration of ours from one of Alertmanager's.

    Args:
        content: of the latter.
        source: where that stands.
        target: where ours is to stand.

    Returns:
        Ours, and what is wrong elsewhere: in files that it names, or the environment.

    Raises:
        ConfigError: it is none of Alertmanager's.
    """
    document = _read(content, source)
    text = content.decode()
    if text.removeprefix("\ufeff").startswith(_HEADER):
        # Once more, a dollar would be two.
        return text, [each for each in check(target, content) if _remark(each) not in text]
    library, _ = read_library(document.data.get("templates"), document)
    outline = Outline(text)
    translation = Translation(kinds, library, source.parent, target.parent)
    header = remarked(outline, None, _HEADER.removeprefix("# "))
    return _mended(applied(text, [header, *translation.edits(outline)]), target, check)


def _read(content: bytes, source: Path) -> Document:
    """What stands there, if that can be a configuration of Alertmanager's."""
    # What looks like a variable is none yet: that it is not set is not heeded.
    document = read(source, Environment({}), content=content)
    data = document.data
    kind = data.get("kind") if isinstance(data, dict) and "apiVersion" in data else None
    message = ""
    if isinstance(kind, str) and kind in _OF_KUBERNETES:
        message = f"is Kubernetes' (kind {kind}): {_OF_KUBERNETES[kind]}"
    elif not isinstance(data, dict) or not {"route", "receivers"} <= data.keys():
        message = "is no configuration of Alertmanager: that is a mapping with `route` and `receivers`"
    if message:
        raise ConfigError([document.problem((), message)])
    return document


def _mended(text: str, target: Path, check: Check) -> tuple[str, list[Problem]]:
    """Without what is not taken here, as long as loading says that there is any; and with what is left marked."""
    for rounds_left in reversed(range(_MOST_ROUNDS)):
        outline = Outline(text)
        problems = [*check(target, text.encode()), *_unseen(outline, target)]
        edits: list[Edit] = []
        for each in filter(_may_go, problems):
            spot = _key(outline, each, target)
            group = left_out(outline, spot, _remark(each)) if spot else []
            if not overlap(group, edits):
                edits += group
        if not edits or not rounds_left:
            break
        text = applied(text, edits)
    inside = [(each, place) for each in problems if (place := _place(each, target))]
    marks = [remarked(outline, next(iter(outline.at(place)), None), _remark(each)) for each, place in inside]
    elsewhere = [each for each in problems if _place(each, target) is None]
    return applied(text, marks), elsewhere


def _unseen(outline: Outline, target: Path) -> Iterator[Problem]:
    """What is taken here as Alertmanager takes it, and yet is not the same."""
    for spot in outline.spots:
        value, place = spot.value or "", ":".join(map(str, (target, *spot.place)))
        if spot.path[2::2] == ("pagerduty_configs", "routing_key") and "{{" in value:
            message = "is no template here, but told as it stands: have a route and a receiver for each key"
            yield Problem(place, dotted(spot.path), message)
        elif "http_config" in spot.path and value and _names_file(spot.path) and not Path(value).is_absolute():
            message = "begins at Alertmanager's file there, and where this service runs here: write the whole path"
            yield Problem(place, dotted(spot.path), message)


def _names_file(path: Path_) -> bool:
    return str(path[-1]).endswith("_file") or path[-2] == "files"


def _may_go(problem: Problem) -> bool:
    """Whether what is not taken may become a comment; where alerts are led, only what is known to lead nobody."""
    key = problem.path.rpartition(".")[2]
    if problem.path.startswith(_ROUTING) and "is no key here" in problem.message:
        return False
    return (problem.dispensable or key in _DISPENSABLE) and key not in _INDISPENSABLE


def _key(outline: Outline, problem: Problem, target: Path) -> Spot | None:
    """The key that a problem is about; none where it is about something that is not there."""
    place = _place(problem, target)
    spots = outline.at(place) if place else []
    return next((each for each in spots if f".{problem.path}".endswith(f".{each.path[-1]}")), None)


def _place(problem: Problem, target: Path) -> tuple[int, int] | None:
    """Line and column; none where it is in another file, or in the environment."""
    found = re.fullmatch(rf"{re.escape(str(target))}:(\d+):(\d+)", problem.place)
    return (int(found[1]), int(found[2])) if found else None


def _remark(problem: Problem) -> str:
    return f"{_TODO}{': '.join(filter(None, (problem.path, problem.message)))}"


def _marked(text: str) -> list[tuple[int, str]]:
    """Each remark that somebody is to heed, and its line."""
    lines = enumerate(text.split("\n"), start=1)
    found = ((number, line.partition(f"# {_TODO}")) for number, line in lines)
    return [(number, said.rstrip("\r")) for number, (_, mark, said) in found if mark]


def _write(content: bytes, output: Path | None) -> None:
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        # It may hold secrets: a new file is for its owner alone.
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError as error:
        raise click.ClickException(f"{output}: cannot be written: {error.strerror}") from None

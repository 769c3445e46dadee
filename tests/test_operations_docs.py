"""docs/operations.md: what it has people run, look at and set is there, and what it says they will read is said."""

import errno
import os
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
import yaml
from werkzeug.exceptions import MethodNotAllowed, NotFound

import app
from actions._base import judged
from actions._slack_answer import check
from alerts.notification import SendError
from config.schema import ConfigFile
from outbound import Answer
from tests.service import ROOT

PAGE = ROOT / "docs" / "operations.md"
TEXT = PAGE.read_text(encoding="utf-8")
# A span in two backquotes may hold one.
SPAN = re.compile(r"(?<!`)(`{1,2})(?!`)(.+?)(?<!`)\1(?!`)")
SPANS = [span for _, span in SPAN.findall(re.sub(r"```.*?```", "", TEXT, flags=re.DOTALL))]
BLOCKS = re.findall(r"```(?:sh|console)\n(.*?)```", TEXT, re.DOTALL)
NOT_OURS = frozenset(("benchmarks", "data", "docs", "scripts", "tests"))
STRERROR = frozenset(map(os.strerror, (errno.ENOENT, errno.EACCES)))
# What SQLite, PostgreSQL, a kubelet or a proxy says, and not this service.
THEIRS = (
    *("attempt to write a readonly", "canceling statement", "database disk image", "database is locked"),
    *("database or disk is full", "remaining connection slots", "too many clients", "unable to open database file"),
)


def rows(heading: str) -> Iterator[list[str]]:
    """The cells of each row of the tables whose heading begins so, but the heading's own."""
    within = False
    for line in TEXT.splitlines():
        if line.startswith(heading):
            within = True
        elif not line.startswith("|"):
            within = False
        elif within and not line.startswith("| ---"):
            yield [each.strip() for each in re.split(r"(?<!\\)\|", line)[1:-1]]


def quoted(heading: str, column: int) -> list[str]:
    """What stands as code in a column of such tables."""
    return sorted({span for cells in rows(heading) for _, span in SPAN.findall(cells[column])})


DETAILS = [(span, cells[1]) for cells in rows("| detail | again? |") for _, span in SPAN.findall(cells[0])]
OF_SLACKS_APP = [each for each in DETAILS if re.fullmatch(r"Slack: [a-z_]+(: .*)?", each[0])]
OF_STATUS = [each for each in DETAILS if re.match(r"(?:\w+: )?status \d{3}: ", each[0])]
OF_MAIL = [each for each in DETAILS if re.search(r": [245]\d\d \d\.", each[0])]
OTHERS = [span for span, again in DETAILS if (span, again) not in [*OF_SLACKS_APP, *OF_STATUS, *OF_MAIL]]


@cache
def source() -> str:
    """All that this service can say: its code and its pages."""
    files = [path for path in ROOT.rglob("*") if path.suffix in (".py", ".html")]
    ours = [path for path in files if not {each for each in path.relative_to(ROOT).parts if each[0] == "."}]
    joined = "\n".join(path.read_text() for path in ours if path.relative_to(ROOT).parts[0] not in NOT_OURS)
    # A text may go on in the next line, and a quote in it is written with a backslash.
    return re.sub(r'"\s*\n\s*f?"', "", joined).replace("\\", "")


def unsaid(text: str) -> list[str]:
    """The parts of a text between its gaps, and behind what is named first, that this service never says."""
    parts = {part.strip(" :();,") for part in re.split("…|: ", text)}
    return sorted(part for part in parts - {"", *STRERROR} if part not in source())


@pytest.mark.parametrize(("detail", "again"), OF_SLACKS_APP)
def test_has_slacks_words_as_they_are_told(detail: str, again: str) -> None:
    """As the Web API answers, and with whether the same is tried again."""
    _, word, *needed = detail.split(": ")
    more = f',"needed":{needed[0]}' if needed else ""
    with pytest.raises(SendError) as raised:
        check(Answer(200, {}, f'{{"ok":false,"error":"{word}"{more}}}'.encode()), [], web_api=True)

    assert (detail, again == "no") == (str(raised.value), raised.value.permanent)


@pytest.mark.parametrize(("detail", "again"), OF_STATUS)
def test_has_answers_as_they_are_told(detail: str, again: str) -> None:
    """With whether the same is tried again."""
    head, status, body = re.split(r"status (\d{3}): ", detail, maxsplit=1)
    with pytest.raises(SendError) as raised:
        judged(Answer(int(status), {}, body.encode()), [], head.removesuffix(": ") or "Slack")

    assert detail in str(raised.value)
    assert (again == "no") == raised.value.permanent


@pytest.mark.parametrize(("detail", "again"), OF_MAIL)
def test_has_what_mail_servers_codes_mean(detail: str, again: str) -> None:
    """4yz may pass by itself and 5yz does not, by rfc5321."""
    (code,) = re.findall(r": ([245])\d\d \d\.", detail)

    assert {"4": "yes", "5": "no"}[code] == again


@pytest.mark.parametrize(
    "text",
    [*OTHERS, *quoted("| what it says |", 0), *quoted("| answer | what it says |", 1), *quoted("| answer | why |", 0)],
)
def test_quotes_what_is_said(text: str) -> None:
    """Word for word, between the gaps."""
    if not text.startswith(THEIRS):
        own = re.sub(r"^Kubernetes |^Prometheus (at )?|^Slack: |^PagerDuty: |\d+(\.\d+)?s$", "…", text)
        own = re.sub(r"status \d{3}$|status \d{3} instead of \d+|it answered \d{3}|has \d values", "…", own)

        assert [] == unsaid(own)


def lines() -> Iterator[list[str]]:
    """Each `python app.py` that it has somebody run, as words."""
    commands = [*SPANS, *(line for block in BLOCKS for line in block.splitlines())]
    for command in commands:
        if found := re.search(r"python app\.py (\w[^|`]*)", command):
            yield shlex.split(found[1].partition("#")[0])


def test_its_commands_are_there() -> None:
    """With each of their options, and the values of those that choose."""
    assert len(list(lines())) > 10
    for words in lines():
        command: click.Command = app.cli
        while isinstance(command, click.Group):
            assert words[0] in command.commands, words
            command = command.commands[words.pop(0)]
        options = {name: each for each in command.params for name in each.opts if name.startswith("--")}
        for word, value in zip(words, [*words, ""][1:], strict=True):
            if word.startswith("--"):
                assert word in options, (command.name, word)
                kind = options[word].type
                assert not isinstance(kind, click.Choice) or value in kind.choices, (word, value)


def test_its_paths_are_there(tmp_path: Path) -> None:
    """By their methods, whatever stands for a name or a number."""
    web = app.create_app({"DATABASE_URL": f"sqlite:///{tmp_path / 'a.db'}"})
    asked = [re.match(r"(GET|POST) (/[^ ]*)$", span) for span in SPANS]
    named = [("GET" if span != "/-/reload" else "POST", span) for span in SPANS if re.match(r"/(api|\w+z$)", span)]
    of_curl = [
        ("POST" if "POST" in line else "GET", path.partition("?")[0])
        for block in BLOCKS
        for line in block.splitlines()
        for path in re.findall(r"curl .*localhost:8080(/[^' ]*)", line)
    ]
    paths = [*((each[1], each[2]) for each in asked if each), *named, *of_curl]

    assert len(paths) > 10
    for method, path in paths:
        try:
            web.url_map.bind("localhost").match(re.sub(r"<\w+>", "1", path), method=method)
        except (NotFound, MethodNotAllowed):
            pytest.fail(f"{method} {path}")


def test_its_metrics_are_there() -> None:
    """In docs/metrics.md, which a test of its own holds to what there is."""
    documented = (PAGE.parent / "metrics.md").read_text()
    named = set(re.findall(r"\balert_manager_\w+", TEXT))

    assert named
    assert [] == [each for each in sorted(named) if f"`{each}`" not in documented]


def test_its_keys_and_variables_are_there() -> None:
    """Keys in docs/configuration.md, variables in the README: tests of theirs hold them to the code."""
    configuration, readme = (PAGE.parent / "configuration.md").read_text(), (ROOT / "README.md").read_text()
    sections = "|".join(ConfigFile.model_fields)
    keys = {span.split(".")[-1] for span in SPANS if re.fullmatch(rf"(?:{sections})(?:\.[a-z_]+)+", span)}
    keys |= {span for span in SPANS if re.fullmatch(r"[a-z]+(?:_[a-z]+)*_(?:file|resolved|hold)", span)}
    variables = {span.partition("=")[0] for span in SPANS if re.match(r"[A-Z]+_[A-Z_]+(=|$)", span)}

    assert keys
    assert [] == sorted(each for each in keys if f"`{each}`" not in configuration)
    assert {"DATABASE_URL", "CHARTS_KEY"} <= variables
    assert [] == sorted(each for each in variables - {"HTTPS_PROXY"} if each.removesuffix("_FILE") not in readme)


def test_names_what_the_manifest_has() -> None:
    """What is run on Kubernetes is run on what deployment-k8s.yaml makes."""
    documents = list(yaml.safe_load_all((ROOT / "deployment-k8s.yaml").read_text()))
    made = {(each["kind"].lower(), each["metadata"]["name"]) for each in documents}
    short = {"deploy": "deployment", "svc": "service"}
    named = set(re.findall(r"\b(deploy|deployment|svc)/([\w-]+)", TEXT))

    assert named
    assert {(short.get(kind, kind), name) for kind, name in named} <= made
    assert {"alert-manager"} == set(re.findall(r"kubectl .*?-n ([\w-]+)", TEXT))


def test_links_lead_somewhere() -> None:
    """To a file, and to a heading of it, or of this page."""
    links = re.findall(r"\]\(([^)#\s:]*)(?:#([\w-]+))?\)", TEXT)
    assert links
    for name, anchor in links:
        path = PAGE.parent / name if name else PAGE
        assert path.exists(), name
        page = path.read_text(encoding="utf-8") if path.is_file() else ""
        headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
        known = {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}
        assert not anchor or anchor in known, (name, anchor)


def test_answers_what_operators_ask() -> None:
    """Of each symptom in its first table there is a part."""
    answered = [link for _, cell in rows("| what is seen | where to begin |") for link in re.findall(r"\(#", cell)]

    assert len(answered) >= 15
    assert min(map(len, (OF_SLACKS_APP, OF_STATUS, OF_MAIL, OTHERS))) > 4

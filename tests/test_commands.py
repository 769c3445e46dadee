"""The commands, each in a process, a folder and an environment of its own: exit codes, what is said, and where."""

import os
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SECRET = "hunter2"

TREE = """
route:
  receiver: chat
  routes:
  - {receiver: on-call, matchers: ['severity=~"(?i)critical"'], continue: true}
  - {receiver: équipe, match: {team: 'a=b'}, continue: true}
  - {receiver: spaces, match: {team: '  '}}
receivers: [{name: chat}, {name: on-call}, {name: équipe}, {name: spaces}]
"""
FILES: dict[str, str | bytes] = {
    "tree.yml": TREE,
    "warned.yml": "route: {receiver: a, group_wait: 30s}\nreceivers: [{name: a}, {name: b}]\n",
    "bad.yml": (
        f"web: {{max_body: {SECRET}}}\nroute: {{receiver: b}}\nreceivers:\n- name: a\n"
        f"  slack_configs: [{{api_url: {SECRET}}}]\n"
    ),
    "nonsense.yml": b"\x89PNG\r\n\x1a\n\xff\x00",
    "not-a-database": "x" * 5_000,
}

# Each by its name: arguments, variables, the exit code, the last line of standard output, and words on standard error.
Case = tuple[Sequence[str], Mapping[str, str], int, str, tuple[str, ...]]
CASES: dict[str, Case] = {
    "help": (("--help",), {}, 0, "  serve                Serve on PORT (8080).", ()),
    "serve's help": (("serve", "--help"), {}, 0, "  --help  Show this message and exit.", ()),
    "no command": ((), {}, 2, "", ("Usage: app.py",)),
    "an unknown command": (("sevre",), {}, 2, "", ("No such command 'sevre'",)),
    "check the default": (("check-config",), {}, 0, "good: 2 receivers with 2 actions", ("receivers[1]: tells",)),
    "check a file": (("check-config", "tree.yml"), {}, 0, "tree.yml: good: 4 receivers with 0 actions", ()),
    "check CONFIG_FILE": (("check-config",), {"CONFIG_FILE": "tree.yml"}, 0, "tree.yml: good", ()),
    "warnings are well": (
        ("check-config", "warned.yml"),
        {},
        0,
        "warned.yml: good: 2 receivers",
        ("warning: warned.yml:1:22 route.group_wait: is", "warning: warned.yml:2:25 receivers[1].name: no route"),
    ),
    "a bad file": (
        ("check-config", "bad.yml"),
        {},
        1,
        "",
        (
            "bad.yml:1:7 web.max_body: is not a size",
            "bad.yml:2:9 route.receiver: no receiver is called 'b'",
            "bad.yml:5:20 receivers[0].slack_configs[0].api_url: is not an http:// or https:// URL",
        ),
    ),
    "a database that is none": (
        ("check-config", "tree.yml"),
        {"DATABASE_URL": "mysql://localhost/x"},
        1,
        "",
        ("the database URL should be sqlite:///path/to/file",),
    ),
    "a port that is none": (
        ("check-config", "tree.yml"),
        {"PORT": "abc"},
        1,
        "",
        ("PORT should be a whole number from 1 to 65535",),
    ),
    "enrichers that are none": (
        ("check-config", "tree.yml"),
        {"ENRICHERS_PATH": "absent"},
        1,
        "",
        ("ENRICHERS_PATH: absent: is no folder",),
    ),
    "a missing file": (("check-config", "none.yml"), {}, 1, "", ("none.yml: cannot be read: No such file",)),
    "a folder": (("check-config", "."), {}, 1, "", (".: cannot be read: Is a directory",)),
    "a file that is no text": (("check-config", "nonsense.yml"), {}, 1, "", ("nonsense.yml:1:1: is not UTF-8",)),
    "a variable that is no text": (
        ("check-config",),
        {"EXTERNAL_URL": f"http://{SECRET}\udcff"},
        1,
        "",
        ("the environment: EXTERNAL_URL is not UTF-8",),
    ),
    "route, several": (
        ("route-test", "--config", "tree.yml", "severity=CRITICAL", "team=a=b"),
        {},
        0,
        "on-call,équipe",
        (),
    ),
    "route, a value verbatim": (("route-test", "--config", "tree.yml", "team=  "), {}, 0, "spaces", ()),
    "route, the default": (("route-test", "severity=Critical"), {}, 0, "on-call", ()),
    "route, warnings": (("route-test", "--config", "warned.yml", "a=b"), {}, 0, "a", ("warning: warned.yml:1:22 ",)),
    "route, as expected": (
        ("route-test", "--config", "tree.yml", "--verify.receivers=on-call, équipe", "severity=CRITICAL", "team=a=b"),
        {},
        0,
        "on-call,équipe",
        (),
    ),
    "route, no equals sign": (("route-test", "severity"), {}, 2, "", ("'severity' is not LABEL=VALUE",)),
    "route, no name": (("route-test", "=critical"), {}, 2, "", ("'=critical' is not LABEL=VALUE",)),
    "route, no text": (("route-test", "a=\udcff"), {}, 2, "", ("is not UTF-8",)),
    "import": (
        ("import-alertmanager", "tree.yml"),
        {},
        0,
        "receivers: [{name: chat}, {name: on-call}, {name: équipe}, {name: spaces}]",
        (),
    ),
    "import, nonsense": (("import-alertmanager", "nonsense.yml"), {}, 1, "", ("nonsense.yml:1:1: is not UTF-8",)),
    "import, no file": (("import-alertmanager", "missing.yml"), {}, 2, "", ("No such file or directory",)),
    "send, to the log": (
        ("send-test",),
        {"LOG_FORMAT": "json"},
        0,
        "chat/log/0 (firing): written to the log",
        ('"message": "[FIRING] AlertManagerTest"', "This is a test of alert-manager."),
    ),
    "send, to nobody": (("send-test", "--config", "tree.yml"), {}, 0, "chat has no action: nobody is told", ()),
    "send, to a stranger": (
        ("send-test", "--config", "tree.yml", "stranger"),
        {},
        2,
        "",
        ("there is no receiver 'stranger'; there are: chat, on-call, équipe, spaces",),
    ),
    "migrate a new database": (
        ("migrate",),
        {"DATABASE_URL": "sqlite:///new/folder/a.db"},
        0,
        "the database is up to date",
        (),
    ),
    "migrate what is no database": (
        ("migrate",),
        {"DATABASE_URL": "sqlite:///not-a-database"},
        1,
        "",
        ("the database cannot be brought up to date: file is not a database",),
    ),
    "migrate another kind": (
        ("migrate",),
        {"DATABASE_URL": f"mysql://u:{SECRET}@h/d"},
        1,
        "",
        ("the database URL should be sqlite:///path/to/file",),
    ),
    "serve with a bad file": (("serve",), {"CONFIG_FILE": "bad.yml"}, 1, "", ("bad.yml:1:7 web.max_body",)),
    "serve on no port": (("serve",), {"PORT": "http"}, 1, "", ("PORT should be a whole number",)),
}

Ran = subprocess.CompletedProcess[str]


def run(folder: Path, arguments: Sequence[str], variables: Mapping[str, str] | None = None) -> Ran:
    """Runs a command in a folder, with none of this process's variables but PATH."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONWARNINGS": "error",
        "DATABASE_URL": f"sqlite:///{folder / 'a.db'}",
        **(variables or {}),
    }
    command = [sys.executable, str(ROOT / "app.py"), *arguments]
    return subprocess.run(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the commands are given."""
    folder = tmp_path_factory.mktemp("commands")
    for name, content in FILES.items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


@pytest.fixture(scope="module")
def ran(folder: Path) -> dict[str, Ran]:
    """Every case, run: each starts an interpreter, so several at a time."""
    with ThreadPoolExecutor(os.cpu_count()) as executor:
        done = executor.map(lambda case: run(folder, case[0], case[1]), CASES.values())
        return dict(zip(CASES, done, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_says_it_in_words_and_exits(ran: dict[str, Ran], name: str) -> None:
    """0 when all is well, 1 when the answer is no, 2 on wrong usage; the answer goes to standard output alone."""
    _, _, code, last_line, words = CASES[name]
    done = ran[name]
    lines = done.stdout.splitlines()

    assert code == done.returncode, done.stderr
    assert [] == [each for each in words if each not in done.stderr]
    assert last_line in (lines[-1] if lines else "")
    assert (code == 0) == bool(lines)
    assert "Traceback" not in done.stdout + done.stderr
    assert SECRET not in done.stdout + done.stderr


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if name.startswith("route") and case[2] == 0])
def test_route_test_prints_names_alone(ran: dict[str, Ran], name: str) -> None:
    """As `amtool config routes test` does, so that a script can take the output as it is."""
    assert f"{CASES[name][3]}\n" == ran[name].stdout


def test_route_test_says_no(folder: Path) -> None:
    """When others are told than were expected, or in another order; who is told is said all the same."""
    arguments = ["route-test", "--config", "tree.yml", "severity=CRITICAL", "team=a=b"]
    for expected in ("on-call", "équipe,on-call", ""):
        done = run(folder, [*arguments, f"--verify.receivers={expected}"])
        assert (1, "on-call,équipe\n") == (done.returncode, done.stdout)
        assert f"expected {expected}\n" == done.stderr


def test_check_config_says_nothing_beside(ran: dict[str, Ran]) -> None:
    """Where all is well standard error is empty."""
    assert ["", ""] == [ran[name].stderr for name in ("check a file", "check CONFIG_FILE")]


def test_migrate_makes_the_tables(ran: dict[str, Ran], folder: Path) -> None:
    """A database, and the folder that it is to be in, are made where they are missing."""
    assert 0 == ran["migrate a new database"].returncode
    connection = sqlite3.connect(folder / "new" / "folder" / "a.db")
    with connection:
        found = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    connection.close()

    assert {"events", "deliveries", "threads", "alerts"} <= found


def test_serve_says_that_the_port_is_taken(tmp_path: Path) -> None:
    """Before anything is started, in words, with what to do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen(1)
        port = taken.getsockname()[1]
        ended = run(tmp_path, ["serve"], {"PORT": str(port)})
    assert 1 == ended.returncode
    assert f"port {port} cannot be served on: Address already in use; PORT sets another" in ended.stderr

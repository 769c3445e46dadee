"""Imports point down only, siblings never import each other, and nothing happens when a module is imported.

The house, from docs/design.md: app -> building -> {web | commands} -> pipeline ->
{enrich | actions | outbox | routing | alertmanager} -> config -> alerts -> cluster, and leaves below all that import
none of the house.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = (
    ("app",),
    ("building",),
    ("web", "commands"),
    ("pipeline",),
    ("enrich", "actions", "outbox", "routing", "alertmanager"),
    ("config",),
    ("alerts",),
    ("cluster",),
    ("outbound", "units", "telemetry", "templating", "charts"),
)
FLOOR_OF = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# In these, one module is one thing of many, and none may know of another: what they share begins with an underscore.
BY_THE_MODULE = ("enrich", "actions")
EFFECTS = frozenset(("open", "connect", "create_connection", "socket", "urlopen", "Popen", "Thread", "run", "system"))
EFFECTS |= frozenset(
    ("read_text", "read_bytes", "write_text", "write_bytes", "mkdir", "mkdtemp", "makedirs", "request")
)
EFFECTS |= frozenset(("create_engine", "open_database", "create_app", "getenv", "basicConfig", "dictConfig", "start"))


def modules() -> dict[str, Path]:
    """Returns each module of the house by its dotted name."""
    files = [path for room in FLOOR_OF for path in (ROOT / f"{room}.py", *sorted((ROOT / room).rglob("*.py")))]
    return {_name(path.relative_to(ROOT)): path for path in files if path.exists()}


def _name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(module: str, tree: ast.AST, *, package: bool) -> Iterator[str]:
    """Yields the dotted name of each thing that a module imports, wherever in it the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: (1 if package else 0) - node.level or None] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            yield from (f"{source}.{each.name}" for each in node.names)
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "import_module":
            yield from (str(each.value) for each in node.args if isinstance(each, ast.Constant))


def wrong_imports(module: str, source: str, *, package: bool = False) -> list[str]:
    """Returns what a module imports and may not."""
    tree = ast.parse(source)
    return sorted({name for name in imported(module, tree, package=package) if _wrong(module, name)})


def _wrong(module: str, name: str) -> bool:
    room, *inside = module.split(".")
    other, *there = name.split(".")
    if other not in FLOOR_OF:
        return False
    if other != room:
        return FLOOR_OF[other] <= FLOOR_OF[room]
    is_one_of_many = bool(there) and not there[0].startswith("_") and (ROOT / room / f"{there[0]}.py").exists()
    return room in BY_THE_MODULE and is_one_of_many and there[:1] != inside[:1]


def effects(source: str) -> list[str]:
    """Returns what a module calls when it is imported and that reaches outside."""
    return sorted(
        ast.unparse(node.func)
        for node in _at_import(ast.parse(source))
        if isinstance(node, ast.Call) and _called(node) in EFFECTS
    )


def _called(call: ast.Call) -> str:
    return getattr(call.func, "attr", getattr(call.func, "id", ""))


def _at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Yields what runs when a module is imported: everything but the bodies of functions and of the main block."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "__main__" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = [*child.args.defaults, *(each for each in child.args.kw_defaults if each)]
            for each in (*getattr(child, "decorator_list", ()), *arguments):
                yield each
                yield from _at_import(each)
            continue
        yield child
        yield from _at_import(child)


MODULES = modules()


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    """No module imports one of its own floor or of a floor above."""
    path = MODULES[module]

    assert [] == wrong_imports(module, path.read_text(), package=path.name == "__init__.py")


@pytest.mark.parametrize("module", [each for each in MODULES if not each.startswith("outbox.migrations")])
def test_nothing_happens_at_import(module: str) -> None:
    """No module opens a file, a socket, a process or a thread when it is imported (alembic runs migrations so)."""
    assert [] == effects(MODULES[module].read_text())


def test_every_room_has_a_floor() -> None:
    """A new room of the house is not overlooked: every top-level module and package stands on a floor."""
    beside = {"tests", "scripts", "docs", "benchmarks", "data"}
    packages = {path.parent.name for path in ROOT.glob("[a-z]*/*.py")} - beside
    singles = {path.stem for path in ROOT.glob("[a-z]*.py")} - {"gunicorn.conf"}

    assert packages | singles <= FLOOR_OF.keys()
    assert {"app", "web.alert", "pipeline.plan", "enrich.cpu", "actions.slack", "alerts", "units"} <= MODULES.keys()


@pytest.mark.parametrize(
    ("module", "source", "expected"),
    [
        ("web.alert", "import app", ["app"]),
        ("commands.deliveries", "from web.answers import error", ["web.answers.error"]),
        ("pipeline.plan", "from web.answers import error", ["web.answers.error"]),
        ("enrich.cpu", "import actions", ["actions"]),
        ("actions.slack", "from outbox.store import Store", ["outbox.store.Store"]),
        ("outbox.store", "import routing.tree as t", ["routing.tree"]),
        ("routing.tree", "def f():\n    from pipeline import Pipeline", ["pipeline.Pipeline"]),
        ("config.load", "if True:\n    import enrich", ["enrich"]),
        ("config.load", 'importlib.import_module("actions.slack")', ["actions.slack"]),
        ("alerts.model", "from config.base import Settings", ["config.base.Settings"]),
        ("units", "from alerts import model", ["alerts.model"]),
        ("telemetry", "import units", ["units"]),
        ("enrich.cpu", "from enrich.memory import Enricher", ["enrich.memory.Enricher"]),
        ("enrich.cpu", "from enrich import memory", ["enrich.memory"]),
        ("enrich.cpu", "from . import memory", ["enrich.memory"]),
        ("enrich.cpu", "from .memory import Enricher", ["enrich.memory.Enricher"]),
        ("actions._base", "import actions.slack", ["actions.slack"]),
        ("actions.slack", "from actions.pagerduty import Action", ["actions.pagerduty.Action"]),
    ],
)
def test_finds_a_wrong_import(module: str, source: str, expected: list[str]) -> None:
    """Each import that the house forbids is found, in whatever way it is written."""
    assert expected == wrong_imports(module, source)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("app", "import web, pipeline, enrich, actions, outbox, routing, config, alerts, units"),
        ("web.ui", "from actions import subject"),
        ("pipeline.plan", "import enrich\nfrom routing import route\nfrom pipeline.wake import Wake"),
        ("enrich.cpu", "from enrich._usage import Usage\nfrom enrich import Prometheus\nfrom . import _vector"),
        ("actions.slack", "import units\nfrom actions._base import cut"),
        ("outbox.store", "from outbox.tables import events\nimport alerts.model"),
        ("units", "import math\nimport applescript"),
    ],
)
def test_lets_a_right_import_be(module: str, source: str) -> None:
    """What the house allows is not complained of."""
    assert [] == wrong_imports(module, source)


def test_reads_relative_imports_of_a_package() -> None:
    """In a package's own file a dot means the package."""
    assert ["actions.slack.Action"] == wrong_imports("actions", "from .slack import Action", package=True)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("CONTENT = open('x').read()", ["open"]),
        ("class A:\n    content = Path('x').read_text()", ["Path('x').read_text"]),
        ("def f(content=open('x')): ...", ["open"]),
        ("@cache(open('x'))\ndef f(): ...", ["open"]),
        ("if True:\n    socket.create_connection(('a', 1))", ["socket.create_connection"]),
        ("def f():\n    open('x')\ng = lambda: open('x')", []),
        ("if __name__ == '__main__':\n    open('x')", []),
        ("PATTERN = re.compile('x')\nHERE = Path(__file__).parent", []),
    ],
)
def test_finds_an_effect(source: str, expected: list[str]) -> None:
    """What a module does when it is imported is told from what it only defines."""
    assert expected == effects(source)

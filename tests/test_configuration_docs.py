"""docs/configuration.md has every key, as the code has it, with an example that loads."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import building
from alerts.matchers import Matcher, MatcherError, parse_matchers
from config.base import Settings
from config.foreign import RECEIVERS
from config.schema import ConfigFile, ReceiverSettings
from scripts.configuration_keys import PAGE, filled, shape_at, tables
from scripts.configuration_shapes import hints, inside, keys, shapes
from tests.actions.hooks import TEMPLATE

TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
# What a reader is to be warned of though it is shown: files and folders of the reader's own, and what is pasted.
EXPECTED = (
    "No such file or directory; it is read when it is used",
    "is Alertmanager's to keep; it has no effect here",
    "is Alertmanager's to keep; here it is only what delivery.stale_after goes by where that is not set",
    "is what time_intervals was called before; both mean the same",
)
Seen = set[tuple[type[Settings], str]]


def completed(text: str) -> str:
    """An example that is a part of a file, with what it takes to be a whole one: routes to all its receivers."""
    data = yaml.safe_load(text)
    if "receivers" not in data:
        names = sorted(set(_named(data["route"]))) if "route" in data else ["chat"]
        elements = ", ".join(f"{{name: {name}, webhook_configs: [{{url: 'https://a.example'}}]}}" for name in names)
        text += f"receivers: [{elements}]\n"
    if "route" not in data:
        first, *others = [each["name"] for each in yaml.safe_load(text)["receivers"]]
        routes = [{"receiver": name, "matchers": [f'to="{name}"'], "continue": True} for name in others]
        text += yaml.safe_dump({"route": {"receiver": first, "routes": routes}})
    return text


def _named(route: dict[str, Any]) -> Iterator[str]:
    yield from [route["receiver"]] if "receiver" in route else []
    for child in route.get("routes", ()):
        yield from _named(child)


def variables(text: str) -> dict[str, str]:
    """One for each that an example names, which may stand where a URL does, or a part of one."""
    urls = {"SLACK_WEBHOOK_URL": "https://hooks.example/a"}
    return {name: urls.get(name, "a" * 32) for name in re.findall(r"\$\{(\w+)\}", text)}


@pytest.mark.parametrize("example", EXAMPLES)
def test_examples_load(tmp_path: Path, example: str) -> None:
    """Without an error, and with no warning but of what only the reader can have."""
    file = tmp_path / "f.yml"
    file.write_text(completed(example))
    (tmp_path / "templates").mkdir()
    for name in ("a.tmpl", "a.j2"):
        (tmp_path / "templates" / name).write_text("")
    (tmp_path / "jobs").mkdir()
    (tmp_path / "jobs" / "unstick.yaml").write_text(TEMPLATE)
    told = [each.partition(": ")[2] for each in building.configure(variables(example), file).warnings]

    assert [] == [each for each in told if not each.endswith(EXPECTED) and "has no effect: " not in each]


def test_tables_are_as_the_code_has_them() -> None:
    """Names, what they take, what they are unless set, and what is refused: `python -m scripts.configuration_keys`."""
    assert TEXT.splitlines() == filled(TEXT).splitlines()


def test_has_a_table_of_each_settings_class() -> None:
    """Wherever in a configuration it stands; and one only."""
    found = [shape for _, shape in tables(TEXT)]

    assert set() == set(shapes().values()) - set(found)
    assert len(found) == len(set(found))


def test_says_what_each_key_is() -> None:
    """No row is left without its meaning."""
    assert [] == re.findall(r"^\|.*\|\s*\|$", TEXT, re.MULTILINE)


def test_shows_each_key_in_an_example() -> None:
    """Each key of each settings class stands in an example, in its own place."""
    wanted = {(shape, each.name) for path, shape in shapes().items() for each in keys(path, shape)}
    shown: Seen = set().union(*(seen(yaml.safe_load(each)) for each in EXAMPLES))

    assert [] == sorted(f"{shape.__module__}.{shape.__name__}.{key}" for shape, key in wanted - shown)
    assert set() == shown - wanted


def seen(data: dict[str, Any]) -> Seen:
    """The keys in a configuration, and the settings that each is of."""
    found: Seen = set(_seen({key: each for key, each in data.items() if key != "receivers"}, ConfigFile))
    for receiver in data.get("receivers", ()):
        found.add((ConfigFile, "receivers"))
        for key, value in receiver.items():
            if key.endswith("_configs"):
                found.add((ReceiverSettings, key))
                _, shape = shape_at(f"receivers[].{key}[]")
                found |= {each for element in value for each in _seen(element, shape)}
            else:
                found |= set(_seen({key: value}, ReceiverSettings)) if key != "name" else {(ReceiverSettings, key)}
    return found


def _seen(data: dict[str, Any], shape: type[Settings]) -> Iterator[tuple[type[Settings], str]]:
    for key, value in data.items():
        yield shape, key
        for step, inner in inside(hints(shape)[key][0]):
            # `prometheus` may be a list, whatever its kind says.
            several = value.values() if step == ".NAME" else value if isinstance(value, list) else [value]
            for each in several:
                yield from _seen(each, inner)


def test_names_each_receiver_of_another_kind() -> None:
    """That Alertmanager tells and this does not."""
    assert [] == [key for key in RECEIVERS if f"`{key}`" not in TEXT]


def test_matchers_of_the_classic_parser_are_written_so() -> None:
    """Each is refused as it was, and read as the page writes it."""
    rows = re.findall(r"^\| `(.*?)` \| `(.*?)` \|$", TEXT.partition("| the classic parser's |")[2], re.MULTILINE)
    said = [str(each) for _, text in rows for each in parse_matchers(text)]

    assert len(rows) > 3
    for classic, _ in rows:
        with pytest.raises(MatcherError):
            parse_matchers(classic)
    assert str(Matcher("code", "=~", r"5\d+")) in said


def test_a_place_has_to_be_one() -> None:
    """A table's place that is none, or several, is an error."""
    for place in ("nowhere", "name"):
        with pytest.raises(LookupError):
            shape_at(place)


def test_tables_follow_the_code() -> None:
    """What is gone goes, what is new comes without a meaning, and what the page says of the rest stays."""
    page = (
        "| in `pace` | a | b | c |\n| --- | --- | --- | --- |\n| `gone` | x | y | z |\n| `burst` | | | at \\| once |\n"
    )

    assert (
        "| in `pace` | takes | unless set | what it is |\n"
        "| --- | --- | --- | --- |\n"
        "| `burst` | number | `1` | at \\| once |\n"
        "| `rate` | rate | required |  |\n"
    ) == filled(page)


def test_links_lead_somewhere() -> None:
    """To a heading, of this page or of another, or to a file."""
    links = re.findall(r"\]\(([^)#\s]*)(?:#([\w-]+))?\)", TEXT)

    assert links
    for name, anchor in links:
        page = (PAGE.parent / name).read_text(encoding="utf-8") if name else TEXT
        headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}

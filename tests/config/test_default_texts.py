"""Files that take the place of a default text, by their names."""

from pathlib import Path

import pytest

from config.schema import Configuration
from templating import TemplateError
from tests.config.test_templates import HEAD, loaded, problems, settings

TWO = "templates: ['t/*.j2']\n" + HEAD + "{}\n  - {text: mine, html: mine, details: {b: mine}}"


def texts(configuration: Configuration, at: int = 0) -> dict[str, str]:
    """Returns what the texts of one of the actions render as."""
    made = configuration.receivers[0].actions[at].settings
    named = {"text": made.text, "html": made.html, **made.details}  # type: ignore[attr-defined]  # the test's own
    return {key: each.render({"status": "<b>"}) for key, each in named.items() if each is not None}


def test_stands_where_nothing_is_said(tmp_path: Path) -> None:
    """Of every action that has none of its own; in HTML what is put in is escaped."""
    files = {"t/fake.text.j2": "all: {{ status }}", "t/fake.html.j2": "<p>{{ status }}</p>", "t/fake.details.b.j2": "b"}
    configuration = loaded(tmp_path, TWO, files)
    assert {"text": "all: <b>", "html": "<p>&lt;b&gt;</p>", "b": "b"} == texts(configuration)
    assert {"text": "mine", "html": "mine", "b": "mine"} == texts(configuration, 1)
    assert {"fake.details.b.j2": 1, "fake.html.j2": 1, "fake.text.j2": 1} == configuration.texts


def test_stands_beside_what_is_said(tmp_path: Path) -> None:
    """A key of a mapping is one text among others; its letter case is no difference."""
    text = "templates: ['t/*.j2']\n" + HEAD + "{details: {a: mine, B: mine}}\n  - {details: {a: mine}}"
    configuration = loaded(tmp_path, text, {"t/fake.details.b.j2": "all"})
    assert {"a": "mine", "B": "mine"} == texts(configuration)
    assert {"a": "mine", "b": "all"} == texts(configuration, 1)


def test_an_empty_text_is_said(tmp_path: Path) -> None:
    """As of `text: ''`, which wants none; nothing behind a key is left out."""
    text = "templates: ['t/*.j2']\n" + HEAD + "{text: ''}\n  - {text: }"
    configuration = loaded(tmp_path, text, {"t/fake.text.j2": "all"})
    assert ({"text": ""}, {"text": "all"}) == (texts(configuration), texts(configuration, 1))


def test_is_jinja_and_may_call_others(tmp_path: Path) -> None:
    """A name that ends in .j2 is Jinja2's, even where it looks like Go's; other files are there to be included."""
    files = {"t/fake.text.j2": "{% include 'more.j2' %} {{ '{{ .Status }}' }}", "t/more.j2": "more of {{ status }}"}
    assert {"text": "more of <b> {{ .Status }}"} == texts(loaded(tmp_path, TWO, files))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("fake.txet.j2", "fake.txet.j2: is no text of fake; did you mean fake.text.j2"),
        ("Fake.Text.j2", "Fake.Text.j2: did you mean fake.Text.j2?"),
        ("fake.zzz.j2", "there are: fake.text.j2, fake.html.j2, fake.details.NAME.j2"),
        ("fake.details.j2", "did you mean fake.details.NAME.j2"),
        ("fake.text.more.j2", "did you mean fake.text.j2"),
        ("fake.fields.j2", "is no text of fake"),
        ("fake.send_resolved.j2", "is no text of fake"),
    ],
)
def test_refuses_names_that_are_none(tmp_path: Path, name: str, message: str) -> None:
    """With those that were meant; what begins with no kind of action is for texts to include."""
    (found,) = problems(tmp_path, TWO, {f"t/{name}": "x", "t/macros.text.j2": "x", "t/fake.j2": "x"})
    assert found.startswith("f.yml:1:1 templates: ")
    assert message in found


def test_says_once_what_fails(tmp_path: Path) -> None:
    """However many actions it is for, with the file's name."""
    text = "templates: ['t/*.j2']\n" + HEAD + "{}\n  - {}"
    (found,) = problems(tmp_path, text, {"t/fake.text.j2": "a\n{{ nonesuch }}"})
    assert "f.yml:1:1 templates: fake.text.j2: fails for recorded/bare.json: " in found
    assert "line 2: there is no 'nonesuch' here" in found


def test_is_none_of_an_action_that_is_wrong(tmp_path: Path) -> None:
    """What is no mapping is said as ever."""
    text = "templates: ['t/*.j2']\n" + HEAD + "{details: [a]}\n  - nothing"
    found = problems(tmp_path, text, {"t/fake.details.b.j2": "x"})
    assert ["f.yml:6:6", "f.yml:7:5"] == [each.partition(" ")[0] for each in found]


def test_a_change_of_the_file_is_another_configuration(tmp_path: Path) -> None:
    """So that the service takes it up."""
    first = loaded(tmp_path, TWO, {"t/fake.text.j2": "one"})
    second = loaded(tmp_path, TWO, {"t/fake.text.j2": "two"})
    assert first.digest != second.digest
    assert settings(first) != settings(second)
    assert tmp_path / "t" / "fake.text.j2" in first.watched


def test_fails_as_a_text_does(tmp_path: Path) -> None:
    """When it is told, too: the error names the file."""
    configuration = loaded(tmp_path, TWO, {"t/fake.text.j2": "{% if status == 'odd' %}\n{{ zzzz }}{% endif %}"})
    with pytest.raises(TemplateError, match="line 2: there is no 'zzzz' here"):
        settings(configuration).text.render({"status": "odd"})

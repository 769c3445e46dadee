"""What docs/templates.md says of templates is so."""

import re
from pathlib import Path

import pytest

from actions._recorded import recorded, try_template
from actions._texts import context
from actions._views import AlertView, FindingView
from templating import Template
from templating.dialect import is_go
from templating.filters import FILTERS_HERE, FUNCTIONS
from templating.go_functions import FUNCTIONS as GO
from templating.go_functions import REFUSED

PAGE = (Path(__file__).parent.parent / "docs" / "templates.md").read_text()
CODE = frozenset(re.findall(r"[\w.]+", " ".join(re.findall(r"`([^`]+)`", PAGE.replace("```", "")))))
EXAMPLES = re.findall(r"```(jinja|gotemplate)\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize(("language", "source"), EXAMPLES)
def test_examples_render(language: str, source: str) -> None:
    """For each of the recorded payloads, in the language that they are said to be in."""
    assert (language == "gotemplate") == is_go(source)
    try_template(Template(source))


def test_examples_say_what_they_are_to() -> None:
    """As the page promises."""
    first = Template(EXAMPLES[0][1]).render(context(recorded()["firing"]))

    assert "[FIRING] KubePodCrashLooping: memory is short, 220 MiB of 256 MiB (86%)\n" == first


def test_names_everything() -> None:
    """Each name of the context, of an alert and of a reading; each filter and function, Go's as well."""
    named = set(context(recorded()["firing"])) | set(FILTERS_HERE) | set(FUNCTIONS) | set(GO) | set(REFUSED)
    views = {name for view in (AlertView, FindingView) for name in dir(view) if not name.startswith("_")}

    assert set() == (named | views) - CODE - {"template_kind", "document"}

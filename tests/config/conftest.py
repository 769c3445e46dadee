"""Loading a configuration from a text."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

import actions
import enrich
from config.document import ConfigError
from config.environment import Environment
from config.load import load
from config.schema import Configuration

Load = Callable[..., Configuration]


def load_file(path: Path | None, variables: Mapping[str, str] | None = None) -> Configuration:
    """Loads a file, or the shipped default, with every action and enricher that there is."""
    kinds = {kind: module.Settings for kind, module in actions.find().items()}
    needs = {name: enrich.needs(each) for name, each in enrich.find().items()}
    return load(
        path,
        Environment(variables or {}),
        actions=kinds,
        enrichers=needs,
        read_query=enrich.Query,
        try_template=actions.try_template,
    )


@pytest.fixture
def load_yaml(tmp_path: Path) -> Load:
    """Loads a text as a file `f.yml`."""

    def load_text(text: str, variables: Mapping[str, str] | None = None) -> Configuration:
        path = tmp_path / "f.yml"
        path.write_text(text)
        return load_file(path, variables)

    return load_text


@pytest.fixture
def problems_of(load_yaml: Load) -> Callable[..., list[str]]:
    """Returns the problems that a text is refused with, one a line, without the temporary folder."""

    def problems(text: str, variables: Mapping[str, str] | None = None) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_yaml(text, variables)
        lines = [str(each) for each in caught.value.problems]
        assert "\n".join(lines) == str(caught.value)
        return ["f.yml" + line.rpartition("/f.yml")[2] if "/f.yml" in line else line for line in lines]

    return problems

"""docs/slack.md shows what works."""

import re
from pathlib import Path

import yaml

import building
from tests.test_configuration_docs import completed
from web.slack import HOOKS

PAGE = Path(__file__).parent.parent / "docs" / "slack.md"
TEXT = PAGE.read_text(encoding="utf-8")
MANIFEST, CONFIGURATION = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_its_configuration_loads(tmp_path: Path) -> None:
    """With no warning but of the files of secrets, which are the reader's own."""
    file = tmp_path / "f.yml"
    file.write_text(completed(CONFIGURATION))
    configuration = building.configure({}, file)
    assert configuration.file.alertmanager is not None
    assert [] == [each for each in configuration.warnings if not each.endswith("it is read when it is used")]


def test_the_manifest_leads_to_the_route() -> None:
    """At the address that the configuration has; with the scopes that the page explains."""
    manifest = yaml.safe_load(MANIFEST)
    url = manifest["settings"]["interactivity"]["request_url"]
    assert f"{yaml.safe_load(CONFIGURATION)['external_url']}/slack/interactions" == url
    assert all(f"`{scope}` (" in TEXT for scope in manifest["oauth_config"]["scopes"]["bot"])


def test_names_where_answers_go() -> None:
    """A firewall is opened by it."""
    assert all(f"`{each}`" in TEXT for each in HOOKS)


def test_links_lead_somewhere() -> None:
    """To a heading of another page, or of this one."""
    links = re.findall(r"\]\(([^)#\s:]*)(?:#([\w-]+))?\)", TEXT)
    assert links
    for name, anchor in links:
        page = (PAGE.parent / name).read_text(encoding="utf-8") if name else TEXT
        headings = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
        assert not anchor or anchor in {re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings}

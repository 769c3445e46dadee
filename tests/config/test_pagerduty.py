"""What a configuration says of PagerDuty, beside what Alertmanager's does."""

from pathlib import Path

import pytest

from tests.config.test_load import PAGERDUTY, SMALL, Load, Problems


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("", {"PAGERDUTY_WEBHOOK_SECRET": "v"}, ("v", None)),
        ("", {}, (None, None)),
        ("web: {pagerduty_webhook_secret: f}", {"PAGERDUTY_WEBHOOK_SECRET": "v"}, ("f", None)),
        ("web: {pagerduty_webhook_secret_file: /run/s}", {"PAGERDUTY_WEBHOOK_SECRET": "v"}, (None, "/run/s")),
    ],
    ids=["variable", "not set", "own", "own file"],
)
def test_the_secret_of_webhooks_comes_from_the_nearest_place(
    load_yaml: Load, text: str, variables: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    """As every secret does; the variable also as `<NAME>_FILE`."""
    web = load_yaml(f"{SMALL}{text}\n", variables).file.web
    secret, file = web.pagerduty_webhook_secret, web.pagerduty_webhook_secret_file
    assert expected == (secret and secret.get_secret_value(), file and str(file))


def test_a_variables_file_has_the_secret_of_webhooks(load_yaml: Load, tmp_path: Path) -> None:
    """Without the white space around it."""
    (tmp_path / "secret").write_text("s3cret\n")
    web = load_yaml(f"{SMALL}\n", {"PAGERDUTY_WEBHOOK_SECRET_FILE": str(tmp_path / "secret")}).file.web
    assert web.pagerduty_webhook_secret
    assert "s3cret" == web.pagerduty_webhook_secret.get_secret_value()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"{PAGERDUTY}{{routing_key: a, service_region: eu, url: 'https://a.example'}}",
            "has both url and service_region",
        ),
        (f"{PAGERDUTY}{{routing_key: a, service_region: mars}}", "service_region: should be 'us' or 'eu'"),
        (f"{PAGERDUTY}{{routing_key: a, dedup: labels}}", "dedup: should be group, alert, or a list of labels"),
        (f"{PAGERDUTY}{{routing_key: a, dedup: {{a: b}}}}", "dedup: should be group, alert, or a list of labels"),
        (
            f"{PAGERDUTY}{{routing_key: a, severity_routing_keys: {{P1: {{routing_key: b}}}}}}",
            "P1: should be 'critical', ",
        ),
        (f"{PAGERDUTY}{{routing_key: a, severity_routing_keys: {{info: hunter2}}}}", "info: should be a mapping"),
        (f"{PAGERDUTY}{{routing_key: a, routing_key_previous: ''}}", "routing_key_previous: is empty"),
        ("web: {pagerduty_webhook_secret: hunter2, pagerduty_webhook_secret_file: /x}", "has both pagerduty_webhook_"),
        ("web: {pagerduty_webhook_secret: ''}", "pagerduty_webhook_secret: is empty"),
    ],
)
def test_refuses_what_pagerduty_could_not_be_told(problems_of: Problems, text: str, expected: str) -> None:
    """At its place, and without a secret."""
    (problem,) = problems_of(f"{text}\n" if text.startswith(PAGERDUTY) else f"{SMALL}{text}\n")
    assert expected in problem
    assert "hunter2" not in problem


def test_a_region_goes_before_the_url_of_global(load_yaml: Load) -> None:
    """Which is for those who say neither."""
    given = "global: {pagerduty_url: 'https://global.example'}\n"
    loaded = load_yaml(f"{given}{PAGERDUTY}{{routing_key: a, service_region: eu}}\n  - {{routing_key: a}}\n")
    urls = [str(getattr(each.settings, "events_url", "")) for each in loaded.receivers[0].actions]
    assert ["https://events.eu.pagerduty.com/v2/enqueue", "https://global.example"] == urls

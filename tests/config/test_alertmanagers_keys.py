"""Every key of Alertmanager 0.34: taken, or refused by its name with what to do instead."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import actions
from config.base import Settings
from config.globals import GlobalSettings
from config.http import Authorization, BasicAuth, TlsConfig
from config.http_config import HttpConfig, HttpHeader
from config.schema import ConfigFile, Configuration, ReceiverSettings, Route

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

# Of config/config.go, config/notifiers.go and notify/pagerduty/config.go of Alertmanager 0.34, and of
# config/http_config.go of the prometheus/common 0.70 that it has.
NOTIFIER = "send_resolved http_config timeout "
KEYS: dict[str, tuple[type[Settings], str]] = {
    "slack_configs[]": (
        actions.find()["slack"].Settings,
        NOTIFIER + "api_url api_url_file app_token app_token_file app_url channel username color title title_link "
        "pretext text message_text fields short_fields footer fallback callback_id icon_emoji icon_url image_url "
        "thumb_url link_names mrkdwn_in actions update_message",
    ),
    "slack_configs[].fields[]": (actions.find()["slack"].Field, "title value short"),
    "slack_configs[].actions[]": (actions.find()["slack"].Button, "type text url style name value confirm"),
    "pagerduty_configs[]": (
        actions.find()["pagerduty"].Settings,
        NOTIFIER + "service_key service_key_file routing_key routing_key_file url client client_url description "
        "details images links source severity class component group",
    ),
    "pagerduty_configs[].images[]": (actions.find()["pagerduty"].ImageSettings, "src alt href"),
    "pagerduty_configs[].links[]": (actions.find()["pagerduty"].LinkSettings, "href text"),
    "http_config": (
        HttpConfig,
        "basic_auth authorization oauth2 bearer_token bearer_token_file tls_config follow_redirects enable_http2 "
        "proxy_url no_proxy proxy_from_environment proxy_connect_header http_headers",
    ),
    "email_configs[]": (
        actions.find()["email"].Settings,
        "send_resolved to from hello smarthost auth_username auth_password auth_password_file auth_secret "
        "auth_secret_file auth_identity headers html text require_tls tls_config force_implicit_tls threading",
    ),
    "email_configs[].threading": (actions.find()["email"].ThreadingSettings, "enabled thread_by_date"),
    "webhook_configs[]": (actions.find()["webhook"].Settings, NOTIFIER + "url url_file max_alerts payload"),
    "http_config.basic_auth": (
        BasicAuth,
        "username username_file username_ref password password_file password_ref",
    ),
    "http_config.authorization": (Authorization, "type credentials credentials_file credentials_ref"),
    "http_config.tls_config": (
        TlsConfig,
        "ca cert key ca_file cert_file key_file ca_ref cert_ref key_ref server_name insecure_skip_verify "
        "min_version max_version",
    ),
    "http_config.http_headers.X": (HttpHeader, "values secrets files"),
    "global": (
        GlobalSettings,
        "resolve_timeout http_config jira_api_url smtp_from smtp_hello smtp_smarthost smtp_auth_username "
        "smtp_auth_password smtp_auth_password_file smtp_auth_secret smtp_auth_secret_file smtp_auth_identity "
        "smtp_require_tls smtp_tls_config smtp_force_implicit_tls slack_api_url slack_api_url_file slack_app_token "
        "slack_app_token_file slack_app_url pagerduty_url opsgenie_api_url opsgenie_api_key opsgenie_api_key_file "
        "wechat_api_url wechat_api_secret wechat_api_secret_file wechat_api_corp_id victorops_api_url "
        "victorops_api_key victorops_api_key_file telegram_api_url telegram_bot_token telegram_bot_token_file "
        "webex_api_url rocketchat_api_url rocketchat_token rocketchat_token_file rocketchat_token_id "
        "rocketchat_token_id_file mattermost_webhook_url mattermost_webhook_url_file",
    ),
    "receivers[]": (ReceiverSettings, "labels"),
    "route": (
        Route,
        "receiver group_by match match_re matchers continue routes group_wait group_interval repeat_interval labels",
    ),
    "": (ConfigFile, "global route tracing event_recorder"),
}
FOREIGN = ["discord", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pushover", "rocketchat"]
FOREIGN += ["sns", "telegram", "victorops", "webex", "wechat"]
SMALL = "route: {receiver: a}\nreceivers:\n- name: a\n"
# How a key comes to stand where its shape is read.
PLACES = {
    "slack_configs[]": f"{SMALL}  slack_configs:\n  - {{api_url: 'https://a.example', %s}}\n",
    "slack_configs[].fields[]": f"{SMALL}  slack_configs:\n  - {{api_url: 'https://a.example', fields: [{{%s}}]}}\n",
    "slack_configs[].actions[]": f"{SMALL}  slack_configs:\n  - {{api_url: 'https://a.example', actions: [{{%s}}]}}\n",
    "pagerduty_configs[]": f"{SMALL}  pagerduty_configs:\n  - {{routing_key: a, %s}}\n",
    "http_config": f"global: {{http_config: {{%s}}}}\n{SMALL}",
    "http_config.basic_auth": f"global: {{http_config: {{basic_auth: {{%s}}}}}}\n{SMALL}",
    "http_config.authorization": f"global: {{http_config: {{authorization: {{%s}}}}}}\n{SMALL}",
    "http_config.tls_config": f"global: {{http_config: {{tls_config: {{%s}}}}}}\n{SMALL}",
    "global": f"global: {{%s}}\n{SMALL}",
    "route": "route: {receiver: a, %s}\nreceivers:\n- name: a\n",
    "": f"%s\n{SMALL}",
}


def taken(shape: type[Settings]) -> set[str]:
    """Returns the keys that a settings class takes."""
    return {field.alias or name for name, field in shape.model_fields.items()}


REFUSED = [(place, key) for place, (shape, keys) in KEYS.items() for key in keys.split() if key not in taken(shape)]


@pytest.mark.parametrize("place", KEYS)
def test_each_key_is_taken_or_refused_by_name(place: str) -> None:
    """Nothing is left to be refused as a key that there is not."""
    shape, keys = KEYS[place]
    assert set() == set(keys.split()) - taken(shape) - set(shape.refused)
    assert set() == taken(shape) & set(shape.refused)


@pytest.mark.parametrize(("place", "key"), REFUSED)
def test_a_refusal_says_what_to_do(problems_of: Problems, place: str, key: str) -> None:
    """Where the key stands, in a sentence of its own, without what stands behind it."""
    told = [each for each in problems_of(PLACES[place] % f"{key}: hunter2") if f"{key}: " in each]
    assert 1 == len(told)
    assert "is no key here" not in told[0]
    assert len(told[0].partition(f"{key}: ")[2]) > 20
    assert "hunter2" not in told[0]


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_receiver_of_another_kind_is_refused_by_name(problems_of: Problems, kind: str) -> None:
    """With what there is, and what to do."""
    (told,) = problems_of(f"{SMALL}  {kind}_configs: [{{api_key: hunter2}}]\n")
    assert told.startswith(f"f.yml:4:3 receivers[0].{kind}_configs: ")
    assert " is not told from here: keep that receiver in Alertmanager, or have webhook_configs post to a relay" in told
    assert "slack_configs" in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("group_wait: 30s", 30.0),
        ("group_interval: 1h30m", 5_400.0),
        ("repeat_interval: 1d", 86_400.0),
        ("repeat_interval: 1w2d3h4m5s6ms", 788_645.006),
    ],
)
def test_intervals_are_durations_as_prometheus_has_them(load_yaml: Load, text: str, expected: float) -> None:
    """They are taken, and a warning says that they are Alertmanager's to keep."""
    made = load_yaml(PLACES["route"] % text)
    assert expected == getattr(made.file.route, text.partition(":")[0])
    assert "Alertmanager's to keep" in made.warnings[0]


@pytest.mark.parametrize("text", ["soon", "1h 30m", "30m1h", "1.5h", "-5m", "5"])
def test_an_interval_that_is_none_is_refused(problems_of: Problems, text: str) -> None:
    """Whatever Go or a person would take it for."""
    assert ['f.yml:1:22 route.repeat_interval: is not a duration such as "30s", "5m" or "1h30m"'] == problems_of(
        PLACES["route"] % f"repeat_interval: '{text}'"
    )


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("slack_api_url: 'https://a', slack_api_url_file: /a", "has both slack_api_url and slack_api_url_file"),
        ("slack_app_token: a, slack_app_token_file: /a", "has both slack_app_token and slack_app_token_file"),
        ("slack_app_token: a, slack_api_url: 'https://a'", "both a slack_app_token and a slack_api_url"),
        ("slack_app_token: a, slack_api_url_file: /a", "both a slack_app_token and a slack_api_url"),
        ("smtp_auth_password: a, smtp_auth_password_file: /a", "smtp_auth_password and smtp_auth_password_file"),
        ("smtp_auth_secret: a, smtp_auth_secret_file: /a", "has both smtp_auth_secret and smtp_auth_secret_file"),
        ("smtp_smarthost: mail.example", "should be a host and a port"),
        ("resolve_timeout: soon", "is not a duration"),
    ],
)
def test_global_refuses_what_contradicts_itself(problems_of: Problems, given: str, expected: str) -> None:
    """As Alertmanager does."""
    (told,) = problems_of(PLACES["global"] % given)
    assert expected in told


def test_what_is_taken_without_effect_is_a_warning(load_yaml: Load) -> None:
    """`resolve_timeout`, and the labels of a receiver."""
    made = load_yaml((PLACES["global"] % "resolve_timeout: 5m") + "  labels: {team: a}\n")
    told = sorted(each.partition("f.yml")[2] for each in made.warnings)
    assert [":1:10 global.resolve_timeout", ":5:3 receivers[0].labels"] == [each.partition(": ")[0] for each in told]
    assert "delivery.stale_after" in told[0]


def test_the_workaround_for_tokens_is_taken(load_yaml: Load) -> None:
    """A token beside its own URL is no contradiction."""
    given: Mapping[str, Any] = {
        "slack_app_token": "xoxb",
        "slack_api_url": "https://slack.com/api/chat.postMessage",
    }
    text = ", ".join(f"{key}: '{value}'" for key, value in given.items())
    made = load_yaml(PLACES["global"] % text)
    assert made.file.global_.slack_app_token is not None

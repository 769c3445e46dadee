"""From a file and the environment to a checked Configuration, or everything that is wrong with it at once."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from pydantic import SecretStr

import actions
from config.base import ActionSettings
from config.schema import ConfigFile, Configuration
from templating import Template

Load = Callable[..., Configuration]
Problems = Callable[..., list[str]]

ROOT = Path(__file__).parent.parent.parent
SECRET = "hunter2"
KEYS = [field.alias or name for name, field in ConfigFile.model_fields.items()]
SMALL = "route: {receiver: a}\nreceivers:\n- name: a\n"
SLACK = f"{SMALL}  slack_configs:\n  - "
PAGERDUTY = f"{SMALL}  pagerduty_configs:\n  - "
KINDS: dict[str, type[ActionSettings]] = {kind: module.Settings for kind, module in actions.find().items()}

WHOLE = """
global:
  slack_api_url: https://hooks.slack.example/services/global
  pagerduty_url: https://pagerduty.example/v2/enqueue
prometheus: {url: https://prometheus.example/prefix}
external_url: https://alerts.example
enrichment:
  timeout: 1500ms
  enrichers: [memory, errors, cpu]
  queries:
  - name: errors
    title: errors a second
    promql: 'sum(rate(errors_total{namespace="{{ labels.namespace }}"}[5m]))'
    unit: errors/s
    matchers: ['severity="critical"', 'team!~"a|b"']
    range: 1h
  - {name: up, promql: sum(up)}
route:
  receiver: chat
  group_by: [alertname]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 4h
  routes:
  - receiver: on-call
    matchers: ['severity="critical"', '{team="a", env!~"dev|test"}']
    match: {region: west}
    match_re: {zone: 'a|b'}
    continue: true
    routes:
    - {match: {quiet: 'yes'}, receiver: nobody}
receivers:
- name: on-call
  fallback: chat
  fallback_after: 90s
  flap_hold: 10m
  pagerduty_configs:
  - {routing_key: one, severity: page, client: us, pace: {rate: 90/min, burst: 20}}
  - {routing_key_file: /run/two, url: https://other.example/v2/enqueue, send_resolved: false}
  slack_configs: [{channel: '#pages'}]
- name: chat
  slack_configs:
  - {api_url: https://hooks.slack.example/services/own, send_resolved: true}
  log_configs: [{}, ]
- name: nobody
delivery: {retry_for: 2h, lease: 20s, dedup_window: 0s, digest_after: 1m, stale_after: 1h}
web: {max_body: 1MiB}
storage: {url: 'sqlite:////var/lib/a.db', retention: 7d}
"""


def action(configuration: Configuration) -> Any:
    """Returns the settings of the only action of the first receiver."""
    (only,) = configuration.receivers[0].actions
    return only.settings


def test_reads_every_key(load_yaml: Load) -> None:
    """A file with every key there is comes out typed."""
    configuration = load_yaml(WHOLE)
    file = configuration.file
    nested = file.route.routes[0]

    assert ("https://prometheus.example/prefix", "https://alerts.example") == (
        file.prometheus and file.prometheus.url,
        file.external_url,
    )
    assert (1.5, ("memory", "errors", "cpu")) == (file.enrichment.timeout, file.enrichment.enrichers)
    errors, up = file.enrichment.queries
    assert ("errors a second", "errors/s", 3_600.0) == (errors.title, errors.unit, errors.range)
    assert ['severity="critical"', 'team!~"a|b"'] == [str(each) for each in errors.matchers]
    assert ("up", "sum(up)", "", "", (), None) == (up.name, up.promql, up.title, up.unit, up.matchers, up.range)
    assert (7_200.0, 20.0, 1024 * 1024) == (file.delivery.retry_for, file.delivery.lease, file.web.max_body)
    assert (0.0, 60.0, 3_600.0, 7 * 86_400.0) == (
        file.delivery.dedup_window,
        file.delivery.digest_after,
        file.delivery.stale_after,
        file.storage.retention,
    )
    assert "sqlite:////var/lib/a.db" == (file.storage.url and file.storage.url.get_secret_value())
    assert (("alertname",), 30.0, 300.0, 14_400.0) == (
        file.route.group_by,
        file.route.group_wait,
        file.route.group_interval,
        file.route.repeat_interval,
    )
    assert ['region="west"', 'zone=~"a|b"', 'severity="critical"', 'team="a"', 'env!~"dev|test"'] == [
        str(each) for each in nested.conditions
    ]
    assert (True, "nobody") == (nested.continue_, nested.routes[0].receiver)


def test_counts_actions_by_kind(load_yaml: Load) -> None:
    """Each of a receiver's actions is known by its kind and its place among them."""
    configuration = load_yaml(WHOLE)

    assert {
        "on-call": ["pagerduty/0", "pagerduty/1", "slack/0"],
        "chat": ["slack/0", "log/0"],
        "nobody": [],
    } == {each.name: [f"{one.kind}/{one.index}" for one in each.actions] for each in configuration.receivers}


def test_finds_a_receiver_by_name(load_yaml: Load) -> None:
    """A configuration gives the receiver of a name, or none."""
    configuration = load_yaml(WHOLE)

    assert configuration.receivers[1] == configuration.receiver("chat")
    assert configuration.receiver("stranger") is None


def test_a_receiver_says_who_takes_over(load_yaml: Load) -> None:
    """A receiver has a fallback, when it takes over, and how long an end is held; else none, 2m and 0s."""
    assert [("chat", 90.0, 600.0), (None, 120.0, 0.0), (None, 120.0, 0.0)] == [
        (each.fallback, each.fallback_after_seconds, each.flap_hold_seconds) for each in load_yaml(WHOLE).receivers
    ]


def test_an_action_has_a_pace(load_yaml: Load) -> None:
    """PagerDuty is told as fast as it takes it, and Slack one a second, unless a pace is set."""
    on_call, chat, _ = load_yaml(WHOLE).receivers
    assert [(1.5, 20), None, (1.0, 1), (1.0, 1), None] == [
        each.settings.pace and (each.settings.pace.rate, each.settings.pace.burst)
        for each in (*on_call.actions, *chat.actions)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{rate: 1/h}", (1 / 3_600, 1)),
        ("{rate: 1000/s, burst: 1000}", (1_000.0, 1_000)),
        ("{rate: 30/m, burst: }", (0.5, 1)),
        ("", (1.0, 1)),
    ],
    ids=["the slowest", "as good as none", "no burst", "nothing"],
)
def test_reads_a_pace(load_yaml: Load, text: str, expected: tuple[float, int]) -> None:
    """A pace is a rate and a burst; so high a rate that it never holds anything up switches a default off."""
    pace = action(load_yaml(f"{SLACK}{{api_url: 'https://a/b', pace: {text}}}\n")).pace

    assert expected == (pace.rate, pace.burst)


def test_fallbacks_may_go_in_a_circle(load_yaml: Load) -> None:
    """Two receivers may stand in for each other, and a fallback of a fallback needs no route."""
    text = (
        "route: {receiver: a}\nreceivers:\n- {name: a, fallback: b, log_configs: [{}]}\n"
        "- {name: b, fallback: c, log_configs: [{}]}\n- {name: c, fallback: a, log_configs: [{}]}\n"
    )
    configuration = load_yaml(text)

    assert ["b", "c", "a"] == [each.fallback for each in configuration.receivers]
    assert () == configuration.warnings


def test_has_defaults(load_yaml: Load) -> None:
    """All but the route and its receiver can be left out."""
    file = load_yaml(SMALL).file

    assert (None, None, None) == (file.prometheus, file.external_url, file.storage.url)
    assert (60.0, 30.0, 21_600.0, 30 * 86_400.0) == (
        file.delivery.dedup_window,
        file.delivery.digest_after,
        file.delivery.stale_after,
        file.storage.retention,
    )
    assert (2.0, None, (), 86_400.0, 30.0, 16 * 1024 * 1024) == (
        file.enrichment.timeout,
        file.enrichment.enrichers,
        file.enrichment.queries,
        file.delivery.retry_for,
        file.delivery.lease,
        file.web.max_body,
    )


def test_takes_keys_with_nothing_behind_them(load_yaml: Load) -> None:
    """A section whose every line is commented out counts as left out, as Alertmanager takes it."""
    text = (
        "global:\nprometheus:\nexternal_url:\nenrichment: {timeout: , enrichers: }\ndelivery:\nstorage: {url: }\n"
        "route: {receiver: a, routes: , matchers: , match: , continue: }\n"
        "receivers:\n- name: a\n  fallback:\n  fallback_after:\n  flap_hold:\n  slack_configs:\n  log_configs:\n  -\n"
    )

    assert load_yaml(SMALL).file == load_yaml(text).file
    assert ["log"] == [each.kind for each in load_yaml(text).receivers[0].actions]


# One thing wrong a case, each with its line, column and path.
WRONG: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["f.yml:1:1: should be a mapping with `route` and `receivers`"]),
    "a list": ("- a\n", ["f.yml:1:1: should be a mapping with `route` and `receivers`"]),
    "no YAML": ("route: [", ["f.yml:1:9: is not YAML: expected the node content, but found '<stream end>'"]),
    "no route": ("receivers: [{name: a}]", ["f.yml:1:1 route: is missing"]),
    "no receivers": (
        "route: {receiver: a}",
        ["f.yml:1:1 receivers: should be a list of receivers", "f.yml:1:9 route.receiver: no receiver is called 'a'"],
    ),
    "a name and a regular expression beside it": (
        "route:\n  receiver: a\n  routes:\n  - receiver: stranger\n    match_re: {b: '('}\nreceivers: [{name: a}]",
        [
            "f.yml:4:5 route.routes[0].receiver: no receiver is called 'stranger'",
            "f.yml:5:16 route.routes[0].match_re.b: bad regular expression '(': missing ): ^(?:()$",
        ],
    ),
    "an empty secret and an empty body": (
        "route: {receiver: a}\nreceivers:\n- name: a\n  pagerduty_configs: [{routing_key: ''}]\nweb: {max_body: 0B}",
        [
            "f.yml:4:24 receivers[0].pagerduty_configs[0].routing_key: is empty",
            "f.yml:5:7 web.max_body: should be more than 0",
        ],
    ),
    "a root without a receiver": ("route: {}\nreceivers: []", ["f.yml:1:1 route.receiver: is missing"]),
    "a root with matchers": (
        "route: {receiver: a, matchers: [a=b]}\nreceivers: [{name: a}]",
        ["f.yml:1:1 route: the root route takes every alert: no matchers here"],
    ),
    "a receiver nobody defined": (
        "route:\n  receiver: a\n  routes:\n  - routes:\n    - receiver: on-cal\n"
        "receivers: [{name: a}, {name: on-call}]",
        ["f.yml:5:7 route.routes[0].routes[0].receiver: no receiver is called 'on-cal'; did you mean on-call?"],
    ),
    "a receiver without a name": (
        f"{SMALL}- slack_configs: []\n- name:\n- name: [b]\n- b\n",
        [f"f.yml:{line}:3 receivers[{line - 3}]: should be a mapping with a `name`" for line in (4, 5, 6, 7)],
    ),
    "two of one name": (f"{SMALL}- name: a\n", ["f.yml:4:3 receivers[1].name: another receiver has this name"]),
    "an unknown key": (
        f"{SMALL}colour: red\n",
        [f"f.yml:4:1 colour: is no key here; there are: {', '.join(KEYS)}, receivers"],
    ),
    "a misspelt key": (f"{SMALL}enrichmnt: {{}}\n", ["f.yml:4:1 enrichmnt: is no key here; did you mean enrichment?"]),
    "misspelt receivers": (
        "route: {receiver: a}\nrecievers: [{name: a}]",
        [
            "f.yml:1:1 receivers: should be a list of receivers",
            "f.yml:1:9 route.receiver: no receiver is called 'a'",
            "f.yml:2:1 recievers: is no key here; did you mean receivers?",
        ],
    ),
    "a misspelt key inside": (
        f"{SMALL}web: {{max_bodys: 1MiB}}\n",
        ["f.yml:4:7 web.max_bodys: is no key here; did you mean max_body?"],
    ),
    "a misspelt key of a route": (
        "route:\n  receiver: a\n  routes:\n  - recever: a\nreceivers: [{name: a}]",
        ["f.yml:4:5 route.routes[0].recever: is no key here; did you mean receiver?"],
    ),
    "a misspelt kind": (
        f"{SMALL}  slack_config: []\n",
        ["f.yml:4:3 receivers[0].slack_config: is no key here; did you mean slack_configs?"],
    ),
    "a kind without its ending": (
        f"{SMALL}  pagerduty: []\n",
        ["f.yml:4:3 receivers[0].pagerduty: is no key here; did you mean pagerduty_configs?"],
    ),
    "a misspelt key of an action": (
        f"{SLACK}{{api_urll: x, api_url: 'https://a/b'}}\n",
        ["f.yml:5:6 receivers[0].slack_configs[0].api_urll: is no key here; did you mean api_url?"],
    ),
    "a key twice": (f"{SMALL}route: {{receiver: a}}\n", ["f.yml:4:1 route: stands here twice"]),
    "a text for a list": (
        f"{SMALL}  slack_configs: x\n",
        ["f.yml:4:3 receivers[0].slack_configs: should be a list"],
    ),
    "a text for a mapping": (f"{SMALL}web: x\n", ["f.yml:4:1 web: should be a mapping"]),
    "a text for an action": (f"{SLACK}x\n", ["f.yml:5:5 receivers[0].slack_configs[0]: should be a mapping"]),
    "a list for a text": (f"{SMALL}external_url: [x]\n", ["f.yml:4:1 external_url: should be text"]),
    "no boolean": (
        f"{SLACK}{{api_url: 'https://a/b', send_resolved: maybe}}\n",
        ["f.yml:5:30 receivers[0].slack_configs[0].send_resolved: should be true or false"],
    ),
    "no duration": (
        f"{SMALL}delivery: {{retry_for: 5}}\n",
        ['f.yml:4:12 delivery.retry_for: is not a duration such as "30s", "5m" or "1h30m"'],
    ),
    "a duration without end": (
        f"{SMALL}delivery: {{retry_for: 9999y}}\n",
        ["f.yml:4:12 delivery.retry_for: is longer than 292 years"],
    ),
    "a short lease": (
        f"{SMALL}delivery: {{lease: 1s}}\n",
        ["f.yml:4:12 delivery.lease: should be at least 5s: a request and its bookkeeping must fit in it"],
    ),
    "ends held for long": (
        f"{SMALL}  flap_hold: 61m\n",
        ["f.yml:4:3 receivers[0].flap_hold: should be at most 1h: for so long nobody hears that it is over"],
    ),
    "no duration of a receiver": (
        f"{SMALL}  fallback_after: soon\n",
        ['f.yml:4:3 receivers[0].fallback_after: is not a duration such as "30s", "5m" or "1h30m"'],
    ),
    "a list of fallbacks": (
        f"{SMALL}  fallback: [b]\n- name: b\n",
        ["f.yml:4:3 receivers[0].fallback: should be text"],
    ),
    "a fallback nobody defined": (
        "route: {receiver: on-call}\nreceivers:\n- {name: }\n- {name: on-call, fallback: chatt, flap_hold: x}\n"
        "- name: chat\n",
        [
            "f.yml:3:3 receivers[0]: should be a mapping with a `name`",
            "f.yml:4:19 receivers[1].fallback: no receiver is called 'chatt'; did you mean chat?",
            'f.yml:4:36 receivers[1].flap_hold: is not a duration such as "30s", "5m" or "1h30m"',
        ],
    ),
    "an empty fallback": (
        f"{SMALL}  fallback: ''\n",
        ["f.yml:4:3 receivers[0].fallback: no receiver is called ''"],
    ),
    "a receiver that is its own fallback": (
        f"{SMALL}  fallback: a\n",
        ["f.yml:4:3 receivers[0].fallback: is itself; another receiver should take over"],
    ),
    "a misspelt key of a receiver": (
        f"{SMALL}  fallback_afer: 1m\n",
        ["f.yml:4:3 receivers[0].fallback_afer: is no key here; did you mean fallback_after?"],
    ),
    "an alert soon taken as over": (
        f"{SMALL}delivery: {{stale_after: 59s}}\n",
        ["f.yml:4:12 delivery.stale_after: should be at least 1m: what is not heard of for so long is taken as over"],
    ),
    "no digests by a nought": (
        f"{SMALL}delivery: {{digest_after: 0}}\n",
        ["f.yml:4:12 delivery.digest_after: should be at least 1s: one as long as 1y makes no digests"],
    ),
    "nothing kept": (
        f"{SMALL}storage: {{retention: 59m}}\n",
        ["f.yml:4:11 storage.retention: should be at least 1h: whoever is paged wants to see what was told and why"],
    ),
    "no rate": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: fast}}}}\n",
        ['f.yml:5:29 receivers[0].pagerduty_configs[0].pace.rate: is not a rate such as "1/s" or "120/min"'],
    ),
    "a rate of nothing": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: 0/s}}}}\n",
        [
            "f.yml:5:29 receivers[0].pagerduty_configs[0].pace.rate: should be at least 1/h; "
            "so high a rate as 1000/s is as good as no pace"
        ],
    ),
    "a pace without a rate": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{burst: 9}}}}\n",
        ["f.yml:5:22 receivers[0].pagerduty_configs[0].pace.rate: is missing"],
    ),
    "a text for a pace": (
        f"{PAGERDUTY}{{routing_key: a, pace: 1/s}}\n",
        ["f.yml:5:22 receivers[0].pagerduty_configs[0].pace: should be a mapping"],
    ),
    "a burst of nothing": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: 1/s, burst: 0}}}}\n",
        ["f.yml:5:40 receivers[0].pagerduty_configs[0].pace.burst: should be at least 1"],
    ),
    "a burst too large": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: 1/s, burst: 1001}}}}\n",
        ["f.yml:5:40 receivers[0].pagerduty_configs[0].pace.burst: should be at most 1000"],
    ),
    "half a burst": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: 1/s, burst: 1.5}}}}\n",
        ["f.yml:5:40 receivers[0].pagerduty_configs[0].pace.burst: should be a whole number"],
    ),
    "a list of bursts": (
        f"{PAGERDUTY}{{routing_key: a, pace: {{rate: 1/s, burst: [1]}}}}\n",
        ["f.yml:5:40 receivers[0].pagerduty_configs[0].pace.burst: should be a whole number"],
    ),
    "no size": (
        f"{SMALL}web: {{max_body: 16Mi}}\n",
        ['f.yml:4:7 web.max_body: is not a size such as "16MiB" or "512KB"'],
    ),
    "no URL": (f"{SMALL}prometheus: {{url: here}}\n", ["f.yml:4:14 prometheus.url: is not an http:// or https:// URL"]),
    "a prometheus without a URL": (f"{SMALL}prometheus: {{}}\n", ["f.yml:4:1 prometheus.url: is missing"]),
    "several without names or URLs": (
        f"{SMALL}prometheus:\n- {{name: a, url: 'http://a', colour: red}}\n- {{url: 'http://b'}}\n- {{url: there}}\n",
        [
            "f.yml:5:30 prometheus[0].colour: is no key here; there are: basic_auth, authorization, "
            "tls_config, headers, url, name, matchers",
            "f.yml:7:4 prometheus[2].url: is not an http:// or https:// URL",
        ],
    ),
    "two prometheuses of one name": (
        f"{SMALL}prometheus:\n- {{name: a, url: 'http://a'}}\n- {{name: a, url: 'http://b'}}\n",
        ["f.yml:6:4 prometheus[1].name: there is another 'a'"],
    ),
    "one of several without a name": (
        f"{SMALL}prometheus:\n- {{name: a, url: 'http://a', matchers: [a=b]}}\n- {{url: 'http://b'}}\n",
        ["f.yml:6:3 prometheus[1]: needs a name, as there are several"],
    ),
    "two identities": (
        f"{SMALL}prometheus: {{url: 'http://a', basic_auth: {{username: a, password: {SECRET}}}, "
        "authorization: {credentials: x}}\n",
        ["f.yml:4:1 prometheus: has both basic_auth and authorization"],
    ),
    "half a user": (
        f"{SMALL}prometheus: {{url: 'http://a', basic_auth: {{username: a}}}}\n",
        ["f.yml:4:31 prometheus.basic_auth: needs password or password_file"],
    ),
    "a header of ours": (
        f"{SMALL}prometheus: {{url: 'http://a', headers: {{Authorization: {SECRET}}}}}\n",
        [
            "f.yml:4:41 prometheus.headers.Authorization: is set by itself; for who one is there are "
            "basic_auth and authorization"
        ],
    ),
    "a condition that is none": (
        f"{PAGERDUTY}{{routing_key: a, when: [memory.share > lots, memory]}}\n",
        [
            "f.yml:5:22 receivers[0].pagerduty_configs[0].when: 'memory.share > lots': 'lots' is no number "
            'such as 0.9, "90%", 512MiB or 5m'
        ],
    ),
    "a condition on no reading": (
        f"{PAGERDUTY}{{routing_key: a, when: ['cpu > 1', 'memry > 1']}}\n",
        ["f.yml:5:40 receivers[0].pagerduty_configs[0].when[1]: is no reading here; did you mean memory?"],
    ),
    "a condition on what is not looked up": (
        f"{PAGERDUTY}{{routing_key: a, when: ['cpu > 1']}}\nenrichment: {{enrichers: [memory]}}\n",
        ["f.yml:5:29 receivers[0].pagerduty_configs[0].when[0]: is no reading here; there are: memory"],
    ),
    "half a certificate": (
        f"{SMALL}prometheus: {{url: 'http://a', tls_config: {{cert_file: a}}}}\n",
        ["f.yml:4:31 prometheus.tls_config: needs both cert_file and key_file, or neither"],
    ),
    "a bad matcher": (
        "route:\n  receiver: a\n  routes:\n  - matchers: ['a=b', 'c']\nreceivers: [{name: a}]",
        ["f.yml:4:23 route.routes[0].matchers[1]: position 2: expected an operator: = != =~ or !~"],
    ),
    "a matcher of the classic parser": (
        "route:\n  receiver: a\n  routes:\n  - matchers: ['zone=~eu-[a-z]{2}, disk=full up']\nreceivers: [{name: a}]",
        [
            "f.yml:4:16 route.routes[0].matchers[0]: position 15: expected a comma, found '{'; "
            'what Alertmanager makes of it is written zone=~"eu-[a-z]{2}", disk="full up" here'
        ],
    ),
    "a matcher for matchers": (
        "route: {receiver: a, routes: [{matchers: a=b}]}\nreceivers: [{name: a}]",
        ['f.yml:1:32 route.routes[0].matchers: should be a list of matchers such as severity="critical"'],
    ),
    "a bad expression": (
        "route: {receiver: a, routes: [{match_re: {a: '('}}]}\nreceivers: [{name: a}]",
        ["f.yml:1:43 route.routes[0].match_re.a: bad regular expression '(': missing ): ^(?:()$"],
    ),
    "an unknown enricher": (
        f"{SMALL}enrichment: {{enrichers: [cpu, memry]}}\n",
        ["f.yml:4:31 enrichment.enrichers[1]: is no enricher here; did you mean memory?"],
    ),
    "a query without what it asks": (
        f"{SMALL}enrichment: {{queries: [{{name: a}}]}}\n",
        ["f.yml:4:24 enrichment.queries[0].promql: is missing"],
    ),
    "a query called as nothing can be": (
        f"{SMALL}enrichment: {{queries: [{{name: error-rate, promql: up}}]}}\n",
        [
            "f.yml:4:25 enrichment.queries[0].name: should be small letters, digits and _, and begin with no digit, "
            "as in checkout_errors"
        ],
    ),
    "a query called as an enricher": (
        f"{SMALL}enrichment: {{queries: [{{name: memory, promql: up}}]}}\n",
        ["f.yml:4:25 enrichment.queries[0].name: there is an enricher 'memory'"],
    ),
    "two queries of one name": (
        f"{SMALL}enrichment:\n  queries:\n  - {{name: a, promql: up}}\n  - {{promql: up, name: a}}\n",
        ["f.yml:7:18 enrichment.queries[1].name: there is another 'a'"],
    ),
    "a query that is no PromQL": (
        f"{SMALL}enrichment:\n  queries:\n  - name: a\n    promql: |\n      sum(\n        up\n",
        ["f.yml:7:5 enrichment.queries[0].promql: is no PromQL: unclosed left parenthesis"],
    ),
    "a placeholder where none can stand": (
        f"{SMALL}enrichment:\n  queries:\n  - name: a\n    promql: 'sum by ({{{{ labels.by }}}}) (up)'\n",
        [
            "f.yml:7:5 enrichment.queries[0].promql: {{ labels.by }} stands elsewhere than in the value of a label "
            "matcher, within its quotes"
        ],
    ),
    "a placeholder of nothing": (
        f"{SMALL}enrichment:\n  queries:\n  - {{name: a, promql: 'up{{a=\"{{{{ label.by }}}}\"}}'}}\n",
        ["f.yml:6:15 enrichment.queries[0].promql: {{ label.by }}: there are labels and annotations, and no label"],
    ),
    "a query's range without a time in it": (
        f"{SMALL}enrichment: {{queries: [{{name: a, promql: up, range: 0s}}]}}\n",
        ["f.yml:4:46 enrichment.queries[0].range: should be at least 1s: within less there is but one value"],
    ),
    "a query's title on two lines": (
        f'{SMALL}enrichment: {{queries: [{{name: a, promql: up, title: "a\\nb"}}]}}\n',
        ["f.yml:4:46 enrichment.queries[0].title: should be at most 80 characters that can be printed"],
    ),
    "a condition on a query that is none": (
        f"{PAGERDUTY}{{routing_key: a, when: ['errors > 1', 'error > 1']}}\n"
        "enrichment: {enrichers: [cpu], queries: [{name: errors, promql: up}]}\n",
        ["f.yml:5:43 receivers[0].pagerduty_configs[0].when[1]: is no reading here; did you mean errors?"],
    ),
    "an enricher without what it needs": (
        f"{SMALL}enrichment: {{enrichers: [cpu, logs]}}\n",
        ["f.yml:4:31 enrichment.enrichers[1]: needs enrichment.kubernetes, which is not set"],
    ),
    "a condition on what needs something": (
        f"{PAGERDUTY}{{routing_key: a, when: ['logs > 1']}}\nenrichment: {{enrichers: [memory]}}\n",
        ["f.yml:5:29 receivers[0].pagerduty_configs[0].when[0]: is no reading here; there are: memory"],
    ),
    "a context without a file": (
        f"{SMALL}enrichment: {{kubernetes: {{context: here}}}}\n",
        ["f.yml:4:14 enrichment.kubernetes: has a context, and no kubeconfig that it would be of"],
    ),
    "an unset variable": (
        f"{SMALL}external_url: ${{NOPE}}\n",
        ["f.yml:4:1 external_url: the variable NOPE is not set; ${NOPE:-default} gives a default"],
    ),
    "an unset secret": (
        f"{PAGERDUTY}routing_key: ${{NOPE}}\n",
        [
            "f.yml:5:5 receivers[0].pagerduty_configs[0].routing_key: "
            "the variable NOPE is not set; ${NOPE:-default} gives a default"
        ],
    ),
    "no secret": (
        f"{PAGERDUTY}{{}}\n",
        ["f.yml:5:5 receivers[0].pagerduty_configs[0]: needs routing_key or routing_key_file"],
    ),
    "a secret and its file": (
        f"{SLACK}{{api_url: 'https://a/b', api_url_file: /run/a}}\n",
        ["f.yml:5:5 receivers[0].slack_configs[0]: has both api_url and api_url_file"],
    ),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.values(), ids=WRONG.keys())
def test_rejects_with_file_line_column_and_path(problems_of: Problems, text: str, expected: list[str]) -> None:
    """Each thing that is wrong is told once, where it stands, with what to write instead."""
    assert expected == problems_of(text)


def test_says_all_that_is_wrong_at_once(problems_of: Problems) -> None:
    """One run tells everything, in the file's order."""
    text = """
web: {max_body: big, port: 1}
external_url: nowhere
prometheus: {}
route:
  receiver: stranger
  routes:
  - receiver: stranger too
  - receiver: on-call
receivers:
- name: on-call
  slack_config: []
  slack_configs:
  - {api_url: nonsense, colour: red}
  - {}
  pagerduty_configs:
  - {routing_key: '${UNSET}'}
- name: on-call
delivery: {}
delivery: {}
"""

    assert [
        'f.yml:2:7 web.max_body: is not a size such as "16MiB" or "512KB"',
        "f.yml:2:22 web.port: is no key here; there are: max_body, charts_key, charts_key_file, slack_signing_secret, "
        "slack_signing_secret_file, pagerduty_webhook_secret, pagerduty_webhook_secret_file, auth",
        "f.yml:3:1 external_url: is not an http:// or https:// URL",
        "f.yml:4:1 prometheus.url: is missing",
        "f.yml:6:3 route.receiver: no receiver is called 'stranger'",
        "f.yml:8:5 route.routes[0].receiver: no receiver is called 'stranger too'",
        "f.yml:12:3 receivers[0].slack_config: is no key here; did you mean slack_configs?",
        "f.yml:14:6 receivers[0].slack_configs[0].api_url: is not an http:// or https:// URL",
        "f.yml:14:25 receivers[0].slack_configs[0].colour: is no key here; did you mean color?",
        "f.yml:15:5 receivers[0].slack_configs[1]: needs api_url or api_url_file or app_token or app_token_file",
        "f.yml:17:6 receivers[0].pagerduty_configs[0].routing_key: the variable UNSET is not set; "
        "${UNSET:-default} gives a default",
        "f.yml:18:3 receivers[1].name: another receiver has this name",
        "f.yml:20:1 delivery: stands here twice",
    ] == problems_of(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{SMALL}- name: b\n", ["f.yml:4:3 receivers[1].name: no route leads to 'b'"]),
        (
            "route: {receiver: a, group_by: [x], group_wait: 1s, group_interval: 1s, routes: [{repeat_interval: 1h}]}\n"
            "receivers: [{name: a}]",
            [
                "f.yml:1:37 route.group_wait: is Alertmanager's to keep; it has no effect here",
                "f.yml:1:53 route.group_interval: is Alertmanager's to keep; it has no effect here",
                "f.yml:1:83 route.routes[0].repeat_interval: is Alertmanager's to keep; here it is only what "
                "delivery.stale_after goes by where that is not set",
            ],
        ),
        (
            f"{SMALL}  fallback: b\n- name: b\n",
            ["f.yml:4:3 receivers[0].fallback: tells nobody: 'b' has no actions"],
        ),
        (
            f"{SMALL}- {{name: b, fallback: c}}\n- {{name: c, fallback: b, log_configs: [{{}}]}}\n",
            [
                "f.yml:4:4 receivers[1].name: no route leads to 'b'",
                "f.yml:5:4 receivers[2].name: no route leads to 'c'",
                "f.yml:5:13 receivers[2].fallback: tells nobody: 'b' has no actions",
            ],
        ),
        (f"{SMALL}  fallback: b\n- {{name: b, log_configs: [{{}}]}}\n", []),
        (SMALL, []),
    ],
    ids=[
        "an unused receiver",
        "what is the upstream's",
        "a fallback that tells nobody",
        "fallbacks of each other only",
        "a receiver that is a fallback only",
        "nothing",
    ],
)
def test_warns_of_what_may_not_be_meant(load_yaml: Load, text: str, expected: list[str]) -> None:
    """What is accepted and has no effect is said, with its place."""
    assert expected == ["f.yml" + each.rpartition("f.yml")[2] for each in load_yaml(text).warnings]


@pytest.mark.parametrize(
    ("repeats", "stale_after", "expected_seconds", "expected"),
    [
        (("1h", "2h"), "", 6 * 3600, []),
        (("1h", "12h"), "", 18 * 3600, []),
        (
            ("1h", "12h"),
            "delivery: {stale_after: 12h}",
            12 * 3600,
            [
                "f.yml:3:12 delivery.stale_after: is no longer than a repeat_interval of 12h: what goes on would be "
                "taken as over before the upstream says so again"
            ],
        ),
        (("1h", "12h"), "delivery: {stale_after: 13h}", 13 * 3600, []),
        (("1h", "12h"), "delivery: {lease: 10s}", 18 * 3600, []),
    ],
    ids=["short", "long", "set and shorter", "set and longer", "others set"],
)
def test_heeds_how_long_the_upstream_is_silent(
    load_yaml: Load, repeats: tuple[str, str], stale_after: str, expected_seconds: float, expected: list[str]
) -> None:
    """What goes on is not to be taken as over between two of its reminders, unless somebody says so."""
    outer, inner = repeats
    configuration = load_yaml(
        f"route: {{receiver: a, repeat_interval: {outer}, routes: [{{repeat_interval: {inner}}}]}}\n"
        f"receivers: [{{name: a}}]\n{stale_after}\n"
    )
    assert expected_seconds == configuration.file.delivery.stale_after
    warnings = ["f.yml" + each.rpartition("f.yml")[2] for each in configuration.warnings]
    assert expected == [each for each in warnings if ".stale_after: " in each]


def test_warns_of_files_that_cannot_be_read_yet(load_yaml: Load, tmp_path: Path) -> None:
    """They may be there when they are needed: a warning, with its place, and none of those that are there."""
    there = tmp_path / "there"
    there.write_text("https://hooks.slack.example/services/s3cret")
    configuration = load_yaml(
        f"prometheus: {{url: 'http://p', basic_auth: {{username: a, password_file: {tmp_path}/absent}}}}\n"
        f"route: {{receiver: a}}\nreceivers:\n- name: a\n  slack_configs:\n"
        f"  - api_url_file: {there}\n  - api_url_file: {tmp_path}\n"
    )
    reason = "; it is read when it is used"
    assert [
        f"1:57 prometheus.basic_auth.password_file: {tmp_path}/absent: No such file or directory{reason}",
        f"7:5 receivers[0].slack_configs[1].api_url_file: {tmp_path}: Is a directory{reason}",
    ] == [each.partition("f.yml:")[2] for each in configuration.warnings]


def test_merges_keys_into_actions(load_yaml: Load) -> None:
    """Anchors and merge keys save a user from writing things twice."""
    text = (
        "route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n"
        "  - &slack {api_url: 'https://a.example/b', send_resolved: true}\n  - {<<: *slack, channel: '#b'}\n"
    )
    first, second = load_yaml(text).receivers[0].actions

    assert first.settings.model_copy(update={"channel": Template("#b")}) == second.settings


def test_places_what_is_wrong_with_a_merged_value(problems_of: Problems) -> None:
    """A merged value is wrong where it is written."""
    text = (
        "route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs:\n"
        "  - &slack {api_url: nonsense}\n  - {<<: *slack, channel: '#b'}\n"
    )

    assert [
        "f.yml:5:13 receivers[0].slack_configs[0].api_url: is not an http:// or https:// URL",
        "f.yml:5:13 receivers[0].slack_configs[1].api_url: is not an http:// or https:// URL",
    ] == problems_of(text)


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        (SMALL, {"PROMETHEUS_URL": "http://p"}, "http://p"),
        (f"{SMALL}prometheus:\n", {"PROMETHEUS_URL": "http://p"}, "http://p"),
        (f"{SMALL}prometheus: {{}}\n", {"PROMETHEUS_URL": "http://p"}, "http://p"),
        (f"{SMALL}prometheus: {{url: }}\n", {"PROMETHEUS_URL": "http://p"}, "http://p"),
        (f"{SMALL}prometheus: {{url: 'http://file'}}\n", {"PROMETHEUS_URL": "http://p"}, "http://file"),
        (f"{SMALL}prometheus: {{url: 'http://file'}}\n", {"PROMETHEUS_URL": "nonsense"}, "http://file"),
        (SMALL, {"PROMETHEUS_URL": ""}, None),
    ],
    ids=["left out", "empty section", "empty mapping", "empty key", "the file wins", "even over nonsense", "not set"],
)
def test_the_environment_fills_what_the_file_leaves_out(
    load_yaml: Load, text: str, variables: dict[str, str], expected: str | None
) -> None:
    """What a file says wins; what it does not say comes from the environment."""
    prometheus = load_yaml(text, variables).file.prometheus

    assert expected == (prometheus and prometheus.url)


def test_the_environment_fills_the_rest(load_yaml: Load, tmp_path: Path) -> None:
    """The external URL and the database are filled in likewise, and may be in files."""
    (tmp_path / "url").write_text("sqlite:////tmp/a.db\n")
    variables = {"EXTERNAL_URL": "https://e.example", "DATABASE_URL_FILE": str(tmp_path / "url")}
    file = load_yaml(SMALL, variables).file
    own = load_yaml(f"{SMALL}external_url: https://own.example\nstorage: {{url: 'sqlite:///own'}}", variables).file

    assert ("https://e.example", "https://own.example") == (file.external_url, own.external_url)
    assert ["sqlite:////tmp/a.db", "sqlite:///own"] == [
        each.storage.url.get_secret_value() for each in (file, own) if each.storage.url
    ]


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("", {"CHARTS_KEY": "v" * 32}, ("v" * 32, None)),
        ("", {}, (None, None)),
        (f"web: {{charts_key: {'f' * 32}}}", {"CHARTS_KEY": "v" * 32}, ("f" * 32, None)),
        ("web: {charts_key_file: /run/key}", {"CHARTS_KEY": "v" * 32}, (None, "/run/key")),
    ],
    ids=["variable", "not set", "own", "own file"],
)
def test_the_key_of_pictures_comes_from_the_nearest_place(
    load_yaml: Load, text: str, variables: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    """The file's own key or file comes before the variable."""
    web = load_yaml(f"{SMALL}{text}\n", variables).file.web
    file = web.charts_key_file
    assert expected == (web.charts_key and web.charts_key.get_secret_value(), file and str(file))


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        ("", {"SLACK_SIGNING_SECRET": "variable"}, ("variable", None)),
        ("", {}, (None, None)),
        ("web: {slack_signing_secret: own}", {"SLACK_SIGNING_SECRET": "variable"}, ("own", None)),
        ("web: {slack_signing_secret_file: /run/key}", {"SLACK_SIGNING_SECRET": "variable"}, (None, "/run/key")),
    ],
    ids=["variable", "not set", "own", "own file"],
)
def test_slacks_signing_secret_comes_from_the_nearest_place(
    load_yaml: Load, text: str, variables: dict[str, str], expected: tuple[str | None, str | None]
) -> None:
    """As the key of pictures does."""
    web = load_yaml(f"{SMALL}{text}\n", variables).file.web
    secret, file = web.slack_signing_secret, web.slack_signing_secret_file
    assert expected == (secret and secret.get_secret_value(), file and str(file))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "web: {slack_signing_secret: hunter2, slack_signing_secret_file: /run/key}",
            "has both slack_signing_secret and slack_signing_secret_file",
        ),
        ("web: {slack_signing_secret: ''}", "web.slack_signing_secret: "),
        ("alertmanager: {}", "alertmanager.url: is missing"),
        ("alertmanager: [{url: 'http://a'}]", "alertmanager: should be a mapping"),
        ("alertmanager: {url: 'http://a', matchers: [a=b]}", "alertmanager.matchers: is no key here"),
        ("alertmanager: {url: 'ftp://hunter2'}", "alertmanager.url: is not an http:// or https:// URL"),
        ("alertmanager: {url: 'http://u:hunter2@a'}", "alertmanager.url: has a user in it, and people are shown"),
        (
            "alertmanager: {url: 'http://a', basic_auth: {username: a, password: hunter2}, "
            "authorization: {credentials: hunter2}}",
            "alertmanager: has both basic_auth and authorization",
        ),
    ],
)
def test_refuses_what_slacks_buttons_cannot_use(problems_of: Problems, text: str, expected: str) -> None:
    """With its place, and without a secret."""
    (problem,) = problems_of(f"{SMALL}{text}\n")
    assert expected in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"web: {{charts_key: {'f' * 32}, charts_key_file: /run/key}}", "has both charts_key and charts_key_file"),
        ("web: {charts_key: hunter2}", "32 characters"),
    ],
)
def test_refuses_a_key_that_is_none(problems_of: Problems, text: str, expected: str) -> None:
    """One that could be guessed, or of which it is not clear which one it is; it is not repeated."""
    (problem,) = problems_of(f"{SMALL}{text}\n")
    assert expected in problem
    assert "hunter2" not in problem


GLOBAL = "global: {slack_api_url: 'https://global.example/s', pagerduty_url: 'https://global.example/p'}\n"
VARIABLES = {"SLACK_WEBHOOK_URL": "https://variable.example/s", "PAGERDUTY_INTEGRATION_KEY": "variable"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{GLOBAL}{SLACK}{{api_url: 'https://own.example/s'}}\n", "https://own.example/s"),
        (f"{GLOBAL}{SLACK}{{}}\n", "https://global.example/s"),
        (f"{GLOBAL}{SLACK}\n", "https://global.example/s"),
        (f"{SLACK}{{}}\n", "https://variable.example/s"),
        (f"{SLACK}{{api_url: }}\n", "https://variable.example/s"),
        (f"{GLOBAL}{SLACK}{{api_url_file: /run/own}}\n", None),
        (f"global: {{slack_api_url_file: /run/global}}\n{SLACK}{{}}\n", None),
    ],
    ids=["own", "global", "global, nothing", "variable", "variable, empty key", "own file", "global file"],
)
def test_a_webhook_url_comes_from_the_nearest_place(load_yaml: Load, text: str, expected: str | None) -> None:
    """The action's own URL or file comes before the global one, and that before the variable."""
    url = action(load_yaml(text, VARIABLES)).api_url

    assert expected == (url and url.get_secret_value())


def test_a_routing_key_comes_from_the_nearest_place(load_yaml: Load) -> None:
    """Its own key comes before the variable's; the URL before the global one."""
    own = action(load_yaml(f"{GLOBAL}{PAGERDUTY}{{routing_key: own, url: 'https://own.example'}}\n", VARIABLES))
    rest = action(load_yaml(f"{GLOBAL}{PAGERDUTY}{{}}\n", VARIABLES))
    file = action(load_yaml(f"{PAGERDUTY}{{routing_key_file: /run/own}}\n", VARIABLES))

    assert ("own", "https://own.example") == (own.routing_key.get_secret_value(), own.url)
    assert ("variable", "https://global.example/p") == (rest.routing_key.get_secret_value(), rest.url)
    assert (None, "https://events.pagerduty.com/v2/enqueue") == (file.routing_key, file.url)


@pytest.mark.parametrize(
    ("text", "variables", "expected"),
    [
        (
            SMALL,
            {"EXTERNAL_URL": SECRET, "PROMETHEUS_URL": SECRET},
            [
                "the environment PROMETHEUS_URL: is not an http:// or https:// URL",
                "the environment EXTERNAL_URL: is not an http:// or https:// URL",
            ],
        ),
        (
            f"{SLACK}{{}}\n",
            {"SLACK_WEBHOOK_URL": SECRET},
            ["the environment SLACK_WEBHOOK_URL: is not an http:// or https:// URL"],
        ),
        (
            SMALL,
            {"PROMETHEUS_URL_FILE": "/nowhere"},
            ["the environment: PROMETHEUS_URL_FILE: /nowhere: No such file or directory"],
        ),
    ],
    ids=["URLs", "a webhook", "a file"],
)
def test_names_the_variable_that_is_wrong(
    problems_of: Problems, text: str, variables: dict[str, str], expected: list[str]
) -> None:
    """What came from the environment is wrong there, and not in a line of the file that does not hold it."""
    assert expected == problems_of(text, variables)


def test_expands_variables_everywhere(load_yaml: Load) -> None:
    """Names, defaults and dollars, in any value."""
    text = (
        "route: {receiver: '${TEAM}', routes: [{match: {a: '${B:-c}$$'}}]}\nreceivers: [{name: team-a}]\n"
        "delivery: {retry_for: '${HOURS:-3}h'}\n"
    )
    file = load_yaml(text, {"TEAM": "team-a"}).file

    assert ("team-a", {"a": "c$"}, 10_800.0) == (
        file.route.receiver,
        file.route.routes[0].match,
        file.delivery.retry_for,
    )


def _secret_keys() -> Iterator[tuple[str, str]]:
    for kind, settings in KINDS.items():
        for key, field in settings.model_fields.items():
            if SecretStr in (field.annotation, *get_args(field.annotation)) or "Secret" in repr(field.annotation):
                yield kind, field.alias or key


SECRET_KEYS = list(_secret_keys())
BESIDE: dict[str, str] = {
    "an unknown key": "{{{key}: '{secret}', unknown: 1}}",
    "a wrong type": "{{{key}: '{secret}', send_resolved: maybe}}",
    "its file": "{{{key}: '{secret}', {key}_file: /run/x}}",
    "itself twice": "{{{key}: '{secret}', {key}: '{secret}'}}",
    "a list of it": "{{{key}: ['{secret}']}}",
    "a mapping of it": "{{{key}: {{'{secret}': '{secret}'}}}}",
    "only a list": "['{secret}']",
    "only a text": "'{secret}'",
    "a default": "{{{key}: '${{UNSET:-{secret}}}', unknown: 1}}",
    "an unset variable": "{{{key}: '{secret}${{UNSET}}'}}",
    "no quotes, an alias": "{{{key}: *{secret}}}",
    "no quotes, a tag": "{{{key}: !{secret}!x y}}",
    "no end": "{{{key}: '{secret}",
}


def test_knows_the_secret_keys() -> None:
    """The next test is about these, and any that is added."""
    assert {("slack", "api_url"), ("pagerduty", "routing_key")} <= set(SECRET_KEYS)


@pytest.mark.parametrize(("kind", "key"), SECRET_KEYS, ids=lambda each: each)
@pytest.mark.parametrize("beside", BESIDE.values(), ids=BESIDE.keys())
def test_no_secret_of_an_action_is_in_an_error(problems_of: Problems, kind: str, key: str, beside: str) -> None:
    """Whatever is wrong with a secret or beside it, its value is in no error."""
    for secret in (f"https://hooks.example/{SECRET}", SECRET):
        shown = secret if "*" not in beside and "!" not in beside else SECRET
        said = problems_of(f"{SMALL}  {kind}_configs:\n  - {beside.format(key=key, secret=shown)}\n")
        assert SECRET not in "\n".join(said)


@pytest.mark.parametrize(
    "text",
    [
        f"{SMALL}global: {{slack_api_url: {SECRET}}}\n",
        f"{SMALL}global: {{slack_api_url: 'https://a/{SECRET}', x: y}}\n",
        f"{SMALL}global: {{slack_api_url: ['https://a/{SECRET}']}}\n",
        f"{SMALL}global: https://a/{SECRET}\n",
        f"{SMALL}storage: {{url: 'postgresql://u:{SECRET}@h/d', x: y}}\n",
        f"{SMALL}storage: {{url: ['postgresql://u:{SECRET}@h/d']}}\n",
        f"{SMALL}storage: postgresql://u:{SECRET}@h/d\n",
        f"{SMALL}prometheus: {{url: 'ftp://u:{SECRET}@h'}}\n",
        f"{SMALL}prometheus: {{url: 'https://u:{SECRET}@h', x: y}}\n",
        f"{SMALL}prometheus: https://u:{SECRET}@h\n",
        f"{SMALL}external_url: 'https://u:{SECRET}@h:port'\n",
        f"route: {{receiver: a}}\nreceivers: [{{name: a}}, 'https://a/{SECRET}']\n",
    ],
)
def test_no_secret_of_the_file_is_in_an_error(problems_of: Problems, text: str) -> None:
    """Nor is one of the file's other sections."""
    assert SECRET not in "\n".join(problems_of(text))


def test_no_secret_is_shown_by_a_configuration(load_yaml: Load) -> None:
    """A configuration that is printed shows stars."""
    text = (
        f"global: {{slack_api_url: 'https://a/{SECRET}'}}\nstorage: {{url: 'postgresql://u:{SECRET}@h/d'}}\n"
        f"{SMALL}  slack_configs: [{{}}]\n  pagerduty_configs: [{{routing_key: {SECRET}}}]\n"
    )

    assert SECRET not in repr(load_yaml(text))


@pytest.mark.parametrize("kind", KINDS)
def test_every_actions_example_loads(load_yaml: Load, kind: str) -> None:
    """The smallest complete element of every kind is one."""
    receiver = {"name": "a", f"{kind}_configs": [dict(KINDS[kind].example)]}
    configuration = load_yaml(yaml.safe_dump({"route": {"receiver": "a"}, "receivers": [receiver]}))

    assert [kind] == [each.kind for each in configuration.receivers[0].actions]


def test_the_configurations_of_the_readme_load(load_yaml: Load) -> None:
    """What a reader copies works, but for the variables that are the reader's own."""
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    # One of them is Alertmanager's: it leads here.
    ours = [block for block in blocks if "/alert\n" not in block and "/alert " not in block]

    assert ours
    for block in ours:
        names = set(re.findall(r"\$\{(\w+)\}", block))
        warnings = load_yaml(block, dict.fromkeys(names, "https://a.example/b")).warnings
        assert [] == [each for each in warnings if "_file: /etc/alert-manager/" not in each]


@pytest.mark.parametrize("name", ["n" * 201, r"a\0b", r"a\nb"])
def test_refuses_a_receivers_name_that_cannot_be_kept(problems_of: Problems, name: str) -> None:
    """It is a part of rows, metrics and lists: neither too long for a column nor anything but text."""
    text = f'route: {{receiver: "{name}"}}\nreceivers: [{{name: "{name}", log_configs: [{{}}]}}]'
    expected = "f.yml:2:14 receivers[0].name: should be at most 200 characters that can be printed"
    assert [expected] == problems_of(text)


NEEDS = {"cpu": "", "events": "kubernetes", "logs": "kubernetes"}


@pytest.mark.parametrize(
    ("enrichment", "running"),
    [
        ("{}", ("cpu",)),
        ("{kubernetes: {}}", ("cpu", "events", "logs")),
        ("{kubernetes: {kubeconfig: /etc/kubeconfig, context: here}}", ("cpu", "events", "logs")),
        ("{kubernetes: {}, enrichers: [logs, cpu]}", ("logs", "cpu")),
    ],
)
def test_what_needs_something_runs_where_it_is_set(load_yaml: Load, enrichment: str, running: tuple[str, ...]) -> None:
    """Nobody has to name all others for it."""
    settings = load_yaml(f"{SMALL}enrichment: {enrichment}\n").file.enrichment
    assert running == settings.running(NEEDS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("delivery: {retry_for: [1h]}", "f.yml:4:12 delivery.retry_for: should be a single value"),
        ("web: {charts_key_file: {a: b}}", "f.yml:4:7 web.charts_key_file: should be the name of a file"),
    ],
)
def test_says_what_a_scalar_is(problems_of: Problems, text: str, expected: str) -> None:
    """A list or a mapping where one value should stand is told in plain words."""
    assert [expected] == problems_of(f"{SMALL}{text}\n")

"""`watchdogs` and `heartbeat`: what is taken, and what nonsense is told."""

import pytest

from config.document import ConfigError
from tests.config.conftest import Load

RULE = "hook_configs: [{url: https://hooks.example/do, secret: an-unguessable-secret-of-32-chars, kinds: [Pod]}]"
BASE = f"""route: {{receiver: chat}}
receivers:
- {{name: chat, log_configs: [{{}}]}}
- {{name: on-call, log_configs: [{{}}]}}
- {{name: nobody}}
- {{name: rules, {RULE}}}
"""
WATCHDOG = "watchdogs:\n- matchers: ['alertname=\"Watchdog\"']\n"
SECRET = "hunter2"


def problems(load_yaml: Load, text: str) -> list[str]:
    """What is wrong with it."""
    with pytest.raises(ConfigError) as raised:
        load_yaml(text)
    return [placed(str(each)) for each in raised.value.problems]


def warnings(load_yaml: Load, text: str) -> list[str]:
    """What may not be meant of watchdogs."""
    said = map(placed, load_yaml(text).warnings)
    return [each for each in said if "watchdogs" in each or "on-call" in each]


def placed(said: str) -> str:
    """The same without the folder."""
    return "f.yml" + said.partition("f.yml")[2]


def test_reads_them(load_yaml: Load) -> None:
    """Five minutes and one, unless said; a receiver that only a watchdog tells is one that is used."""
    text = f"{BASE}{WATCHDOG}  receiver: on-call\nheartbeat: {{url: 'https://hc-ping.com/{SECRET}'}}\n"
    configuration = load_yaml(text)
    (watchdog,), heartbeat = configuration.file.watchdogs, configuration.file.heartbeat
    assert ('alertname="Watchdog"', 300.0, "on-call") == (watchdog.name, watchdog.within, watchdog.receiver)
    assert heartbeat is not None
    assert (60.0, "GET", 900.0, 10.0) == (heartbeat.every, heartbeat.method, heartbeat.pending_for, heartbeat.timeout)
    assert f"https://hc-ping.com/{SECRET}" == heartbeat.read_url()
    assert SECRET not in repr(configuration)
    assert [] == warnings(load_yaml, text)


def test_one_keeps_its_key_though_its_time_changes(load_yaml: Load) -> None:
    """So that a reload forgets nothing; the order of matchers is none."""
    written = (
        "{matchers: ['a=\"1\"', 'b=\"2\"'], within: 5m, receiver: chat}",
        "{matchers: ['b=\"2\"', 'a=\"1\"'], within: 6m, receiver: chat}",
        "{matchers: ['b=\"2\"', 'a=\"1\"'], within: 6m, receiver: on-call}",
    )
    keys = [load_yaml(f"{BASE}watchdogs: [{each}]\n").file.watchdogs[0].key for each in written]
    assert keys[0] == keys[1] != keys[2]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("watchdogs: 3\n", ["f.yml:7:1 watchdogs: should be a list"]),
        (
            "watchdogs:\n- {receiver: chat}\n",
            ["f.yml:8:3 watchdogs[0].matchers: is missing"],
        ),
        (
            "watchdogs:\n- {matchers: [], receiver: chat}\n",
            ["f.yml:8:4 watchdogs[0].matchers: is empty: any alert would do"],
        ),
        (
            "watchdogs:\n- {matchers: ['a=']}\n- {matchers: ['a=\"b\"'], receiver: chat, every: 5m}\n",
            None,
        ),
        (
            f"{WATCHDOG}  receiver: chat\n  within: 9s\n",
            ["f.yml:10:3 watchdogs[0].within: should be at least 10s: it is looked every few seconds"],
        ),
        (f"{WATCHDOG}  receiver: oncall\n", ["did you mean on-call?"]),
        (f"{WATCHDOG}  receiver: nobody\n", ["tells nobody: 'nobody' has no actions that tell somebody"]),
        (f"{WATCHDOG}  receiver: rules\n", ["tells nobody: 'rules' has no actions that tell somebody"]),
        (
            f"{WATCHDOG}  receiver: chat\n- {{matchers: ['alertname=Watchdog'], within: 1h, receiver: chat}}\n",
            ["f.yml:10:4 watchdogs[1].matchers: are watched for 'chat' already"],
        ),
        ("heartbeat: {every: 1m}\n", ["heartbeat: needs url or url_file"]),
        ("heartbeat: {url: 'https://a.example/x', url_file: /x}\n", ["heartbeat: has both url and url_file"]),
        (f"heartbeat: {{url: 'ftp://{SECRET}'}}\n", ["heartbeat.url: is not an http:// or https:// URL"]),
        (
            "heartbeat: {url: 'https://a.example/x', every: 1s}\n",
            ["should be at least 10s: a far side counts every call"],
        ),
        ("heartbeat: {url: 'https://a.example/x', method: PUT}\n", ["heartbeat.method: should be 'GET' or 'POST'"]),
        ("heartbeat: {url: 'https://a.example/x', pending_for: 1s}\n", ["should be at least 1m"]),
        ("heartbeat: {url: 'https://a.example/x', timeout: 2m}\n", ["should be at most 1m"]),
        ("heartbeat: {uri: 'https://a.example/x'}\n", ["heartbeat.uri: is no key here; did you mean url?"]),
    ],
)
def test_nonsense_is_told_with_its_place(load_yaml: Load, written: str, expected: list[str] | None) -> None:
    """And without what is secret."""
    found = problems(load_yaml, BASE + written)
    assert SECRET not in str(found)
    if expected is None:
        assert ["watchdogs[0].matchers[0]", "watchdogs[0].receiver", "watchdogs[1].every"] == sorted(
            each.split(" ")[1].rstrip(":") for each in found
        )
        return
    assert all(one in each for one, each in zip(expected, found, strict=True))


def test_what_is_wrong_with_its_receiver_is_said_once(load_yaml: Load) -> None:
    """There."""
    text = f"{BASE.replace('{name: on-call, log_configs: [{}]}', '{name: on-call, log_configs: [{x: 1}]}')}"
    assert ["on-call"] == [
        "on-call" for each in problems(load_yaml, f"{text}{WATCHDOG}  receiver: on-call\n") if "log_configs" in each
    ]
    assert 1 == len(problems(load_yaml, f"{text}{WATCHDOG}  receiver: on-call\n"))


@pytest.mark.parametrize(
    ("route", "within", "slowest"),
    [
        ("{receiver: chat}", "5m", ""),
        ("{receiver: chat, repeat_interval: 4h}", "5m", "4h 5m"),
        ("{receiver: chat, repeat_interval: 4h}", "5h", ""),
        ("{receiver: chat, repeat_interval: 2m}", "5m", "5m"),
        ("{receiver: chat, group_interval: 1m, repeat_interval: 50s}", "2m", ""),
        ("{receiver: chat, group_interval: 1m, repeat_interval: 1m}", "2m", "2m"),
        (
            "{receiver: chat, repeat_interval: 4h, routes: [{match: {alertname: Watchdog}, receiver: chat,"
            " group_interval: 1m, repeat_interval: 50s}]}",
            "2m",
            "",
        ),
        (
            "{receiver: chat, repeat_interval: 1m, group_interval: 1m, routes: [{match: {alertname: Watchdog},"
            " receiver: chat, repeat_interval: 1h}]}",
            "5m",
            "1h 1m",
        ),
        (
            "{receiver: chat, routes: [{match: {alertname: Other}, receiver: chat, repeat_interval: 1h}]}",
            "5m",
            "",
        ),
        (
            "{receiver: chat, routes: [{match: {alertname: Watchdog}, continue: true, group_interval: 1m,"
            " repeat_interval: 1m}, {receiver: chat, repeat_interval: 1d}]}",
            "5m",
            "1d",
        ),
    ],
)
def test_warns_of_an_upstream_that_says_it_too_seldom(load_yaml: Load, route: str, within: str, slowest: str) -> None:
    """As its routes have it, with what its group_interval makes of that."""
    text = BASE.replace("{receiver: chat}", route, 1) + f"{WATCHDOG}  receiver: on-call\n  within: {within}\n"
    found = [each for each in warnings(load_yaml, text) if "watchdogs[0].within" in each]
    assert bool(slowest) == bool(found), found
    assert all(f"may say it only every {slowest}" in each for each in found)


def test_warns_of_matchers_that_anything_meets(load_yaml: Load) -> None:
    """Another alert would feed it."""
    found = warnings(load_yaml, f"{BASE}watchdogs: [{{matchers: ['env!=\"dev\"'], receiver: on-call}}]\n")
    assert 1 == len(found)
    assert "watchdogs[0].matchers: are met by any alert without these labels" in found[0]

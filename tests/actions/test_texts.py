"""What a template names of a notification, and what is told where it fails."""

from dataclasses import replace

import pytest

from actions._recorded import recorded, try_template
from actions._texts import Texts, context
from alerts.notification import Notification
from templating import Template, TemplateError
from tests.actions import notifications


def rendered(source: str, notification: Notification) -> str:
    """Returns what a template makes of a notification."""
    return Template(source).render(context(notification))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (
            "{{ status }} {{ severity }} {{ receiver }} {{ title }}",
            "firing critical on-call [FIRING] KubePodCrashLooping",
        ),
        ("{{ subject }}", "customer/customer-rs-transformer-9b75b488c-cpfd7"),
        ("{{ leading.name }}: {{ leading.summary }}", "KubePodCrashLooping: Pod is crash looping."),
        ("{{ common_labels.namespace }}/{{ common_labels.nothing }}.", "customer/."),
        ("{{ readings.memory.text }}", "220 MiB of 256 MiB (86%)"),
        (
            "{{ readings.cpu.brief }}; {{ readings.cpu.request }} {{ readings.cpu.unit }}",
            "0.42 of 0.50 cores (84%); 0.25 cores",
        ),
        ("{{ 'high' if readings.memory.share > 0.8 else 'low' }}", "high"),
        ("{% for each in findings %}{{ each.title }} {{ each.kind }};{% endfor %}", "CPU reading;memory reading;"),
        (
            "{{ readings | length }} {{ 'cpu' in readings }} {{ readings }}",
            "2 True CPU: 0.42 of 0.50 cores (84%), request 0.25 cores; memory: 220 MiB of 256 MiB (86%)",
        ),
        ("{{ leading.starts_at }} {{ leading.ends_at }}.", "2022-03-02 07:31:57 UTC ."),
        ("{{ alerts[0].starts_at | date('%H:%M') }} {{ alerts.firing | length }}/{{ alerts | length }}", "07:31 1/1"),
        (
            "{{ alerts[0] }} {{ alerts[:1].firing | length }}",
            "KubePodCrashLooping customer/customer-rs-transformer-9b75b488c-cpfd7 1",
        ),
        ("{{ page_url }} {{ external_url }}", f"{notifications.PAGE} {notifications.ALERTMANAGER}"),
        ("{{ alerts[0].labels.severity }} {{ alerts[0].severity }}", "CRITICAL critical"),
    ],
)
def test_names(source: str, expected: str) -> None:
    """The group's, its alerts', and what was found of them."""
    assert expected == rendered(source, notifications.seed())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ readings.memory.text }}|{{ readings.memory.gap }}", "|Prometheus timed out after 2s"),
        ("{{ readings.nothing.text }}{{ readings.nothing.value }}{{ readings.nothing.at }}.", "."),
        ("{{ readings.memory.share > 0.9 }} {{ readings.memory.share < 0.9 }}", "False False"),
        ("{{ (readings.memory.value / 2 + 1) * 3 }}.", "."),
        ("{{ 'known' if readings.memory else 'unknown' }} {{ 'memory' in readings }}", "unknown False"),
        ("{{ readings.cpu.threshold }}{{ readings.memory.limit | default('none', true) }}", "none"),
        (
            "{{ readings.memory | tojson }}",
            '{"kind":"gap","name":"memory","text":"Prometheus timed out after 2s","title":"memory"}',
        ),
    ],
)
def test_does_without_readings(source: str, expected: str) -> None:
    """A reading that there is not is written as nothing, and neither more nor less than any number."""
    assert expected == rendered(source, notifications.mixed())


def test_cuts_what_no_message_could_show() -> None:
    """One alert's text of megabytes is no reason to fall back to something plain."""
    huge = notifications.notification(notifications.alert(annotations={"description": "x" * 1_000_000}))

    assert "20001" == rendered("{{ leading.annotations.description | length }}", huge)


def test_tells_something_plain_where_it_fails() -> None:
    """Field by field, with the error for the message's notes and for the receipt."""
    texts = Texts(notifications.noted("4th time in 30m"))

    assert "plain" == texts.render(None, "plain", "title")
    assert "firing" == texts.render(Template("{{ status }}"), "plain", "title")
    assert texts.errors == []
    assert "plain" == texts.render(Template("{{ statu }}"), "plain", "text")
    assert ["text: line 1: there is no 'statu' here; did you mean status?"] == texts.errors
    expected = ("template failed: text: line 1: there is no 'statu' here; did you mean status?", "4th time in 30m")
    assert expected == texts.noted().notes


def test_names_a_few_of_many_failures() -> None:
    """Room is left for the message itself."""
    texts = Texts(notifications.seed())
    for at in range(9):
        texts.render(Template("{{ x }}"), "plain", f"field {at}")

    assert 4 == len(texts.notes)
    assert "6 more templates failed" == texts.notes[-1]


@pytest.mark.parametrize("name", sorted(recorded()))
def test_is_recorded_as_alertmanager_writes(name: str) -> None:
    """Each payload is one that is accepted, of an alert at least."""
    assert recorded()[name].group.alerts


def test_is_tried_on_recorded_payloads() -> None:
    """What fails for one of them is named with it, before anybody is paged."""
    try_template(Template("{{ title }} {{ readings.memory.text }} {{ leading.annotations.summary }}"))
    with pytest.raises(TemplateError) as caught:
        try_template(Template("\n{{ alerts[1].labels.pod }}"))
    assert str(caught.value).startswith(
        "fails for recorded/bare.json: line 2: there is no '1' in a value of the kind alerts"
    )


def test_names_the_upstreams_receiver() -> None:
    """Links to Alertmanager's page are about whom it told; a bare alert has none."""
    told = notifications.seed()

    assert "on-call" == rendered("{{ upstream_receiver }}", told)
    upstream = replace(told, group=replace(told.group, receiver="hook"))
    assert "hook" == rendered("{{ upstream_receiver }}", upstream)
    expected = "https://alertmanager.example/#/alerts?receiver=hook"
    assert expected == rendered('{{ template "slack.default.titlelink" . }}', upstream)


def test_has_alerts_as_json() -> None:
    """With Alertmanager's keys, so that what reads its webhooks can read it."""
    expected = (
        '{"annotations":{},"endsAt":"0001-01-01T00:00:00Z","fingerprint":"%s","generatorURL":"",'
        '"labels":{"a":"\\u003cb\\u003e"},"startsAt":"2022-03-02T07:31:57.339Z","status":"firing"}'
    )
    alert = notifications.alert({"a": "<b>"})

    assert expected % alert.fingerprint == rendered("{{ leading | tojson }}", notifications.notification(alert))

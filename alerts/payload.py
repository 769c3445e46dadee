"""From a request's bytes to AlertGroups. The wire's shapes end here.

Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config and `template/template.go`,
`notify/webhook` of https://github.com/prometheus/alertmanager (0.25 to 0.34).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, NoReturn, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from alerts.model import ALONE, TOGETHER, Alert, AlertGroup, Status, common, fingerprint

_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
# Go's zero time: what Alertmanager writes for "not yet".
_NEVER = datetime.min.replace(tzinfo=UTC)
_MAX_PROBLEMS = 5
_PLAIN_WORDS = {
    "missing": "is missing",
    "too_short": "is empty",
    "string_type": "should be a string",
    "int_type": "should be a whole number",
    "list_type": "should be a list",
    "dict_type": "should be an object",
    "model_type": "should be an object",
}


class PayloadError(ValueError):
    """A body that is none of the shapes taken; the message names the place and holds nothing of the body."""


def _time(value: object) -> datetime | None:
    if value is None or value == "":
        return None
    match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError('should be a time such as "2022-03-02T07:31:57.339Z"')
    date, clock, fraction, zone = match.groups()
    zone = "+00:00" if zone in "Zz" else zone
    try:
        moment = datetime.fromisoformat(f"{date}T{clock}.{(fraction or '0').ljust(6, '0')}{zone}")
    except ValueError as error:
        raise ValueError(f"is no time: {error}") from None
    try:
        moment = moment.astimezone(UTC)
    except OverflowError:
        # Midnight of year 1 in another zone, or the last hours of year 9999.
        moment = _NEVER if moment.year == 1 else datetime.max.replace(tzinfo=UTC)
    return None if moment.year == 1 else moment


_Time = Annotated[datetime | None, BeforeValidator(_time)]
_Labels = dict[str, str]


class _Wire(BaseModel):
    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True, strict=True, frozen=True)


_Shape = TypeVar("_Shape", bound=_Wire)


class _WireAlert(_Wire):
    labels: _Labels = Field(min_length=1)
    annotations: _Labels | None = None
    status: Status | None = None
    startsAt: _Time = None
    endsAt: _Time = None
    generatorURL: str | None = None
    fingerprint: str | None = Field(default=None, max_length=256)


class _WireGroup(_Wire):
    version: Literal["4"] = "4"
    groupKey: str | None = None
    truncatedAlerts: int | None = Field(default=None, ge=0, lt=2**64)
    receiver: str | None = None
    status: Status | None = None
    alerts: list[_WireAlert] = Field(min_length=1)
    groupLabels: _Labels | None = None
    commonLabels: _Labels | None = None
    commonAnnotations: _Labels | None = None
    externalURL: str | None = None
    notification_reason: str | None = None


def parse(body: bytes, received_at: datetime, *, made_here: bool = False) -> tuple[AlertGroup, ...]:
    """Read a request's body.

    Args:
        body: an Alertmanager webhook (version 4), one bare alert, or a list of alerts, as JSON in UTF-8.
        received_at: aware; stands in for a missing `startsAt`, and decides a missing `status`.
        made_here: it is a webhook of ours about a group that there is; its key may be one that is made here.

    Returns:
        One group for a webhook; one for each bare alert, with a repeated one told once, as it was told last.

    Raises:
        PayloadError: the body is none of these; permanent.
    """
    document = _document(body)
    if isinstance(document, list):
        if not document:
            raise PayloadError("the list of alerts is empty")
        wires = [_validated(_WireAlert, each, f"[{at}]") for at, each in enumerate(document)]
        return _bare(wires, received_at)
    if not isinstance(document, dict):
        raise PayloadError(f"should be an object or a list of alerts, not {_kind(document)}")
    if "alerts" not in document:
        if "labels" not in document:
            raise PayloadError("has neither `alerts` (an Alertmanager webhook) nor `labels` (a bare alert)")
        return _bare([_validated(_WireAlert, document, "")], received_at)
    return _webhook(_validated(_WireGroup, document, ""), received_at, made_here)


def _document(body: bytes) -> Any:
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise PayloadError(f"is not UTF-8: byte {error.start} is wrong") from None
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
        if "\\ud" in text or "\\uD" in text:
            # Half a surrogate pair (an emoji cut in two) is valid JSON and no valid text: nothing could store it.
            whole = json.dumps(document, ensure_ascii=False).encode("utf-16-le", "surrogatepass")
            document = json.loads(whole.decode("utf-16-le", "replace"))
    except json.JSONDecodeError as error:
        raise PayloadError(f"is not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise PayloadError("is nested too deeply") from None
    except PayloadError:
        raise
    except ValueError:
        raise PayloadError("is not JSON: a number has too many digits") from None
    return document


def _refuse_constant(name: str) -> NoReturn:
    raise PayloadError(f"is not JSON: {name} is no JSON value")


def _kind(value: object) -> str:
    return {str: "a string", bool: "a boolean", type(None): "null"}.get(type(value), "a number")


def _validated(shape: type[_Shape], value: object, place: str) -> _Shape:
    try:
        return shape.model_validate(value)
    except ValidationError as error:
        raise PayloadError("; ".join(_problems(error, place))) from None


def _problems(error: ValidationError, place: str) -> Iterator[str]:
    problems = error.errors(include_url=False, include_context=False, include_input=False)
    for problem in problems[:_MAX_PROBLEMS]:
        path = place
        for step in problem["loc"]:
            path += f"[{step}]" if isinstance(step, int) else f".{str(step)[:64]}"
        message = problem["msg"].removeprefix("Value error, ").replace("Input should", "should")
        yield f"{path.lstrip('.') or 'the alert'}: {_PLAIN_WORDS.get(problem['type'], message)}"
    if len(problems) > _MAX_PROBLEMS:
        yield f"and {len(problems) - _MAX_PROBLEMS} more"


def _webhook(wire: _WireGroup, received_at: datetime, made_here: bool) -> tuple[AlertGroup, ...]:
    if not wire.groupKey:
        return _bare(wire.alerts, received_at, wire)
    ours = wire.groupKey.startswith((ALONE, TOGETHER))
    alerts = tuple(_alert(each, received_at) for each in wire.alerts)
    return (
        AlertGroup(
            group_key=f"upstream:{wire.groupKey}" if ours and not made_here else wire.groupKey,
            alerts=alerts,
            group_labels=wire.groupLabels or {},
            common_labels=_given_or_common(wire.commonLabels, [alert.labels for alert in alerts]),
            common_annotations=_given_or_common(wire.commonAnnotations, [a.annotations for a in alerts]),
            receiver=wire.receiver or "",
            external_url=wire.externalURL or "",
            truncated_alerts=wire.truncatedAlerts or 0,
            notification_reason=wire.notification_reason or "",
            bare=ours and made_here,
        ),
    )


def _given_or_common(given: _Labels | None, of_alerts: Any) -> _Labels:
    return common(of_alerts) if given is None else given


def _bare(wires: list[_WireAlert], received_at: datetime, around: _WireGroup | None = None) -> tuple[AlertGroup, ...]:
    alerts = {alert.fingerprint: alert for alert in (_alert(wire, received_at) for wire in wires)}
    return tuple(
        AlertGroup(
            group_key=f"{ALONE}{alert.fingerprint}",
            alerts=(alert,),
            group_labels=alert.labels,
            common_labels=alert.labels,
            common_annotations=alert.annotations,
            receiver=(around and around.receiver) or "",
            external_url=(around and around.externalURL) or "",
            bare=True,
        )
        for alert in alerts.values()
    )


def _alert(wire: _WireAlert, received_at: datetime) -> Alert:
    over = wire.endsAt is not None and wire.endsAt <= received_at
    status: Status = wire.status or ("resolved" if over else "firing")
    return Alert(
        labels=wire.labels,
        annotations=wire.annotations or {},
        status=status,
        starts_at=wire.startsAt or received_at,
        ends_at=None if status == "firing" else wire.endsAt or received_at,
        generator_url=wire.generatorURL or "",
        # An empty label is no label to Prometheus: Alertmanager drops it before it counts.
        fingerprint=wire.fingerprint or fingerprint({name: value for name, value in wire.labels.items() if value}),
    )

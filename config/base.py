"""What every settings class is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetPydanticSchema,
    PlainSerializer,
    PlainValidator,
    SecretStr,
    ValidationInfo,
    model_validator,
)
from pydantic_core import core_schema

import units
from alerts.classic_matchers import parse_classic_matchers
from alerts.conditions import Condition, parse_condition
from alerts.matchers import Matcher, MatcherError, parse_matchers
from config.content import read_small
from templating import Library, Template


class SecretError(Exception):
    """A secret's file cannot be read just now; the message names the file."""


class Settings(BaseModel):
    """Frozen, refuses unknown keys, and never shows a value in an error.

    Attributes:
        refused: keys that Alertmanager or Prometheus have and that are not taken: why, and what to write instead.
        ineffective: keys that are taken and do nothing: why.
    """

    refused: ClassVar[Mapping[str, str]] = {}
    ineffective: ClassVar[Mapping[str, str]] = {}

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, populate_by_name=False)

    @model_validator(mode="before")
    @classmethod
    def _left_out(cls, value: object) -> object:
        """A key with nothing behind it counts as left out, as Alertmanager takes it."""
        if not isinstance(value, dict):
            return value
        known = {field.alias or name for name, field in cls.model_fields.items()}
        return {key: each for key, each in value.items() if each is not None or key not in known}

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant: each key, and why."""
        for key in self.model_fields_set & self.ineffective.keys():
            yield key, self.ineffective[key]


def http_url(text: str) -> str:
    """Check that a text is a whole http or https URL.

    Raises:
        ValueError: it is not; the message does not repeat it, for it may hold a secret.
    """
    try:
        parts = urlsplit(text)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or any(character.isspace() for character in text):
        raise ValueError("is not an http:// or https:// URL")
    return text


def _http_secret(value: SecretStr) -> SecretStr:
    http_url(value.get_secret_value())
    return value


def _not_too_slow(rate: float) -> float:
    if rate < 1 / 3_600:
        raise ValueError("should be at least 1/h; so high a rate as 1000/s is as good as no pace")
    return rate


def at_least(least_seconds: float, why: str) -> AfterValidator:
    """Refuse a shorter duration, and say why."""

    def check(seconds: float) -> float:
        if seconds < least_seconds:
            raise ValueError(f"should be at least {units.duration(least_seconds)}: {why}")
        return seconds

    return AfterValidator(check)


def at_most(most_seconds: float, why: str) -> AfterValidator:
    """Refuse a longer duration, and say why."""

    def check(seconds: float) -> float:
        if seconds > most_seconds:
            raise ValueError(f"should be at most {units.duration(most_seconds)}: {why}")
        return seconds

    return AfterValidator(check)


def _read_with(read: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: read(value) if isinstance(value, str) else value)


def read_template(value: object, info: ValidationInfo, html: bool = False) -> Template:
    """Read a text with what templates there are to be called.

    Args:
        info: whose context may have the "library" of those.
        html: escape what is put in.

    Raises:
        ValueError: it is no text, or no template.
    """
    if not isinstance(value, str):
        raise ValueError("should be text")
    library = (info.context or {}).get("library")
    return Template(value, library if isinstance(library, Library) else None, html=html)


def _html_template(value: object, info: ValidationInfo) -> Template:
    return read_template(value, info, html=True)


DurationSeconds = Annotated[float, _read_with(units.duration_seconds)]
SizeBytes = Annotated[int, _read_with(units.size_bytes), Field(gt=0)]
SecretText = Annotated[SecretStr, Field(min_length=1)]
HttpUrl = Annotated[str, AfterValidator(http_url)]
SecretUrl = Annotated[SecretStr, AfterValidator(_http_secret)]
_AS_WRITTEN = PlainSerializer(lambda template: template.source)
TemplateText = Annotated[Template, PlainValidator(read_template), _AS_WRITTEN]
"""Text with a user's template in it; `validated(..., context={"library": ...})` says what it may call."""
TemplateHtml = Annotated[Template, PlainValidator(_html_template), _AS_WRITTEN]
"""The same for HTML: what is put in is escaped."""
RatePerSecond = Annotated[float, _read_with(units.rate_per_second), AfterValidator(_not_too_slow)]


def _listed(value: object) -> object:
    if not isinstance(value, list):
        raise ValueError('should be a list of matchers such as severity="critical"')
    return value


def _matchers_of_a_line(value: object) -> tuple[Matcher, ...]:
    if not isinstance(value, str):
        raise ValueError('should be matchers such as severity="critical"')
    try:
        return parse_matchers(value)
    except MatcherError as error:
        raise ValueError(f"{error}{_as_read_before(value)}") from None


def _as_read_before(text: str) -> str:
    """What to write where Alertmanager falls back to its classic parser, and so takes what is none here."""
    try:
        meant = parse_classic_matchers(text)
    except MatcherError:
        return ""
    return f"; what Alertmanager makes of it is written {', '.join(map(str, meant))} here" if meant else ""


def _matcher_list(source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
    """A schema of lines, so that what is wrong is told at its own; they are one list then."""
    line = core_schema.no_info_plain_validator_function(_matchers_of_a_line)
    lines = core_schema.no_info_before_validator_function(_listed, core_schema.tuple_variable_schema(line))
    return core_schema.no_info_after_validator_function(lambda read: tuple(chain.from_iterable(read)), lines)


def _expression(text: str) -> str:
    try:
        Matcher("", "=~", text)
    except MatcherError as error:
        raise ValueError(str(error).removeprefix(": ")) from None
    return text


MatcherList = Annotated[tuple[Matcher, ...], GetPydanticSchema(_matcher_list)]
Expressions = dict[str, Annotated[str, AfterValidator(_expression)]]


def all_matchers(
    match: Mapping[str, str], match_re: Mapping[str, str], matchers: Iterable[Matcher]
) -> tuple[Matcher, ...]:
    """What Alertmanager's three ways of writing matchers say together.

    Raises:
        MatcherError: a regular expression is not RE2's.
    """
    exact = [Matcher(name, "=", value) for name, value in match.items()]
    return (*exact, *(Matcher(name, "=~", value) for name, value in match_re.items()), *matchers)


def _conditions(value: object) -> object:
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise ValueError("should be a list of conditions such as 'memory.share > 0.9'")
    return tuple(parse_condition(line) for line in value)


class PaceSettings(Settings):
    """How fast a destination is told: `rate` a second on average, `burst` at once."""

    rate: RatePerSecond
    burst: int = Field(default=1, ge=1, le=1_000)


class ActionSettings(Settings):
    """One element of a receiver's `<kind>_configs`.

    Attributes:
        send_resolved: whether the end of an alert is told; each kind has Alertmanager's default.
        pace: how fast the destination is told; None is as fast as it takes it, until it answers 429.
        when: what readings are to be for an alert to be told there; all of these.
        digestible: many groups may be told there in one message.
        wakes: it is not told of what is over already; for what wakes people.
        shows_images: notifications come with pictures, by their URLs, where far sides can fetch them.
        acknowledges: its far side can be told that somebody has taken a group over.
        remedies: it does something about alerts, and tells nobody.
        from_global: for a key left out, the key of `global` that stands in.
        from_environment: and if that is left out too, the variable.
        example: the smallest complete one, for the documentation and the contract tests.
    """

    send_resolved: bool = True
    pace: PaceSettings | None = None
    when: Annotated[tuple[Condition, ...], BeforeValidator(_conditions)] = ()

    digestible: ClassVar[bool] = False
    wakes: ClassVar[bool] = False
    shows_images: ClassVar[bool] = False
    acknowledges: ClassVar[bool] = False
    remedies: ClassVar[bool] = False
    from_global: ClassVar[Mapping[str, str]] = {}
    from_environment: ClassVar[Mapping[str, str]] = {}
    example: ClassVar[Mapping[str, Any]] = {}

    @property
    def in_digests(self) -> bool:
        """Whether many groups may be told there in one message: not where each says where it goes."""
        return self.digestible

    @property
    def timeline(self) -> bool:
        """Whether it is told what happens to a group, beside the group's state."""
        return False

    @property
    def hears_remediations(self) -> bool:
        """Whether it is told what is done about a group's alerts, beside the group's state."""
        return self.timeline

    @property
    def read_from(self) -> tuple[Path, ...]:
        """Files that it is made of: where one of these changes, the configuration is to be loaded anew."""
        return ()

    @classmethod
    def takes_default(cls, key: str, given: Mapping[str, Any]) -> bool:
        """Whether a key may be filled in from `global` or the environment, beside what is given already."""
        twin = key.removesuffix("_file") if key.endswith("_file") else f"{key}_file"
        return given.get(key) is None and given.get(twin) is None


def read_secret(value: SecretStr | None, file: Path | None) -> str:
    """The secret itself, given outright or in a file that is read anew each time, so that it can be rotated.

    Raises:
        SecretError: the file cannot be read, or is empty; it may be there next time.
    """
    if value is not None:
        return value.get_secret_value()
    if file is None:
        raise SecretError("neither a value nor a file is set")
    try:
        secret = read_small(file).decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is not text"
        raise SecretError(f"{file}: {reason}") from None
    if not secret:
        raise SecretError(f"{file}: is empty")
    return secret


def require_one(settings: BaseModel, *keys: str) -> None:
    """Refuse settings in which none, or more than one, of the keys is set.

    Raises:
        ValueError: naming them.
    """
    given = [key for key in keys if getattr(settings, key) is not None]
    if len(given) != 1:
        raise ValueError(f"needs {' or '.join(keys)}" if not given else f"has both {' and '.join(given)}")


def require_at_most_one(settings: BaseModel, *keys: str) -> None:
    """Refuse settings in which more than one of the keys is set.

    Raises:
        ValueError: naming them.
    """
    if len([key for key in keys if getattr(settings, key) is not None]) > 1:
        raise ValueError(f"has both {' and '.join(keys)}")

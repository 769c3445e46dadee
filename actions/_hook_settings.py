"""The settings of a hook's Job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, PlainSerializer, PlainValidator, ValidationInfo, model_validator

from actions._hook_template import JobTemplate, read_template
from cluster.names import is_label
from config.base import Settings


def _template(value: object, info: ValidationInfo) -> JobTemplate:
    """Read the file that is named: a relative name begins at the configuration's folder, where that is known."""
    if isinstance(value, JobTemplate):
        return value
    if not isinstance(value, str) or not value:
        raise ValueError("should be the name of a file")
    folder = (info.context or {}).get("folder")
    try:
        return read_template(folder / value if isinstance(folder, Path) else Path(value))
    except ValueError as error:
        raise ValueError(str(error)) from None


def _namespace(name: str) -> str:
    if not is_label(name):
        raise ValueError("should be small letters, digits and -, at most 63")
    return name


Namespace = Annotated[str, AfterValidator(_namespace)]
JobFile = Annotated[JobTemplate, PlainValidator(_template), PlainSerializer(lambda template: str(template.path))]


class JobSettings(Settings):
    """A Job that is run.

    Attributes:
        template: a file with what it is made of.
        namespace: where it runs; where the template says, unless set.
    """

    template: JobFile
    namespace: Namespace | None = None

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        said = self.template.namespace
        if said is None and self.namespace is None:
            raise ValueError("needs a namespace, here or in the template's metadata")
        if said is not None and self.namespace not in (None, said):
            raise ValueError(f"has another namespace than the template, which says {said}")
        return self

    @property
    def where(self) -> str:
        """The namespace in which it runs."""
        return self.namespace or self.template.namespace or ""

    def doubts(self) -> Iterator[tuple[str, str]]:
        """What is set and may not be what was meant: each key, and why."""
        yield from super().doubts()
        yield from (("template", f"{self.template.path}: {why}") for why in self.template.doubts())

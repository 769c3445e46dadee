"""Which Kubernetes is spoken to."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import model_validator

from config.base import Settings


class KubernetesSettings(Settings):
    """Whose API is asked, and as whom: by a kubeconfig, or by the service account of the pod that this runs in.

    Attributes:
        context: of the kubeconfig, instead of its current one.
    """

    kubeconfig: Path | None = None
    context: str | None = None

    @model_validator(mode="after")
    def _context_of_a_file(self) -> Self:
        if self.context is not None and self.kubeconfig is None:
            raise ValueError("has a context, and no kubeconfig that it would be of")
        return self

"""Somebody in a real cluster who may do what a test says, and nothing else."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import requests

from tests.far_sides.kube_apiserver import Object
from tests.kubernetes.place import Place

_RBAC = "/apis/rbac.authorization.k8s.io/v1"
_NUMBERS = itertools.count()

Rule = Mapping[str, Any]


class Account:
    """A service account of a test's namespace.

    Args:
        rules: of a Role in that namespace, as a manifest has them.
        cluster: of a ClusterRole for all.
    """

    def __init__(self, place: Place, rules: Sequence[Rule] = (), cluster: Sequence[Rule] = ()) -> None:
        self._place = place
        self.name = f"account-{next(_NUMBERS)}"
        self.token = place.api.token(place.namespace, self.name)
        self._bind("Role", self.name, f"{_RBAC}/namespaces/{place.namespace}", rules)
        self._bind("ClusterRole", f"{place.namespace}-{self.name}", _RBAC, cluster)
        # The API server hears of roles a moment after it has kept them.
        place.api.wait_until(lambda: all(map(self._may, [*rules, *cluster])))

    @property
    def kubeconfig(self) -> Path:
        """By which one is this account."""
        return self._place.api.kubeconfig(f"{self._place.namespace}-{self.name}", self.token)

    def ask(self, method: str, path: str) -> requests.Response:
        """Asks as this account."""
        return requests.request(
            method,
            f"{self._place.api.url}{path}",
            headers={"Authorization": f"Bearer {self.token}"},
            verify=str(self._place.api.ca_file),
            timeout=10,
        )

    def _bind(self, kind: str, name: str, path: str, rules: Sequence[Rule]) -> None:
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": self._place.namespace}
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}
        metadata: Object = {"metadata": {"name": name}}
        self._place.api.done("POST", f"{path}/{kind.lower()}s", {**metadata, "rules": list(rules)})
        self._place.api.done(
            "POST", f"{path}/{kind.lower()}bindings", {**metadata, "roleRef": role, "subjects": [subject]}
        )

    def _may(self, rule: Rule) -> bool:
        """Whether all that a rule allows is allowed by now."""
        user = f"system:serviceaccount:{self._place.namespace}:{self.name}"
        for group, resource, verb in itertools.product(rule["apiGroups"], rule["resources"], rule["verbs"]):
            resource, _, part = resource.partition("/")
            asked = {
                "namespace": self._place.namespace,
                "group": group,
                "resource": resource,
                "subresource": part,
                "verb": verb,
            }
            review = {"spec": {"user": user, "resourceAttributes": asked}}
            answer = self._place.api.done("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
            if not answer["status"]["allowed"]:
                return False
        return True

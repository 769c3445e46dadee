"""Alertmanager's API, of the one that is configured, whoever sends the alerts: what fires there, and silences."""

from alertmanager.api import Alertmanager, AlertmanagerError, Silence, Standing

__all__ = ["Alertmanager", "AlertmanagerError", "Silence", "Standing"]

"""How somebody is told. One module an action, found by its name; see `_base.py`."""

from actions._base import Action, find, link, subject

__all__ = ["Action", "find", "link", "subject"]

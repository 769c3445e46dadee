"""How somebody is told. One module an action, found by its name; see `_base.py`."""

from actions._base import Action, briefs, find, link, subject
from actions._digest import counted
from actions._recorded import try_template

__all__ = ["Action", "briefs", "counted", "find", "link", "subject", "try_template"]

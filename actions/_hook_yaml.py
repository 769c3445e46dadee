"""A Kubernetes object in a file, as JSON has it, with the places of what stands in it.

Values are what kubectl makes of them; what PyYAML alone would make of them, dates and base-60 numbers, stays text.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from config.content import read_small

Path_ = tuple[str | int, ...]

_MOST_NODES = 20_000
_DEEPEST = 60
_INT = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)$")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.?[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?$")
_BOOL = re.compile(r"(?:[Yy]es|YES|[Nn]o|NO|[Tt]rue|TRUE|[Ff]alse|FALSE|[Oo]n|ON|[Oo]ff|OFF)$")
_NULL = re.compile(r"(?:~|null|Null|NULL|)$")


class UnfitFile(ValueError):
    """A file that holds no such object; the message has the place."""


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  # PyYAML's own shape of it


_Loader.add_implicit_resolver("tag:yaml.org,2002:null", _NULL, ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", _BOOL, list("yYnNtTfFoO"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", _INT, list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
_Loader.add_implicit_resolver("tag:yaml.org,2002:merge", re.compile("<<$"), ["<"])


class Manifest:
    """What a file holds.

    Args:
        path: of a UTF-8 file with one YAML document of at most 64 KiB.

    Attributes:
        document: as JSON has it.

    Raises:
        UnfitFile: it cannot be read, or is no JSON in YAML.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._marks: dict[Path_, yaml.Mark] = {}
        self._nodes = 0
        try:
            loader = _Loader(read_small(path).decode())
            root = loader.get_single_node()
            if root is not None:
                self._look(root, ())
            made = loader.construct_document(root) if root is not None else None
            self.document: Any = json.loads(json.dumps(made, allow_nan=False))
        except UnfitFile:
            raise
        except OSError as error:
            raise UnfitFile(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError:
            raise UnfitFile(f"{path}: is not UTF-8") from None
        except yaml.MarkedYAMLError as error:
            raise UnfitFile(f"{self._place(error.problem_mark)}: is not YAML: {error.problem}") from None
        except yaml.reader.ReaderError:
            raise UnfitFile(f"{path}: is not YAML: a character that may not stand there") from None
        except RecursionError:
            raise UnfitFile(f"{path}: is nested too deeply") from None
        except (TypeError, ValueError):
            raise UnfitFile(f"{path}: holds what there is none of in JSON") from None

    def unfit(self, path: Path_, message: str) -> UnfitFile:
        """Say what is wrong at a path, placed at the nearest part of it that the file has."""
        known = path
        while known and known not in self._marks:
            known = known[:-1]
        named = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")
        return UnfitFile(" ".join(filter(None, (f"{self._place(self._marks.get(known))}:", named, message))))

    def _place(self, mark: yaml.Mark | None) -> str:
        return f"{self._path}:{mark.line + 1}:{mark.column + 1}" if mark else str(self._path)

    def _look(self, node: yaml.Node, path: Path_) -> None:
        """Find the places; an alias counts as all that it stands for, before anything is made of it."""
        self._marks.setdefault(path, node.start_mark)
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            raise UnfitFile(f"{self._place(node.start_mark)}: is too large, too deep or holds itself")
        if isinstance(node, yaml.SequenceNode):
            for at, each in enumerate(node.value):
                self._look(each, (*path, at))
        elif isinstance(node, yaml.MappingNode):
            seen: set[str] = set()
            for key, each in node.value:
                name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
                if name in seen and name != "<<":
                    raise UnfitFile(f"{self._place(key.start_mark)}: {name} stands here twice")
                seen.add(name)
                self._marks[*path, name] = key.start_mark
                self._look(each, (*path, name))

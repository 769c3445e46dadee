"""Another configuration in the place of the one that holds, without a restart: when it is asked for, and when a file
that it was read from changes. One that is not good changes nothing but what is said of it.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

import telemetry
from config.content import Content, look
from config.document import ConfigError
from config.environment import EnvironmentVariableError
from config.schema import Configuration
from pipeline.background import Background

_LOOK_SECONDS = 1.0
# A file that is being written may be valid half way: two looks are to agree, but not for ever.
_SETTLE_SECONDS = 0.05
_SETTLE_LOOKS = 20
# What is held open, or agreed with others, for as long as the service runs. (Who has a shorter lease would take
# what is held by the longer one for left over from before the clock was put back.)
_FIXED = (("storage", "url"), ("delivery", "lease"))

_log = structlog.get_logger("reload")

Load = Callable[[], Configuration]
"""Reads the configuration; raises ConfigError or EnvironmentVariableError with all that is wrong."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """The configuration that holds, and what came of the last attempt to load another.

    Attributes:
        at: when it was loaded.
        tried_at: when the last attempt was.
        content: what its files held then, whatever came of it.
        error: why that attempt failed; "" when it did not.
    """

    configuration: Configuration
    at: datetime
    tried_at: datetime
    content: Content
    error: str = ""


def first(load: Load, now: datetime) -> Loaded:
    """Load the first one.

    Raises:
        ConfigError, EnvironmentVariableError: there is none to hold on to.
    """
    configuration = load()
    return Loaded(configuration, now, now, look(configuration.watched))


def reloaded(before: Loaded, load: Load, now: datetime) -> Loaded:
    """Load another; where that fails the one before holds on. Never raises."""
    content = look(before.configuration.watched)
    failed = replace(before, tried_at=now, content=content)
    if content.unfit:
        return replace(failed, error=content.unfit)
    try:
        configuration = _with_fixed(load(), before.configuration)
    except (ConfigError, EnvironmentVariableError) as error:
        return replace(failed, error=str(error))
    except Exception as error:
        _log.exception("the configuration cannot be loaded")
        return replace(failed, error=f"cannot be loaded ({type(error).__name__}); the log has the traceback")
    after = look(configuration.watched, content)
    # Written since it was looked at: what was read is not known, and the next look is to find it changed.
    return Loaded(configuration, now, now, after if after.states == content.states else Content())


def _with_fixed(new: Configuration, running: Configuration) -> Configuration:
    """A configuration with what cannot be changed as it is, and with warnings that say so."""
    file, warnings = new.file, list(new.warnings)
    for section, key in _FIXED:
        kept, wanted = (getattr(getattr(each, section), key) for each in (running.file, file))
        if kept != wanted:
            settings = getattr(file, section).model_copy(update={key: kept})
            file = file.model_copy(update={section: settings})
            warnings.append(f"{new.name}: {section}.{key}: has changed; only a restart has that take effect")
    return replace(new, file=file, warnings=tuple(warnings))


class Reloader(Background):
    """Loads the configuration of one process anew: in a thread of its own, and for who asks.

    Args:
        loaded: what holds.
        take: puts another in its place.
        clock: for people; none of it waits by it.

    Attributes:
        tell_others: has the other processes of this service load it, too.
    """

    def __init__(
        self,
        loaded: Loaded,
        load: Load,
        take: Callable[[Configuration], None] = lambda configuration: None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__("reloader")
        self.loaded = loaded
        self.tell_others: Callable[[], None] = lambda: None
        self._load = load
        self._take = take
        self._clock = clock
        self._turn = threading.Lock()
        self._begun_at = -math.inf
        # A signal may come within the handling of another: nothing else may be put to from there.
        self._told: queue.SimpleQueue[None] = queue.SimpleQueue()

    def start(self) -> None:
        """Begin to look at the files; what came of the last attempt is shown in the metrics from here on."""
        self._show()
        super().start()

    def tell(self) -> None:
        """Have the thread load it soon; a signal's handler may call this."""
        self._told.put(None)

    def reload(self) -> Loaded:
        """Load it now, whether or not anything changed.

        Who asks while others wait for their turn shares what comes of theirs, if it is begun only then.
        """
        asked_at = time.monotonic()
        with self._turn:
            if self._begun_at <= asked_at:
                self._attempt()
            return self.loaded

    def look(self) -> Loaded:
        """Load it now if anything changed."""
        with self._turn:
            if self._changed():
                self._attempt()
            return self.loaded

    def _changed(self) -> bool:
        configuration, known = self.loaded.configuration, self.loaded.content
        seen = look(configuration.watched, known)
        if seen.states == known.states:
            return False
        if seen.same_as(known) and not self.loaded.error:
            self.loaded = replace(self.loaded, content=seen)
            return False
        for _ in range(_SETTLE_LOOKS):
            self._stopping.wait(_SETTLE_SECONDS)
            last, seen = seen, look(configuration.watched, seen)
            if seen.same_as(last):
                break
        return True

    def _attempt(self) -> None:
        self._begun_at = time.monotonic()
        before = self.loaded
        loaded = reloaded(before, self._load, self._clock())
        if not loaded.error:
            try:
                self._take(loaded.configuration)
            except Exception as error:
                _log.exception("the configuration cannot be taken")
                said = f"cannot be taken ({type(error).__name__}); the log has the traceback"
                loaded = replace(before, tried_at=loaded.tried_at, content=loaded.content, error=said)
        self.loaded = loaded
        if self.alive:
            telemetry.CONFIG_RELOADS.labels("bad" if loaded.error else "good").inc()
            self._show()
        if loaded.error:
            _log.error("the configuration is not good; the one before holds", error=loaded.error)
        else:
            configuration = loaded.configuration
            _log.info(
                "configuration loaded",
                file=configuration.name,
                digest=configuration.digest,
                warnings=list(configuration.warnings),
            )

    def _show(self) -> None:
        telemetry.CONFIG_LAST_RELOAD_SUCCESSFUL.set(0 if self.loaded.error else 1)
        telemetry.CONFIG_LAST_RELOAD_SUCCESS_SECONDS.set(self.loaded.at.timestamp())

    def _interrupt(self) -> None:
        self.tell()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                told = self._waited()
                if not self._stopping.is_set():
                    self.reload() if told else self.look()
            except Exception:
                # Whatever it is, the next change is to be seen all the same.
                _log.exception("looking at the configuration was interrupted")
                self._stopping.wait(_LOOK_SECONDS)

    def _waited(self) -> bool:
        """Whether it was told, once or more often, before it was time to look."""
        try:
            self._told.get(timeout=_LOOK_SECONDS)
            while not self._told.empty():
                self._told.get_nowait()
        except queue.Empty:
            return False
        return True

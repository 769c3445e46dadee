"""Loading the configuration anew: when, what of it holds, and that one that is not good changes nothing."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from prometheus_client import REGISTRY

from building import configure
from config.schema import Configuration
from pipeline.reload import Loaded, Reloader, first
from tests.pipeline.parts import Clock
from tests.samples import NOW
from tests.service import eventually

ONE = "route: {receiver: one}\nreceivers: [{name: one, log_configs: [{}]}]\n"
TWO = ONE.replace("one", "two")
BROKEN = "route: {receiver: nobody}\nreceivers: [{name: one, log_configs: [{}]}]\n"


@dataclass
class Process:
    """One that loaded ONE, and what it took since."""

    file: Path
    variables: dict[str, str] = field(default_factory=dict)
    taken: list[Configuration] = field(default_factory=list)
    loads: int = 0
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        if not self.file.exists():
            self.file.write_text(ONE)
        self.reloader = Reloader(first(self.load, NOW), self.load, self.take, self.clock)
        self.loads = 0

    def load(self) -> Configuration:
        """Reads the file."""
        self.loads += 1
        return configure(self.variables, self.file)

    def take(self, configuration: Configuration) -> None:
        """Takes it."""
        self.taken.append(configuration)

    @property
    def root(self) -> str | None:
        """The receiver of the root route that holds."""
        return self.reloader.loaded.configuration.file.route.receiver


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """A process whose thread does not run: the test looks by hand."""
    return Process(tmp_path / "config.yaml")


@pytest.fixture
def watching(process: Process) -> Iterator[Process]:
    """The process, its thread running."""
    process.reloader.start()
    yield process
    process.reloader.stop(5)


def metric(name: str) -> float | None:
    """A metric of this process."""
    return REGISTRY.get_sample_value(f"alert_manager_config_last_reload_{name}")


def test_loads_what_changed(process: Process) -> None:
    """Once, and not what did not change or was only touched."""
    process.reloader.look()
    os.utime(process.file, ns=(0, 0))
    process.reloader.look()
    assert 0 == process.loads
    process.file.write_text(TWO)
    process.clock.pass_seconds(60)
    loaded = process.reloader.look()
    process.reloader.look()
    assert (1, ["two"]) == (process.loads, [each.file.route.receiver for each in process.taken])
    assert (process.clock.now, process.clock.now, "") == (loaded.at, loaded.tried_at, loaded.error)


def test_loads_what_did_not_change_when_it_is_asked(process: Process) -> None:
    """What the file does not say may be another: a variable's file, an enricher of the user's own."""
    process.reloader.reload()
    assert (1, 1) == (process.loads, len(process.taken))


def delete(file: Path) -> None:
    """No file."""
    file.unlink()


def fold(file: Path) -> None:
    """A folder."""
    file.unlink()
    file.mkdir()


def pipe(file: Path) -> None:
    """A pipe that nobody writes to."""
    file.unlink()
    os.mkfifo(file)


def dangle(file: Path) -> None:
    """A link that leads nowhere."""
    file.unlink()
    file.symlink_to("away")


def grow(file: Path) -> None:
    """100 MB."""
    with file.open("r+b") as opened:
        opened.truncate(100_000_000)


def write(content: bytes) -> Callable[[Path], object]:
    """Another content."""
    return lambda file: file.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (write(BROKEN.encode()), "no receiver is called 'nobody'"),
        (write(b""), "should be a mapping"),
        (write(ONE.encode()[:23]), "receivers: should be"),
        (write(ONE.encode()[:30]), "is not YAML"),
        (write(b"route: ["), "is not YAML"),
        (write(b"\xff"), "is not UTF-8"),
        (write(b"route: ${NOT_SET}"), "NOT_SET is not set"),
        (write(b"enrichment: {queries: [{name: q, promql: 'up{'}]}\n" + ONE.encode()), "enrichment.queries[0]"),
        (delete, "cannot be read: No such file or directory"),
        (dangle, "cannot be read: No such file or directory"),
        (fold, "cannot be read: Is a directory"),
        (pipe, "is no file"),
        (grow, "is longer than 8 MiB"),
    ],
    ids=lambda each: each.__name__ if callable(each) else None,
)
def test_what_is_not_good_changes_nothing(process: Process, spoil: Callable[[Path], object], said: str) -> None:
    """The one before holds, the reason is told, it is tried once; and when the file is good again it is taken."""
    before = process.reloader.loaded
    spoil(process.file)
    process.clock.pass_seconds(60)
    loaded = process.reloader.look()
    assert said in loaded.error
    assert (before.configuration, before.at, []) == (loaded.configuration, loaded.at, process.taken)
    assert process.clock.now == loaded.tried_at
    assert loaded is process.reloader.look()
    if process.file.is_dir():
        process.file.rmdir()
    else:
        process.file.unlink(missing_ok=True)
    # The very one that holds: it is not loaded because it changed, but because the last attempt failed.
    process.file.write_text(ONE)
    mended = process.reloader.look()
    assert ("", process.clock.now) == (mended.error, mended.at)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(process: Process) -> None:
    """That its mode changed is seen, and said."""
    process.file.chmod(0)
    assert "Permission denied" in process.reloader.look().error
    process.file.chmod(0o600)
    assert "" == process.reloader.look().error


def test_a_defect_changes_nothing(process: Process, capsys: pytest.CaptureFixture[str]) -> None:
    """Whatever loading or taking raises, the one before holds, and its words, which may be anybody's, are not shown."""
    process.reloader._load = lambda: 1 / 0  # type: ignore[assignment, return-value]
    assert "cannot be loaded (ZeroDivisionError); the log has the traceback" == process.reloader.reload().error

    def refuse(configuration: Configuration) -> None:
        raise OSError("s3cret")

    process.reloader._load, process.reloader._take = process.load, refuse
    process.file.write_text(TWO)
    loaded = process.reloader.reload()
    assert "cannot be taken (OSError); the log has the traceback" == loaded.error
    assert "one" == process.root
    assert "s3cret" not in loaded.error
    process.reloader._take = process.take
    assert ("", "two") == (process.reloader.reload().error, process.root)


class Writing:
    """Stands in for the pauses between two looks, in which somebody writes on."""

    def __init__(self, file: Path, parts: list[str]) -> None:
        self.file = file
        self.parts = parts

    def wait(self, seconds: float) -> bool:
        """Writes the next part."""
        if self.parts:
            with self.file.open("a") as opened:
                opened.write(self.parts.pop(0))
        return False


def test_half_a_file_is_not_taken(process: Process) -> None:
    """What is valid half way is not what was meant: it is loaded when two looks agree."""
    second = "- {name: two, log_configs: [{}]}\n"
    process.file.write_text("route: {receiver: one}\n")
    process.reloader._stopping = Writing(  # type: ignore[assignment]
        process.file, ["receivers:\n", "- {name: one, log_configs: [{}]}\n", second, second.replace("two", "three")]
    )
    process.reloader.look()
    assert [["one", "two", "three"]] == [[each.name for each in found.receivers] for found in process.taken]


def test_who_never_stops_writing_is_not_waited_for(process: Process) -> None:
    """After a second what is there is loaded, if it is good."""
    process.file.write_text(TWO)
    process.reloader._stopping = Writing(process.file, ["# more\n"] * 1_000)  # type: ignore[assignment]
    process.reloader.look()
    assert (1, "two") == (process.loads, process.root)


def test_what_is_written_while_it_is_read_is_loaded_again(process: Process) -> None:
    """Else it would not be known which of the two holds."""
    plain = process.reloader._load

    def load() -> Configuration:
        configuration = plain()
        process.file.write_text(TWO)
        return configuration

    process.reloader._load = load
    process.file.write_text(ONE + "# changed\n")
    process.reloader.look()
    assert "one" == process.root
    process.reloader._load = plain
    process.reloader.look()
    assert "two" == process.root


def test_what_cannot_change_stays_and_is_warned_of(tmp_path: Path) -> None:
    """The storage and the lease are as they were at the start, the rest is taken; the warning tells no value."""
    started = "storage: {{url: '{}', retention: {}}}\ndelivery: {{lease: {}, retry_for: {}}}\n"
    file = tmp_path / "config.yaml"
    file.write_text(started.format("sqlite:///a.db", "30d", "30s", "1h") + ONE)
    process = Process(file)
    file.write_text(started.format("postgresql://user:s3cret@host/b", "2d", "10s", "2h") + ONE)
    configuration = process.reloader.look().configuration
    settings = configuration.file
    assert settings.storage.url is not None
    assert ("sqlite:///a.db", 172_800.0) == (settings.storage.url.get_secret_value(), settings.storage.retention)
    assert (30.0, 7_200.0) == (settings.delivery.lease, settings.delivery.retry_for)
    changed = "has changed; only a restart has that take effect"
    assert (f"{file}: storage.url: {changed}", f"{file}: delivery.lease: {changed}") == configuration.warnings
    # What is put back needs no restart.
    file.write_text(started.format("sqlite:///a.db", "2d", "30s", "2h") + ONE)
    assert () == process.reloader.look().configuration.warnings


def test_a_secret_in_a_file_of_the_environment_is_looked_at(tmp_path: Path) -> None:
    """What a variable's file says is part of the configuration, and is loaded anew when it is rotated."""
    secret = tmp_path / "url"
    secret.write_text("https://one.example\n")
    file = tmp_path / "config.yaml"
    file.write_text(f"external_url: ${{PAGE}}\n{ONE}")
    process = Process(file, {"PAGE_FILE": str(secret)})
    secret.write_text("https://two.example\n")
    assert "https://two.example" == process.reloader.look().configuration.file.external_url


def test_ten_at_once_are_two(process: Process) -> None:
    """Who asks while it is loaded cannot know whether it saw what was written by then: they share the next one."""
    plain, begun, go_on = process.reloader._load, threading.Event(), threading.Event()

    def load() -> Configuration:
        begun.set()
        assert go_on.wait(5)
        return plain()

    process.reloader._load = load
    asking = threading.Semaphore(0)

    def ask() -> Loaded:
        asking.release()
        return process.reloader.reload()

    with ThreadPoolExecutor(10) as pool:
        answers = [pool.submit(ask)]
        assert begun.wait(5)
        process.file.write_text(TWO)
        answers += [pool.submit(ask) for _ in range(9)]
        for _ in range(10):
            assert asking.acquire(timeout=5)
        go_on.set()
        roots = [each.result(5).configuration.file.route.receiver for each in answers]
    assert ["two"] * 9 == roots[1:]
    assert process.loads <= 3


def test_the_thread_sees_a_change(watching: Process) -> None:
    """Without being told, within a look or two; and it goes on after a file that was not good."""
    assert 1.0 == metric("successful")
    watching.file.write_text(BROKEN)
    eventually(lambda: watching.reloader.loaded.error, "the broken file to be seen")
    eventually(lambda: metric("successful") == 0.0, "the metric to say so")
    watching.clock.pass_seconds(60)
    watching.file.write_text(TWO)
    eventually(lambda: watching.root == "two", "the good one to be taken")
    eventually(lambda: metric("successful") == 1.0, "the metric to say so")
    assert watching.clock.now.timestamp() == metric("success_timestamp_seconds")


def test_the_thread_is_told(watching: Process) -> None:
    """As a signal does: it is loaded though nothing changed, once for all that told it meanwhile."""
    for _ in range(50):
        watching.reloader.tell()
    eventually(lambda: watching.loads, "it to be loaded")
    assert watching.loads <= 5


def test_the_thread_goes_on_after_a_defect(watching: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever happens in one look, the next change is seen."""
    plain, failed = watching.reloader._changed, threading.Event()

    def fail() -> bool:
        failed.set()
        raise ValueError("a defect")

    monkeypatch.setattr(watching.reloader, "_changed", fail)
    assert failed.wait(5)
    monkeypatch.setattr(watching.reloader, "_changed", plain)
    watching.file.write_text(TWO)
    eventually(lambda: watching.root == "two", "the change to be seen")


def test_stops_at_once(process: Process) -> None:
    """It is not waited for until the next look; what is asked for afterwards is done all the same."""
    process.reloader.start()
    process.reloader.stop(0.5)
    assert not process.reloader._thread.is_alive()
    process.file.write_text(TWO)
    assert "two" == process.reloader.reload().configuration.file.route.receiver
    never_started = Process(process.file)
    never_started.reloader.stop(0.5)


def test_a_digest_tells_configurations_apart(tmp_path: Path) -> None:
    """The same is the same in each process, a route's change is none; of secrets it says nothing."""
    slack = "receivers: [{{name: one, slack_configs: [{{api_url: 'https://hooks.example/{}', channel: '{}'}}]}}]\n"

    def digest(text: str) -> str:
        file = tmp_path / "config.yaml"
        file.write_text(text)
        return configure({}, file).digest

    route = "route: {receiver: one, routes: [{matchers: ['a=~\"b.*\"'], receiver: one}]}\n"
    one = digest(route + slack.format("a", "t"))
    assert one == digest(route + slack.format("b", "t"))
    assert one != digest(route + slack.format("a", "u"))
    assert one != digest(route.replace("b.*", "c.*") + slack.format("a", "t"))


TEMPLATED = """
route: {receiver: one}
receivers: [{name: one, slack_configs: [{api_url: 'http://slack.example/x', title: '{{ template "name" . }}'}]}]
templates: ['templates/*.tmpl']
"""


def test_loads_what_its_templates_say(process: Process) -> None:
    """When a file of templates changes, comes or goes; what is made of a text that calls it is not the same then."""
    folder = process.file.parent / "templates"
    folder.mkdir()
    (folder / "a.tmpl").write_text('{{ define "name" }}A{{ end }}')
    process.file.write_text(TEMPLATED)
    process.reloader.look()
    (folder / "a.tmpl").write_text('{{ define "name" }}B{{ end }}')
    process.reloader.look()
    (folder / "b.tmpl").write_text('{{ define "name" }}C{{ end }}')
    process.reloader.look()
    (folder / "b.tmpl").unlink()
    process.reloader.look()
    titles = [each.receivers[0].actions[0].settings.title for each in process.taken]  # type: ignore[attr-defined]
    assert ["A", "B", "C", "B"] == [title.render({}) for title in titles]
    assert [False, False, True] == [titles[at] == titles[3] for at in (0, 2, 1)]
    assert process.taken[0].digest != process.taken[1].digest == process.taken[3].digest


def test_a_broken_template_changes_nothing(process: Process) -> None:
    """As a broken configuration does not."""
    folder = process.file.parent / "templates"
    folder.mkdir()
    (folder / "a.tmpl").write_text('{{ define "name" }}A{{ end }}')
    process.file.write_text(TEMPLATED)
    process.reloader.look()
    (folder / "a.tmpl").write_text('{{ define "name" }}')
    assert "a.tmpl" in process.reloader.look().error
    assert 1 == len(process.taken)

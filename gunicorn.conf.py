"""How gunicorn serves the application: `python app.py serve`, or `gunicorn -c gunicorn.conf.py 'app:create_app()'`."""

import contextlib
import gc
import os
import shutil
import signal
import sys
import tempfile
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# Before prometheus_client is imported anywhere: its counts are then shared by the workers. A master that takes this
# one's place (SIGUSR2) reads this file again, and the counts go on.
_METRICS = "alert-manager-metrics-"
if _METRICS not in os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""):
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix=_METRICS)

from gunicorn.glogging import Logger  # noqa: E402

import app  # noqa: E402
import telemetry  # noqa: E402
from config.process import process_settings  # noqa: E402

wsgi_app = "app:create_app()"
_settings = process_settings(os.environ)
bind = _settings.bind
workers = _settings.workers
worker_class = "gthread"
# Most of them wait: for the database, for `?wait`, or for a client that is slow to send.
threads = 32
timeout = 60
graceful_timeout = 30
keepalive = 75
control_socket_disable = True
_HEARD_LATER = {signal.SIGHUP, signal.SIGTERM}
logconfig_dict = telemetry.logging_config(_settings.log_level, _settings.log_format)


class logger_class(Logger):  # the setting's name
    """Logs no requests: ours say more of each, and to put the line together takes as long where it is not written."""

    def access(self, *_):
        """Nothing."""


def on_starting(server):
    """Load the configuration, make the database ready, and take back what this instance held when it last ended."""
    server.reloader = app.begin()
    # gunicorn's own way is to replace all workers; with a broken file none would begin, and that would end the master.
    server.handle_hup = partial(hang_up, server)
    server.murder_workers = partial(look_and_murder, server, server.murder_workers)
    # Kept, for the lock ends with what it is kept in.
    server.storage_lock = app.prepare_storage(server.reloader.loaded.configuration)
    # It is the workers who say whether they took a configuration.
    telemetry.forget_process(os.getpid())


def hang_up(server):
    """SIGHUP: load the configuration anew, in every process."""
    server.reloader.reload()
    server.kill_workers(signal.SIGHUP)


def look_and_murder(server, murder_workers):
    """Once a second: know the last good configuration as the workers do, for those that begin when it has gone."""
    try:
        server.reloader.look()
    except Exception:
        server.log.exception("looking at the configuration was interrupted")
    murder_workers()


def pre_fork(server, worker):
    """Give it the last good configuration; where there are no more CPUs than workers, choose one for each.

    A Python process computes on one CPU at a time. Where its threads may run on several, whoever hands the interpreter
    on wakes another CPU for it, which on a virtual machine takes ten times as long: see docs/performance.md.
    """
    worker.loaded = server.reloader.look()
    worker.cpu = None
    cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if 1 < len(cpus) <= _settings.workers:
        worker.cpu = min(cpus, key=[other.cpu for other in server.WORKERS.values()].count)


def post_fork(server, worker):
    """Keep to the CPU that was chosen, with all threads that are begun from here on."""
    # Until there is somebody to hear them (`post_worker_init`) the one would end the process, and the other go to what
    # the master does with it, and be lost: the master would wait for this worker's end as long as it may.
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD_LATER)
    worker.app.load = partial(app.create_app, loaded=worker.loaded)
    if worker.cpu is not None:
        # Where that is forbidden, or the CPU has gone meanwhile, it works without.
        with contextlib.suppress(OSError):
            os.sched_setaffinity(0, {worker.cpu})


def post_worker_init(worker):
    """Threads begin in the worker: they do not survive a fork."""
    # A terminal's Ctrl-C reaches workers too, and then the master's SIGQUIT: gunicorn's handler for both waits for
    # itself when the one comes within the other. The master's word is enough.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What it listens at, and not what was asked for: gunicorn's own options go before this file.
    worker.wsgi.extensions["access"].listens_at([each.getsockname() for each in worker.sockets])
    worker.wsgi.extensions["pipeline"].start()
    reloader = worker.wsgi.extensions["reloader"]
    reloader.tell_others = partial(tell_master, worker)
    reloader.start()
    signal.signal(signal.SIGHUP, lambda *_: reloader.tell())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD_LATER)
    # What is there by now stays: the collector need not look at it again and again while requests wait.
    gc.collect()
    gc.freeze()


def tell_master(worker):
    """Have every process load the configuration anew."""
    # Where the master has died the worker is about to end, too.
    if os.getppid() == worker.ppid:
        os.kill(worker.ppid, signal.SIGHUP)


def worker_exit(server, worker):
    """Finish what is in hand."""
    application = getattr(worker, "wsgi", None)
    if application is not None:
        application.extensions["reloader"].stop(timeout_seconds=graceful_timeout / 2)
        application.extensions["pipeline"].stop(timeout_seconds=graceful_timeout / 2)


def child_exit(server, worker):
    """A worker has ended, perhaps not of its own will: what it held is free at once."""
    telemetry.forget_process(worker.pid)
    app.release_leases(server.reloader.loaded.configuration, worker.pid)


def on_exit(server):
    """The last act of the master; one that was replaced (SIGUSR2) leaves the counts to its successor."""
    if not server.reexec_pid:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)

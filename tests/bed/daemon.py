"""hostnfsd itself, as users start it: a process in the host's box with files of its own."""

import contextlib
import http.client
import json
import os
import shlex
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import tomli_w
from prometheus_client.parser import text_string_to_metric_families

from tests.bed.box import Completed
from tests.bed.place import Place
from tests.bed.process import Process
from tests.bed.waiting import DeadlineError, wait_until

METRICS_PORT: Final = 9822
#: Seconds between two questions to a daemon, which costs more than to look at a file.
_POLL_S: Final = 0.04
_MEASURED: Final = "COVERAGE_PROCESS_CONFIG"
_KEPT: Final = ("LANG", "LC_ALL", "PYTHONDONTWRITEBYTECODE")

Config = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer of the daemon."""

    status: int
    headers: Mapping[str, str]
    body: str

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


def merge(base: Config, over: Mapping[str, Any]) -> Config:
    """``base`` with the tables of ``over`` laid on top. A value of None removes its key."""
    merged = deepcopy(base)
    for key, value in over.items():
        below = merged.get(key)
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(below, dict):
            merged[key] = merge(below, value)
        else:
            merged[key] = deepcopy(value)
    return merged


class Daemon:
    """One hostnfsd: its files, its process, what it says.

    Attributes:
        folder: everything it reads and writes; its home folder as well.
        config_file: the configuration.
        config: what stands in it, as tables.
    """

    def __init__(
        self,
        box: Place,
        folder: Path,
        config: Config,
        *,
        port: int = METRICS_PORT,
        socket: str | None = None,
        without: Sequence[str] = (),
    ) -> None:
        """Write the files; :meth:`start` runs it.

        Args:
            box: where it runs.
            folder: a folder of its own, made if it is missing.
            config: tables; metrics, control and log are filled in where they are missing.
            port: of its metrics on loopback.
            socket: path of its control socket where it runs; by default in ``folder``. The kernel
                allows about a hundred bytes.
            without: capabilities it is to lack, in the words of setpriv(1).
        """
        self.folder = folder
        self.port = port
        self.config_file = folder / "hostnfsd.toml"
        self._box = box
        lacking = ",".join(f"-{capability}" for capability in without)
        self._confined = (
            ("setpriv", "--bounding-set", lacking, "--inh-caps", lacking) if without else ()
        )
        self._process: Process | None = None
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        self._base: Config = {
            "metrics": {"listen": f"127.0.0.1:{port}"},
            "control": {"socket": socket or str(folder / "control.sock")},
            "log": {"level": "info", "format": "console"},
        }
        self.config: Config = {}
        self.configure(config)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # -- files ---------------------------------------------------------------------------------

    def configure(self, config: Mapping[str, Any]) -> None:
        """Write a new configuration; the daemon reads it on :meth:`start` or :meth:`reload`."""
        self.config = merge(self._base, config)
        self.write(tomli_w.dumps(self.config))

    def change(self, **tables: Any) -> None:
        """Lay tables over the configuration that stands in the file."""
        self.configure(merge(self.config, tables))

    def write(self, text: str) -> None:
        """Write the file as it is to be, valid or not; renamed into place as editors do."""
        new = self.config_file.with_suffix(".new")
        new.write_text(text, encoding="utf-8")
        new.replace(self.config_file)

    # -- process -------------------------------------------------------------------------------

    def start(self) -> None:
        """Start it; returns at once. See :meth:`await_ready`."""
        assert self._process is None or not self._process.running, "it runs already"
        self._process = self._box.start(
            f"hostnfsd-{self.folder.name}",
            *self._confined,
            *self._command("run"),
            env=self._environment(),
        )

    def _command(self, *words: str) -> tuple[str, ...]:
        return (sys.executable, "-m", "hostnfsd", "--config", str(self.config_file), *words)

    def _environment(self) -> dict[str, str]:
        kept = {
            key: value
            for key, value in os.environ.items()
            if key in _KEPT or key.startswith("COVERAGE")
        }
        own = {
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            # Root's usual one is this machine's.
            "STATE_DIRECTORY": str(self.folder / "state"),
        }
        return {**kept, **own}

    @property
    def process(self) -> Process:
        """The process that runs or ran last; its ``pid`` gives memory and descriptors."""
        assert self._process is not None, "it was never started"
        return self._process

    @property
    def running(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.running

    @property
    def log(self) -> str:
        """All it has written to stderr and stdout, over all starts."""
        return self.process.log.read_text(encoding="utf-8", errors="replace")

    def sighup(self) -> None:
        """Have the configuration read again."""
        self.process.send(signal.SIGHUP)

    def terminate(self, timeout_s: float = 20) -> int:
        """TERM, and wait for the end. Returns the exit status; never kills."""
        self.process.send(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """KILL, as a crash or the OOM killer does."""
        self.process.kill()

    def restart(self) -> None:
        """Terminate and start."""
        self.terminate()
        self.start()

    def close(self) -> None:
        """End it in whatever state it is. Can be called again."""
        if self._process is None or not self._process.running:
            return
        self._process.thaw()
        if _MEASURED in os.environ:  # coverage writes its data at a regular end
            self._process.send(signal.SIGTERM)
            self._process.send(signal.SIGTERM)  # the second one waits for nobody
            with contextlib.suppress(DeadlineError):
                self._process.wait(5)
        if self._process.running:
            self._process.kill()

    def memory_bytes(self) -> int:
        """Resident memory now."""
        return self._count("status", "VmRSS:") * 1024

    def descriptors(self) -> int:
        """Open descriptors now."""
        return len(list(Path(f"/proc/{self.process.pid.number}/fd").iterdir()))

    def threads(self) -> int:
        """Threads now."""
        return self._count("status", "Threads:")

    def _count(self, file: str, key: str) -> int:
        text = Path(f"/proc/{self.process.pid.number}/{file}").read_text(encoding="ascii")
        return int(next(line for line in text.splitlines() if line.startswith(key)).split()[1])

    # -- what it says --------------------------------------------------------------------------

    def command(self, *words: str, timeout_s: float = 20, check: bool = False) -> Completed:
        """Run ``hostnfsd --config F WORDS`` beside the daemon, as a user would."""
        return self._box.run(
            *self._command(*words), timeout_s=timeout_s, check=check, env=self._environment()
        )

    def status_json(self) -> dict[str, Any]:
        """What ``hostnfsd status --json`` prints."""
        completed = self.command("status", "--json")
        try:
            document: dict[str, Any] = json.loads(completed.output)
        except ValueError:
            raise AssertionError(f"status --json printed no JSON: {completed}") from None
        return document

    def get(self, path: str, *, timeout_s: float = 5, headers: Mapping[str, str] = {}) -> Reply:
        """GET a path of the daemon's own endpoint, from the host.

        Raises:
            OSError: it does not answer.
        """
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)
        with contextlib.closing(connection):
            connection.sock = self._box.connect("127.0.0.1", self.port, timeout_s=timeout_s)
            connection.request("GET", path, headers=dict(headers))
            response = connection.getresponse()
            body = response.read().decode()
            return Reply(response.status, dict(response.getheaders()), body)

    def status(self) -> dict[str, Any]:
        """``/status``: the same document as :meth:`status_json`, without starting a command."""
        document: dict[str, Any] = self.get("/status").json()
        return document

    def metrics(self) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
        """``/metrics``: (sample name, labels) -> value."""
        return _samples(self.get("/metrics").body)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of the samples of that name that carry at least these labels; 0 if none does."""
        wanted = set(labels.items())
        # Of hundreds of lines these alone are read: whoever waits asks again and again.
        lines = self.get("/metrics").body.splitlines(keepends=True)
        mine = "".join(line for line in lines if line.startswith((f"{name}{{", f"{name} ")))
        return sum(value for (_, has), value in _samples(mine).items() if wanted <= has)

    def ready(self, gateway: str | None = None) -> bool:
        """Whether ``/readyz`` says 200; False also while nothing answers there."""
        try:
            reply = self.get("/readyz" if gateway is None else f"/readyz?gateway={gateway}")
        except (OSError, http.client.HTTPException):
            return False
        return reply.status == http.HTTPStatus.OK

    # -- waiting -------------------------------------------------------------------------------

    def wait_until(self, condition: Callable[[], Any], what: str, *, timeout_s: float = 15) -> Any:
        """Wait for a condition; the message of a failure has the status and the end of the log."""

        def alive() -> Any:
            if not self.running:
                raise AssertionError(
                    f"hostnfsd ended (status {self.process.wait(1)}) before {what}\n"
                    + self.process.tail(40)
                )
            return condition()

        return wait_until(alive, what, timeout_s=timeout_s, poll_s=_POLL_S, seen=self.describe)

    def await_ready(self, timeout_s: float = 15) -> None:
        """Wait until every required service is ready."""
        self.wait_until(self.ready, "/readyz to say 200", timeout_s=timeout_s)

    def await_phase(self, *phases: str, gateway: str = "dev-gw", timeout_s: float = 15) -> str:
        """Wait until the tunnel is in one of these phases; returns which."""

        def phase() -> str | None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                for view in self.status()["gateways"]:
                    if view["name"] == gateway and view["phase"] in phases:
                        return str(view["phase"])
            return None

        found: str = self.wait_until(
            phase, f"{gateway} to be {' or '.join(phases)}", timeout_s=timeout_s
        )
        return found

    def await_service(
        self, service: str, *states: str, gateway: str = "dev-gw", timeout_s: float = 15
    ) -> str:
        """Wait until every family of a service is in one of these states; returns the first's."""

        def state() -> str | None:
            with contextlib.suppress(OSError, http.client.HTTPException):
                found = service_states(self.status(), service, gateway)
                if found and all(one in states for one in found):
                    return found[0]
            return None

        reached: str = self.wait_until(
            state, f"{gateway} {service} to be {' or '.join(states)}", timeout_s=timeout_s
        )
        return reached

    def await_log(self, text: str, *, timeout_s: float = 15, times: int = 1) -> None:
        """Wait until it has written ``text`` at least ``times`` times."""
        self.wait_until(
            lambda: self.log.count(text) >= times, f"log to say {text!r}", timeout_s=timeout_s
        )

    def describe(self) -> str:
        """The status and the end of the log, for the message of a failure."""
        try:
            status = json.dumps(self.status(), indent=1)
        except (OSError, http.client.HTTPException, ValueError) as error:
            status = f"(no status: {error!r})"
        command = shlex.join(self._command("run"))
        return f"--- {command}\n{status}\n{self.process.tail(60)}"


def _samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """(Sample name, labels) -> value, of an exposition or of some lines of one."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def service_states(status: Mapping[str, Any], service: str, gateway: str) -> list[str]:
    """The states of one service, one per family, out of a status document."""
    return [
        str(family["state"])
        for view in status["gateways"]
        if view["name"] == gateway
        for entry in view["services"]
        if entry["service"] == service
        for family in entry["families"].values()
    ]

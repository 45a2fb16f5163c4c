"""Every check of this project, as a session. `nox -l` lists them, and CONTRIBUTING.md describes them."""

from __future__ import annotations

import itertools
import pathlib
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["tests", "lint", "typing"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False

SIDE_BY_SIDE = (
    "-n",
    "3",
    "--dist",
    "loadfile",
)  # the slow tests spend most of their time waiting for servers and programs
# The tests that use each library that we depend on. They take a few minutes.
QUICK = (
    "tests/account",
    "tests/emulator",
    "tests/end_to_end",
    "tests/instrumentation",
    "tests/lifecycle",
    "tests/properties/test_breaks.py",
    "tests/streams",
    "tests/testing",
    "tests/transport",
    "tests/wire",
)
COVERED = "--fail-under=95"
PURE_TESTS = ("tests/lifecycle", "tests/wire")
PURE = ("*/cometconn/_lifecycle/*", "*/cometconn/_wire/*")
STARTABLE = "__call__,listen,run_bot,run_bots,watcher,follow,follow_file,follow_job_control,follow_logind,follow_network,_watch,_watch_statuses,disconnect,_begin,_read,_run_connection,print_statuses,stop_when_asked,_stay_connected,_run_worker,run_worker,run_process,on_sigterm,serve_metrics,drain_on_signal"
ASYNC_IGNORES = (
    "cometconn/_account/http.py:ASYNC127",  # httpx2 is what the project is built on
    "cometconn/_account/exchange.py:ASYNC127",  # the same
    "cometconn/_account/bounded_store.py:ASYNC103,ASYNC120",  # a user's store may raise a Cancelled of its own; closing is bounded
    "cometconn/_account/ordered_thread.py:ASYNC103",  # it runs in a thread, where nothing is cancelled
    "cometconn/_groups.py:ASYNC102,ASYNC103,ASYNC104",  # the context manager that it protects has a bound, and exceptions of the block propagate
    "cometconn/_account/api.py:ASYNC102",  # closing a response: if that is cancelled, its connection is closed all the same
    "cometconn/_client/open_client.py:ASYNC102",  # shielded, and bounded by the store
    "cometconn/aio/_blocks.py:ASYNC102",  # asyncio has no shields: every cancel is noted, and Trio bounds the wait
    "cometconn/aio/_guest.py:ASYNC103",  # the error with which Trio has crashed goes to the tasks that own clients
    "cometconn/aio/_handed_in.py:ASYNC104",  # it is another task that was cancelled
    "cometconn/aio/_signal.py:ASYNC103",  # the caller raises it when it has cleaned up
    "cometconn/cli/demo.py:ASYNC111",  # the timeline ends with the client, whose end it shows
    "cometconn/fleet/consumer.py:ASYNC102",  # `Membership.end()` is shielded and bounded
    "cometconn/fleet/worker.py:ASYNC102",  # the same
    "cometconn/fleet/redis_lanes.py:ASYNC120,ASYNC128",  # coredis calls `started()`, and makes an error of a Cancelled, which is raised again
    "cometconn/testing/leaks.py:ASYNC102",  # it waits only after a block that raised nothing, and cleans nothing up
    "cometconn/testing/script_runner.py:ASYNC102",  # leaving a client is bounded by the client
)
# Test doubles never wait; small races are polled; a comprehension may await.
NOT_IN_TESTS = (
    "ASYNC100,ASYNC102,ASYNC103,ASYNC104,ASYNC110,ASYNC111,ASYNC112,ASYNC113,ASYNC124,ASYNC127,ASYNC220,ASYNC300"
)
# Each of these rules takes flake8-async a second for 1,000 lines, also where none of its words is in the file.
ASYNC_WORDS = {"ASYNC100": r"fail_a|move_on|CancelScope|timeout", "ASYNC101": r"\byield\b", "ASYNC300": "create_task"}
PEERS = ("centrifuge-python", "nats-py", "orjson", "picows", "python-socketio[asyncio-client]", "websockets>=17")


def _runs(python: str) -> bool:
    """Return whether *python* runs: a version manager's shim may exist and fail."""
    path = shutil.which(python)
    if path is None:
        return False
    return subprocess.run([path, "-c", ""], capture_output=True, check=False).returncode == 0  # noqa: S603


CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
PYTHONS = [
    version for version in ("3.11", "3.12", "3.13", "3.14", "3.15") if version == CURRENT or _runs(f"python{version}")
]


def _show_slowest(session: nox.Session, report: pathlib.Path) -> None:
    """Log the 20 slowest tests."""
    cases = ET.parse(report).iter("testcase")  # noqa: S314 - pytest has just written it
    took = sorted((float(case.get("time", 0)), f"{case.get('classname')}::{case.get('name')}") for case in cases)
    for seconds, name in took[:-21:-1]:
        session.log(f"{seconds:6.1f} s  {name}")


def _cover(session: nox.Session, folders: tuple[str, ...], *report: str) -> None:
    """Run the tests in *folders* with branch coverage, and check it as *report* tells."""
    environment = {"COVERAGE_FILE": str(pathlib.Path(session.create_tmp(), "coverage"))}
    session.run("coverage", "erase", env=environment)
    session.run("coverage", "run", "-m", "pytest", "-q", "-rs", *SIDE_BY_SIDE, *folders, env=environment)
    session.run("coverage", "combine", "--quiet", env=environment)
    session.run("coverage", "report", *report, env=environment)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the tests. On the first Python, those of the two pure packages must cover each line and branch of these. Arguments are passed to pytest, which then measures no coverage."""
    session.install("-q", ".[dev]")
    if session.posargs:
        session.run("pytest", *session.posargs)
        return
    rest: list[str] = []
    if session.python == PYTHONS[0]:
        # The others run without: coverage doubles their processor time, and the session `coverage` measures it.
        _cover(session, PURE_TESTS, f"--include={','.join(PURE)}", "--fail-under=100")
        rest = [f"--ignore={folder}" for folder in PURE_TESTS]
    report = pathlib.Path(session.create_tmp(), "tests.xml")
    session.run("python", "-m", "pytest", "-q", "-rs", *SIDE_BY_SIDE, f"--junitxml={report}", *rest)
    _show_slowest(session, report)


@nox.session(python="3.11")
def coverage(session: nox.Session) -> None:
    """Run all tests with branch coverage, and check that at least 95 % is covered. Arguments are passed to pytest."""
    session.install("-q", ".[dev]")
    _cover(session, tuple(session.posargs), COVERED)


@nox.session(python="3.11")
def floors(session: nox.Session) -> None:
    """Run a part of the tests with the lowest versions that pyproject.toml allows. Arguments are passed to pytest."""
    project = nox.project.load_toml("pyproject.toml")["project"]
    wanted = [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]
    lowest = [match.expand(r"\1==\2") for one in wanted if (match := re.match(r"([\w-]+)(?:\[.*\])?>=([\d.]+)", one))]
    constraints = pathlib.Path(session.create_tmp(), "lowest.txt")
    constraints.write_text("\n".join(lowest), encoding="utf-8")
    session.install("-q", "-c", str(constraints), ".[dev]")
    session.run("pytest", "-q", *SIDE_BY_SIDE, *(session.posargs or QUICK))


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, Trio's rules, the layers of imports, and that every public name has a docstring."""
    session.install("-q", ".[dev]")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = [
        *pathlib.Path("cometconn").rglob("*.py"),
        *pathlib.Path("tests").rglob("*.py"),
        *pathlib.Path().glob("_*.py"),
    ]
    groups: dict[tuple[str, ...], list[str]] = {}  # the rules that are not needed, and the files
    for path in sorted(sources):
        text = path.read_text(encoding="utf-8")
        if re.search(r"\basync\b", text):
            idle = {rule for rule, words in ASYNC_WORDS.items() if not re.search(words, text)}
            idle.update(NOT_IN_TESTS.split(",") if path.parts[0] == "tests" else ())
            groups.setdefault(("ASYNC9", *sorted(idle)), []).append(str(path))
    for rules, paths in groups.items():
        session.run(
            "flake8",
            "--select=ASYNC1,ASYNC2,ASYNC3",
            f"--disable={','.join(rules)}",
            f"--startable-in-context-manager={STARTABLE}",
            f"--per-file-ignores={' '.join(ASYNC_IGNORES)}",
            *paths,
        )
    session.run("lint-imports")
    session.run("interrogate", "-q", "cometconn")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types, that every public name has one, and that strict type checkers accept the programs of the documentation."""
    session.install("-q", ".[dev]")
    session.run("mypy", "cometconn", "_cometconn_command.py", "_cometconn_pytest.py", "tests/typing/api.py")
    session.run(
        "pyright", "--verifytypes", "cometconn", "--ignoreexternal", env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"}
    )
    programs = pathlib.Path(session.create_tmp(), "programs")
    shutil.rmtree(programs, ignore_errors=True)
    programs.mkdir()
    session.run("python", "-m", "tests.typing.documented", str(programs))
    session.run("mypy", "--strict", str(programs))
    session.run("pyright", "-p", str(programs), env={"PYRIGHT_PYTHON_IGNORE_WARNINGS": "1"})


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation and check every reference in it. The session `tests` runs its code."""
    session.install("-q", ".[docs]")
    output = pathlib.Path(session.create_tmp(), "html")
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-n", "-b", "html", "docs", str(output))
    session.log(f"The documentation is in {output / 'index.html'}")


@nox.session
def model(session: nox.Session) -> None:
    """Apply every input in every reachable state of the lifecycle, and check the invariants each time."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.properties.search")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Compare the client with an independent model, and each fast path with the slow one, on random input. Options: --scripts N --seed S."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.properties.fuzz", *session.posargs)
    session.run("python", "-m", "tests.properties.fuzz", "--asyncio", "--scripts", "2000")
    session.run("python", "-m", "tests.transport.differential", "--cases", "20000")
    session.run("python", "-m", "tests.wire.differential", "--cases", "20000")
    session.run("pytest", "-q", "tests/connection/test_instant.py", env={"COMETCONN_SCHEDULINGS": "200"})
    session.run("pytest", "-q", "tests/aio/test_cancelling.py", env={"COMETCONN_CANCEL_TURNS": "70"})
    session.run("pytest", "-q", "tests/fleet/test_engine_model.py", env={"COMETCONN_FLEET_SCRIPTS": "2000"})
    many = {"COMETCONN_INTERLEAVINGS": "600"}
    session.run("pytest", "-q", "tests/connection/test_catch_up.py", "-k", "interleaving", env=many)
    session.run("pytest", "-q", "tests/fleet/test_random_faults.py", env={"COMETCONN_FLEET_SEEDS": "200"})
    session.run("pytest", "-q", "tests/examples/test_bridge.py", env={"COMETCONN_BRIDGE_SEEDS": "30"})
    http1 = "tests/emulator/transport/test_http1_protocol.py"
    session.run("pytest", "-q", http1, env={"COMETCONN_HTTP_REQUESTS": "20000"})


@nox.session
def interrupts(session: nox.Session) -> None:
    """Interrupt a cold start by Ctrl-C at some thousand moments, and every command at 23. Options: --rounds N --seed S."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.cold_start.sweep", *session.posargs)
    session.run("pytest", "-q", "tests/cli/test_struck.py", env={"COMETCONN_TEST_STRIKES": "20"})


@nox.session
def notebook(session: nox.Session) -> None:
    """Run a client in the cells of a Jupyter kernel, and interrupt them."""
    session.install("-q", ".[dev]", "ipykernel", "jupyter-client")
    session.run("pytest", "-q", "tests/aio/test_notebook.py")


@nox.session
def conformance(session: nox.Session) -> None:
    """Show how the client reacts to every kind of misbehaving server. Options: [words] --rounds N --bare."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.conformance", *session.posargs)


@nox.session
def autobahn(session: nox.Session) -> None:
    """Run the Autobahn TestSuite's cases against our WebSocket and against two other clients, and print a table. Options: --write."""
    session.install("-q", ".[dev]", "websockets>=17")
    session.run("python", "-m", "tests.autobahn", *session.posargs)


@nox.session
def vocabulary(session: nox.Session) -> None:
    """Compare the vocabulary in the table of kinds with that of CometChat's newest SDKs, which npm downloads to a temporary folder."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.vocabulary")


@nox.session
def soak(session: nox.Session) -> None:
    """Run 200 programs on a bad network for 3 minutes, then 1,000 outages. Options: --minutes --clients --plot FILE."""
    session.install("-q", ".[dev,bench]")
    session.run("python", "-m", "tests.soak", *session.posargs)


@nox.session
def simulate(session: nox.Session) -> None:
    """Run a client for 1,000 hours of virtual time, with faults of everything around it. Options: --seed S --hours H --steps N --trace FILE."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.simulation", *session.posargs)


@nox.session
def fleet(session: nox.Session) -> None:
    """Kill and stop the processes of a fleet, its Redis server and its disk, and compare the log with what was sent. Options: --quick --scenario NAME --breaks --seed S."""
    session.install("-q", ".[dev]")
    session.run("python", "-m", "tests.fleet.proof", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure everything in `benchmarks/`, and print a table. Options: [name ...] --json FILE --compare OLD --plot DIR --quick --write."""
    session.install("-q", ".[bench]")
    for peer in PEERS:
        # A client that cannot be installed on this Python leaves out its row and fails nothing.
        session.install("-q", peer, success_codes=[0, 1])
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def release(session: nox.Session) -> None:
    """Build the distributions, check and install them, and print the steps of a release. It uploads nothing."""
    session.install("-q", ".", "build", "twine")
    folder = pathlib.Path(session.create_tmp(), "dist")
    shutil.rmtree(folder, ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder), silent=True)
    session.run("twine", "check", "--strict", *map(str, folder.iterdir()))
    session.run("python", "-m", "tests.release", str(folder))

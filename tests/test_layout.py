"""The tests of a module are found from its name, and tests use the public API unless a table here gives the reason."""

from __future__ import annotations

import ast
import functools
import importlib.util
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]

ELSEWHERE = {
    "__main__": "cli/test_output cli/test_listen",
    "_account/file_lock": "account/test_session_files account/test_file_store",
    "_account/ordered_thread": "account/test_disk account/test_file_store",
    "_account/streaming": "rest/test_multipart rest/test_media account/test_http",
    "_account/turn": "account/test_transfer",
    "_account/retrying": "client/test_requester",
    "_account/saved_position": "account/test_session_files connection/test_position",
    "_account/saved_values": "account/test_saved_session connection/test_position",
    "_client/client": "client/test_login client/test_message_sender connection/test_cancellation",
    "_client/client_options": "client/test_login connection/test_position",
    "_client/client_statistics": "streams/test_streams streams/test_unread",
    "_client/core": "client/test_login connection/test_token_unknown",
    "_client/frame_sender": "client/test_login connection/test_cancellation",
    "_client/open_client": "test_stores client/test_login connection/test_cancellation",
    "_client/renewal": "client/test_login connection/test_token_unknown connection/test_renewal",
    "_connection/background_timeout": "connection/test_keepalive connection/test_section4",
    "_connection/failures": "test_errors connection/test_section4",
    "_connection/identity": "connection/test_renewal connection/test_section4",
    "_connection/link_nursery": "connection/test_keepalive connection/test_renewal connection/test_closing_handshake",
    "_connection/long_message": "test_limits",
    "_connection/machine": "connection/test_section4 connection/test_sleep connection/test_instant",
    "_connection/missed_range": "connection/test_catch_up connection/test_catch_up_failures",
    "_connection/range_filler": "connection/test_catch_up connection/test_catch_up_failures",
    "_connection/supervisor": "client/test_login connection/test_section4 connection/test_instant",
    "_environment": "client/test_system_environment",
    "_rest/context": "rest/test_messages rest/test_users",
    "_rest/hints": "rest/test_groups",
    "_rest/outcomes": "rest/test_users rest/test_groups",
    "_rest/places": "rest/test_messages rest/test_conversations",
    "_rest/running_calls": "client/test_requester",
    "_streams/entry": "streams/test_streams",
    "_streams/event_stream": "streams/test_streams streams/test_acknowledge streams/test_model",
    "_streams/known_messages": "streams/test_streams connection/test_position",
    "_streams/statuses": "client/test_login connection/test_section4",
    "_streams/stream_arguments": "streams/test_streams",
    "_streams/unacknowledged": "streams/test_acknowledge streams/test_model",
    "_transport/abc": "transport/test_websocket",
    "_wire/kinds": "wire/test_decoder wire/test_lenient wire/test_adding_a_kind",
    "_wire/message_key": "wire/test_decoder",
    "_wire/reference": "wire/test_decoder wire/test_bodies wire/test_signals wire/test_lenient",
    "admin/calls": "admin/test_admin",
    "admin/open_admin": "admin/test_admin",
    "aio/_chat": "aio/test_twins aio/test_calls",
    "aio/_rest": "aio/test_twins aio/test_reading",
    "aio/_servers": "aio/test_twins aio/test_emulator",
    "aio/_signal": "aio/test_calls aio/test_blocks",
    "aio/_streams": "aio/test_twins aio/test_reading",
    "aio/_test_servers": "aio/test_twins aio/test_testing",
    "cli/app": "cli/test_options cli/test_struck",
    "cli/demo_auto": "cli/test_demo",
    "cli/demo_manual": "cli/test_demo",
    "cli/demo_run": "cli/test_demo",
    "cli/demo_text": "cli/test_demo",
    "cli/fleet/app": "cli/fleet/test_accounts cli/fleet/test_operate cli/fleet/test_run",
    "cli/fleet/demo/plan": "cli/fleet/demo/test_processes",
    "cli/fleet/demo/steps": "cli/fleet/demo/test_command",
    "cli/fleet/doctor_checks": "cli/fleet/test_doctor cli/fleet/test_doctor_fleet",
    "cli/stopping": "cli/test_listen cli/test_serve cli/test_send",
    "cli/terminal": "test_hostile_words",
    "emulator/__main__": "emulator/test_command",
    "emulator/certificate": "emulator/test_certificate_files",
    "emulator/backend/rest_meter": "emulator/backend/test_rest",
    "emulator/backend/send_routes": "emulator/backend/test_routes emulator/backend/test_file_routes",
    "emulator/transport/listener": "emulator/transport/test_http_server emulator/test_running",
    "emulator/world/actions": "emulator/backend/test_message_routes emulator/backend/test_group_routes",
    "emulator/world/calls": "emulator/backend/test_signalling_routes",
    "emulator/world/conversations": "emulator/backend/test_conversation_routes",
    "emulator/world/frames": "emulator/backend/test_realtime emulator/world/test_chat_app",
    "emulator/world/webhooks": "emulator/test_webhook",
    "environment": "client/test_system_environment",
    "events/agents": "events/test_events",
    "events/base": "events/test_events wire/test_lenient",
    "events/calls": "events/test_events",
    "events/conversations": "events/test_events",
    "events/groups": "events/test_events",
    "events/markers": "events/test_events",
    "events/messages": "events/test_events",
    "events/signals": "events/test_events",
    "fleet/changes": "fleet/test_takeover fleet/test_ownership",
    "fleet/checks": "fleet/test_engines",
    "fleet/claims": "fleet/test_takeover",
    "fleet/counters": "fleet/test_prometheus fleet/test_takeover",
    "fleet/engine": "fleet/test_engines",
    "fleet/engine_store": "fleet/test_ownership",
    "fleet/errors": "fleet/test_engines",
    "fleet/log_writer": "fleet/test_takeover fleet/test_random_faults",
    "fleet/membership": "fleet/test_takeover fleet/test_consumer",
    "fleet/memory_engine": "fleet/test_engines fleet/test_engine_model",
    "fleet/memory_state": "fleet/test_engines fleet/test_engine_model",
    "fleet/metric_table": "fleet/test_prometheus fleet/test_opentelemetry",
    "fleet/owned": "fleet/test_ownership",
    "fleet/plain_connection": "fleet/test_engines",
    "fleet/reconciler": "fleet/test_takeover",
    "fleet/redis_connection": "fleet/test_engines fleet/test_engine_model",
    "fleet/redis_scripts": "fleet/test_engines fleet/test_engine_model",
    "fleet/sqlite_file": "fleet/test_sqlite_engine",
    "fleet/sqlite_leases": "fleet/test_engines fleet/test_engine_model",
    "fleet/sqlite_ledger": "fleet/test_engines fleet/test_engine_model",
    "fleet/tenure": "fleet/test_takeover fleet/test_over_sockets",
    "fleet/values": "fleet/test_engines",
    "instrumentation/attempts": "instrumentation/test_details",
    "instrumentation/connections": "instrumentation/test_details",
    "instrumentation/detail": "instrumentation/test_details",
    "instrumentation/lease": "instrumentation/test_details",
    "instrumentation/words": "instrumentation/test_details",
    "instrumentation/timeline/model": "instrumentation/timeline/test_builder",
    "instrumentation/timeline/picture": "instrumentation/timeline/test_lanes cli/test_timeline",
    "instrumentation/timeline/scale": "instrumentation/timeline/test_lanes",
    "instrumentation/timeline/style": "instrumentation/timeline/test_lanes",
    "instrumentation/timeline/svg": "instrumentation/timeline/test_lanes",
    "status": "connection/test_section4",
    "testing/actions": "testing/test_scripts",
    "testing/event_values": "testing/test_event_strategies",
    "testing/faulty_line": "testing/test_fault_proxy",
    "testing/frame_splitter": "testing/test_fault_proxy testing/test_replay",
    "testing/line_faults": "testing/test_fault_proxy",
    "testing/memory_server": "testing/test_server_script testing/test_replay",
    "testing/memory_stream": "testing/test_leaks testing/test_replay",
    "testing/recorder": "testing/test_replay",
    "testing/replayed_connection": "testing/test_replay",
    "testing/script_environment": "testing/test_scripts",
    "testing/script_runner": "testing/test_scripts",
    "testing/strategies": "testing/test_event_strategies testing/test_scripts",
}
"""Modules without a test file of their own name, and the files with their tests."""

REACHES_IN = {
    "account/killed_program": "It is killed at each system call of one save, and a client would make others.",
    "aio/test_blocks": "It lets the supervisor of a client fail, which it never does.",
    "aio/test_twins": "It compares a class with its original, which programs need no name for.",
    "aio/twins": "It makes the classes for asyncio from their originals, which it names by their modules.",
    "autobahn/clients": "It makes a client of the WebSocket alone, which also sends binary messages, with and without its scanner.",
    "cold_start/test_preload": "It checks which modules are imported, by their names.",
    "conformance/__main__": "It turns the fast reader of text frames off, for which there is no public setting.",
    "conftest": "It searches every status of every client in the run, also in tests that do not subscribe to them.",
    "connection/test_catch_up": "It reduces the number of message ids that are remembered from 4096 to 10.",
    "connection/test_catch_up_failures": "It replaces the wall clock of three modules by one that jumps.",
    "connection/test_closing_handshake": "It checks the order of steps within one call, during which no other task runs.",
    "connection/test_keepalive": "It reads a stream in memory in turns, which only a socket's long reads take.",
    "connection/test_position": "It reduces the number of message ids that are remembered from 4096 to 64.",
    "connection/test_receive_loop": "Its stand-in for a socket finds text frames in given bytes, as the real one does.",
    "connection/test_task_tree": "It lists the tasks right after a frame was queued, before any task runs again.",
    "docs/test_events_page": "The page lists every row of the vocabulary.",
    "docs/test_lifecycle_page": "The page shows every state, input and transition.",
    "docs/test_proxy_page": "The page has a line for each fault of a proxy.",
    "emulator/test_command": "It checks which modules are imported, by their names.",
    "fleet/test_governor": "It makes the error of a refused upgrade, which no public class is.",
    "properties/breaks": "It breaks the client on purpose, so that the properties are seen to fail.",
    "properties/search": "It applies every input in every reachable state, without a client.",
    "properties/test_search": "It gives `search` reducers that were broken on purpose, and each must be found.",
    "properties/test_writes_at_once": "It lets the socket take only a part of some writes, as the operating system may.",
    "simulation/test_simulation": "It breaks a client on purpose, in places that no public name reaches.",
    "simulation/clocks": "It replaces the clocks of every module, so that a run can be repeated.",
    "simulation/disk": "It puts the real file store on a disk in memory.",
    "streams/acknowledging": "It makes streams without a client: the tests publish messages by number and compare the position after each step.",
    "streams/test_logout": "It ends streams in both ways at once, which no client does.",
    "test_arguments": "It tries the calls of classes that programs get from a client and never name.",
    "test_groups": "It makes the block of a stream without a client, to use it in every wrong way.",
    "testing/test_event_strategies": "It compares both decoders, and the attributes that they could not read, for hundreds of drawn frames.",
    "testing/test_leaks": "It leaves a link open, which no client does.",
    "transport/differential": "It compares the fast reader of text frames with the slow one.",
    "vocabulary/ours": "It lists the words of the vocabulary for a comparison with those of CometChat's SDKs.",
    "vocabulary/test_comparison": "It misspells words of the vocabulary, and the comparison must report each.",
    "wire/differential": "It compares the fast decoder with the reference decoder.",
    "wire/test_adding_a_kind": "Its program decodes the new kind in a copy of the source.",
    "wire/test_bodies": "Tests of the decoder: the bodies of messages.",
    "wire/test_lenient": "Tests of the decoder: values of a wrong type, for every row of the vocabulary.",
    "wire/test_never_raises": "Tests of the decoder: random input.",
    "wire/test_outgoing_messages": "Tests of `outgoing`: messages, which are sent over REST.",
    "wire/test_people": "Tests of the decoder: users and groups that the fast path remembers.",
    "wire/test_signals": "Tests of the decoder: frames that are not messages.",
    "test_readme": "It looks up names of the lists of a client, whose classes have no public name.",
}
"""Files that use private modules of which they are not the test file, and the reason."""

SCENARIOS = {
    "autobahn": "The Autobahn TestSuite's cases against our WebSocket and two others.",
    "benchmarks": "The tests of the benchmarks, which are outside of the package.",
    "browser": "CometChat's own software in a browser, on the emulator.",
    "cold_start": "Programs whose first imports are interrupted or come at a bad moment.",
    "conformance": "The client beside servers that misbehave in every way.",
    "docs": "The pages of the documentation agree with the source, and their code runs.",
    "emulator/page": "The page of the emulator in a browser.",
    "end_to_end": "Whole programs on real sockets: Ctrl-C, kills, outages, proxies and TLS.",
    "example_app": "The example application of the documentation, with its tests.",
    "examples": "The example programs of the documentation, with their tests.",
    "fleet/proof": "Fleets of real processes that are killed and stopped.",
    "properties": "Random scripts with a client beside an independent model, and a search of all states.",
    "release": "What would be published.",
    "simulation": "One program for many hours of virtual time, with everything that goes wrong around it.",
    "soak": "Programs that run for long on a bad network.",
    "typing": "What type checkers see: the public API, and the programs of the documentation.",
    "vocabulary": "Our vocabulary beside that of CometChat's SDKs.",
}
"""Folders of tests that are not about one package, and what is in them."""


def package_of(path: pathlib.Path) -> str:
    """The dotted name of the package that contains the module at this path."""
    return ".".join(path.relative_to(ROOT).parent.parts)


def mirror(module: str) -> str:
    """The name of the test file of a module, as the tables have it: no underscores, no suffix."""
    *rooms, name = (part.removeprefix("_") for part in module.split("/"))
    return "/".join((*rooms, f"test_{name}"))


MODULES = {
    str(path.relative_to(ROOT / "cometconn").with_suffix("")): path
    for path in sorted((ROOT / "cometconn").rglob("*.py"))
    if path.name != "__init__.py"
}
TESTS = {str(path.relative_to(ROOT / "tests").with_suffix("")): path for path in sorted((ROOT / "tests").rglob("*.py"))}
MIRRORS = {mirror(module): module for module in MODULES}


def dotted(module: str) -> str:
    """The name under which a module is imported."""
    return "cometconn." + module.replace("/", ".")


NAMES = {dotted(module) for module in MODULES}
PACKAGES = {package_of(path) for path in MODULES.values()}


@functools.cache
def named_in(path: pathlib.Path) -> frozenset[str]:
    """The modules and packages of cometconn that a file imports, or names in a text other than a docstring."""
    names: set[str] = set()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = importlib.util.resolve_name("." * node.level + (node.module or ""), package_of(path))
            names.update(
                f"{source}.{alias.name}" if f"{source}.{alias.name}" in NAMES else source for alias in node.names
            )
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            names.update(re.findall(r"\bcometconn(?:\.\w+)+", node.value))
    known = ([each for each in NAMES | PACKAGES if f"{name}.".startswith(f"{each}.")] for name in names)
    return frozenset(max(each, key=len) for each in known if each)


def is_allowed(test: str, name: str) -> bool:
    """Whether a test file may use a module: one that is public, of the room that it tests, or imported by its module."""
    if not any(part.startswith("_") for part in name.split(".")):
        return True
    if test not in MIRRORS:
        return False
    module = MODULES[MIRRORS[test]]
    own = package_of(module)
    return name == own or name in named_in(module) or (name in NAMES and name.rpartition(".")[0] == own)


def reaches_in(test: str) -> set[str]:
    """The modules that a test file uses, although a test of the public API could not."""
    return {name for name in named_in(TESTS[test]) if not is_allowed(test, name)}


def rooms() -> set[str]:
    """The folders of `tests` that mirror a package, `.` among them."""
    return {str(pathlib.PurePath(mirror(module)).parent) for module in MODULES}


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_its_tests(module: str) -> None:
    """In the file with its name, or else in files that the table names."""
    if module in ELSEWHERE:
        assert mirror(module) not in TESTS, f"{module} has a test file of its own and needs no entry in ELSEWHERE"
        assert set(ELSEWHERE[module].split()) <= set(TESTS), f"ELSEWHERE names files for {module} that do not exist"
    else:
        assert mirror(module) in TESTS, f"tests/{mirror(module)}.py is missing; or name the files in ELSEWHERE"


@pytest.mark.parametrize("test", TESTS)
def test_only_a_modules_own_tests_use_private_names(test: str) -> None:
    """Others go through the public API, or the table has the reason."""
    if test in REACHES_IN:
        assert reaches_in(test), f"{test} uses nothing private and needs no entry in REACHES_IN"
    else:
        assert not reaches_in(test), f"use the public API in tests/{test}.py, or give the reason in REACHES_IN"


@pytest.mark.parametrize("folder", sorted({str(pathlib.PurePath(test).parent) for test in TESTS}))
def test_every_folder_is_a_room_or_a_scenario(folder: str) -> None:
    """It has the name of a package, or an entry in the table of scenarios."""
    assert (folder in rooms()) != (folder in SCENARIOS)


def test_no_entry_is_stale() -> None:
    """Each names a module, a test file or a folder that exists, and has its reason in one sentence."""
    assert set(ELSEWHERE) <= set(MODULES)
    assert set(REACHES_IN) <= set(TESTS)
    assert set(SCENARIOS) <= {str(pathlib.PurePath(test).parent) for test in TESTS}
    assert all(files.split() for files in ELSEWHERE.values())
    assert all(re.fullmatch(r"[A-Z][^.]+[.]", sentence) for sentence in (REACHES_IN | SCENARIOS).values())

"""The page of the emulator, as a person uses it: every button, the chat, the timeline, outages, and the keyboard."""

from __future__ import annotations

import json
import re
import subprocess
import time
from typing import TYPE_CHECKING

from cometconn.emulator import Device, Faults, Kind
from cometconn.emulator.controls import CONTROLS
from cometconn.testing.transcript import read_transcript

from ..conftest import RecordingLine
from .conftest import USERS

if TYPE_CHECKING:
    import pathlib

    from playwright.sync_api import Page, Route

    from .conftest import Stage


def choose(page: Page, uid: str, number: int) -> None:
    """Choose a connection in the list."""
    page.locator("#connections .row", has_text=f"{uid} #{number}").click()
    page.locator("#detail-title", has_text=f"{uid}, connection {number}").wait_for()


def test_every_preset_does_what_it_says(stage: Stage, page: Page) -> None:
    """Each button calls its control with its values: faults are set and shown, and each other one is in the log."""
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    server = stage.server
    for control in CONTROLS:
        for preset in control.presets:
            before = server.log.position
            button = page.locator(
                f'[data-control="{control.name}"] .preset button', has_text=re.compile(f"^{re.escape(preset.label)}$")
            )
            button.click()
            page.locator("#done:not(.bad)", has_text=f"{preset.label}: ").wait_for()
            if control.name == "record":
                assert (server.world.recording is not None) == preset.given["on"]
                continue
            noted = [entry.detail for entry in server.log.of(Kind.CONTROL, since=before)]
            assert noted, preset.label
            if control.name == "set":
                assert {name: getattr(server.world.faults, name) for name in preset.given} == preset.given
                stage.do(server.heal)
            elif control.name == "drop":
                assert (noted[0]["what"], noted[0]["how"]) == ("drop", preset.given["how"])
            if control.name == "refuse":
                stage.do(server.accept_connections)
    assert server.world.faults == Faults()
    page.locator("#faults:empty").wait_for(state="attached")
    assert {entry.connection for entry in server.log.of(Kind.CONTROL) if entry.detail["what"] == "drop"} == {1, None}


def test_every_form_refuses_bad_input_with_a_word(stage: Stage, page: Page) -> None:
    """What is missing or wrong is named below the buttons, and nothing changes; a right value is taken."""
    for name, field, value, words in (
        ("message", "text", "hello", "must have sender, text"),
        ("typing", "receiver", "zed-1", "must have sender"),
        ("receipt", "message", "many", "must have uid, message"),
        ("push", "uid", "", "must be: uid"),
        ("drop", "code", "1006", "not both"),
        ("refuse", "seconds", "0", "from 0.1 to 600"),
        ("set", "rest", "sometimes", "'accept' or 'cut' or 'hang' or a whole number from 400 to 599, not 'sometimes'"),
        ("set_clock", "ahead", "an hour", "ahead must be a number"),
    ):
        part = page.locator(f'[data-control="{name}"]')
        part.locator("summary").click()
        part.locator(f"#{name}-{field}").fill(value)
        part.get_by_role("button", name=f"Do {name}").click()
        page.locator("#done.bad", has_text=words).wait_for()
    assert not stage.server.log.of(Kind.CONTROL)
    page.locator("#set-rest").fill("429")
    page.get_by_role("button", name="Do set", exact=True).click()
    page.locator("#faults .chip", has_text="rest: 429").wait_for()


def test_each_control_has_its_curl_line(stage: Stage, page: Page) -> None:
    """The line does what the form would do, with every odd character of a text; each control has one, and can be read."""
    text = 'it\'s "odd" $HOME `x` \\ \N{SNOWMAN}'
    part = page.locator('[data-control="message"]')
    part.locator("summary").click()
    for field, value in (("sender", "amy-2"), ("receiver", "zed-1"), ("text", text)):
        page.locator(f"#message-{field}").fill(value)
    line = part.locator(".curl code").inner_text()
    answer = subprocess.run(["sh", "-c", line], capture_output=True, check=True, timeout=10)
    assert json.loads(answer.stdout)["data"]["data"]["text"] == text
    assert [message["data"]["text"] for message in stage.server.world.messages] == [text]
    page.evaluate("document.querySelectorAll('.control details').forEach((each) => { each.open = true; })")
    page.locator(".curl code").nth(len(CONTROLS) - 1).wait_for()
    lines = page.locator(".curl code").all_text_contents()
    assert len(lines) == len(CONTROLS)
    for control, curl in zip(
        sorted(control.name for control in CONTROLS),
        sorted(lines, key=lambda curl: curl.split("/control/")[1]),
        strict=True,
    ):
        assert f"{stage.server.url}/control/{control}" in curl
    titles = [button.get_attribute("title") or "" for button in page.locator(".preset button").all()]
    assert all(title.startswith("curl ") for title in titles)


def test_a_bot_answers_in_the_chat(stage: Stage, page: Page) -> None:
    """Without an account: the bot gets what is typed, is seen typing, has read it, and its answer is marked as read."""
    stage.bot("zed-1")
    page.get_by_role("tab", name="Chat").click()
    page.locator("#chat-sender").fill("amy-2")
    page.locator("#chat-text").fill("hello <b>bot</b>")
    stage.run(stage.server.log.wait_for, lambda entry: "typing_indicator" in str(entry.detail))
    page.locator("#chat-text").press("Enter")
    page.locator(".typing", has_text="zed-1 is typing").wait_for()
    page.locator(".message:not(.mine)", has_text="HELLO <B>BOT</B>").wait_for()
    page.locator(".message.mine", has_text="hello <b>bot</b>").locator("small", has_text="read").wait_for()
    page.locator(".typing", has_text=re.compile("^$")).wait_for(state="attached")
    answer = list(stage.server.world.messages)[-1]
    stage.run(
        stage.server.log.wait_for,
        lambda entry: entry.kind is Kind.FRAME_OUT and '"read"' in json.dumps(dict(entry.detail)),
    )
    assert stage.server.world.messages.receipts.reached(answer, "amy-2", "read")
    page.locator("#chat-kind").select_option("group")
    page.locator("#chat-text").fill("all of you")
    page.locator("#chat-text").press("Enter")
    page.locator(".message.mine", has_text="all of you").wait_for()


def test_the_chat_renews_only_for_its_own_conversation(stage: Stage, page: Page) -> None:
    """Messages of others, also in a group, cause no request; an unknown receiver is requested once, and shown as an error."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/control/conversation" in request.url else None)
    stage.bot("zed-1")
    page.get_by_role("tab", name="Chat").click()
    page.locator(".messages .empty", has_text="No messages yet").wait_for()

    def say(sender: str, text: str, **to: str) -> None:
        stage.do(stage.server.say, sender, text, **to)

    def handled() -> None:
        """Wait until the page has handled all that was sent, and would have begun to renew the chat, 0.1 s later."""
        marker = f"odd-{stage.server.log.position}"
        stage.do(stage.server.push, "zed-1", json.dumps({"type": marker}))
        page.locator("#frames .row", has_text=marker).wait_for()
        page.wait_for_timeout(150)

    def chat(field: str, value: str) -> None:
        page.locator(f"#chat-{field}").fill(value)
        page.locator(f"#chat-{field}").press("Tab")

    chat("sender", "amy-2")
    chat("receiver", "bob-3")
    handled()
    before = len(asked)
    say("amy-2", "to another", receiver="zed-1")
    say("bob-3", "from another", receiver="zed-1")
    say("amy-2", "to a group", group="hikers")
    stage.run(stage.server.log.wait_for, lambda entry: entry.kind is Kind.REST and "TO A GROUP" in str(entry.detail))
    handled()
    assert len(asked) == before
    chat("receiver", "zed-1")
    page.locator(".message.mine", has_text="to another").wait_for()
    say("amy-2", "for this chat", receiver="zed-1")
    page.locator(".message.mine", has_text="for this chat").wait_for()
    say("amy-2", "long " * 1_000, receiver="zed-1")
    page.locator(".message.mine", has_text="long long").wait_for()

    chat("receiver", "nobody")
    alert = page.get_by_role("alert").filter(has_text="There is no user 'nobody' that amy-2 reaches.")
    alert.wait_for()
    before = len(asked)
    page.locator("#chat-receipts").uncheck()  # which renews the chat
    handled()
    assert len(asked) == before
    assert page.evaluate(FAINT) == []
    chat("receiver", "zed-1")
    page.locator(".message.mine", has_text="for this chat").wait_for()
    alert.wait_for(state="hidden")


def test_a_drop_is_seen_in_frames_facts_and_timeline(stage: Stage, page: Page) -> None:
    """In the list, in the facts, as entries, and in the picture, which is the server's own and renews itself."""
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    page.get_by_role("tab", name="Timeline").click()
    picture = page.locator(".timeline svg")
    picture.locator("text", has_text="connection 1").wait_for()
    page.get_by_role("button", name="Reset", exact=True).click()
    picture.locator("text", has_text="reset").first.wait_for()
    picture.locator("title", has_text="connection 1 was lost: reset").wait_for(state="attached")
    page.locator("#facts dd", has_text="ended: reset").wait_for()
    page.locator("#connections .row.ended", has_text="zed-1 #1").wait_for()
    page.locator("#connections .row", has_text="zed-1 #2").wait_for()
    page.get_by_role("tab", name="Frames").click()
    page.locator("#frames .row", has_text="by the server").wait_for()


def test_a_timeline_is_drawn_no_more_than_it_must(stage: Stage, page: Page) -> None:
    """It is drawn when something happened or it has moved by a pixel, and less often if the server takes longer for it."""
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    asked: list[float] = []
    delay = 0.0

    def slow(route: Route) -> None:
        asked.append(time.monotonic())
        time.sleep(delay)
        route.continue_()

    page.route("**/control/timeline?*", slow)
    page.get_by_role("tab", name="Timeline").click()
    page.locator("#timeline-span").select_option("3600")
    page.locator(".timeline svg").wait_for()
    page.wait_for_timeout(300)
    before = len(asked)
    page.wait_for_timeout(1_200)
    assert len(asked) == before, "nothing happened, and a pixel is more than a second"
    delay = 0.2
    stage.do(stage.server.push, "zed-1", '{"type":"odd"}')
    while len(asked) == before:
        page.wait_for_timeout(20)
    for _ in range(10):
        stage.do(stage.server.push, "zed-1", '{"type":"odd"}')
        page.wait_for_timeout(100)
    assert len(asked) == before + 1, "one drawing took 0.2 s, so that there is none for 1.8 s"


def test_both_ends_of_a_connection_are_side_by_side(stage: Stage, page: Page) -> None:
    """What the client reported stands beside what the server saw, in order, and its lease runs down."""
    stage.bot("amy-2")
    choose(page, "amy-2", 1)
    page.get_by_role("tab", name="Both ends").click()
    page.locator("#both .empty", has_text="console_hook").wait_for()
    stage.bot("zed-1", reports=True)
    choose(page, "zed-1", 2)
    page.locator("#both .row", has_text="the app is in the background").wait_for()
    texts = [re.sub(r"^[\d:.]+", "", text) for text in page.locator("#both .row").all_text_contents()]
    order = [
        next(at for at, text in enumerate(texts) if words in text)
        for words in ("dialled", "upgrade 101", "in auth", "authenticated", "the app is in")
    ]
    assert order == sorted(order)
    left = page.locator("#lease-left")
    left.filter(has_text=re.compile(r"^2\d\.\d s left$")).wait_for()
    page.wait_for_function(
        "before => document.getElementById('lease-left').textContent !== before", arg=left.inner_text()
    )
    page.locator("#facts dd", has_text=re.compile(r"^\d+ ms$")).last.wait_for()
    page.get_by_role("tab", name="Timeline").click()
    page.locator(".timeline text", has_text="background").wait_for()
    page.locator(".timeline path.teeth").wait_for(state="attached")


def test_frames_are_filtered_and_pretty(stage: Stage, page: Page) -> None:
    """By kind, direction and text; the chosen one is shown as JSON, and no secret of the server reaches the browser."""
    bodies: list[str] = []
    page.on(
        "response", lambda response: bodies.append(response.text()) if response.url.endswith("connection=1") else None
    )
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    rows = page.locator("#frames .row")
    page.locator("#frames .row", has_text="auth · 200").wait_for()
    page.locator("[aria-label='Direction']").select_option("out")
    page.locator("#frames .row", has_text="upgrade").wait_for()
    assert rows.locator(".in").count() == 0
    page.locator("[aria-label='Direction']").select_option("in")
    page.get_by_role("button", name="Steps", exact=True).click()
    page.get_by_role("button", name="REST", exact=True).click()
    page.locator("#frames .row", has_text="auth_tokens").wait_for(state="detached")  # the filter has taken effect
    page.locator("#frames .row", has_text="auth").click()
    assert rows.count() == 1
    shown = json.loads(page.locator(".pretty pre").inner_text())
    assert (shown["kind"], shown["frame"]["body"]["auth"]) == ("frame_in", "***")
    page.get_by_label("Search the entries").fill("nothing like this")
    page.locator("#frames .empty", has_text="hidden by the filters").wait_for()
    secrets = stage.do(lambda: tuple(stage.server.world.sessions.values()))
    whole = page.content() + "".join(bodies)
    assert len(bodies) == 1
    assert len(secrets) >= 2
    assert not any(secret in whole for secret in secrets)


def test_a_reload_in_the_middle_loses_nothing(stage: Stage, page: Page) -> None:
    """Entries before, during and after it are each there once, in order, and the same connection is chosen."""
    stage.bot("amy-2")
    stage.bot("zed-1")
    choose(page, "zed-1", 2)
    stage.do(stage.server.push, "zed-1", '{"type":"odd-1"}')
    page.reload()
    stage.do(stage.server.push, "zed-1", '{"type":"odd-2"}')
    page.locator("#live-words", has_text="Live").wait_for()
    stage.do(stage.server.push, "zed-1", '{"type":"odd-3"}')
    page.locator("#detail-title", has_text="zed-1, connection 2").wait_for()
    stage.do(stage.server.push, "zed-1", '{"type":"odd-4"}')
    page.get_by_label("Search the entries").fill("odd-")
    for number in (1, 4):  # what was before is fetched, what comes after is sent
        page.locator("#frames .row", has_text=f"odd-{number}").wait_for()
    texts = page.locator("#frames .row").all_text_contents()
    assert [text[-5:] for text in texts] == ["odd-1", "odd-2", "odd-3", "odd-4"]
    page.evaluate("location.hash = 'connection-1'")
    page.locator("#detail-title", has_text="amy-2, connection 1").wait_for()
    page.evaluate("location.hash = 'connection-7'")
    page.wait_for_function("() => location.hash === '#connection-1'")
    page.locator("#connections .row", has_text="All connections").click()
    page.locator("#detail-title", has_text="All connections").wait_for()
    assert page.evaluate("location.hash") == ""


def test_the_page_comes_back_with_the_server(stage: Stage, page: Page) -> None:
    """It shows when the server is gone, and shows what the new one has, without a reload."""
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    page.evaluate("window.same = true")
    stage.stop()
    page.get_by_role("alert").filter(has_text="The server is gone.").wait_for()
    page.get_by_role("button", name="Announce a restart", exact=True).click()
    page.locator("#done.bad", has_text="The server cannot be reached.").wait_for()
    page.get_by_role("button", name="Record", exact=True).first.click()
    page.locator("#announcer", has_text="The server cannot be reached.").wait_for(state="attached")
    stage.start()
    stage.bot("bob-3")
    page.locator("#connections .row", has_text="bob-3 #1").wait_for()
    page.get_by_role("alert").wait_for(state="hidden")
    assert page.locator("#connections .row", has_text="zed-1").count() == 0
    assert page.locator("#detail-title").inner_text() == "bob-3, connection 1"
    assert page.evaluate("window.same")


def test_a_page_that_was_too_slow_begins_anew(stage: Stage, page: Page) -> None:
    """A hidden page does not watch, and resumes; what the log dropped meanwhile cannot be shown, which the page reports."""
    hide = "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true }); document.dispatchEvent(new Event('visibilitychange')); }"
    page.evaluate(hide, True)
    while stage.do(lambda: stage.server.log._added.statistics().tasks_waiting):
        time.sleep(0.01)
    stage.do(stage.server.heal)
    page.evaluate(hide, False)
    page.locator("#frames .row", has_text="heal").wait_for()

    def flood() -> None:
        device = Device(RecordingLine())
        stage.server.world.accepted(device)
        for _ in range(11_000):
            stage.server.log.add(Kind.IGNORED, device.number, why="a flood")

    stage.do(flood)
    page.locator("#announcer", has_text="entries were dropped").wait_for(state="attached")
    page.locator("#connections .row", has_text="not authenticated #1").wait_for()
    page.locator("#connections-count", has_text="1 open").wait_for()


def test_a_thousand_connections_are_no_burden(stage: Stage, page: Page) -> None:
    """Only the visible rows are in the document; the search finds each, and live changes show."""

    def crowd() -> list[Device]:
        devices = [Device(RecordingLine()) for _ in range(1_000)]
        for number, device in enumerate(devices):
            stage.server.world.accepted(device)
            device.uid, device.authenticated = USERS[number % 3], True
        return devices

    devices = stage.do(crowd)
    page.reload()
    page.locator("#connections-count", has_text="1,000 open").wait_for()
    page.locator("#connections .row", has_text="#1000").wait_for()
    assert page.locator("#connections .row").count() < 60
    assert page.locator("#connections").get_attribute("role") == "listbox"
    page.locator("#connections").focus()
    page.keyboard.press("End")
    page.locator("#connections-1").wait_for()
    page.get_by_label("Search connections").fill("#777")
    page.locator("#connections .row", has_text="#777").click()
    assert page.locator("#connections .row").count() == 2  # and the row of all connections
    stage.do(stage.server.world.closed, devices[776], "cut")
    page.locator("#connections .row.ended", has_text="cut").wait_for()
    page.locator("#connections-count", has_text="999 open").wait_for()


def test_a_session_is_recorded_and_its_transcript_downloaded(stage: Stage, page: Page, tmp_path: pathlib.Path) -> None:
    """The file is one that `open_replay()` reads."""
    page.locator("#record").click()
    page.locator("#record", has_text="Stop recording").wait_for()
    stage.bot("zed-1")
    choose(page, "zed-1", 1)
    with page.expect_download() as download:
        page.locator("#transcript", has_text="Transcript of zed-1").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == "zed-1.jsonl"
    assert {"dial", "upgrade", "client", "server", "request", "answer"} <= {line.what for line in read_transcript(path)}
    page.locator("#record").click()
    page.locator("#record", has_text=re.compile("^Record$")).wait_for()
    assert stage.server.world.recording is None


def test_the_keyboard_is_enough(stage: Stage, page: Page) -> None:
    """Tabs and lists are operated with arrows, and what has the focus is visible."""
    stage.bot("zed-1")
    page.locator("#connections .row", has_text="zed-1 #1").wait_for()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.locator("#connections").focus()
    page.keyboard.press("ArrowDown")
    page.locator("#detail-title", has_text="zed-1, connection 1").wait_for()
    chosen = page.locator("#connections").get_attribute("aria-activedescendant")
    assert chosen == "connections-1"
    assert page.locator(f"#{chosen}").get_attribute("aria-selected") == "true"
    page.locator("#tab-frames").focus()
    page.keyboard.press("ArrowLeft")
    assert page.evaluate("document.activeElement.id") == "tab-timeline"
    assert page.locator("#panel-timeline").is_visible()
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("ArrowRight")
    page.locator("#frames").focus()
    page.keyboard.press("End")
    page.locator(".pretty pre").wait_for()


def test_everything_has_a_name_and_enough_contrast(stage: Stage, page: Page) -> None:
    """For a screen reader each control has one; text is readable in the light and in the dark (WCAG 2.2, 1.4.3)."""
    stage.bot("zed-1")
    page.locator("#connections .row", has_text="zed-1 #1").wait_for()
    assert page.evaluate(UNNAMED) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(FAINT) == []


UNNAMED = """() => [...document.querySelectorAll("button, input, select, textarea, [role=listbox], [role=tabpanel]")]
  .filter((element) => !(element.getAttribute("aria-label") || element.textContent.trim()
    || (element.labels && element.labels.length) || element.getAttribute("aria-labelledby")))
  .map((element) => element.outerHTML)"""

FAINT = """() => {
  const parse = (color) => color.match(/[\\d.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((each) => (each /= 255) <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    for (; element; element = element.parentElement) {
      const color = parse(getComputedStyle(element).backgroundColor);
      if (color.length < 4 || color[3] === 1) return color;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const element of document.querySelectorAll("h1, h2, h3, p, b, dt, dd, code, label, button, summary, span")) {
    if (!element.checkVisibility() || ![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [one, other] = [light(parse(getComputedStyle(element).color)), light(behind(element))];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) faint.push(`${element.textContent.trim()}: ${ratio.toFixed(1)}`);
  }
  return faint;
}"""


def test_a_narrow_page_cuts_nothing(stage: Stage, page: Page) -> None:
    """At 390 px nothing is beyond the edge or cut off, and an entry has its words on a line of their own."""
    page.set_viewport_size({"width": 390, "height": 844})
    stage.bot("zed-1", reports=True)
    choose(page, "zed-1", 1)
    page.locator("#frames .row", has_text="pong after").wait_for()
    page.locator("#facts dt", has_text="Device").wait_for()
    assert page.evaluate(CUT) == []
    page.get_by_role("tab", name="Both ends").click()
    page.locator("#both .row", has_text="pong after").wait_for()
    assert page.evaluate(CUT) == []


CUT = """() => [...document.querySelectorAll("button, h2, dt, dd, label, .chip, .live, #address, .row > span, .ends > span")]
  .filter((element) => element.checkVisibility() && !element.closest(".unseen, .skip"))
  .filter((element) => {
    const { left, right } = element.getBoundingClientRect();
    const isCut = getComputedStyle(element).overflowX !== "visible" && element.scrollWidth > element.clientWidth + 1;
    return isCut || left < -1 || right > innerWidth + 1;
  })
  .map((element) => element.textContent.trim())"""


def test_an_unwatched_server_does_no_work_for_the_page(stage: Stage) -> None:
    """Nothing waits for entries, and nothing is recorded, until a page is opened."""
    waiting = stage.do(lambda: stage.server.log._added.statistics().tasks_waiting)
    assert waiting == 0
    assert stage.server.world.recording is None


def test_a_click_during_which_the_row_is_drawn_anew(stage: Stage, page: Page) -> None:
    """The durations change each second: a press and a release on either side of that are a click all the same."""
    stage.bot("zed-1")
    row = page.locator("#connections .row", has_text="zed-1 #1")
    box = row.locator("b").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    row.evaluate("row => row.replaceChildren(...[...row.children].map((child) => child.cloneNode(true)))")
    page.mouse.up()
    page.locator("#detail-title", has_text="zed-1, connection 1").wait_for()

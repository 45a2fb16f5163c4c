"""`cometconn completion`: the scripts, in the shells that are installed."""

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from cometconn.cli.app import app


@pytest.fixture
def script(shell: str, tmp_path: pathlib.Path, capsys: pytest.CaptureFixture[str]) -> pathlib.Path:
    """What `cometconn completion SHELL` prints, as a file."""
    with pytest.raises(SystemExit) as ended:
        app(["completion", shell])
    assert ended.value.code == 0
    path = tmp_path / f"completion.{shell}"
    path.write_text(capsys.readouterr().out)
    return path


CASES: list[tuple[str, set[str]]] = [
    ("cometconn se", {"serve", "send"}),
    ("cometconn listen --for", {"--forward-to", "--forward-auth-file"}),
    ("cometconn fleet acc", {"accounts"}),
    ("cometconn fleet accounts im", {"import"}),
    ("cometconn completion b", {"bash"}),
    ("cometconn timeline ./lo", {"./loud.jsonl"}),
    ("cometconn listen --ca-file lo", {"loud.jsonl"}),
    ("cometconn nonsense", set()),
]


@pytest.mark.parametrize("shell", ["bash"])
def test_bash_completes(script: pathlib.Path, tmp_path: pathlib.Path) -> None:
    """Commands, their options, the choices of an argument and names of files, as the function for Tab returns them."""
    if shutil.which("bash") is None:
        pytest.skip("there is no bash")
    (tmp_path / "loud.jsonl").touch()
    lines = [f"source {script}", "[[ $(complete -p cometconn) == *' -F _cometconn cometconn' ]] || exit 7"]
    for words, _ in CASES:
        lines.append(f"COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMPREPLY=()")
        lines.append('_cometconn; echo "${COMPREPLY[*]}"')
    done = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [set(line.split()) for line in done.stdout.splitlines()] == [expected for _, expected in CASES]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_shell_can_read_it(script: pathlib.Path, shell: str) -> None:
    """The script names the command and its newest options; the shell finds no fault with it, if it is installed."""
    text = script.read_text()
    assert all(word in text for word in ("cometconn", "listen", "forward-to", "skip-refused"))
    if shutil.which(shell) is not None:
        subprocess.run([shell, "-n", str(script)], check=True)

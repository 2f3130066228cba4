import subprocess
import sys

import click
import pytest

import pneumoscope.cli as module
from pneumoscope.cli import COMMANDS, cli, main


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pneumoscope", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_help_lists_every_command_and_the_exit_codes() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert all(name in result.stdout for name in COMMANDS)
    assert "3 unusable input or bundle" in result.stdout
    assert "Not a medical device" in result.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str) -> None:
    with click.Context(cli) as context:
        command = cli.get_command(context, name)
    assert command is not None
    text = command.get_help(click.Context(command, info_name=name))
    commands = [command]
    if isinstance(command, click.Group):
        commands = list(command.commands.values())
        text += "".join(c.get_help(click.Context(c)) for c in commands)
    assert f"pneumoscope {name}" in text
    for each in commands:
        options = [p for p in each.params if isinstance(p, click.Option)]
        assert all(option.help for option in options)


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "sys.argv = ['pneumoscope', '--help']\n"
        "from pneumoscope.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'torch', 'onnxruntime', 'PIL', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, timeout=60)


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--version"], 0, "version"),
        (["nonsense"], 2, "No such command"),
        (["predict"], 2, "Missing"),
        (["predict", "a.jpeg", "--bundle", "b", "--prevalence", "2"], 2, "--prevalence"),
        (["data", "check", "/no/such/folder"], 2, "no folder or manifest"),
        (["train", "/no/such/folder", "--recipe", "mystery"], 2, "there are notebook"),
        (["train", ".", "--set", "epochs"], 2, "FIELD=VALUE"),
        (["train", ".", "--resume"], 2, "--resume needs --out"),
        (["export", "/no/such/run"], 3, "is not a run folder"),
        (["bundle", "show", __file__], 3, "is not a pneumoscope bundle"),
    ],
)
def test_exit_codes_and_sentences(words: list[str], code: int, text: str) -> None:
    result = run(*words)
    assert result.returncode == code
    assert text in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_extra_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_torch(**_: object) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(module.cli, "main", without_torch)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3
    assert "pip install 'pneumoscope[train]'" in capsys.readouterr().err


def test_a_fault_of_the_disk_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(**_: object) -> None:
        raise OSError(28, "No space left on device", "run/history.csv")

    monkeypatch.setattr(module.cli, "main", full)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 3
    assert capsys.readouterr().err == "Error: run/history.csv: No space left on device.\n"


def test_a_missing_package_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(**_: object) -> None:
        raise ModuleNotFoundError("No module named 'numpy'", name="numpy")

    monkeypatch.setattr(module.cli, "main", broken)
    with pytest.raises(ModuleNotFoundError):
        main()

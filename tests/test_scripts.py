"""Our shell against dash: the same scripts must print the same and end with the same status.

The scripts are in tests/shell-scripts. They run in mitos's root file system three times: on Linux,
in namespaces of their own, by dash and by our shell, which is an ordinary Linux program; and on
mitos by our shell, where one boot serves all. Where a script fails, there must be a complaint.
"""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support import BUILD, ROOT, mitos

NO_NAMESPACES = 77  # what on-linux ends with where it cannot work
SECONDS = 300       # for all scripts of one shell

# Runs all scripts, each in a directory of its own, and says how each ended.
DRIVER = r"""
PATH=/shells/{shell}:/bin:/sbin
export PATH
for script in /sh-scripts/*; do
	name=${{script##*/}}
	mkdir -p /tmp/run/$name
	cd /tmp/run/$name
	echo "@begin $name"
	timeout -s KILL 60 /shells/{shell}/sh $script </dev/null >/tmp/output 2>/tmp/errors
	status=$?
	cat /tmp/output
	printf '\n@errors %d\n@end %d\n' $(wc -c </tmp/errors) $status
	cd /
	rm -rf /tmp/run/$name
done
"""


def read_scripts():
    """FILE.NAME -> script, from files in which `### NAME` stands above each."""
    scripts = {}
    for path in sorted((ROOT / "tests/shell-scripts").iterdir()):
        parts = re.split(r"^### (\S+)\n", path.read_text(), flags=re.MULTILINE)
        for name, text in zip(parts[1::2], parts[2::2]):
            assert f"{path.name}.{name}" not in scripts, f"two scripts {path.name}.{name}"
            scripts[f"{path.name}.{name}"] = text
    return scripts


SCRIPTS = read_scripts()

# What POSIX asks for and dash does not do, or leaves open and we have decided.
OWN = {
    "lineno": ("echo $LINENO\n\necho $LINENO", "1\n3\n"),
    "substitution-or-arithmetic": ("echo $((echo a); echo b) $((1 + 1))", "a b 2\n"),
    "jobs-in-substitution": ("sleep 5 & p=$!; [ \"$(jobs -p)\" = $p ] && echo same; kill $p",
                             "same\n"),
    "traps-in-substitution": ("trap 'echo x' INT; x=$(trap); echo \"$x\"",
                              "trap -- 'echo x' INT\n"),
    "path-is-searched-anew": ("mkdir p; PATH=$PWD/p:$PATH; true_; echo 'echo found' >p/true_;"
                              "chmod +x p/true_; true_", "found\n"),
    "input-is-not-read-ahead": ("printf 'cat\\ndata\\n' | sh", "data\n"),
    "dot-in-a-condition": ("set -e; echo 'false; echo in' >s; . ./s || :", "in\n"),
    "optarg-is-unset": ("OPTARG=x; set -- -a; getopts a o; echo ${OPTARG-unset}", "unset\n"),
    "disown": ("(exit 3) & p=$!; disown; wait $p; echo $?", "127\n"),
    "status-of-a-wait": ("(exit 3) & wait $!; wait $!; echo $?", "127\n"),
    "missing-script": ("sh nothing; echo $?", "127\n"),
}


def lay_shell(root, shell, program):
    """Puts a shell and the libraries that it needs below the root, and the script that runs all."""
    directory = root / "shells" / shell
    directory.mkdir(parents=True)
    shutil.copy(program, directory / "sh")
    linked = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    for library in re.findall(r"(/\S+) \(0x", linked):
        target = root / library.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, target)
    (root / f"all-{shell}").write_text(DRIVER.format(shell=shell))
    return ["/bin/busybox", "ash", f"/all-{shell}"]


def lay_scripts(root):
    (root / "sh-scripts").mkdir()
    for name, text in SCRIPTS.items():
        (root / "sh-scripts" / name).write_text(text)
    for name, (text, _) in OWN.items():
        (root / "sh-scripts" / f"own.{name}").write_text(text + "\n")


def results(output):
    """name -> what the script printed, its status, and whether it complained."""
    found = re.findall(r"^@begin (\S+)\n(.*?)\n@errors (\d+)\n@end (\d+)$",
                       output.decode(errors="replace"), re.M | re.S)
    return {name: (text, int(status), int(errors) > 0) for name, text, errors, status in found}


@pytest.fixture(scope="module")
def on_linux(stage):
    """A function: shell, program -> the results of all scripts."""
    lay_scripts(stage)

    def run(shell, program):
        command = lay_shell(stage, shell, program)
        done = subprocess.run([ROOT / "tests/on-linux", str(SECONDS), stage, *command],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        if done.returncode == NO_NAMESPACES:
            pytest.skip("this machine allows no namespaces")
        return results(done.stdout)
    return run


@pytest.fixture(scope="module")
def by_dash(on_linux):
    return on_linux("dash", shutil.which("dash"))


@pytest.fixture(scope="module")
def by_ours(on_linux):
    return on_linux("ours", BUILD / "user/sh")


@pytest.fixture(scope="module")
def on_mitos(tmp_path_factory):
    overlay = tmp_path_factory.mktemp("overlay")
    lay_scripts(overlay)
    command = lay_shell(overlay, "ours", BUILD / "user/sh")
    run = mitos(*command, options=["--overlay", str(overlay), "--mem", "512M"], timeout=SECONDS)
    return results(run.output)


def agree(expected, found):
    """The same output and status; and a complaint where there was one for a failure."""
    return expected and found and expected[:2] == found[:2] and (
        expected[1] == 0 or found[2] >= expected[2])


@pytest.mark.parametrize("name", SCRIPTS)
def test_as_dash(name, by_dash, by_ours):
    assert agree(by_dash.get(name), by_ours.get(name)), (
        f"{SCRIPTS[name]}\n--- dash\n{by_dash.get(name)}\n--- ours\n{by_ours.get(name)}")


@pytest.mark.parametrize("name", SCRIPTS)
def test_on_mitos(name, by_ours, on_mitos):
    assert agree(by_ours.get(name), on_mitos.get(name)), (
        f"{SCRIPTS[name]}\n--- Linux\n{by_ours.get(name)}\n--- mitos\n{on_mitos.get(name)}")


@pytest.mark.parametrize("name", OWN)
def test_own(name, by_ours, on_mitos):
    _, expected = OWN[name]
    assert by_ours[f"own.{name}"][0] == on_mitos[f"own.{name}"][0] == expected


def test_the_repository_scripts_are_shell_scripts():
    """Every shell script of the project is accepted by our own shell."""
    for path in [ROOT / "tools/deps", ROOT / "tools/toolchain", ROOT / "tools/busybox",
                 ROOT / "tests/on-linux"]:
        if Path(path).read_text().startswith("#!/bin/sh"):
            assert subprocess.run([BUILD / "user/sh", "-n", path]).returncode == 0, path

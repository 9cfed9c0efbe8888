"""Our shell against bash: the same scripts must print the same and end with the same status.

It is an ordinary Linux program, so it runs here as well as on mitos; there one boot serves all.
"""

import re
import subprocess

import pytest

from support import BUILD, mitos

SCRIPTS = {
    "words": "echo one  two 'three  four' \"five  six\" seven\\ eight '' a''b \"\"",
    "quotes": r"""echo 'a"b' "a'b" "a\"b" "a\\b" a\"b 'a\b' "a\b" \$x "\$x" '$x'""",
    "variables": "x=1 y=\"a  b\"; echo $x ${x}2 \"$y\" $y $unset \"$unset\" [$unset]",
    "splitting": "x='a b  c'; sh -c 'echo $#' sh $x; sh -c 'echo $#' sh \"$x\" $unset \"\"",
    "assignment": "x=a; x=b sh -c 'echo $x'; echo $x; y=$x$x; echo $y; z='*'; echo \"$z\"",
    "export": "x=1; sh -c 'echo [$x]'; export x; sh -c 'echo [$x]'; export y=2; sh -c 'echo $y'",
    "arguments": "sh -c 'echo $0 $# $1 $2; echo \"$@\"; echo $*' name 'a b' c",
    "status": "true; echo $?; false; echo $?; sh -c 'exit 42'; echo $?; ! true; echo $?; ! false",
    "signals": "sh -c 'kill -9 $$'; echo $?; sh -c 'kill -15 $$'; echo $?",
    "and-or": "true && echo a; false && echo b; false || echo c; true || echo d\n"
              "false && echo e || echo f",
    "lists": "echo a; echo b\necho c; (echo d; echo e)",
    "subshell": "x=1; (x=2; echo $x; exit 3); echo $x $?; cd /; (cd /tmp; pwd); pwd",
    "pipelines": "echo a | cat | cat; echo b | (cat; echo c); (echo d; exit 5) | cat; echo $?\n"
                 "false | true; echo $?",
    "output": "echo a >f; echo b >>f; cat f; cat <f; >f; cat f; echo c 2>/dev/null >f; cat f f",
    "errors": "cat /nonexistent 2>/dev/null; echo $?; cat /nonexistent >f 2>&1; echo $?\n"
              "sh -c 'echo x >&2' 2>f; cat f",
    "order": "(echo out; echo err >&2) >f 2>&1; cat f\n"
             "(echo out; echo err >&2) 2>&1 >/dev/null | cat",
    "descriptors": "echo a 3>f >&3; cat f; cat 4<f <&4; cat f 5>&- <&5 2>/dev/null || echo closed",
    "background": "sh -c 'exit 6' & wait $!; echo $?; (echo a >f) & wait; cat f",
    "not-found": "no-such-command 2>/dev/null; echo $?; /nonexistent 2>/dev/null; echo $?\n"
                 "/tmp 2>/dev/null; echo $?",
    "exec": "(exec echo replaced; echo never); (exec 3>f; echo a >&3; cat f); echo $?",
    "cd": "cd /tmp && pwd; cd /nonexistent 2>/dev/null; echo $?; pwd; HOME=/; cd; pwd",
    "exit": "echo a; exit 7; echo never",
    "exit-status-of-the-last": "false",
    "exit-in-a-pipeline": "exit 3 | exit 4",
    "comments": "echo a # b\n# echo c\necho d#e '#' \\#f",
    "continued": "echo a \\\nb; echo a |\ncat; true &&\n\necho b",
    "script": "echo 'echo $1; exit 8' >s; sh s argument; echo $?",
    "patterns": "mkdir d; >d/a1; >d/a2; >d/b1; cd d\n"
                "echo *; echo a*; echo ?1; echo [ab]1; echo z*; echo '*'",
    "input": "(echo 'echo first'; echo 'cat'; echo 'is input of cat') | sh",
    "tilde": "HOME=/h; echo ~ ~/x '~' a~",
    "dollar": "echo $ a$ \"$\" '$'; x=5; echo $x$x ${x}",
}


@pytest.fixture(scope="module")
def shells(tmp_path_factory):
    """For bash and for our shell a PATH on which `sh` is that shell."""
    paths = {}
    for name, program in (("bash", "/bin/bash"), ("ours", BUILD / "user/sh")):
        directory = tmp_path_factory.mktemp(name)
        (directory / "sh").symlink_to(program)
        paths[name] = f"{directory}:/bin:/usr/bin"
    return paths


def on_linux(script, directory, path):
    """What a script prints here, and its status."""
    directory.mkdir()
    done = subprocess.run([path.split(":")[0] + "/sh", "-c", script], cwd=directory,
                          capture_output=True, text=True, timeout=20, stdin=subprocess.DEVNULL,
                          env={"PATH": path, "HOME": "/root"})
    return done.stdout, done.returncode


@pytest.fixture(scope="module")
def on_mitos(tmp_path_factory):
    """name -> what the script prints there, and its status."""
    overlay = tmp_path_factory.mktemp("overlay")
    (overlay / "scripts").mkdir()
    lines = []
    for name, script in SCRIPTS.items():
        (overlay / "scripts" / name).write_text(script + "\n")
        lines.append(f"mkdir /tmp/{name}; cd /tmp/{name}; echo @begin {name}\n"
                     f"sh /scripts/{name} 2>/dev/null </dev/null; echo @end $?\n")
    (overlay / "scripts/all").write_text("".join(lines))
    run = mitos("sh", "/scripts/all", options=["--overlay", str(overlay)])
    found = re.findall(r"^@begin (\S+)\n(.*?)@end (\d+)$", run.output.decode(), re.M | re.S)
    return {name: (text, int(status)) for name, text, status in found}


@pytest.mark.parametrize("name", SCRIPTS)
def test_on_linux(name, tmp_path, shells):
    expected = on_linux(SCRIPTS[name], tmp_path / "bash", shells["bash"])
    assert on_linux(SCRIPTS[name], tmp_path / "ours", shells["ours"]) == expected


@pytest.mark.parametrize("name", SCRIPTS)
def test_on_mitos(name, tmp_path, shells, on_mitos):
    expected = on_linux(SCRIPTS[name], tmp_path / "bash", shells["bash"])
    assert on_mitos.get(name) == expected

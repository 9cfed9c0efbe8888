"""The rules of the house that can be checked: who uses whom, how files open, how wide they are."""

import re
import warnings

from support import BUILD, ROOT, checked

# kernel/README.md explains the floors. A room may use its own floor and those below.
FLOORS = {"lib": 1, "x86": 1, "mm": 2, "sched": 2, "fs": 3, "proc": 4,
          "syscall": 5, "procfs": 5, "tty": 5, "entry": 6, "main.c": 6}
COLUMNS = 100
FUNCTION_LINES = 60
FREESTANDING = re.compile(r"(std(arg|bool|def|int|align|noreturn)|limits|float)\.h$"
                          r"|(linux|asm|asm-generic|bsd/sys)/")
LATER = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
OPENING = {".c": "/*", ".h": "/*", ".ld": "/*", ".asm": ";", ".py": '"""', ".awk": "#", "": "#!"}


def files(*patterns):
    """The files of the repository that match, without what was built."""
    found = (path for pattern in patterns for path in ROOT.glob(pattern))
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


KERNEL = files("kernel/**/*.[ch]", "kernel/**/*.asm")
SOURCES = KERNEL + files("boot/*.asm", "linker.ld", "user/**/*.[ch]", "tools/**/*.py", "tools/*",
                         "tests/**/*.[ch]", "tests/*.py", "tests/on-linux")


def name(path):
    return str(path.relative_to(ROOT))


def room(path):
    return path.relative_to(ROOT / "kernel").parts[0]


def test_there_is_a_kernel():
    assert KERNEL


def test_no_include_runs_up_the_floors():
    wrong = []
    for path in KERNEL:
        own = FLOORS[room(path)]
        for what in re.findall(r'^\s*[#%]\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
            target = ROOT / "kernel" / what
            if not target.is_file():
                wrong.append(f"{name(path)}: {what} is not a path relative to kernel/")
            elif FLOORS[room(target)] > own:
                wrong.append(f"{name(path)} (floor {own}): {what} (floor {FLOORS[room(target)]})")
    assert not wrong


def symbols(*flags):
    """symbol -> the rooms of the objects that nm lists it for."""
    found = {}
    for path in sorted((BUILD / "obj/kernel").rglob("*.o")):
        where = path.relative_to(BUILD / "obj/kernel").parts
        own = where[0] if len(where) > 1 else where[0].removesuffix(".o")
        for line in checked("nm", *flags, path).splitlines():
            found.setdefault(line.split()[-1], set()).add(own)
    return found


def test_no_symbol_is_used_from_below():
    """What no include shows: a name declared by hand and linked to a floor above."""
    defined, wrong = symbols("--defined-only", "--extern-only"), []
    for symbol, users in symbols("--undefined-only").items():
        if symbol.startswith("__stack_chk"):
            continue    # the compiler's calls
        home = max((FLOORS[room] for room in defined.get(symbol, ())), default=0)
        wrong += [f"{user} uses {symbol} of floor {home}" for user in users if FLOORS[user] < home]
    assert defined and not wrong


def test_no_header_of_a_libc():
    wrong = [f"{name(path)}: {what}" for path in KERNEL if path.suffix != ".asm"
             for what in re.findall(r"^\s*#\s*include\s+<([^>]+)>",
                                    freestanding_part(path.read_text()), re.MULTILINE)
             if not FREESTANDING.match(what)]
    assert not wrong


def freestanding_part(text):
    """Without what only a host build of a pure file sees."""
    hosted = re.compile(r"^#if __STDC_HOSTED__\n.*?^#(else|endif)", re.MULTILINE | re.DOTALL)
    return hosted.sub("", text)


def test_no_line_is_too_long():
    """100 columns, with tabs of 8."""
    wrong = [f"{name(path)}:{number}" for path in SOURCES
             for number, line in enumerate(path.read_text().splitlines(), 1)
             if len(line.expandtabs(8)) > COLUMNS]
    assert not wrong


def test_every_file_says_what_it_is_about():
    def opening(path):
        text = path.read_text()
        return re.sub(r"\A#!.*\n", "", text) if path.suffix == ".py" else text

    assert not [name(path) for path in SOURCES
                if not opening(path).startswith(OPENING[path.suffix])]


def test_nothing_is_put_off():
    wrong = [f"{name(path)}:{number}" for path in SOURCES if path.suffix != ".py"
             for number, line in enumerate(path.read_text().splitlines(), 1) if LATER.search(line)]
    assert not wrong


def functions(text):
    """(name, lines) of the functions of a C file, which K&R braces in column 0 tell."""
    lines = text.splitlines()
    for start, line in enumerate(lines):
        if line == "{" and start:
            head = "\n".join(lines[max(0, start - 4):start]).split("}")[-1]
            end = next((i for i in range(start, len(lines)) if lines[i] == "}"), start)
            found = re.search(r"(\w+)\(", head)
            yield found.group(1) if found else f"line {start}", end - start + 1


def test_functions_fit_a_screen():
    """Told, not enforced: a reviewer decides."""
    long = [f"{name(path)}: {function} ({lines} lines)" for path in SOURCES if path.suffix == ".c"
            for function, lines in functions(path.read_text()) if lines >= FUNCTION_LINES]
    if long:
        warnings.warn("functions longer than a screen:\n" + "\n".join(long))

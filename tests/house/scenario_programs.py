"""Which programs the scenarios run that nobody promises. Prints one a line: "FOLDER: PROGRAM"; ends with 3 without
PyYAML.

A program is promised by the scenario's needs (program/NAME), by Debian's essential packages, which every system has,
or by the build packages of ci/setup. Perl is held to the modules of perl-base, which is all of it that is essential.
"""
import re
import sys
from pathlib import Path

try:
    import yaml
except ImportError:
    sys.exit(3)

# Of coreutils, dash, bash, grep, sed, findutils, hostname, libc-bin, util-linux, mawk and perl-base.
ESSENTIAL = set(
    """awk basename bash cat chmod cp cut date dd env false find getent grep head hostname id kill ln ls mkdir mv
    perl printenv printf rm sed seq setsid sh sleep sort stat tail tee test timeout touch tr true uname uniq wc
    xargs yes""".split()
)
# Of the build packages of ci/setup: iproute2 and bind9.
SET_UP = {"bridge", "ip", "nstat", "ss", "tc", "named", "rndc"}
BUILT_IN = set(
    """. : [ break case cd continue do done echo elif else eval exec exit export fi for if read return set shift then
    trap umask unset until wait while { } !""".split()
)
# A misspelt program is what the scenario is about.
ABSENT = {"wbe-server"}
# Images that the built-in server plays, or that a scenario maps to programs.
MAPPED = re.compile(r"(.*/)?(agnhost|pause)([:@].*)?$|example\.org/shop/")
PERL_BASE = set("IO::Socket::INET IO::Socket IO::Handle Socket POSIX List::Util Errno strict warnings".split())


def is_stood_in(container):
    """A container whose image nobody has: none of its commands is run, those of its probes and hooks neither."""
    image = container.get("image")
    return isinstance(image, str) and image != "host" and not MAPPED.match(image)


def commands(value):
    """Every `command` below that is run, as a list of words."""
    if isinstance(value, dict) and is_stood_in(value):
        return
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "command" and isinstance(part, (list, str)):
                yield [str(word) for word in part] if isinstance(part, list) else part.split()
            else:
                yield from commands(part)
    elif isinstance(value, list):
        for part in value:
            yield from commands(part)


def words_of_shell(script):
    """The words at which a command of a shell begins."""
    script = re.sub(r"'[^']*'|\"(\\.|[^\"\\])*\"", lambda quoted: " " + " ".join(re.findall(r"\$\([^)]*\)", quoted[0])) + " ", script)
    starts = r"(?:^|[|;&\n(]|\$\(|\b(?:do|then|else|if|while|until|exec)\s|!\s)\s*"
    assignments = r"(?:[A-Za-z_]+=\S*\s+)*"
    return set(re.findall(starts + assignments + r"([a-z][a-z0-9_.-]*)(?![a-z0-9_.=-])", script))


def programs(command):
    program = command[0].rsplit("/", 1)[-1]
    yield program
    if program in ("sh", "bash", "dash") and "-c" in command:
        yield from words_of_shell(command[command.index("-c") + 1])
    if program == "perl":
        text = "\n".join(command[1:])
        for module in re.findall(r"^-[mM]([\w:]+)|\b(?:use|require)\s+([\w:]+)", text, re.MULTILINE):
            yield "perl " + "".join(module)


def main():
    folder = Path(sys.argv[1])
    count = 0
    for scenario in sorted(path for path in folder.iterdir() if path.is_dir()):
        promised = ESSENTIAL | SET_UP | BUILT_IN | ABSENT | {"perl " + module for module in PERL_BASE}
        run = set()
        for file in sorted(scenario.rglob("*.yaml")):
            for document in yaml.safe_load_all(file.read_text(encoding="utf-8")):
                if isinstance(document, dict) and document.get("kind") == "Scenario":
                    for need in document["spec"].get("needs", []):
                        promised.add(need.removeprefix("program/"))
                for command in commands(document):
                    run.update(programs(command))
        count += len(run)
        for program in sorted(run - promised):
            print(f"{scenario.name}: {program}")
    if count == 0:
        sys.exit("no programs at all: the scenarios are not where they were")


main()

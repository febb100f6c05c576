#!/usr/bin/env python3
"""The code in README.md and .github/docs is that of the tests, and the commands there exist.

    check_code_blocks.py [--programs FOLDER]

Blocks of C++ are part of a source file that the tests compile (comments and white space apart). Blocks of CMake are
configured by the test consumer.readme, those of Python are run by run_page.py; here they only have to be where those look.
Of commands, in blocks and between backticks, programs, scripts, presets, targets, labels and options have to exist; the
options of a program are those that its --help lists, when FOLDER holds the program, else those that the sources name.
Words between backticks have to occur somewhere in the source tree.
"""
import argparse
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / ".github/docs").glob("*.md"))]
COMPILED = [
    *(ROOT / "tests/documentation").glob("*_test.cpp"),
    ROOT / "tests/denoiser/user_architecture_test.cpp",
    ROOT / "tests/cuda/readme_test.cpp",
    ROOT / "examples/fig5_linear_bottleneck.cpp",
]
PYTHON_PAGES = {"from_pytorch.md"}
SHELL_PROGRAMS = {"cd", "export", "git", "sudo", "apt-get", "python3"}  # not ours: whatever they are told


def bare(code):
    """C++ without comments and white space."""
    return re.sub(r"\s+", "", re.sub(r"//[^\n]*", "", code))


def sources(*patterns):
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and path != Path(__file__).resolve():
                yield path.read_text(encoding="utf-8", errors="ignore")


class Tree:
    """What the source tree offers to be named."""

    def __init__(self, programs_folder):
        self.folder = programs_folder
        self.compiled = [bare(path.read_text()) for path in COMPILED]
        self.cmake = "\n".join(sources("CMakeLists.txt", "*/CMakeLists.txt", "tests/*/CMakeLists.txt", "cmake/*.cmake"))
        self.options = "\n".join(sources("examples/*.cpp", "examples/common/*/*.cpp", "benchmarks/*.cpp"))
        self.text = "\n".join(
            sources("include/**/*", "examples/**/*", "tests/**/*.[chpt]*", "benchmarks/**/*", "cmake/**/*", "CMake*", "LICENSE"))
        folders = ("include", "examples", "tests", "benchmarks", "cmake")
        names = " ".join(str(path.relative_to(ROOT)) for folder in folders for path in (ROOT / folder).rglob("*"))
        blocks = " ".join(re.findall(r"^```.*?^```", "".join(page.read_text() for page in PAGES), re.M | re.S))
        self.words = set(re.findall(r"\w+", f"{self.text} {names} {blocks}"))
        self.presets = {
            preset["name"]
            for kind, presets in json.loads((ROOT / "CMakePresets.json").read_text()).items()
            if kind.endswith("Presets") for preset in presets
        }
        self.programs = {path.stem for pattern in ("examples/*.cpp", "benchmarks/*.c[pu]*") for path in ROOT.glob(pattern)}
        self.programs |= {"diffarch_tests"}
        self.help = {}

    def options_of(self, program):
        if program not in self.help:
            found = [*self.folder.rglob(program)] if self.folder else []
            executable = next((path for path in found if path.is_file() and os.access(path, os.X_OK)), None)
            run = executable and subprocess.run([executable, "--help"], capture_output=True, text=True, timeout=60)
            self.help[program] = run.stdout if run and run.returncode == 0 and run.stdout else self.options
        return self.help[program]


def problems_of_command(words, tree):
    """What is wrong with one command, as lines of text."""
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words = words[1:]
    if not words:
        return
    name, arguments = words[0], words[1:]
    options = [word.split("=")[0] for word in arguments if word.startswith("--")]
    program = Path(name).name
    if name in ("mpirun", "srun"):
        while arguments and arguments[0] not in tree.programs:
            arguments = arguments[1:]
        yield from problems_of_command(arguments, tree)
    elif name in ("cmake", "ctest"):
        for option, value in zip(arguments, arguments[1:]):
            if option == "--preset" and value not in tree.presets:
                yield f"there is no preset {value}"
            if option == "--target" and not re.search(rf"add_(executable|custom_target|library)\(\s*{value}\b", tree.cmake):
                yield f"there is no target {value}"
            if option == "-L" and not re.search(rf'LABELS\s+"?[\w;]*\b{value}\b', tree.cmake):
                yield f"no test has the label {value}"
        for word in arguments:
            if match := re.match(r"-D(DIFFARCH_\w+)=", word):
                if f"({match[1]} " not in tree.cmake:
                    yield f"there is no option {match[1]}"
    elif "/" in name and not name.startswith("build/"):
        path = ROOT / name
        if not path.is_file() or not os.access(path, os.X_OK):
            yield f"{name} is not there, or not executable"
        elif path.suffix == ".py":
            yield from (f"{name} has no option {option}" for option in options if f'"{option}"' not in path.read_text())
        elif name == "examples/run.sh":
            if "--all" in arguments:
                others = [word for word in arguments if word != "--all"]
                yield from problems_of_command(["examples/run_all.py", *others], tree)
            else:
                yield from problems_of_command(["fig5_linear_bottleneck", *arguments], tree)
        elif name == "benchmarks/run.sh":
            listed = (ROOT / "benchmarks/peers/__main__.py").read_text()
            yield from (f"{name} has no option {option}" for option in options if f'"{option}"' not in listed)
        elif name == "tests/run.sh":
            yield from (f"there is no preset {word}" for word in arguments if word not in tree.presets)
    elif program in tree.programs:
        listed = tree.options_of(program)
        for option in options:
            if option != "--help" and not re.search(rf"{option}(?![\w-])", listed):
                yield f"{program} has no option {option}"
        if program == "diffarch_tests":
            yield from (f"no test has the tag {tag}" for tag in re.findall(r"\[\w+\]", " ".join(arguments)) if tag not in tree.text)
    elif name not in SHELL_PROGRAMS:
        yield f"unknown command {name}"


def commands_of(block):
    for line in block.replace("\\\n", " ").splitlines():
        for command in re.split(r"&&|;|\|", re.sub(r"(^|\s)#.*", "", line)):
            if command.strip():
                yield shlex.split(command)


def problems_of_block(language, block, page, tree):
    if language == "cpp":
        alone = [line for line in block.splitlines() if re.match(r"#include|using namespace", line)]
        rest = bare("\n".join(line for line in block.splitlines() if line not in alone))
        if not any(rest in source and all(bare(line) in source for line in alone) for source in tree.compiled):
            yield "is part of no compiled source of the tests"
    elif language == "sh":
        for command in commands_of(block):
            yield from problems_of_command(command, tree)
    elif language == "cmake":
        if page.name != "README.md":
            yield "blocks of CMake are configured in README.md only"
    elif language == "python":
        if page.name not in PYTHON_PAGES:
            yield f"blocks of Python are run in {', '.join(PYTHON_PAGES)} only"
    elif language != "math":
        yield "unknown language; expected cpp, sh, cmake, python or math"


def problems_of_span(span, tree):
    words = span.split()
    first = Path(words[0]).name if words else ""
    if first in tree.programs or words[0] in ("cmake", "ctest", "mpirun") or words[0].endswith((".sh", ".py")):
        if len(words) > 1:
            yield from problems_of_command([word for word in shlex.split(span) if word != "..."], tree)
    elif words[0].startswith("--"):
        option = words[0].split("=")[0]
        if not re.search(rf"{option}(?![\w-])", tree.text):
            yield f"no program has the option {option}"
    without_packages = re.sub(r"(?<![-\w])[a-z0-9]+(-[a-z0-9]+)+(?![-\w])", "", span)  # libopenmpi-dev
    for word in re.findall(r"[A-Za-z_]\w{3,}", without_packages):
        numbered = re.sub(r"_?\d+$", "", word)  # names such as polynomial_27 are made by the program
        if not {word, numbered} & tree.words and not word.isupper():
            yield f"'{word}' occurs nowhere in the source tree"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--programs", type=Path, help="folder below which the example programs were built")
    tree = Tree(parser.parse_args().programs)
    problems, blocks, spans = [], 0, 0
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        name = page.relative_to(ROOT)
        fences = list(re.finditer(r"^```(\w*)[ \t]*\n(.*?)^```[ \t]*$", text, re.M | re.S))
        for fence in fences:
            line = text.count("\n", 0, fence.start()) + 1
            blocks += 1
            found = problems_of_block(fence[1], fence[2], page, tree)
            problems += [f"{name}:{line}: block of '{fence[1]}': {problem}" for problem in found]
        prose = re.sub(r"^```.*?^```[ \t]*$", lambda match: "\n" * match[0].count("\n"), text, flags=re.M | re.S)
        for span in re.finditer(r"`([^`]+)`", prose):
            spans += 1
            line = prose.count("\n", 0, span.start()) + 1
            problems += [f"{name}:{line}: `{' '.join(span[1].split())}`: {problem}" for problem in problems_of_span(span[1], tree)]
        for link in re.finditer(r"\]\(([^)#]+?)(#[^)]*)?\)", prose):
            if not link[1].startswith("http") and not (page.parent / link[1]).exists():
                problems.append(f"{name}: the link to {link[1]} leads nowhere")
    print("\n".join(problems) or f"{len(PAGES)} pages, {blocks} blocks, {spans} pieces of code in lines")
    return 1 if problems or not blocks else 0


if __name__ == "__main__":
    sys.exit(main())

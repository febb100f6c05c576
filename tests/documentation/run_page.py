#!/usr/bin/env python3
"""Runs the blocks of Python and the commands of a page, in order, in an empty folder.

    run_page.py PAGE --programs FOLDER... [--until HEADING]

Programs are found in the given folders. A section can be named to stop before.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path


def blocks_of(text):
    """(line, language, code) of every block that can be run."""
    for fence in re.finditer(r"^```(python|sh) *\n(.*?)^``` *$", text, re.M | re.S):
        yield text.count("\n", 0, fence.start()) + 2, fence[1], fence[2]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--programs", type=Path, nargs="+", required=True)
    parser.add_argument("--until", help="heading of the section to stop before")
    arguments = parser.parse_args()
    page = arguments.page.resolve()
    text = page.read_text(encoding="utf-8")
    if arguments.until:
        text, found, _ = text.partition(f"\n## {arguments.until}\n")
        assert found, f"{page} has no section {arguments.until}"
    os.environ["PATH"] = os.pathsep.join([*(str(folder.resolve()) for folder in arguments.programs), os.environ["PATH"]])
    names, count = {"__name__": "page"}, 0
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for line, language, code in blocks_of(text):
            count += 1
            print(f"{page.name}:{line}: {language}", flush=True)
            if language == "sh":
                subprocess.run(["bash", "-euo", "pipefail", "-c", code], check=True, stdout=subprocess.DEVNULL)
            else:
                exec(compile("\n" * (line - 1) + code, str(page), "exec"), names)
        os.chdir("/")
    assert count, f"{page} has no block that can be run"


if __name__ == "__main__":
    sys.exit(main())

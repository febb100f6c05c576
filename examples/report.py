#!/usr/bin/env python3
"""Everything that the example programs have found, as one page that needs nothing but itself.

    report.py [RESULTS] [--output FILE]      RESULTS: the programs' folders (results); FILE: RESULTS/report.html

Beside each picture: what the paper claims, what is predicted and measured, settings and seed, and the command. All
numbers come from the programs' JSON. What has not been run is listed with the command that runs it; a file that is
damaged, or of another program, ends this in one line that names it. run_all.py runs the programs.
"""
import argparse
import datetime
import functools
import sys
from pathlib import Path

from reporting.elements import (ReportError, command_text, details, element, escape, number, paragraph, picture,
                                read_json, shown, table, text, write_whole)
from reporting.figures import SECTIONS

BUILT_IN = "build/examples/examples"

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --faint: #59636e; --line: #d4d9df; --paper: #fff; --raised: #f5f7f9;
  --accent: #0b62b0; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ec; --faint: #9aa5b1; --line: #3a424c; --paper: #15181c;
  --raised: #1e2329; --accent: #7cb8f0; --bad: #ff8f85; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 76rem; font: 16px/1.5 system-ui, sans-serif; color: var(--ink);
  background: var(--paper); overflow-wrap: break-word; }
h1 { line-height: 1.2; } h2 { margin: 0 0 .5rem; line-height: 1.25; } h3 { margin: 0 0 .2rem; font-size: 1rem; }
a { color: var(--accent); }
section { margin: 2rem 0; padding-top: 1.5rem; border-top: 1px solid var(--line); }
@media (min-width: 60rem) {
  .beside { display: grid; grid-template-columns: minmax(0, 1.55fr) minmax(0, 1fr); gap: 0 2rem; } }
p { margin: 0 0 .8rem; }
figure { margin: 0 0 1rem; } figcaption { color: var(--faint); font-size: .85rem; }
.picture { overflow-x: auto; background: #fff; border: 1px solid var(--line); border-radius: 4px; }
.picture img { display: block; max-width: 100%; height: auto; margin: 0 auto; }
@media (max-width: 40rem) { .picture img.wide { max-width: none; width: 44rem; } }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
.caption { margin: 0 0 .2rem; color: var(--faint); font-size: .88rem; }
th, td { padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { white-space: nowrap; } .number { text-align: right; white-space: nowrap; } tbody th { font-weight: 500; }
.short { white-space: nowrap; } .name { min-width: 8rem; } .long { min-width: 14rem; }
pre { overflow-x: auto; margin: 0 0 .8rem; padding: .6rem; font-size: .82rem; background: var(--raised);
  border-radius: 4px; }
details { margin: 0 0 .8rem; } summary { cursor: pointer; color: var(--accent); }
.bad { color: var(--bad); font-weight: 600; } .faint { color: var(--faint); }
"""
CERTIFICATES = "certificates"
PROGRAMS = [section.program for section in SECTIONS] + [CERTIFICATES]


def json_path(results, program):
    return results / program / f"{program}.json"


def record_path(results, program):
    """What run_all.py notes about its last run of a program."""
    return results / program / "run.json"


def read_record(results, program):
    path = record_path(results, program)
    record = read_json(path, program) if path.exists() else {}
    for key, kind in (("status", int), ("error", str), ("command", list), ("all", str), ("seconds", float)):
        if not isinstance(record.get(key, kind()), kind):
            raise ReportError(f"{path}: \"{key}\" is {record[key]!r}, expected a {kind.__name__}")
    return record


def flattened(value, prefix=""):
    """(name, text) of all settings in a JSON object."""
    for key, inner in value.items():
        if isinstance(inner, dict):
            yield from flattened(inner, f"{prefix}{key}: ")
        else:
            values = inner if isinstance(inner, list) else [inner]
            yield prefix + key.replace("_", " "), ", ".join(map(text, values))


def settings(found):
    kept = {key: found[key] for key in ("settings", "schedule", "training_data", "training") if key in found}
    what, schedule = found["settings"], found["schedule"]
    summary = (f"Settings: seed {what['seed']}, {schedule['name']} of {schedule['steps']} steps, {schedule['rule']}, "
               f"{what['data']}, {what['dtype']}" + (", a quick run" if what.get("quick") else ""))
    merged = {**kept.pop("settings"), **kept}
    return details(summary, table(found.get("library", ""), ("setting", "value"),
                                  [(name, value) for name, value in flattened(merged)]))


def command(results, program, record):
    if record.get("command"):
        return paragraph(f"Run it again{duration(record)}:") + command_text(record["command"])
    return paragraph("Run by hand; its options are in the settings. With those of the program itself:") + command_text(
        [f"{BUILT_IN}/{program}", "--out", results / program])


def duration(record):
    seconds = record.get("seconds")
    if seconds is None:
        return ""
    return f" ({number(seconds)} s)" if seconds < 120 else f" ({seconds / 60:.0f} minutes)"


def failure(record):
    if record.get("status", 0) == 0:
        return ""
    message = record.get("error") or "no message"
    return paragraph(f"The last run failed with status {record['status']}: {message}. Results below, if any, are what "
                     "it, or a run before it, has left.", class_="bad")


def not_run(results, program, record):
    return (paragraph("Not run. This command does:") if not record else "") + command_text(
        record.get("command") or [f"{BUILT_IN}/{program}", "--out", results / program])


def section_html(results, section):
    """One figure's section, and what the overview says of it."""
    program = section.program
    record = read_record(results, program)
    path = json_path(results, program)
    asks = "The paper" if section.title.startswith("Figure") else "The question"
    claim = element("h3", asks) + paragraph(section.claim)
    head = element("h2", escape(section.title)) + failure(record)
    if not path.exists():
        state = "failed" if record.get("status") else "not run"
        return element("section", head + claim + not_run(results, program, record), id=program), state
    found = read_json(path, program)
    sentences, tables = section.read(found)
    how = settings(found)
    main, *others = section.pictures
    folder = results / program
    others = [name for name in others if (folder / f"{name}.png").exists()]
    said = claim + element("h3", "This run") + "".join(paragraph(sentence) for sentence in sentences)
    pictures = picture(folder / f"{main}.png", section.pictures[main])
    body = element("div", element("div", pictures) + element("div", said), class_="beside")
    body += "".join(tables)
    body += "".join(details(section.pictures[name], picture(folder / f"{name}.png", section.pictures[name]))
                    if name.endswith("_losses") else picture(folder / f"{name}.png", section.pictures[name])
                    for name in others)
    body += how + command(results, program, record)
    state = "failed" if record.get("status") else "quick run" if found["settings"].get("quick") else "done"
    return element("section", head + body, id=program), state


def certificates_html(results):
    """Every theorem and counterexample: one table, and the comparisons and picture of each to unfold."""
    record = read_record(results, CERTIFICATES)
    path = json_path(results, CERTIFICATES)
    head = element("h2", "Certificates: every theorem, sharper statement and counterexample") + failure(record)
    if not path.exists():
        state = "failed" if record.get("status") else "not run"
        return element("section", head + not_run(results, CERTIFICATES, record), id=CERTIFICATES), state
    found = read_json(path, CERTIFICATES)
    statements, failed = found["statements"], found["failed"]
    count = sum(len(one["checks"]) for one in statements)
    rows = [(one["id"], one["statement"], one["source"], "holds" if one["pass"] else "DOES NOT HOLD",
             f"{sum(check['pass'] for check in one['checks'])} of {len(one['checks'])}") for one in statements]
    unfolded = []
    for one in statements:
        signs = {"equal": "", "at most": "≤ ", "at least": "≥ "}
        checks = [(check["what"], signs[check["relation"]] + number(check["predicted"]), check["measured"],
                   check["tolerance"], "holds" if check["pass"] else "FAILS") for check in one["checks"]]
        content = table(one["statement"], ("what", "predicted", "measured", "tolerance", ""), checks)
        if one["picture"].endswith(".png"):
            content += picture(results / CERTIFICATES / one["picture"], f"{one['id']}: {one['statement']}")
        unfolded.append(details(f"{one['id']}: numbers and picture", content))
    body = paragraph("T1 to T6 are the theorems of the paper; C1 to C9 say more precisely where they hold, and with "
                     "\"false as stated\" where they do not. Each compares what the library generates with closed "
                     "forms and quadrature.")
    body += paragraph(f"{found['passed']} of {len(statements)} statements hold, {count} comparisons.",
                      **({"class_": "bad"} if failed else {}))
    body += table(found.get("library", ""), ("", "statement", "source", "", "comparisons"), rows)
    body += "".join(unfolded) + command(results, CERTIFICATES, record)
    state = "failed" if failed or record.get("status") else f"{found['passed']} of {len(statements)} hold"
    return element("section", head + body, id=CERTIFICATES), state


def page(results):
    """The whole page. Raises ReportError for a file that cannot be shown."""
    sections = []
    makers = {section.program: functools.partial(section_html, results, section) for section in SECTIONS}
    makers[CERTIFICATES] = functools.partial(certificates_html, results)
    for program, make in makers.items():
        try:
            sections.append(make())
        except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError) as problem:
            raise ReportError(f"{json_path(results, program)}: does not have the numbers of {program}: "
                              f"{type(problem).__name__} {problem}") from None
    titles = [section.title for section in SECTIONS] + ["Certificates"]
    found = {program: read_json(json_path(results, program), program) for program in PROGRAMS
             if json_path(results, program).exists()}
    versions = sorted({str(one.get("library", "?")) for one in found.values()})
    seeds = sorted({one["settings"]["seed"] for one in found.values() if "settings" in one})
    data = sorted({one["training_data"]["name"] for one in found.values() if "training_data" in one})
    again = sorted({read_record(results, program).get("all") for program in PROGRAMS} - {None})
    states = [(element("a", escape(title), href=f"#{program}"), state)
              for title, program, (_, state) in zip(titles, PROGRAMS, sections)]
    overview = "".join(element("li", f"{link}: " + element("span", escape(state), class_="bad" if state == "failed" else
                                                           "faint")) for link, state in states)
    paper = "Levine and Weiss, Diffusion Models, Denoiser Architecture and Creativity"
    head = element("h1", "What a denoiser's architecture lets it create")
    head += paragraph(f"The experiments of {paper}: what the paper claims, what theory predicts, what was "
                      "measured here.")
    head += table("This report", ("", ""), [
        ("library", ", ".join(versions) or "–"), ("date", datetime.date.today().isoformat()),
        ("seed of all noise", ", ".join(map(str, seeds)) or "–"), ("images", ", ".join(data) or "–"),
        ("programs run", f"{len(found)} of {len(PROGRAMS)}")])
    head += paragraph("Noise is a function of seed, sample and element: samples do not depend on the number of "
                      "threads, and on the machine by rounding only. To make all of this again:")
    head += "".join(element("pre", element("code", escape(line))) for line in again or ["examples/run.sh --all"])
    if any(one.get("settings", {}).get("quick") for one in found.values()):
        head += paragraph("A quick run shows that a program works. Its few images, samples and epochs do not show "
                          "what the paper says.", class_="bad")
    head += element("nav", element("ul", overview))
    return ("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            f"<title>diffarch: report</title>\n<style>{STYLE}</style>\n</head>\n<body>\n" + element("header", head) +
            "\n<main>\n" + "\n".join(content for content, _ in sections) + "\n</main>\n</body>\n</html>\n")


def write_report(results, output):
    """Writes the page. Raises ReportError."""
    if not results.is_dir():
        raise ReportError(f"{results}: is no folder of results")
    write_whole(output, page(results))
    print(f"wrote {shown(output)} ({output.stat().st_size / 1e6:.1f} MB)")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=Path("results"), metavar="RESULTS",
                        help="the folder with a folder of each program (default: results)")
    parser.add_argument("--output", type=Path, help="the page (default: RESULTS/report.html)")
    arguments = parser.parse_args()
    try:
        write_report(arguments.results, arguments.output or arguments.results / "report.html")
    except ReportError as problem:
        sys.exit(f"report.py: error: {problem}")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""examples/report.py and run_all.py on what the programs have written in the tests before this one.

    report_test.py EXAMPLES WORK PROGRAM=FOLDER...      FOLDER: where the program has written its pictures and its JSON
"""
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import unittest
from html.parser import HTMLParser
from pathlib import Path

EXAMPLES, WORK = Path(sys.argv[1]), Path(sys.argv[2])
WRITTEN = {program: Path(folder) for program, folder in (word.split("=") for word in sys.argv[3:])}
VOID = {"meta", "img", "br"}

# Numbers of each program's JSON that its section has to show.
SHOWN = {
    "fig1_unet": [("rows", 0, "measured", "memorised_interval_95", 1, 100),
                  ("rows", 2, "measured", "gap_ratio_median")],
    "fig2_matching_moments": [("comparison", "relative_denoiser_difference_matched_samples"),
                              ("rows", 1, "measured", "variance_z"), ("schedule", "sigma_T")],
    "fig3_polynomial_2d": [("rows", 2, "covariance", 3), ("schedule", "last_sigma")],
    "fig4_bottleneck_2d": [("rows", 0, "largest_distance_to_polyline"), ("rows", 1, "levels", -1, "losses", -1)],
    "fig5_linear_bottleneck": [("rows", 0, "predicted", "total_variance"), ("rows", 1, "measured", "mean_error_rms")],
    "fig6_linear_resampled": [("generations", 0, "predicted_total_variance"),
                              ("generations", 1, "relative_denoiser_difference")],
    "fig7_polynomial_images": [("settings", "width")],
    "fig8_patch_polynomial": [("sigmas", 1), ("windows", 0, "width")],
    "fig9_bottleneck_images": [("rows", 0, "measured", "nearest_rms_distance_median")],
    "creativity_map": [("architectures", 0, "novelty", "value"),
                       ("architectures", -1, "memorised_fraction", "value", 100),
                       ("plane", "rows", 0, "data_to_generated", "nats")],
    "compare_denoisers": [("networks", 0, "denoisers", 1, "final_images", "r_squared_median")],
    "spectrum_schedules": [("rows", 3, "w2"), ("rows", 4, "ratio_to_cosine"), ("rows", 0, "w2_of_samples"),
                           ("rules", 0, "w2"), ("rules", -1, "w2"),
                           ("models", -1, "rms_difference_to_many_steps")],
    "certificates": [("statements", 0, "checks", 0, "measured"), ("statements", -1, "checks", -1, "tolerance")],
}


class Page(HTMLParser):
    """Text and pictures of each section of a page; fails where the page is not whole, or asks for anything outside."""

    def __init__(self, content):
        super().__init__()
        self.open, self.sections, self.current, self.problems = [], {}, None, []
        self.feed(content)
        self.close()
        self.problems += [f"<{tag}> is not closed" for tag in self.open]

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        if len(values) != len(attributes):
            self.problems.append(f"<{tag}> has an attribute twice")
        if tag in ("script", "link", "iframe", "object", "base"):
            self.problems.append(f"<{tag}>")
        if tag not in VOID:
            self.open.append(tag)
        if tag == "section":
            self.current = self.sections[values["id"]] = {"text": "", "pictures": []}
        for name in ("src", "href", "srcset", "action", "poster"):
            value = values.get(name, "#")
            if not value.startswith(("#", "data:image/png;base64,")):
                self.problems.append(f"<{tag} {name}={value[:60]}>")
        if tag == "img":
            if not values.get("alt") or not values.get("src", "").startswith("data:"):
                self.problems.append(f"<img> without alt or data: {values.get('alt')}")
            else:
                self.current["pictures"].append(base64.b64decode(values["src"].partition(",")[2], validate=True))
        if any(name.startswith("on") or name == "style" for name in values):
            self.problems.append(f"<{tag}> has {list(values)}")

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.problems.append(f"</{tag}> closes another element")
        if tag == "section":
            self.current = None

    def handle_data(self, data):
        if self.open and self.open[-1] == "style" and re.search(r"url\(|@import|http", data):
            self.problems.append("the style loads something")
        if self.current is not None:
            self.current["text"] += data + " "


def three_digits(value):
    digits, _, exponent = (str(value) if isinstance(value, int) else f"{value:.3g}").partition("e")
    return (digits + (f"e{int(exponent)}" if exponent else "")).replace("-", "\u2212")


def number_at(content, path):
    """The number at a path; a last 100 asks for per cent."""
    for key in path:
        content = 100 * content if key == 100 else content[key]
    return content


def python(script, *arguments):
    return subprocess.run([sys.executable, EXAMPLES / script, *map(str, arguments)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})


class OnResults(unittest.TestCase):
    """A fresh folder of results for each test."""

    def setUp(self):
        self.results = WORK / self.id().rpartition(".")[2]
        shutil.rmtree(self.results, ignore_errors=True)
        self.results.mkdir(parents=True)

    def whole(self, path):
        """The sections of a page, which has to be whole."""
        page = Page(path.read_text(encoding="utf-8"))
        self.assertEqual(page.problems, [])
        return page.sections


class ReportTest(OnResults):
    def setUp(self):
        super().setUp()
        self.page = self.results / "report.html"

    def copy(self, *programs):
        for program in programs:
            shutil.copytree(WRITTEN[program], self.results / program)

    def json(self, program):
        return self.results / program / f"{program}.json"

    def change(self, program, change):
        content = json.loads(self.json(program).read_text())
        change(content)
        self.json(program).write_text(json.dumps(content))

    def report(self):
        run = python("report.py", self.results)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return self.whole(self.page)

    def refused(self, *parts):
        """One line that names the file, and the page of before."""
        self.page.write_text("the page of before")
        run = python("report.py", self.results)
        self.assertEqual(run.returncode, 1)
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        for part in ("report.py: error: ", *parts):
            self.assertIn(str(part), run.stderr)
        self.assertEqual(self.page.read_text(), "the page of before")
        self.assertEqual(list(self.results.glob("**/*.tmp")), [])

    def test_page_shows_numbers_and_pictures_of_every_program(self):
        self.copy(*WRITTEN)
        sections = self.report()
        self.assertEqual(set(sections), set(SHOWN))
        self.assertEqual(set(WRITTEN), set(SHOWN))
        for program, paths in SHOWN.items():
            content = json.loads(self.json(program).read_text())
            shown = sections[program]["text"]
            self.assertNotIn("Not run.", shown)
            for path in paths:
                wanted = three_digits(number_at(content, path))
                self.assertRegex(shown, rf"(?<![\d.]){re.escape(wanted)}(?![\d.])", f"{program}: {path}")
            if program != "certificates":
                self.assertIn(f"seed {content['settings']['seed']}", shown)
            drawn = [picture.read_bytes() for picture in (self.results / program).glob("*.png")]
            self.assertCountEqual(sections[program]["pictures"], drawn, program)

    def test_what_has_not_been_run_is_listed_with_its_command(self):
        self.copy("fig2_matching_moments")
        sections = self.report()
        self.assertEqual(set(sections), set(SHOWN))
        for program, section in sections.items():
            self.assertEqual("Not run." in section["text"], program != "fig2_matching_moments", program)
            self.assertIn(f"build/examples/examples/{program} --out", section["text"])

    def test_failed_run_is_visible(self):
        (self.results / "fig1_unet").mkdir()
        (self.results / "fig1_unet" / "run.json").write_text(json.dumps(
            {"program": "fig1_unet", "status": 1, "error": "no space <left>", "command": ["fig1_unet", "--seed", "7"]}))
        shown = self.report()["fig1_unet"]["text"]
        self.assertIn("failed with status 1: no space <left>", shown)
        self.assertIn("fig1_unet --seed 7", shown)

    def test_text_of_the_json_stays_text_and_missing_numbers_are_dashes(self):
        self.copy("fig2_matching_moments")

        def change(content):
            content["settings"]["data"] = "<script>\"'&</section>"
            content["comparison"]["largest_sample_difference_exact_moments"] = 1.25
            content["rows"][0]["measured"]["mean_z"] = None
        self.change("fig2_matching_moments", change)
        shown = self.report()["fig2_matching_moments"]["text"]
        self.assertIn("<script>\"'&</section>", shown)
        self.assertIn("1.25", shown)
        self.assertIn("z = \u2013", shown)

    def test_damaged_json(self):
        self.copy("fig2_matching_moments", "fig5_linear_bottleneck")
        path = self.json("fig5_linear_bottleneck")
        path.write_bytes(path.read_bytes()[:-100])
        self.refused(path, "is damaged")
        path.write_bytes(b"\xff\xfe{}")
        self.refused(path, "is damaged")
        path.write_text("[1, 2]")
        self.refused(path, "expected a JSON object")

    def test_json_of_another_program(self):
        self.copy("fig5_linear_bottleneck")
        other = WRITTEN["fig2_matching_moments"] / "fig2_matching_moments.json"
        shutil.copy(other, self.json("fig5_linear_bottleneck"))
        self.refused(self.json("fig5_linear_bottleneck"), "'fig2_matching_moments', expected 'fig5_linear_bottleneck'")

    def test_json_without_its_numbers(self):
        for program, key in (("fig1_unet", "rows"), ("certificates", "statements"), ("fig3_polynomial_2d", "schedule")):
            self.copy(program)
            self.change(program, lambda content, key=key: content.pop(key))
            self.refused(self.json(program), f"does not have the numbers of {program}", key)
            shutil.rmtree(self.results / program)

    def test_damaged_record(self):
        self.copy("fig2_matching_moments")
        path = self.results / "fig2_matching_moments" / "run.json"
        path.write_text(json.dumps({"program": "fig2_matching_moments", "command": "fig2"}))
        self.refused(path, "\"command\" is 'fig2', expected a list")
        path.write_text("{")
        self.refused(path, "is damaged")

    def test_damaged_picture(self):
        self.copy("fig5_linear_bottleneck")
        path = self.results / "fig5_linear_bottleneck" / "fig5_linear_bottleneck.png"
        path.write_bytes(path.read_bytes()[:-20])
        self.refused(path, "is not a whole PNG")

    def test_folder_or_page_that_cannot_be(self):
        run = python("report.py", self.results / "nowhere")
        self.assertEqual((run.returncode, run.stderr),
                         (1, f"report.py: error: {self.results / 'nowhere'}: is no folder of results\n"))
        run = python("report.py", self.results, "--output", "/dev/null/report.html")
        self.assertEqual((run.returncode, run.stderr.count("\n")), (1, 1))
        self.assertIn("/dev/null/report.html: cannot be written", run.stderr)


class RunAllTest(OnResults):
    """Programs that put down what the real ones have written, and note how they were called."""

    def setUp(self):
        super().setUp()
        self.programs = self.results / "programs"
        self.programs.mkdir()
        self.calls = self.results / "calls"
        for program, folder in WRITTEN.items():
            self.program(program, f'''#!/bin/sh
echo "{program} $*" >> "{self.calls}"
while [ $# -gt 1 ]; do [ "$1" = --out ] && out=$2; shift; done
mkdir -p "$out" && cp -r "{folder}/." "$out"
''')

    def program(self, name, script):
        path = self.programs / name
        path.write_text(script)
        path.chmod(0o755)

    def run_all(self, *options):
        """Status, what was called since the last time, errors."""
        self.calls.write_text("")
        run = python("run_all.py", "--programs", self.programs, "--out", self.results / "out", *options)
        return run.returncode, [line.split() for line in self.calls.read_text().splitlines()], run.stderr

    def test_runs_everything_once(self):
        status, calls, errors = self.run_all()
        self.assertEqual((status, errors), (0, ""))
        self.assertCountEqual([call[0] for call in calls], SHOWN)
        trained = {"fig1_unet", "fig4_bottleneck_2d", "fig9_bottleneck_images", "creativity_map", "compare_denoisers"}
        self.assertEqual({call[0] for call in calls if "--resume" in call}, trained)
        for program, section in self.whole(self.results / "out" / "report.html").items():
            self.assertIn(f"build/examples/examples/{program}", section["text"])
            self.assertNotIn("Not run.", section["text"])
        self.assertEqual(self.run_all()[:2], (0, []))
        # Other options, or numbers that are gone: again.
        (self.results / "out/fig2_matching_moments/fig2_matching_moments.json").unlink()
        self.assertEqual([call[0] for call in self.run_all()[1]], ["fig2_matching_moments"])
        data = self.results / "images"
        data.mkdir()
        called = {call[0]: call for call in self.run_all("--data", data)[1]}
        without_images = {"fig2_matching_moments", "fig3_polynomial_2d", "fig4_bottleneck_2d", "certificates"}
        self.assertEqual(set(called), set(SHOWN) - without_images)
        self.assertIn(str(data), called["fig7_polynomial_images"])
        # What the file does not say goes to every program that takes images.
        (self.results / "images.npz").write_bytes(b"")
        array = f"{self.results / 'images.npz'}:faces"
        called = {call[0]: call for call in self.run_all("--data", array, "--range", "0:255", "--channels", "3")[1]}
        self.assertEqual(set(called), set(SHOWN) - without_images)
        self.assertLess({array, "--range=0:255", "--channels=3"}, set(called["fig7_polynomial_images"]))
        self.assertEqual(self.run_all("--data", f"{self.results / 'none.npz'}:faces")[0], 2)

    def test_goes_on_after_a_failure(self):
        self.program("fig6_linear_resampled", "#!/bin/sh\necho 'fig6: error: the disk is full' >&2\nexit 3\n")
        (self.programs / "fig9_bottleneck_images").unlink()
        status, calls, errors = self.run_all("--quick")
        self.assertEqual(status, 1)
        self.assertIn("failed: fig6_linear_resampled, fig9_bottleneck_images", errors)
        self.assertIn("fig6: error: the disk is full", errors)
        self.assertEqual(len(calls), len(SHOWN) - 2)
        sections = self.whole(self.results / "out" / "report.html")
        self.assertIn("failed with status 3: fig6: error: the disk is full", sections["fig6_linear_resampled"]["text"])
        self.assertIn("No such file", sections["fig9_bottleneck_images"]["text"])
        # Only what has failed is run again.
        self.assertEqual(self.run_all("--quick")[:2], (1, []))

    def test_networks_are_trained_once(self):
        self.run_all()
        lent = self.results / "out/fig1_unet/weights"
        for own, name in (("compare_denoisers/weights/pools_1", "local"),
                          ("compare_denoisers/weights/pools_3", "global"),
                          ("creativity_map/weights/circular", "circular")):
            files = sorted(path.name for path in (lent / name).iterdir())
            self.assertIn("training.json", files)
            for file in files:
                self.assertEqual((self.results / "out" / own / file).read_bytes(), (lent / name / file).read_bytes())

    def test_unknown_option_and_missing_data(self):
        self.assertEqual(self.run_all("--fast")[:2], (2, []))
        status, calls, errors = self.run_all("--data", self.results / "nowhere", "--check")
        self.assertEqual((status, calls), (2, []))
        self.assertIn("nowhere: does not exist", errors)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])

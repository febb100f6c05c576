"""The programs lose no work: what can be known before it is checked before it, what goes wrong later leaves the numbers.

    work_is_kept_test.py FOLDER_OF_PROGRAMS RUN_ALL WORK_FOLDER [unittest options]

Each case is one that people have reported of programs of this kind; see the names of the tests.
"""
import json
import os
import resource
import shutil
import signal
import struct
import subprocess
import sys
import time
import unittest
import zlib
from pathlib import Path

PROGRAMS, RUN_ALL, WORK = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
NOT_UTF8 = os.fsdecode(b"Bilder_K\xf6ln")
IMAGES = ("fig1_unet", "fig5_linear_bottleneck", "fig6_linear_resampled", "fig7_polynomial_images",
          "fig8_patch_polynomial", "fig9_bottleneck_images", "compare_denoisers", "creativity_map",
          "spectrum_schedules")
PLANE = ("fig2_matching_moments", "fig3_polynomial_2d", "fig4_bottleneck_2d")
FIG5 = ("--ranks", "3", "--samples", "4", "--measured", "50")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def write_images(folder, count, side=16):
    """RGB PNGs of smooth, different images."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        rows = b"".join(b"\0" + bytes((17 * i + (3 + i % 5) * x + (1 + i % 7) * y + 80 * channel) % 256
                                      for x in range(side) for channel in range(3)) for y in range(side))
        header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
        (folder / f"{i:03}.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                                             chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
    return folder


def is_whole_png(path):
    data = path.read_bytes()
    at = 8
    while at + 12 <= len(data):
        length, = struct.unpack(">I", data[at:at + 4])
        content = data[at + 4:at + 8 + length]
        if struct.pack(">I", zlib.crc32(content)) != data[at + 8 + length:at + 12 + length]:
            return False
        at += 12 + length
    return data[:8] == b"\x89PNG\r\n\x1a\n" and at == len(data) and content == b"IEND"


def read_json(path):
    return json.loads(path.read_bytes().decode("utf-8"))  # strict


class WorkIsKept(unittest.TestCase):

    def setUp(self):
        self.folder = WORK / self._testMethodName
        shutil.rmtree(self.folder, ignore_errors=True)
        self.images = write_images(self.folder / "images", 30)
        self.out = self.folder / "out"

    def tearDown(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    def run_program(self, program, *options, out=True, environment=None, **how):
        where = ["--out", str(self.out)] if out else []
        return subprocess.run([str(PROGRAMS / program), *map(str, options), *where], capture_output="stdout" not in how,
                              check=False, timeout=300, env={**os.environ, "NO_COLOR": "1", **(environment or {})}, **how)

    def succeeds(self, *arguments, **how):
        done = self.run_program(*arguments, **how)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def fails(self, message, *arguments, leaves=(), **how):
        """One line on stderr that has the message, and no file that is not among `leaves`."""
        done = self.run_program(*arguments, **how)
        errors = done.stderr.decode("utf-8", "replace")
        self.assertGreater(done.returncode, 0, (arguments, errors))
        self.assertEqual(errors.count("\n"), 1, (arguments, errors))
        self.assertIn(message, errors, arguments)
        left = {path.name for path in self.out.rglob("*") if path.is_file()} if self.out.is_dir() else set()
        self.assertLessEqual(left, set(leaves), arguments)
        return done

    def test_names_that_are_not_utf8(self):
        images = write_images(self.folder / NOT_UTF8, 12)
        self.out = self.folder / ("out_" + NOT_UTF8)
        self.succeeds("fig5_linear_bottleneck", "--data", images, *FIG5, "--save-npy")
        found = read_json(self.out / "fig5_linear_bottleneck.json")
        self.assertIn("Bilder_K\\xf6ln", found["settings"]["data"])
        self.assertTrue(is_whole_png(self.out / "fig5_spectrum.png"))
        noise = self.out / "noise.npy"
        self.succeeds("fig5_linear_bottleneck", "--data", images, *FIG5, "--noise", noise)
        self.assertIn("K\\xf6ln", read_json(self.out / "fig5_linear_bottleneck.json")["settings"]["noise"])
        tiny = ("--rows", "local", "--size", "8", "--count", "8", "--steps", "2", "--epochs", "1", "--samples", "2",
                "--measured", "5", "--data", images)
        self.succeeds("fig1_unet", *tiny)
        weights = self.out / "weights"
        self.out = self.folder / "again"
        self.succeeds("fig1_unet", *tiny, "--weights", weights)
        self.assertIn("K\\xf6ln", read_json(self.out / "fig1_unet.json")["training"]["weights"])

    def test_run_all_with_names_that_are_not_utf8(self):
        images = write_images(self.folder / NOT_UTF8, 12)
        programs = self.folder / "programs"
        programs.mkdir()
        (programs / "fig5_linear_bottleneck").symlink_to(PROGRAMS / "fig5_linear_bottleneck")
        command = [sys.executable, str(RUN_ALL), "--programs", str(programs), "--quick", "--data", str(images), "--out",
                   str(self.out)]
        first = subprocess.run(command, capture_output=True, check=False)
        self.assertEqual(first.returncode, 1)  # the others are not there
        self.assertNotIn(b"Traceback", first.stderr)
        page = (self.out / "report.html").read_bytes().decode("utf-8")
        self.assertIn("Bilder_K\\xf6ln", page)
        self.assertEqual(read_json(self.out / "fig5_linear_bottleneck" / "run.json")["status"], 0)
        self.assertEqual(list(self.out.rglob("*.tmp")), [])
        again = subprocess.run(command, capture_output=True, check=False)
        self.assertIn(b"fig5_linear_bottleneck: complete", again.stdout)

    def test_settings_of_gnuplot(self):
        (self.folder / ".gnuplot").write_text("set terminal dumb\nexit\n")
        for terminal in ("qt", "x11", "wxt", "aqua"):
            self.succeeds("fig5_linear_bottleneck", "--data", self.images, *FIG5, environment={
                "GNUTERM": terminal, "HOME": str(self.folder), "LC_ALL": "de_DE.UTF-8", "GNUPLOT_LIB": "/nowhere"})
            self.assertTrue(is_whole_png(self.out / "fig5_spectrum.png"))
            shutil.rmtree(self.out)

    def test_a_plot_that_was_not_drawn_is_not_success(self):
        kept = {"fig5_linear_bottleneck.json", "fig5_linear_bottleneck.png", "fig5_spectrum.dat", "fig5_spectrum.gp"}
        bare = self.folder / "bin"
        bare.mkdir()
        done = self.fails("fig5_spectrum.png was not drawn: the program 'gnuplot' was not found",
                          "fig5_linear_bottleneck", "--data", self.images, *FIG5, environment={"PATH": str(bare)},
                          leaves=kept)
        self.assertIn(b"gnuplot is not installed", done.stdout)
        self.assertEqual(len(read_json(self.out / "fig5_linear_bottleneck.json")["rows"]), 2)
        # It leaves half a picture and says that all is well, as gnuplot does on a full disk.
        gnuplot = bare / "gnuplot"
        gnuplot.write_text("#!/bin/sh\noutput=${3##*output = \\'}\nprintf '\\211PNG' > \"${output%\\'}\"\n")
        gnuplot.chmod(0o755)
        self.fails("it left no whole picture", "fig5_linear_bottleneck", "--data", self.images, *FIG5,
                   environment={"PATH": f"{bare}:{os.environ['PATH']}"}, leaves=kept)

    def check_full_disk(self, **how):
        done = self.run_program("fig5_linear_bottleneck", "--data", self.images, *FIG5, **how)
        self.assertGreater(done.returncode, 0)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
        for picture in self.out.glob("*.png"):
            self.assertTrue(is_whole_png(picture), picture)
        self.assertTrue(read_json(self.out / "fig5_linear_bottleneck.json")["rows"])
        self.assertEqual(list(self.out.glob("*.tmp")), [])

    def test_file_size_limit(self):
        self.succeeds("fig5_linear_bottleneck", "--data", self.images, *FIG5)
        plot = (self.out / "fig5_spectrum.png").stat().st_size
        numbers = (self.out / "fig5_linear_bottleneck.json").stat().st_size
        limit = plot // 2
        self.assertLess(numbers, limit)
        shutil.rmtree(self.out)

        def limited():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        self.check_full_disk(preexec_fn=limited)

    def test_full_disk(self):
        self.out.mkdir()
        mounted = shutil.which("mount") and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=40k", "tmpfs", str(self.out)], capture_output=True,
            check=False).returncode == 0
        if not mounted:
            self.skipTest("a small tmpfs cannot be mounted here; test_file_size_limit tests the same")
        try:
            self.check_full_disk()
        finally:
            subprocess.run(["umount", str(self.out)], check=True)

    def test_numbers_are_there_when_a_picture_fails(self):
        (self.out / "fig5_spectrum.png").mkdir(parents=True)
        self.fails("fig5_spectrum.png: is a folder", "fig5_linear_bottleneck", "--data", self.images, *FIG5,
                   leaves={"fig5_linear_bottleneck.json", "fig5_linear_bottleneck.png"})
        found = read_json(self.out / "fig5_linear_bottleneck.json")
        self.assertEqual(len(found["rows"]), 2)

    def test_pictures_too_wide_are_refused_before_the_work(self):
        for program in IMAGES:
            measured = ("--measured", "5000") if program == "compare_denoisers" else ()
            self.fails("--samples 5000: the picture of", program, "--data", self.images, "--samples", "5000", *measured)
        self.fails("--samples 1000: the picture of", "fig5_linear_bottleneck", "--data", self.images, "--size", "64",
                   "--ranks", "3", "--samples", "1000")

    def test_samples_that_do_not_fit_into_memory_are_refused_before_the_work(self):
        self.fails("--measured 1000000 samples of 512 x 512 x 3", "fig5_linear_bottleneck", "--data", "synthetic",
                   "--count", "2", "--size", "512", "--samples", "1", "--measured", "1000000")

    def test_one_image_is_refused(self):
        for program in IMAGES:
            self.fails("--count 1: --data", program, "--data", self.images, "--count", "1")
        same = self.folder / "same"
        same.mkdir()
        for name in ("a.png", "b.png"):
            shutil.copy(self.images / "000.png", same / name)
        self.fails("2 equal images; expected at least 2 that differ", "fig5_linear_bottleneck", "--data", same)

    def test_more_images_than_there_are(self):
        for program in IMAGES:
            self.fails("holds 30 images, but --count is 31", program, "--data", self.images, "--count", "31")

    def test_defaults_adapt_to_few_images(self):
        few = ("--samples", "2", "--measured", "20")
        training = ("--epochs", "1", "--steps", "2", "--size", "8")
        for count in (10, 30):
            images = write_images(self.folder / f"images_{count}", count)
            self.succeeds("fig5_linear_bottleneck", "--data", images, *few)
            rows = [row["row"] for row in read_json(self.out / "fig5_linear_bottleneck.json")["rows"]]
            self.assertEqual(rows, ["rank_5", "linear"] if count == 10 else ["rank_10", "linear"])
            self.succeeds("fig6_linear_resampled", "--data", images, *few)
            self.succeeds("spectrum_schedules", "--data", images, *few, "--steps", "5", "--calls", "5")
            self.succeeds("fig7_polynomial_images", "--data", images, *few, "--steps", "5", "--width", "20")
            self.succeeds("fig8_patch_polynomial", "--data", images, *few, "--steps", "2", "--patch-sizes", "64,3",
                          "--widths", "20,8")
            self.succeeds("fig9_bottleneck_images", "--data", images, *few, *training, "--widths", "100")
            self.succeeds("fig1_unet", "--data", images, *few, *training, "--rows", "local")
            self.succeeds("compare_denoisers", "--data", images, *few, *training, "--networks", "pools_1_circular",
                          "--local", "LocalScore", "--calibration", "2")
            self.succeeds("creativity_map", "--data", images, *few, *training, "--architectures",
                          "linear,rank_10,polynomial,bottleneck_100,local_score,ideal")
            shutil.rmtree(self.out)

    def test_ranks_are_checked_before_the_work(self):
        self.fails("--ranks 30: expected 1 to 29", "fig5_linear_bottleneck", "--data", self.images, "--ranks", "3,30")
        self.fails("--ranks: 3 is named twice", "fig5_linear_bottleneck", "--data", self.images, "--ranks", "3,3")

    def test_numbers_out_of_range_are_refused(self):
        shared = [("--seed", bad) for bad in ("-1", "18446744073709551616", "1e30", "nan", "010", "")]
        shared += [(option, bad) for option in ("--samples", "--measured", "--steps")
                   for bad in ("0", "-1", "1e30", "nan", "99999999999999999999")]
        shared += [("--count", "-1"), ("--size", "-1"), ("--size", "1e30")]
        training = [("--epochs", "0"), ("--batch-size", "0"), ("--learning-rate", "nan"), ("--learning-rate", "0"),
                    ("--learning-rate", "inf"), ("--averaging-decay", "-1"), ("--averaging-decay", "1.5"),
                    ("--checkpoint-seconds", "nan"), ("--checkpoint-seconds", "0")]
        own = {"fig5_linear_bottleneck": [("--ranks", "0"), ("--ranks", "3,-1"), ("--ranks", "1e30")],
               "fig6_linear_resampled": [("--generations", "0"), ("--resampled", "-1")],
               "fig7_polynomial_images": [("--width", "0"), ("--ridge", "nan"), ("--clip", "-1"), ("--degrees", "4")],
               "fig8_patch_polynomial": [("--patch-sizes", "65"), ("--widths", "0"), ("--clip", "inf")],
               "fig3_polynomial_2d": [("--degrees", "6")],
               "compare_denoisers": [("--calibration", "0")],
               "spectrum_schedules": [("--calls", "1"), ("--calls", "18,10"), ("--sigma-T", "0.001"), ("--floor", "0")],
               "certificates": [("--tolerance-factor", "nan"), ("--tolerance-factor", "-1")]}
        for program in (*IMAGES, *PLANE, "certificates"):
            trains = program in ("fig1_unet", "fig4_bottleneck_2d", "fig9_bottleneck_images", "compare_denoisers",
                                 "creativity_map")
            named = (training if trains else []) + (shared if program != "certificates" else [])
            # All programs read these options with the same code: every value is tried on one, one of each on the others.
            if program not in ("fig5_linear_bottleneck", "fig9_bottleneck_images"):
                named = list(dict(named).items())
            for option, bad in own.get(program, []) + named:
                self.fails(option, program, option, bad)

    def test_output_that_cannot_be_written_is_not_success(self):
        if not Path("/dev/full").exists():
            self.skipTest("there is no /dev/full")
        with open("/dev/full", "w", encoding="utf-8") as full:
            for program in (*IMAGES, *PLANE, "certificates", "merge_weights", "apply_denoiser"):
                done = self.run_program(program, "--help", out=False, stdout=full, stderr=subprocess.PIPE)
                self.assertNotEqual(done.returncode, 0, program)
                self.assertIn(b"standard output: cannot be written", done.stderr)
            done = self.run_program("fig5_linear_bottleneck", "--data", self.images, *FIG5, stdout=full,
                                    stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1)
            self.assertIn(b"No space left on device", done.stderr)
            self.assertEqual(len(read_json(self.out / "fig5_linear_bottleneck.json")["rows"]), 2)
            done = self.run_program("quickstart", self.images, out=False, cwd=self.folder, stdout=full,
                                    stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1)
            self.assertTrue(is_whole_png(self.folder / "rank100.png"))

    def test_closed_standard_output_harms_no_file(self):
        done = subprocess.run(["sh", "-c", 'exec "$0" "$@" >&-', str(PROGRAMS / "fig5_linear_bottleneck"), "--data",
                               str(self.images), *FIG5, "--out", str(self.out)], capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        read_json(self.out / "fig5_linear_bottleneck.json")
        for picture in self.out.glob("*.png"):
            self.assertTrue(is_whole_png(picture), picture)

    def train(self, *options):
        """A training in the plane that has begun, and would go on."""
        process = subprocess.Popen([str(PROGRAMS / "fig4_bottleneck_2d"), "--count", "200", "--steps", "3", "--epochs",
                                    "1000000", "--checkpoint-seconds", "0.05", *options, "--out", str(self.out)],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        began = time.time()
        for _ in range(3000):
            checkpoints = self.out.glob("weights/*/*.checkpoint.safetensors")
            if process.poll() is not None or any(path.stat().st_mtime > began for path in checkpoints):
                break
            time.sleep(0.02)
        return process

    def test_hangup_saves(self):
        process = self.train()
        process.send_signal(signal.SIGHUP)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 128 + signal.SIGHUP)
        self.assertIn(b"stopped in level 1", errors)
        self.assertIn(b"--resume", errors)

    def test_two_processes_do_not_train_in_one_folder(self):
        first = self.train()
        try:
            second = self.run_program("fig4_bottleneck_2d", "--count", "200", "--steps", "3", "--epochs", "1000000",
                                      "--resume")
            self.assertEqual(second.returncode, 1)
            self.assertIn(b"another process is training level 1 in this folder", second.stderr)
        finally:
            first.kill()
            first.communicate()
        third = self.train("--resume")  # the system has freed the lock of the first
        third.send_signal(signal.SIGTERM)
        third.communicate(timeout=60)
        self.assertEqual(third.returncode, 128 + signal.SIGTERM)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])

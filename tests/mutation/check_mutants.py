#!/usr/bin/env python3
"""Changes a sign or an index of the library in one place at a time, and expects the tests to notice.

    check_mutants.py [--only WORD] [--jobs N] [--compiler g++] [--eigen DIR]
    check_mutants.py --places          only looks whether every mutant applies to the source, which a test does

Each mutant is a copy of include/ with one change. The tests named beside it are compiled against that copy and run: a
mutant is killed when they fail, and has survived when they pass. Every test is first run against the library as it is:
it must pass there, or what it says of a mutant means nothing. Ends with status 1 if a mutant survives, does not
compile, or no longer applies to the source. Takes about ten minutes of two cores.
"""
import argparse
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import tempfile
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Mutant(NamedTuple):
    header: str    # below include/diffarch
    original: str  # occurs once in it
    changed: str
    tests: tuple   # below tests/
    meaning: str


MUTANTS = [
    # Denoisers
    Mutant("core/wiener_gain.hpp", "level.signal * level.signal + level.noise", "level.signal * level.signal - level.noise",
           ("denoiser/linear_test.cpp",), "Wiener gain: lambda - sigma^2"),
    Mutant("denoiser/gaussian/gaussian_denoiser.hpp", "static_cast<Scalar>(-signal), d}", "static_cast<Scalar>(signal), d}",
           ("denoiser/linear_test.cpp",), "linear: y + signal mean instead of y - signal mean"),
    Mutant("solver/principal_components.hpp", "Vector<double> scale = (static_cast<double>(n) * result.eigenvalues)",
           "Vector<double> scale = (static_cast<double>(n - 1) * result.eigenvalues)",
           ("solver/principal_components_test.cpp",), "modes from the Gram matrix scaled by n - 1"),
    Mutant("denoiser/rank_k.hpp", "    return rank;\n", "    return rank - (rank > 1 ? 1 : 0);\n",
           ("denoiser/rank_k_test.cpp",), "RankK keeps one mode less"),
    Mutant("denoiser/posterior/posterior_weight.hpp", "std::exp(-exponent)", "std::exp(exponent)",
           ("denoiser/posterior/ideal_denoiser_test.cpp",), "Ideal: the farthest sample weighs most"),
    Mutant("denoiser/posterior/training_softmax.hpp", "weight_sum = rescaling * weight_sum + sum;", "weight_sum = weight_sum + sum;",
           ("denoiser/posterior/ideal_denoiser_test.cpp",), "Ideal: weights of earlier tiles not rescaled"),
    Mutant("denoiser/posterior/local_patches.hpp", "return window_width / 2;", "return (window_width - 1) / 2;",
           ("denoiser/posterior/patch_posterior_denoiser_test.cpp",), "local score: even windows reach to the other side"),
    Mutant("denoiser/posterior/local_patches.hpp", "shift < 0 ? last : last - shift", "last",
           ("denoiser/posterior/local_patches_test.cpp",), "patch posterior: places beyond the border serve pixels"),
    Mutant("denoiser/posterior/local_patches.hpp", "posterior_precision(level) / window.temperature",
           "posterior_precision(level) * window.temperature",
           ("denoiser/posterior/patch_posterior_denoiser_test.cpp",), "patch posterior: the temperature sharpens"),
    Mutant("denoiser/blend.hpp", "= right + penalty * first;", "= right;", ("denoiser/blend_test.cpp",),
           "blend: the ridge pulls towards nothing"),
    Mutant("denoiser/wiener_patch_sizes.hpp", "share * ratios.back()(step)", "ratios.back()(step)",
           ("denoiser/wiener_patch_sizes_test.cpp",), "windows from data: the share is ignored"),
    Mutant("denoiser/posterior/lane_differences.hpp", "scaled - (ours[number] + ours[number])", "scaled - ours[number]",
           ("denoiser/posterior/lane_differences_test.cpp",), "patch posterior: half of the product without |y|^2"),
    Mutant("denoiser/posterior/pixel_posteriors.hpp", "sums_.col(pixel) += add * other", "sums_.col(pixel) += other",
           ("denoiser/posterior/pixel_posteriors_test.cpp",), "patch posterior: parts merged without their weights"),
    Mutant("denoiser/posterior/window_sums.hpp", "length -= block;", "length -= 2 * block;",
           ("denoiser/posterior/window_sums_test.cpp",), "window sums: the line ends too early"),
    Mutant("denoiser/polynomial/window_projections.hpp", "of(sine).noalias() -= filter", "of(sine).noalias() += filter",
           ("denoiser/polynomial/window_projections_test.cpp",), "correlations by frequencies: sin(a + b) for sin(a - b)"),
    Mutant("denoiser/polynomial/random_feature_fit.hpp", "noisy.cols() - (is_legacy ? 1 : 0)", "noisy.cols() - (is_legacy ? 0 : 1)",
           ("denoiser/polynomial/random_feature_fit_test.cpp",), "random features: n - 1 and n exchanged"),
    Mutant("denoiser/polynomial/random_feature_fit.hpp", "                      feature_mean.array();",
           "                      2.0 * feature_mean.array();", ("denoiser/polynomial/random_feature_fit_test.cpp",),
           "random features: centred by twice the mean"),
    Mutant("denoiser/polynomial/spectral_regression.hpp", "residual).rowwise().mean() -", "residual).rowwise().mean() +",
           ("denoiser/polynomial/spectral_regression_test.cpp",), "spectral features: sign of what moves with the noise"),
    Mutant("solver/linear_algebra.hpp", "is_lower ? row + rows : a.cols()", "is_lower ? row : a.cols()",
           ("solver/linear_algebra_test.cpp",), "product with a triangle: without its diagonal blocks"),
    Mutant("solver/linear_algebra.hpp", "panel, Scalar(-1));", "panel, Scalar(1));", ("solver/linear_algebra_test.cpp",),
           "Cholesky: what is left of the matrix grows"),
    Mutant("solver/tridiagonal.hpp", "product -= factor / Scalar(2)", "product += factor / Scalar(2)",
           ("solver/tridiagonal_test.cpp",), "Householder's reduction: sign of the correction along the reflector"),
    Mutant("solver/tridiagonal_qr.hpp", "s[1] * y2;", "s[1] * x2;", ("solver/tridiagonal_qr_test.cpp",),
           "turning a basis: a column before its rotation instead of after"),
    Mutant("solver/hermite.hpp", "(u * values[n] - (n > 0 ?", "(u * values[n] + (n > 0 ?", ("solver/hermite_test.cpp",),
           "Hermite recursion: + instead of -"),
    Mutant("denoiser/polynomial/random_feature_fit.hpp", "(squares.sum() + between)", "(squares.sum() - between)",
           ("denoiser/polynomial/random_feature_fit_test.cpp",), "deviation of all values: sign of the variance between them"),
    # Samplers and schedules
    Mutant("sampler/escape_log.hpp", "(1.0 - rounding)", "(1.0 + rounding)", ("sampler/escape_log_test.cpp",),
           "escapes: a bound above the limit counts as below it"),
    Mutant("sampler/ddim.hpp", "next.signal - kept * level.signal", "next.signal + kept * level.signal",
           ("sampler/ddim_test.cpp",), "DDIM: sign of the weight of x0_hat"),
    Mutant("sampler/ddim.hpp", "(next.noise - fresh) * (next.noise + fresh)", "(next.noise + fresh) * (next.noise + fresh)",
           ("sampler/ddim_test.cpp",), "DDIM: noise kept and fresh noise add up to too much"),
    Mutant("sampler/ancestral.hpp", "next.signal * (1.0 - r) * (1.0 + r)}", "next.signal * (1.0 - r) * (1.0 - r)}",
           ("sampler/ancestral_test.cpp",), "ancestral: (1 - r)^2 instead of 1 - r^2"),
    Mutant("sampler/heun.hpp", "0.5 * (next.sigma() - level.sigma())", "0.5 * (level.sigma() - next.sigma())",
           ("sampler/heun_test.cpp",), "Heun: backwards in sigma"),
    Mutant("sampler/variance_exact_ddim.hpp", "mode_gain(lambda, level, next) - Ddim{}.mode_gain(lambda, level, next)",
           "mode_gain(lambda, level, next) + Ddim{}.mode_gain(lambda, level, next)",
           ("sampler/variance_exact_ddim_test.cpp",), "variance-exact DDIM: gains added"),
    Mutant("schedule/cosine.hpp", "f(t) / f(t - 1)", "f(t - 1) / f(t)", ("schedule/cosine_test.cpp",),
           "cosine schedule: the ratio the other way round"),
    Mutant("core/noise_levels.hpp", "result.first_step_ = first_step_ + first;", "result.first_step_ = first;",
           ("core/noise_levels_test.cpp",), "parts of a part count from the part"),
    Mutant("solver/least_squares_search.hpp", "candidate[k] -= move[k] / longest", "candidate[k] -= move[k]",
           ("solver/least_squares_search_test.cpp",), "least squares: moves of any length"),
    Mutant("schedule/spectrum_optimal.hpp", "outcome.gains(i) < 0.0 ? -1.0 : 1.0", "outcome.gains(i) < 0.0 ? 1.0 : 1.0",
           ("schedule/spectrum_optimal_test.cpp",), "levels that turn a mode round count as good ones"),
    Mutant("analysis/probability_flow.hpp", "expansion - level.scale() * traces(k)", "expansion + level.scale() * traces(k)",
           ("analysis/likelihood_test.cpp",), "divergence: sign of the trace"),
    # Layers and training
    Mutant("nn/kernels/eigen_kernels.hpp", "((2 - r) * 3 + 2 - k) * out + o", "(r * 3 + k) * out + o",
           ("nn/layers/convolution_test.cpp",), "convolution: gradient by the kernel that is not turned"),
    Mutant("nn/kernels/eigen_kernels.hpp", "Index source = r - 1;", "Index source = r;", ("nn/layers/convolution_test.cpp",),
           "convolution: image one row too high"),
    Mutant("nn/kernels/host_kernels.hpp", "value * (Scalar(1) - y[i] * y[i])", "value * (Scalar(1) + y[i] * y[i])",
           ("nn/layers/activation_test.cpp",), "tanh: derivative 1 + y^2"),
    Mutant("nn/kernels/host_kernels.hpp", "upper[k] = upper[k + c] = lower[k] = lower[k + c]",
           "upper[k] = upper[k + c] = lower[k] = lower[k]", ("nn/layers/average_pool_test.cpp",),
           "average pooling: one of four pixels has no gradient"),
    Mutant("nn/kernels/host_batch_norm.hpp", "(distance * slope[c] + offset[c])", "(distance * slope[c] - offset[c])",
           ("nn/layers/batch_norm_test.cpp",), "batch norm: sign of the offset in the gradient"),
    Mutant("nn/kernels/rectifier.hpp", "return x < zero ? zero : x;", "return !(x > zero) ? zero : x;",
           ("nn/kernels/rectifier_test.cpp",), "ReLU: 0 for NaN"),
    Mutant("nn/kernels/host_transposed_convolution.hpp", "                          !first, sum, in_);",
           "                          false, sum, in_);", ("nn/layers/transposed_convolution_test.cpp",),
           "transposed convolution: gradient of the last block only"),
    Mutant("nn/kernels/host_kernels.hpp", "gradient[k] *= Scalar(1) + scale[k];", "gradient[k] *= scale[k];",
           ("nn/layers/modulated_test.cpp",), "modulation: gradient without the 1 of the scale"),
    Mutant("nn/training/preconditioning.hpp", "-signal * data_scale};", "signal * data_scale};",
           ("nn/training/preconditioning_test.cpp",), "one network for all levels: sign of the noise in the target"),
    Mutant("nn/kernels/host_training.hpp", "weights[2] * clean + weights[3]", "weights[2] * clean - weights[3]",
           ("nn/kernels/training_levels_test.cpp",), "one network for all levels: target without its noise's sign"),
    Mutant("nn/kernels/adam_step.hpp", "c.weight2 * (gradient * gradient - mean_squared)",
           "c.weight1 * (gradient * gradient - mean_squared)", ("nn/training/adam_test.cpp",), "Adam: beta1 for beta2"),
    # Randomness and analysis
    Mutant("core/random.hpp", "use(element + 1, normals.second[i])", "use(element + 1, normals.first[i])",
           ("core/random_test.cpp",), "noise: the first number of a pair twice"),
    Mutant("analysis/memorisation.hpp", "distances(0, sample) / distances(1, sample)", "distances(1, sample) / distances(0, sample)",
           ("analysis/memorisation_test.cpp",), "gap ratio upside down"),
    Mutant("analysis/bures.hpp", "traces - 2.0 * singular_values(", "traces + 2.0 * singular_values(", ("analysis/bures_test.cpp",), "Bures distance: + 2 tr"),
]


class Builder:
    """Compiles single test files against a copy of the library."""

    def __init__(self, arguments, folder):
        self.command = [arguments.compiler, "-std=c++20", "-O0", "-fopenmp", "-w", "-isystem", arguments.eigen,
                        "-I" + str(ROOT / "tests"), f'-DDIFFARCH_PARITY_FIXTURES="{ROOT / "tests/parity/fixtures"}"']
        self.folder = folder
        self.common = []
        for source in ("main/catch_main.cpp", "oracles.cpp"):
            self.common.append(str(folder / pathlib.Path(source).with_suffix(".o").name))
            self.run(self.command + ["-I" + str(ROOT / "include"), "-c", str(ROOT / "tests" / source), "-o",
                                     self.common[-1]])

    @staticmethod
    def run(command):
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode != 0:
            raise RuntimeError(" ".join(command) + "\n" + result.stderr[-3000:])

    def passes(self, include, test, name):
        """Whether the test passes with the headers in `include`; RuntimeError if it does not compile."""
        program = self.folder / name
        self.run(self.command + ["-I" + str(include), str(ROOT / "tests" / test), *self.common, "-o", str(program)])
        try:
            return subprocess.run([str(program)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  timeout=300).returncode == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            program.unlink()


def misplaced(mutant):
    """Why a mutant does not apply to the source; empty where it does."""
    header = ROOT / "include/diffarch" / mutant.header
    count = header.read_text().count(mutant.original) if header.exists() else 0
    missing = [test for test in mutant.tests if not (ROOT / "tests" / test).exists()]
    if count != 1:
        return f"does not apply: {mutant.original!r} occurs {count} times in {mutant.header}"
    return f"does not apply: there is no {missing[0]}" if missing else ""


def check(builder, number, mutant):
    """What became of a mutant: "killed", or what is wrong."""
    if wrong := misplaced(mutant):
        return wrong
    include = builder.folder / f"include_{number}"
    shutil.copytree(ROOT / "include", include)
    header = include / "diffarch" / mutant.header
    header.write_text(header.read_text().replace(mutant.original, mutant.changed))
    try:
        survived = all(builder.passes(include, test, f"mutant_{number}") for test in mutant.tests)
    except RuntimeError as error:
        return f"does not compile: {error}"
    finally:
        shutil.rmtree(include)
    return "SURVIVED" if survived else "killed"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORD", help="mutants whose header or meaning has this word")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--compiler", default="g++")
    parser.add_argument("--eigen", default="/usr/include/eigen3", metavar="DIR")
    parser.add_argument("--places", action="store_true", help="only look whether every mutant applies to the source")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if arguments.only in m.header or arguments.only in m.meaning]
    if not chosen:
        sys.exit(f"check_mutants.py: no mutant has the word {arguments.only!r}")
    if arguments.places:
        wrong = [outcome for outcome in map(misplaced, chosen) if outcome]
        print("\n".join(wrong) or f"{len(chosen)} mutants apply")
        return 1 if wrong else 0

    failures = 0
    with tempfile.TemporaryDirectory() as name, concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        builder = Builder(arguments, pathlib.Path(name))
        tests = sorted({test for mutant in chosen for test in mutant.tests})
        unchanged = pool.map(lambda t: builder.passes(ROOT / "include", t, t.replace("/", "_")[:-4]), tests)
        for test, passed in zip(tests, unchanged):
            if not passed:
                sys.exit(f"check_mutants.py: {test} fails without any mutant")
        outcomes = pool.map(lambda pair: check(builder, *pair), enumerate(chosen))
        for mutant, outcome in zip(chosen, outcomes):
            failures += outcome != "killed"
            print(f"{outcome:8}  {mutant.header:40} {mutant.meaning}", flush=True)
    print(f"{len(chosen) - failures} of {len(chosen)} mutants killed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""What is measured: groups of programs of ours and of peers that take turns, and the rows that compare two of them."""
from dataclasses import dataclass, field

import numpy as np

from common import LOCAL_WINDOW, NETWORKS, SAMPLES


@dataclass
class Side:
    """Something that is timed: a case of a program of ours, or of a peer."""

    program: str = ""  # ours
    case: str = ""
    library: str = ""  # of a peer
    runs: int = 3  # the first of several is a warm-up
    scale: float = 1.0  # a peer's time is multiplied by
    note: str = ""
    published: bool = False  # the published code in place of our own in PyTorch


@dataclass
class Row:
    ours: str
    peer: str
    wanted: float = 0.0  # times as fast as the peer, at least; 0: no target
    memory_wanted: float = 0.0  # our peak over the peer's, at most
    check: float = 1e-4  # results agree to this relative difference; 0: they are not the same by definition
    note: str = ""


@dataclass
class Limit:
    ours: str
    name: str  # what it is, for the table
    seconds: object  # of the measured limits (name -> seconds, flops per second) and floors: function
    wanted: float = 0.0  # ours over it, at most


@dataclass
class Group:
    name: str
    title: str
    sides: dict
    rows: list
    limits: list = field(default_factory=list)
    rounds: int = 0  # 0: as the run says
    fraction: float = 0.0  # memory of ours over that of the data, at most; 0: no target


def measured_limit(name):
    return lambda limits: limits[name]


def products(single, double):
    """Flops in f32 and f64 at the speeds of plain products."""
    return lambda limits: single / limits["product_f32"] + double / limits["product_f64"]


def polynomial_flops(profile, draws, exact_degree=0, steps=50):
    """(f32, f64) of fitting and sampling with `steps` levels: projections of the data and the covariance of the noise
    once, at every level the covariance of the features (a triangle), Cholesky and the step of the samples."""
    n, d, m, p = profile.n, profile.d, SAMPLES, min(1024, profile.n)
    single = 2 * p * d * n + 2 * d * n * m
    double = p * p * d
    covariances = 1
    if draws:
        single += steps * 2 * p * p * n
        double += p**3 / 3
    else:
        # Orders of the Hermite expansion whose correlation counts: the others are not multiplied by ours either.
        r = np.random.default_rng(1).normal(size=(p, d))
        correlation = np.corrcoef(r) - np.eye(p)
        largest = np.abs(correlation).max()
        covariances = sum(m == 0 or 10 * largest**m >= np.finfo(float).eps for m in range(exact_degree + 1))
    double += steps * (covariances * p * p * n + p**3 / 3 + 2 * p * p * m + 4 * n * p * m)
    return single, double


def patch_flops(profile, steps):
    """(f32, f64) of the local polynomial at some of its ten levels, fit and prediction."""
    n, m, single, double = profile.n, SAMPLES, 0.0, 0.0
    for step in steps:
        size, p = profile.patches[step]
        columns = profile.side - size + 1
        windows = columns**2
        # Directions times the patches, of the data by the frequencies of lines where that is less.
        direct = columns * 3 * size**2
        single += columns * 2 * p * n * min(direct, profile.side * (2 * 3 * size + columns))
        single += windows * 2 * p * 3 * size**2 * m
        double += windows * (p * p * n + p**3 / 3)  # covariance, Cholesky
        double += profile.d * (2 * p * n + 2 * p * p)  # right-hand sides and their solution
        double += profile.d * 2 * p * m  # prediction
    return single, double


def closed_form(name, **options):
    return Side(program="closed_forms", case=name, **options)


def polynomial(name):
    return Side(program="polynomials", case=name, runs=1)


def torch_polynomial(name, profile, published=False):
    levels = profile.peer_levels
    return Side(library="PyTorch", case=name, runs=1, scale=50 / levels, note=f"{levels} of 50 levels, scaled",
                published=published)


PUBLISHED = "published code"


def published_rows(ours, wanted, profile, check, note="", peer="PyTorch"):
    """Against our PyTorch, and against the published code where it is given, for which the targets were set."""
    if not profile.reference:
        words = [note, "wanted of the published code, see --reference" if wanted else ""]
        return [Row(ours, peer, wanted, check=check, note="; ".join(filter(None, words)))]
    return [Row(ours, peer, check=check, note=note), Row(ours, PUBLISHED, wanted, check=0, note=note)]


def local_posteriors(profile):
    """Ours beside the published modules, which take minutes: all but LocalScoreModule with a part of the images."""
    part = f"{profile.local_part} of {profile.local_images} images, scaled"
    scale = profile.local_images / profile.local_part

    def group(name, title, machines):
        sides = {"diffarch": Side(program="local_posteriors", case=name, runs=20 if name == "local_score" else 2)}
        for label, case in machines.items():
            fast = case == "local_score"
            sides[label] = Side(library="PyTorch", case=case, runs=3 if fast else 1, scale=1.0 if fast else scale,
                                note="" if fast else part, published=True)
        rows = [Row("diffarch", label, 20, check=1e-5 if case == name else 0,
                    note="" if case == name else "patches inside the images only") for label, case in machines.items()]
        return Group(name, f"{title}: one level and image, {profile.local_images} images of 32x32x3, windows of "
                     f"{LOCAL_WINDOW}", sides, rows)

    return [group("local_score", "LocalScore", {"published LS": "local_score"}),
            group("equivariant_local_score", "EquivariantLocalScore",
                  {"published ELS, images continued": "equivariant_local_score",
                   "published ELS": "equivariant_local_score_inside"}),
            group("bordered_local_score", "PatchPosterior<zeros, 1>", {"published bbELS": "bordered_local_score"})]


def groups(profile, kernels):
    """kernels: the programs of training steps that were built, by the name of what computes in them."""
    peer = lambda library, case, **options: Side(library=library, case=case, **options)
    size = f"{profile.n} images of {profile.side}x{profile.side}x3"
    result = [
        Group("linear_fit", f"Linear: fit, {size}",
              {"diffarch": closed_form("linear_fit"), "PyTorch": peer("PyTorch", "linear_fit", runs=2, note="svd"),
               "SciPy": peer("SciPy", "linear_fit", runs=2, note="svd")},
              [Row("diffarch", "PyTorch", 4), Row("diffarch", "SciPy")],
              [Limit("diffarch", "its own two products", measured_limit("linear_fit_own"), 2),
               Limit("diffarch", "the two as plain f32 products", measured_limit("linear_fit"), 2)], fraction=3),
        Group("rank_fit", f"RankK 100: fit, {size}",
              {"diffarch": closed_form("rank_fit"), "PyTorch": peer("PyTorch", "rank_fit", runs=2, note="svd"),
               "scikit-learn": peer("scikit-learn", "rank_fit", runs=2, note="PCA, arpack")},
              [Row("diffarch", "PyTorch"), Row("diffarch", "scikit-learn")],
              [Limit("diffarch", "X'X and X V as f32 products", measured_limit("rank_fit"))]),
        Group("linear_sampling", f"Linear: {profile.starts} samples, 10 steps",
              {"diffarch": closed_form("linear_sampling", runs=4), "PyTorch": peer("PyTorch", "linear_sampling"),
               "NumPy": peer("SciPy", "linear_sampling")},
              [Row("diffarch", "PyTorch"), Row("diffarch", "NumPy")],
              [Limit("diffarch", "U'Y and U C as f32 products", measured_limit("linear_sampling"))]),
        Group("rank_sampling", f"RankK 100: {profile.starts} samples, 10 steps",
              {"diffarch": closed_form("rank_sampling", runs=4), "PyTorch": peer("PyTorch", "rank_sampling")},
              [Row("diffarch", "PyTorch")],
              [Limit("diffarch", "U'Y and U C as f32 products", measured_limit("rank_sampling"))]),
    ]
    for degree, (legacy, exact) in {3: (15, 8), 9: (0, 0), 27: (0, 1)}.items():
        sides = {"Legacy": polynomial(f"legacy_{degree}")}
        rows = published_rows("Legacy", legacy, profile, 1e-4)
        limits = [Limit("Legacy", "its products and factorisations", products(*polynomial_flops(profile, True)))]
        if degree == 3:
            sides["SingleDraw"] = polynomial("single_3")
            rows += published_rows("SingleDraw", legacy, profile, 1e-4, peer="PyTorch, no division")
            limits.append(Limit("SingleDraw", limits[0].name, limits[0].seconds))
        if degree != 9:
            sides["ExactAverage"] = polynomial(f"exact_{degree}")
            rows += published_rows("ExactAverage", exact, profile, 0, "exact average against one draw")
            limits.append(Limit("ExactAverage", "its products and factorisations",
                                products(*polynomial_flops(profile, False, degree))))
        sides["PyTorch"] = torch_polynomial(f"legacy_{degree}", profile)
        if profile.reference:
            sides[PUBLISHED] = torch_polynomial(f"legacy_{degree}", profile, published=True)
        if degree == 3:
            sides["PyTorch, no division"] = torch_polynomial("single_3", profile)
        result.append(Group(f"polynomial_{degree}", f"Polynomial k = {degree}: fit and {SAMPLES} samples, 50 steps",
                            sides, rows, limits))
    pixels = profile.side**2
    patch, width = profile.patches[5]
    result.append(Group(
        "patch_level", f"PatchPolynomial k = 3: one level, windows of {patch} pixels, {width} features",
        {"Legacy": polynomial("patch_level"),
         "PyTorch": peer("PyTorch", "patch_level", runs=2, scale=pixels / profile.peer_pixels,
                         note=f"{profile.peer_pixels} of {pixels} pixels, scaled")},
        [Row("Legacy", "PyTorch")],
        [Limit("Legacy", "its products and factorisations", products(*patch_flops(profile, [5])))]))
    sides = {"Legacy": polynomial("patch"),
             "PyTorch": peer("PyTorch", "patch", runs=1, note=f"1 of {pixels} pixels at each level, scaled")}
    if profile.reference:
        sides[PUBLISHED] = peer("PyTorch", "patch", runs=1, note=sides["PyTorch"].note, published=True)
    result.append(Group(
        "patch", f"PatchPolynomial k = 3: fit and {SAMPLES} samples, 10 levels", sides,
        published_rows("Legacy", 100, profile, 0, "one level is checked"),
        [Limit("Legacy", "its products and factorisations", products(*patch_flops(profile, range(10))), 2)], rounds=1))
    titles = {"unet64": "U-Net 64x64x3, batch 16", "unet32": "U-Net 32x32x3, batch 16",
              "mlp": "Bottleneck h = 1000, 64x64x3, batch 128", "mlp2d": "Bottleneck h = 1 in the plane, batch 256"}
    fastest = "oneDNN" if "oneDNN" in kernels else "Eigen"
    for name, title in titles.items():
        if profile.quick and name == "unet64":
            continue
        is_unet = name.startswith("unet")
        used = kernels if is_unet else {fastest: kernels[fastest]}
        # The targets were set as fractions of PyTorch's time.
        wanted = {"unet64": 1 / 0.42, "unet32": 1 / 0.42, "mlp": 1 / 0.25, "mlp2d": 1 / 0.03}[name]
        steps = {"unet64": 6, "unet32": 15, "mlp": 6, "mlp2d": 500}[name]
        steps = max(2, steps // 5) if profile.quick else steps
        sides = {kernel: Side(program=program, case=name, runs=steps) for kernel, program in used.items()}
        sides["PyTorch"] = peer("PyTorch", name, runs=steps + 2)
        rows = [Row(kernel, "PyTorch", {fastest: wanted, "Eigen": 1 / 1.5}.get(kernel, 0) if is_unet else wanted,
                    memory_wanted=1.0 if is_unet and kernel == fastest else 0.0,
                    check=2e-2 if kernel == "oneDNN bf16" else 1e-4) for kernel in used]
        limits = []
        if is_unet and "oneDNN" in kernels:
            sides["floor"] = Side(program="convolution_floor", case=name, runs=steps)
            limits = [Limit("oneDNN", "its bare oneDNN convolutions", measured_limit(f"{name} floor"), 1.35)]
        elif name == "mlp":
            limits = [Limit(fastest, "its products and Adam's memory", measured_limit("mlp"))]
        result.append(Group(name, f"Training step: {title}", sides, rows, limits))
    result.append(Group(
        "ideal", f"Ideal: {profile.starts} samples at 3 sigmas, {size}",
        {"diffarch": closed_form("ideal", runs=4), "PyTorch": peer("PyTorch", "ideal"),
         "SciPy": peer("SciPy", "ideal")},
        [Row("diffarch", "PyTorch"), Row("diffarch", "SciPy")],
        [Limit("diffarch", "its two products", measured_limit("ideal"), 1.3)]))
    if profile.kamb:
        result += local_posteriors(profile)
    result.append(Group(
        "nearest_neighbours", f"Nearest 2 of {profile.neighbours} to {profile.queries}, 28x28",
        {"diffarch": closed_form("nearest_neighbours"), "PyTorch": peer("PyTorch", "nearest_neighbours"),
         "scikit-learn": peer("scikit-learn", "nearest_neighbours")},
        [Row("diffarch", "scikit-learn", 2), Row("diffarch", "PyTorch")],
        [Limit("diffarch", "all products as one f32 product", measured_limit("nearest_neighbours"))]))
    return result

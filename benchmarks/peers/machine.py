"""What was measured on, and with which versions."""
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def first_line(command, **options):
    try:
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, **options)
    except FileNotFoundError:
        return None
    return run.stdout.splitlines()[0] if run.returncode == 0 and run.stdout else None


def cpu_model():
    found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    return found[1] if found else platform.processor()


def cache_of(build):
    """CMake's cache: variable -> value."""
    text = (build / "CMakeCache.txt").read_text()
    return dict(re.findall(r"^([A-Za-z0-9_]+):[A-Z]+=(.*)$", text, re.MULTILINE))


def package_version(cache, package):
    """Of a package that CMake found through its own configuration files."""
    folder = Path(cache.get(f"{package}_DIR", "/nowhere"))
    for path in sorted(folder.glob("*[vV]ersion.cmake")):
        found = re.search(r'set\s*\(\s*PACKAGE_VERSION\s+"([^"]+)"', path.read_text())
        if found:
            return found[1]
    return None


def library_versions():
    """Of the peers that this Python can import."""
    versions = {}
    for name, module in (("PyTorch", "torch"), ("NumPy", "numpy"), ("SciPy", "scipy"), ("scikit-learn", "sklearn")):
        version = first_line([sys.executable, "-c", f"import {module}; print({module}.__version__)"])
        if version:
            versions[name] = version
    return versions


def machine(build, threads):
    cache = cache_of(build)
    memory = re.search(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())
    return {
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(memory[1]) / 2**20, 1) if memory else None,
        "system": f"{platform.system()} {platform.release()}",
        "threads": threads,
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY"),
        "load_average_at_start": os.getloadavg()[0],
        "diffarch": first_line(["git", "describe", "--always", "--dirty", "--tags"], cwd=ROOT),
        "compiler": first_line([cache.get("CMAKE_CXX_COMPILER", "c++"), "--version"]),
        "build_type": cache.get("CMAKE_BUILD_TYPE"),
        "native": cache.get("DIFFARCH_NATIVE"),
        "Eigen": package_version(cache, "Eigen3"),
        "oneDNN": package_version(cache, "dnnl") if cache.get("DIFFARCH_ONEDNN") == "ON" else None,
        "Google Benchmark": package_version(cache, "benchmark"),
        "Python": platform.python_version(),
        **library_versions(),
    }

"""A recipe for Conan 2. Untested: see ../README.md. It lies in the source tree that it packages."""

import os

from conan import ConanFile
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain
from conan.tools.files import copy


class Diffarch(ConanFile):
    name = "diffarch"
    version = "0.1.0"
    license = "MIT"
    description = "Which distribution a diffusion model generates, given the architecture of its denoiser"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    options = {"json": [True, False], "zlib": [True, False]}
    default_options = {"json": True, "zlib": True}
    no_copy_source = True

    @property
    def _root(self):
        return os.path.join(self.recipe_folder, "..", "..", "..")

    def export_sources(self):
        for pattern in ("CMakeLists.txt", "LICENSE", "cmake/*", "include/*"):
            copy(self, pattern, self._root, self.export_sources_folder)

    def requirements(self):
        self.requires("eigen/[>=3.4 <4]", transitive_headers=True)
        if self.options.json:
            self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        if self.options.zlib:
            self.requires("zlib/[>=1.2 <2]", transitive_headers=True, transitive_libs=True)

    def generate(self):
        toolchain = CMakeToolchain(self)
        toolchain.cache_variables["DIFFARCH_BUILD_TESTS"] = False
        toolchain.cache_variables["DIFFARCH_BUILD_EXAMPLES"] = False
        for library in ("STB", "ONEDNN", "MPI", "CUDA", "CUDNN"):
            toolchain.cache_variables[f"DIFFARCH_{library}"] = "OFF"
        toolchain.cache_variables["DIFFARCH_JSON"] = "ON" if self.options.json else "OFF"
        toolchain.cache_variables["DIFFARCH_ZLIB"] = "ON" if self.options.zlib else "OFF"
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        CMake(self).configure()

    def package(self):
        CMake(self).install()
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))

    def package_id(self):
        self.info.clear()

    def package_info(self):
        # Users find the package's own CMake files, which name the components.
        self.cpp_info.set_property("cmake_find_mode", "none")
        self.cpp_info.builddirs.append(os.path.join("share", "cmake", "diffarch"))
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []

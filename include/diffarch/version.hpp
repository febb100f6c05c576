#pragma once

// Semantic version (semver.org); CMake reads these lines.
#define DIFFARCH_VERSION_MAJOR 0
#define DIFFARCH_VERSION_MINOR 1
#define DIFFARCH_VERSION_PATCH 0

// Compiled with -ffinite-math-only, a part of -ffast-math.
#include "diffarch/core/noise_level.hpp"

int main() { return 0; }

#pragma once

// Every header that computes includes this one.

#if (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__) || defined(_M_FP_FAST)
#error \
    "diffarch: -ffast-math (-Ofast, -ffinite-math-only) removes every check for NaN and infinity, so that wrong \
numbers pass without a word: compile without it. For its speed there are -fno-math-errno and -fno-trapping-math, or \
-fno-finite-math-only after it; the latter still lets results depend on how a batch is divided"
#endif

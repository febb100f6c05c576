#pragma once

// The one place that knows which Catch2 is installed: Debian 12 ships 2.13 (one header), newer systems ship 3.
// An assertion that throws ends its test case without the text of its expression: a tenth of the time of compiling.
#define CATCH_CONFIG_FAST_COMPILE
#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
using Catch::Matchers::Contains;
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
#endif

// Catch2 2 has its main program in the header; one translation unit makes it. Catch2 3 links Catch2WithMain instead.
#define CATCH_CONFIG_MAIN
#include <catch2/catch.hpp>

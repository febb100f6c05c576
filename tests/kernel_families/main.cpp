// The program of two such source files.

#include <cstddef>

std::ptrdiff_t FIRST();
std::ptrdiff_t SECOND();

int main() { return FIRST() == 12 && SECOND() == 12 ? 0 : 1; }

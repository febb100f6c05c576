#include "instantiated_once.hpp"

namespace diffarch {

DIFFARCH_INSTANTIATE_ALGEBRA(, float);
DIFFARCH_INSTANTIATE_ALGEBRA(, double);

}  // namespace diffarch

DIFFARCH_INSTANTIATE_EIGENVALUES();

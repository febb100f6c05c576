#include "diffarch/data/synthetic_discs.hpp"

using namespace diffarch;

int main() {
  const Batch<float>& samples = synthetic_discs<float>(3, {16, 16, 1}, Seed{1});
  return static_cast<int>(samples.cols());
}

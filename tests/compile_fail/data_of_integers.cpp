#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/schedule/cosine.hpp"

using namespace diffarch;

int main() { const auto model = fit(Ideal{}, Eigen::MatrixXi(Eigen::MatrixXi::Zero(3, 2)), CosineSchedule{}); }

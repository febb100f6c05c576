#include "diffarch/denoiser/rank_k.hpp"

int main() { return static_cast<int>(diffarch::FixedRank<0>::rank); }

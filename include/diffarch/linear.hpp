#pragma once

// The linear family, `Linear`, `RankK` and `FixedRank`, with all that samples it. Needs Eigen.

#include "diffarch/denoiser/gaussian/conditioned_gaussian.hpp"
#include "diffarch/denoiser/gaussian/gaussian_denoiser.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "diffarch/sampling.hpp"

#pragma once

#include "diffarch/denoiser/ideal.hpp"
#include "diffarch/denoiser/linear.hpp"
#include "diffarch/denoiser/local_score.hpp"
#include "diffarch/denoiser/rank_k.hpp"
#include "placed_model_impl.hpp"

// The closed forms that stand beside networks, see placed_model.hpp: for Cpu in closed_forms.cpp, for Cuda in
// network_run_cuda.cu.

namespace figures {

#define FIGURES_CLOSED_FORMS(B) \
  FIGURES_FIT(B, Linear);       \
  FIGURES_FIT(B, RankK);        \
  FIGURES_FIT(B, Ideal);        \
  FIGURES_FIT(B, LocalScore);   \
  FIGURES_FIT(B, EquivariantLocalScore)

}  // namespace figures

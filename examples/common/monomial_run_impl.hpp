#pragma once

#include "monomial_run.hpp"
#include "placed_model_impl.hpp"

namespace figures {

template <class B, bool is_conservative>
PlacedModelPointer<double> placed_monomials(const MonomialDenoiser<double, is_conservative>& model,
                                            const std::string& architecture, const CosineSchedule& schedule) {
  using Model =
      typename Fitter<Polynomial<1, std::conditional_t<is_conservative, Conservative, Monomials>>, B, double>::Model;
  return placed(AnyDenoiser<double, B>(Model(model)), architecture, schedule);
}

#define FIGURES_MONOMIALS(B)                                                                                          \
  template PlacedModelPointer<double> placed_monomials<B>(const MonomialDenoiser<double, false>&, const std::string&, \
                                                          const CosineSchedule&);                                     \
  template PlacedModelPointer<double> placed_monomials<B>(const MonomialDenoiser<double, true>&, const std::string&,  \
                                                          const CosineSchedule&)

}  // namespace figures

#pragma once

#include <string>

#include "diffarch/core/elementwise.hpp"
#include "diffarch/sampler/ddim.hpp"
#include "diffarch/sampler/exact_flow.hpp"

namespace diffarch {

/// DDIM without its loss of variance, for a denoiser whose eigenmodes are known. In the angle phi = arctan(sigma /
/// sqrt(lambda)) of a mode of variance lambda, a DDIM step has the gain of the exact probability-flow ODE times
/// cos(phi - phi'); here each mode is divided by that cosine, and every step, of any length, is the exact flow:
///   sqrt((lambda signal'^2 + noise'^2) / (lambda signal^2 + noise^2)).
/// The generated distribution is then, for every N >= 1, the limit of infinitely many DDIM steps from the same sigma_T
/// (`predicted_distribution`), and what lies outside the modes is scaled down to 0 as the exact flow does, too.
///
/// Needs a SpectralDenoiser (Linear, RankK); for others it does not compile, since they have no modes to correct. The
/// last step does not return the prediction x0_hat itself but x0_hat with its modes rescaled: a prediction is a mean,
/// and has too little variance to be a sample. With `set_clip`, x0_hat is clipped and the rescaling is not, and the
/// variances are no longer exact.
struct VarianceExactDdim {
  [[nodiscard]] std::string name() const { return "variance-exact DDIM"; }
  [[nodiscard]] double stochasticity() const noexcept { return 0.0; }
  [[nodiscard]] double noise_scale(NoiseLevel /*level*/, NoiseLevel /*next*/) const noexcept { return 0.0; }

  /// The DDIM step, and then what each mode is short of. Costs two products more than DDIM.
  template <Denoiser M>
  void advance(const M& model, StorageOf<M>& y, const StorageOf<M>& x0_hat, NoiseLevel level, NoiseLevel next) const {
    static_assert(SpectralDenoiser<M>,
                  "diffarch: the rule VarianceExactDdim needs a model that satisfies the concept SpectralDenoiser: "
                  "mean(), mean_coordinates(), eigenvalues() and apply_gains (core/concepts.hpp)");
    if constexpr (SpectralDenoiser<M>) {
      using BackendType = typename M::BackendType;
      using Scalar = typename M::Scalar;
      Vector<double> missing(model.eigenvalues().size());
      for (Index mode = 0; mode < missing.size(); ++mode) {
        const double lambda = model.eigenvalues()(mode);
        missing(mode) = mode_gain(lambda, level, next) - Ddim{}.mode_gain(lambda, level, next);
      }
      const StorageOf<M> correction = model.apply_gains(y, level.signal, missing);  // mean + U diag(missing) U^T (...)
      const StorageOf<M> mean = BackendType::upload(Batch<Scalar>(model.mean().template cast<Scalar>()));
      Ddim{}.advance(model, y, x0_hat, level, next);
      add_scaled<M>(y, correction, 1.0);
      BackendType::for_each(y.rows(), y.cols(),
                            elementwise::AddScaledVector<Scalar>{y.data(), mean.data(), Scalar(-1), y.rows()});
    }
  }

  /// In VE coordinates sqrt((lambda + sigma'^2) / (lambda + sigma^2)).
  [[nodiscard]] double mode_gain(double lambda, NoiseLevel level, NoiseLevel next) const noexcept {
    return exact_flow_gain(lambda, level, next);
  }
};

static_assert(SamplerRule<VarianceExactDdim>);

}  // namespace diffarch

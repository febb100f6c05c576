#pragma once

#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "diffarch/analysis/jacobian_trace.hpp"
#include "diffarch/core/elementwise.hpp"

namespace diffarch {

/// How the divergence of the flow is computed, which is the trace of the model's Jacobian at every step.
enum class Divergence {
  automatic,  ///< exact where that costs little: a SpectralDenoiser, a GaussianMixtureScore, or d <= 32
  exact,      ///< `jacobian_trace`
  estimated   ///< Hutchinson's estimate, by `jacobian_forms` of `trace_probes`
};

/// How the probability-flow ODE is integrated.
struct FlowOptions {
  Index substeps = 1;                             ///< Runge-Kutta steps of each interval between two levels, >= 1
  Divergence divergence = Divergence::automatic;  ///< exact or estimated
  Index probes = 8;                               ///< vectors of an estimate, >= 2
  Seed seed = {};                                 ///< of the probes
  Index first_sample = 0;                         ///< number of the first column, >= 0: column j has the probes of
                                                  ///< sample first_sample + j
};

namespace detail {

/// Whether the trace of the Jacobian has a closed form that costs little.
template <class Model>
inline constexpr bool has_cheap_trace = SpectralDenoiser<Model> || (has_jacobian<Model> && !has_jacobian_rows<Model>);

/// The probability-flow ODE dz / dsigma = (z - D) / sigma of a model, z = y / signal, between the noisy levels of a
/// schedule, with the integral of its divergence. In u = z / sqrt(1 + sigma^2) = y / scale and t = -asinh(1 / sigma) it
/// is
///   du / dt = u / sqrt(1 + sigma^2) - D,   div = d / sqrt(1 + sigma^2) - scale tr(dD/dy),
/// without a quotient: t is log(sigma / 2) for small sigma and 0 for pure noise, where the flow starts from u ~ N(0, I)
/// as it does anywhere. Classic Runge-Kutta of fourth order in t, in double whatever the model's Scalar.
template <Denoiser Model>
class ProbabilityFlow {
 public:
  using Scalar = typename Model::Scalar;
  using BackendType = typename Model::BackendType;
  using Real = Dependent<double, Model>;

  /// `function` names the caller in messages. Throws InvalidArgument for options that are out of range.
  ProbabilityFlow(const char* function, const Model& model, const NoiseLevels& levels, const FlowOptions& options)
      : function_(function), model_(model), levels_(levels), options_(options), is_exact_(exact(model, options)) {
    require(std::isfinite(levels.last_sigma()), function,
            ": the only noisy level is pure noise (alpha_bar = 0); expected one of finite sigma before the clean one");
    require(options.substeps >= 1, function, ": substeps = ", options.substeps, ", expected at least 1");
    require(is_exact_ || options.probes >= 2, function, ": probes = ", options.probes, ", expected at least 2");
    require(options.first_sample >= 0, function, ": first_sample = ", options.first_sample, ", expected >= 0");
  }

  /// Moves u (d, n), whose first column is sample `first`, from the smallest noise to the largest, or back. Returns the
  /// integral of the divergence from the smallest to the largest noise in either case: one row, or one for each probe,
  /// (m, n). Throws NumericalError, naming step, sigma and sample, when the trajectory leaves the finite numbers.
  [[nodiscard]] Matrix<Real> run(Batch<Real>& u, Index first, bool towards_noise) const {
    State state{std::move(u), {}, {}, {}, {}, {}, first};
    state.integral = Matrix<Real>::Zero(is_exact_ ? 1 : options_.probes, state.u.cols());
    if (!is_exact_) {
      require_memory<Real>(state.u.rows(), options_.probes * state.u.cols(), function_, ": the probes");
      for (Index column = 0; column < state.u.cols(); ++column)
        state.probes.push_back(
            trace_probes<Real>(state.u.rows(), options_.probes, options_.seed, options_.first_sample + first + column));
    }
    const Index intervals = levels_.noisy_levels() - 1;
    for (Index i = 0; i < intervals; ++i) {
      const Index interval = towards_noise ? intervals - 1 - i : i;
      take_interval(state, interval, towards_noise);
    }
    u = std::move(state.u);
    if (!towards_noise) state.integral *= -1.0;
    return std::move(state.integral);
  }

 private:
  struct State {
    Batch<Real> u;
    Batch<Real> stage;
    Batch<Real> slope;
    Batch<Real> total;
    Matrix<Real> integral;
    std::vector<Matrix<Real>> probes;
    Index first;
  };

  [[nodiscard]] static bool exact(const Model& model, const FlowOptions& options) {
    constexpr Index small_dimension = 32;
    return options.divergence == Divergence::exact ||
           (options.divergence == Divergence::automatic &&
            (has_cheap_trace<Model> || model.dimension() <= small_dimension));
  }

  [[nodiscard]] static double time_of(NoiseLevel level) { return -std::asinh(level.signal / level.noise); }

  static void add(Batch<Real>& y, const Batch<Real>& x, double weight) {
    Cpu::for_each(y.rows(), y.cols(), elementwise::AddScaled<Real>{y.data(), x.data(), weight, y.rows()});
  }

  /// From one end of the interval between levels `interval` and `interval` + 1 to the other. A level in between has the
  /// coordinates of its ends: VE where both have signal 1, else VP.
  void take_interval(State& state, Index interval, bool towards_noise) const {
    const NoiseLevel from = levels_[towards_noise ? interval + 1 : interval];
    const NoiseLevel to = levels_[towards_noise ? interval : interval + 1];
    const bool is_exploding = from.signal == 1.0 && to.signal == 1.0;
    const double start = time_of(from);
    const double step = (time_of(to) - start) / static_cast<double>(options_.substeps);
    const auto level_at = [&](double steps) {
      const double time = start + steps * step;
      const NoiseLevel level{std::tanh(-time), 1.0 / std::cosh(time)};
      return is_exploding ? level.variance_exploding() : level;
    };
    NoiseLevel begin = from;
    for (Index i = 0; i < options_.substeps; ++i) {
      const NoiseLevel middle = level_at(static_cast<double>(i) + 0.5);
      const NoiseLevel end = i + 1 == options_.substeps ? to : level_at(static_cast<double>(i + 1));
      take_step(state, interval, {begin, middle, middle, end}, step);
      begin = end;
    }
  }

  void take_step(State& state, Index interval, const std::array<NoiseLevel, 4>& stages, double step) const {
    constexpr std::array<double, 4> nodes{0.0, 0.5, 0.5, 1.0};
    constexpr std::array<double, 4> weights{1.0, 2.0, 2.0, 1.0};
    for (std::size_t i = 0; i < 4; ++i) {
      state.stage = state.u;
      if (i > 0) add(state.stage, state.slope, nodes[i] * step);
      evaluate(state, interval, stages[i], weights[i] * step / 6.0);
      if (i == 0)
        state.total = state.slope;
      else
        add(state.total, state.slope, weights[i]);
    }
    add(state.u, state.total, step / 6.0);
  }

  /// The slope at `stage`; adds `weight` times the divergence there to the integral.
  void evaluate(State& state, Index interval, NoiseLevel level, double weight) const {
    const Index d = state.stage.rows();
    const Index n = state.stage.cols();
    const Batch<Scalar> y = (level.scale() * state.stage).template cast<Scalar>();
    require_finite(y, "y", state, interval, level);
    const Batch<Scalar> x0_hat = BackendType::download(checked_denoise(model_, BackendType::upload(y), level));
    require_finite(x0_hat, "x0_hat", state, interval, level);
    const double signal = level.signal / level.scale();
    state.slope = x0_hat.template cast<Real>();
    Cpu::for_each(d, n, elementwise::Scale<Real>{state.slope.data(), state.slope.data(), -1.0, d});
    add(state.slope, state.stage, signal);  // signal * u - x0_hat
    const double expansion = signal * static_cast<double>(d);
    for (Index column = 0; column < n; ++column) {
      const Vector<Real> traces = traces_at(state, y, column, level);
      for (Index k = 0; k < traces.size(); ++k) {
        const double divergence = expansion - level.scale() * traces(k);
        state.integral(k, column) += weight * divergence;
      }
    }
  }

  [[nodiscard]] Vector<Real> traces_at(const State& state, const Batch<Scalar>& y, Index column,
                                       NoiseLevel level) const {
    const Batch<Scalar> point = y.col(column);
    if (is_exact_) return Vector<Real>::Constant(1, jacobian_trace(model_, point, level));
    return jacobian_forms(model_, point, state.probes[static_cast<std::size_t>(column)], level);
  }

  void require_finite(const Batch<Scalar>& array, const char* what, const State& state, Index interval,
                      NoiseLevel level) const {
    if (Cpu::all_finite(array)) return;
    for (Index column = 0; column < array.cols(); ++column)
      require<NumericalError>(array.col(column).allFinite(), function_, ": ", what, " is not finite between levels ",
                              interval + 1, " and ", interval + 2, " of ", levels_.steps(), " (sigma = ", level.sigma(),
                              ") for sample ", state.first + column);
  }

  const char* function_;
  const Model& model_;
  const NoiseLevels& levels_;
  const FlowOptions& options_;
  bool is_exact_;
};

}  // namespace detail
}  // namespace diffarch

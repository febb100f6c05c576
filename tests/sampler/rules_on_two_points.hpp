#pragma once

// The library's rules on the denoiser and with the noise of rules_reference.hpp.

#include <cmath>
#include <vector>

#include "diffarch/core/make_denoiser.hpp"
#include "diffarch/sampler/collapsed.hpp"
#include "diffarch/sampler/rule_step.hpp"
#include "sampler/rules_reference.hpp"
#include "support.hpp"

namespace diffarch::test {

/// z before every call of the denoiser that begins a step of a rule, along the levels of the reference in VE
/// coordinates or in VP coordinates.
template <class Rule>
[[nodiscard]] std::vector<double> course_of(const Rule& rule, bool is_variance_preserving) {
  const auto model = make_denoiser<double>(1, [](const Batch<double>& y, NoiseLevel level) -> Batch<double> {
    return (y / (level.signal * level.sigma() * level.sigma())).array().tanh();
  });
  using Model = decltype(model);
  std::vector<NoiseLevel> list;
  for (const double sigma : rules::sigmas) {
    const NoiseLevel level = NoiseLevel::from_sigma(sigma);
    list.push_back(is_variance_preserving ? level.variance_preserving() : level);
  }
  const NoiseLevels levels(list);
  Batch<double> y = Batch<double>::Constant(1, 1, levels[0].signal * rules::start);
  typename detail::StateOf<Rule, std::remove_const_t<Model>>::Type state{};
  std::vector<double> course;
  for (Index step = 0; step < levels.steps(); ++step) {
    const Batch<double> noise = Batch<double>::Constant(1, 1, rules::noise[static_cast<std::size_t>(step)]);
    const NoiseLevel level =
        detail::raise_noise<std::remove_const_t<Model>>(rule, y, levels, step, [&](Stream) { return noise; });
    course.push_back(y(0) / level.signal);
    const Batch<double> x0_hat = model.denoise(y, level);
    detail::advance(rule, model, state, y, x0_hat, level, levels[step + 1]);
    y += rule.noise_scale(level, levels[step + 1]) * noise;
    if (step + 1 == levels.steps()) REQUIRE(y(0) == x0_hat(0));  // the last step returns the prediction
  }
  return course;
}

template <class Rule>
void check_course(const Rule& rule, const std::vector<double>& expected) {
  CAPTURE(rule.name());
  for (const bool is_variance_preserving : {false, true}) {
    const std::vector<double> course = course_of(rule, is_variance_preserving);
    REQUIRE(course.size() == expected.size());
    for (std::size_t k = 0; k < course.size(); ++k) {
      CAPTURE(k, is_variance_preserving);
      CHECK(course[k] == Approx(expected[k]).epsilon(1e-12));
    }
  }
}

/// How far N steps of a rule are from the exact flow of a mode of variance 1, from sigma = 10 down to 10^-5.
template <class Rule>
[[nodiscard]] double flow_error(const Rule& rule, Index steps) {
  std::vector<double> sigmas;
  for (Index k = 0; k < steps; ++k)
    sigmas.push_back(std::pow(10.0, 1.0 - 6.0 * static_cast<double>(k) / static_cast<double>(steps - 1)));
  sigmas.push_back(0.0);
  std::vector<NoiseLevel> levels;
  for (const double sigma : sigmas) levels.push_back(NoiseLevel::from_sigma(sigma));
  const Vector<double> gains = trajectory_gains(rule, Vector<double>(Vector<double>::Ones(1)), NoiseLevels(levels));
  return std::abs(gains(0) * std::sqrt(101.0) - 1.0);
}

/// The order at which the error falls from 200 to 400 steps.
template <class Rule>
[[nodiscard]] double order_of_convergence(const Rule& rule) {
  return std::log2(flow_error(rule, 200) / flow_error(rule, 400));
}

}  // namespace diffarch::test

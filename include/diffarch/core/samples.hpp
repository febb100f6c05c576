#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/core/memory.hpp"

namespace diffarch {

/// The samples of a batch as a batch: the same object, not a copy.
template <std::floating_point Scalar>
[[nodiscard]] const Batch<Scalar>& as_batch(const Batch<Scalar>& samples) noexcept {
  return samples;
}

/// The images of a data set as a batch: those of the data set, not a copy.
template <std::floating_point Scalar>
[[nodiscard]] const Batch<Scalar>& as_batch(const Dataset<Scalar>& data) noexcept {
  return data.samples();
}

/// A temporary batch gives up its samples: the result does not refer to it.
template <std::floating_point Scalar>
[[nodiscard]] Batch<Scalar> as_batch(Batch<Scalar>&& samples) noexcept {
  return std::move(samples);
}
/// A temporary data set gives up its samples, too.
template <std::floating_point Scalar>
[[nodiscard]] Batch<Scalar> as_batch(Dataset<Scalar>&& data) noexcept {
  return std::move(data).samples();
}

/// The values of an Eigen expression, e.g. of `x.leftCols(5)`, evaluated into a batch of their own. Throws OutOfMemory.
template <class Expression>
requires std::floating_point<typename Expression::Scalar>
[[nodiscard]] Batch<typename Expression::Scalar> as_batch(const Eigen::MatrixBase<Expression>& samples) {
  detail::require_memory<typename Expression::Scalar>(samples.rows(), samples.cols(), "samples");
  return detail::with_memory_for([&] { return Batch<typename Expression::Scalar>(samples); }, "samples");
}

/// The types that are accepted wherever samples are expected: a `Batch` (d, n), a `Dataset`, and every dense matrix or
/// matrix expression of Eigen with d rows and n columns (a block, a map, a vector as one sample, a row as n samples of
/// one dimension, a sum), all of float or double.
///
/// A function that takes samples evaluates each once and has one implementation, for batches:
///
///   template <Samples X, SamplesOf<typename X::Scalar> Y>
///   double distance(const X& x, const Y& y) { return detail::distance(as_batch(x), as_batch(y)); }
template <class X>
concept Samples = requires(const X& samples) {
  typename X::Scalar;
  { as_batch(samples) } -> std::convertible_to<const Batch<typename X::Scalar>&>;
};

/// Samples of one scalar type, float or double.
template <class X, class Scalar>
concept SamplesOf = Samples<X> && std::same_as<typename X::Scalar, Scalar>;

}  // namespace diffarch

#pragma once

#include <cmath>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/concepts.hpp"
#include "diffarch/core/dataset.hpp"
#include "diffarch/core/progress.hpp"

namespace diffarch {

/// THE customisation point: how an architecture is fitted on a backend. Specialise it for your own policy type with
///   static Model fit(const A&, const Batch<Scalar>& data, const NoiseLevels&, const ProgressCallback&);
/// where Model satisfies the concept Denoiser. data is (d, n), finite, n >= 1: `fit` has checked it.
/// Work that all noise levels share is done once, in there.
template <class A, class BackendType, class Scalar>
struct Fitter;

/// An architecture that can be fitted to Data on this backend: `Architecture<A>`, `Backend<B>`, and a `Fitter` exists.
template <class A, class B, class Scalar, class Data = Batch<Scalar>>
concept FittableArchitecture = Architecture<A> && Backend<B> &&
    requires(const A& architecture, const Data& data, const NoiseLevels& levels, const ProgressCallback& progress) {
  { Fitter<A, B, Scalar>::fit(architecture, data, levels, progress) } -> Denoiser;
};

namespace detail {

/// Throws InvalidArgument for an empty batch or a value that is not finite, naming its row and column.
template <class Scalar>
void check_training_data(const Batch<Scalar>& data) {
  require(data.rows() >= 1 && data.cols() >= 1, "fit: the training data are ", shape_text(data),
          "; expected at least one sample of at least one dimension");
  if (Cpu::all_finite(data)) return;
  for (Index column = 0; column < data.cols(); ++column)
    for (Index row = 0; row < data.rows(); ++row)
      require(std::isfinite(data(row, column)), "fit: the training data hold ", data(row, column), " at row ", row,
              " of sample ", column, "; expected finite values");
}

template <class Scalar>
const Batch<Scalar>& checked(const Batch<Scalar>& data) {
  check_training_data(data);
  return data;
}

template <class Scalar>
const Batch<Scalar>& checked(const Dataset<Scalar>& data) {
  return checked(data.samples());
}

/// Sufficient statistics and other descriptions of data check themselves when they are made.
template <class Data>
const Data& checked(const Data& data) {
  return data;
}

template <class Data>
using checked_type = std::remove_cvref_t<decltype(checked(std::declval<const Data&>()))>;

}  // namespace detail

/// Fits an architecture to data for the noise levels of a schedule and returns the model (a `Denoiser`).
/// `data` is a Batch (d, n), a Dataset, or statistics that the architecture accepts (e.g. `GaussianMoments`).
/// Throws InvalidArgument for empty or non-finite data and for hyper-parameters that the data do not allow.
template <Architecture A, class Data, Schedule S, Backend B = Cpu>
requires FittableArchitecture<A, B, typename Data::Scalar, detail::checked_type<Data>>
[[nodiscard]] auto fit(const A& architecture, const Data& data, const S& schedule, B /*backend*/ = {},
                       const ProgressCallback& progress = {}) {
  return Fitter<A, B, typename Data::Scalar>::fit(architecture, detail::checked(data), schedule.levels(), progress);
}

}  // namespace diffarch

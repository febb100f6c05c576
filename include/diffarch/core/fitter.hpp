#pragma once

#include <cmath>
#include <concepts>
#include <string>
#include <type_traits>
#include <utility>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/concepts.hpp"
#include "diffarch/core/memory.hpp"
#include "diffarch/core/progress.hpp"
#include "diffarch/core/requirements.hpp"
#include "diffarch/core/samples.hpp"

namespace diffarch {

/// THE customisation point: how an architecture is fitted on a backend. Specialise it for your own policy type with
///   static Model fit(const A&, const Batch<Scalar>& data, const NoiseLevels&, const ProgressCallback&);
/// where Model satisfies the concept Denoiser. data is (d, n), finite, n >= 1: `fit` has checked it.
/// Work that all noise levels share is done once, in there. A Fitter that takes other data only, such as the parameters
/// of a distribution, names what it returns, too: `using Model = ...`.
template <class A, class BackendType, class Scalar>
struct Fitter;

namespace detail {

/// The type in which a Fitter receives data of type `Data`: samples as a batch, everything else unchanged.
template <class Data>
struct FitData {
  using Type = Data;
};
template <Samples Data>
struct FitData<Data> {
  using Type = Batch<typename Data::Scalar>;
};

template <class A, class B, class Scalar, class Data>
concept FitterTakes = std::same_as<typename Data::Scalar, Scalar> &&
    requires(const A& architecture, const typename FitData<Data>::Type& data, const NoiseLevels& levels,
             const ProgressCallback& progress) {
  Fitter<A, B, Scalar>::fit(architecture, data, levels, progress);
};

template <class A, class B, class Scalar, class Data>
using FitResult = std::remove_cvref_t<decltype(Fitter<A, B, Scalar>::fit(
    std::declval<const A&>(), std::declval<const typename FitData<Data>::Type&>(), std::declval<const NoiseLevels&>(),
    std::declval<const ProgressCallback&>()))>;

}  // namespace detail

/// An architecture that can be fitted to Data on this backend: `Architecture<A>`, `Backend<B>`, and a `Fitter` exists
/// that takes such data and returns a Denoiser. Data are `Samples` of this Scalar, or statistics that the Fitter takes.
template <class A, class B, class Scalar, class Data = Batch<Scalar>>
concept FittableArchitecture = Architecture<A> && Backend<B> && detail::FitterTakes<A, B, Scalar, Data> &&
    Denoiser<detail::FitResult<A, B, Scalar, Data>>;

namespace detail {

template <class A, class B, class Scalar>
concept HasFitter = requires {
  sizeof(Fitter<A, B, Scalar>);
};

/// The type of the model that fitting an architecture gives: the type that its Fitter returns for samples, or the one
/// that its Fitter names `Model`.
template <class A, class B, class Scalar>
struct ModelOf {
  using Type = typename Fitter<A, B, Scalar>::Model;
};
template <class A, class B, class Scalar>
requires FitterTakes<A, B, Scalar, Batch<Scalar>>
struct ModelOf<A, B, Scalar> {
  using Type = FitResult<A, B, Scalar, Batch<Scalar>>;
};

/// Does not compile, saying what is missing (see requirements.hpp), unless a Fitter exists that takes samples or says
/// what it makes of other data, and this is a Denoiser of the same Scalar and backend.
template <class A, class B, class Scalar>
consteval bool explain_fitter() {
  using OtherScalar = std::conditional_t<std::is_same_v<Scalar, float>, double, float>;
  if constexpr (!std::floating_point<Scalar>) {
    static_assert(never<Scalar>, "diffarch: the Scalar of samples must be float or double");
  } else if constexpr (!HasFitter<A, B, Scalar>) {
    if constexpr (HasFitter<A, B, OtherScalar>)
      static_assert(never<A>,
                    "diffarch: no Fitter for this pair of architecture and backend and this Scalar, only for the other "
                    "of float and double: write the other, as the last argument of DiffusionSampler, or make the "
                    "specialisation a template: template <class Scalar> struct diffarch::Fitter<Mine, Cpu, Scalar>");
    else
      static_assert(never<A>,
                    "diffarch: no Fitter for this pair of architecture and backend, so the concept "
                    "FittableArchitecture is not satisfied: specialise diffarch::Fitter<A, Backend, Scalar> "
                    "(core/fitter.hpp)");
  } else if constexpr (!FitterTakes<A, B, Scalar, Batch<Scalar>> &&
                       !requires { typename Fitter<A, B, Scalar>::Model; }) {
    static_assert(never<A>,
                  "diffarch: the Fitter of this architecture cannot be called: it needs a public `static Model "
                  "fit(const A&, const Batch<Scalar>& data, const NoiseLevels&, const ProgressCallback&)`, with all "
                  "four parameters (core/fitter.hpp)");
  } else {
    using Model = typename ModelOf<A, B, Scalar>::Type;
    if constexpr (!Denoiser<Model>)
      return explain_denoiser<Model>();
    else
      static_assert(std::same_as<typename Model::Scalar, Scalar> && std::same_as<typename Model::BackendType, B>,
                    "diffarch: the model that Fitter<A, Backend, Scalar>::fit returns has another Scalar or "
                    "BackendType than its Fitter: they must be the same");
  }
  return true;
}

/// Does not compile, saying what is wrong, unless the architecture can be fitted to data of this type.
template <class A, class B, class Data>
consteval bool explain_fit_to() {
  if constexpr (!Architecture<A>) {
    return explain_architecture<A>();
  } else if constexpr (!Backend<B>) {
    return explain_backend<B>();
  } else if constexpr (!requires { typename Data::Scalar; }) {
    static_assert(never<Data>,
                  "diffarch: fit takes samples: a Batch<float> (d, n), a Dataset, or a matrix expression of Eigen; "
                  "plain numbers are seen as one by Eigen::Map<const diffarch::Batch<float>>(values.data(), d, n)");
  } else if constexpr (!std::floating_point<typename Data::Scalar>) {
    static_assert(never<Data>, "diffarch: samples are of float or double: write data.cast<float>()");
  } else {
    using Scalar = typename Data::Scalar;
    if constexpr (HasFitter<A, B, Scalar> && FitterTakes<A, B, Scalar, Data>) {
      return explain_denoiser<FitResult<A, B, Scalar, Data>>();
    } else {
      (void)explain_fitter<A, B, Scalar>();
      static_assert(FitterTakes<A, B, Scalar, Data>,
                    "diffarch: this architecture cannot be fitted to data of this type: its Fitter takes samples (a "
                    "Batch, a Dataset, a matrix expression of Eigen, of float or double), or what its documentation "
                    "names, such as GaussianMoments for Linear and a GaussianMixture for GaussianMixtureScore");
    }
  }
  return true;
}

/// Checks all arguments of `fit` in this way.
template <class A, class Data, class S, class B>
consteval bool explain_fit() {
  if constexpr (Schedule<A> && !Schedule<S>)
    static_assert(never<A>, "diffarch: the arguments of fit are fit(architecture, data, schedule), in this order");
  else if constexpr (Architecture<A> && !Schedule<S>)
    return explain_schedule<S>();
  else
    return explain_fit_to<A, B, Data>();
  return true;
}

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

}  // namespace detail

/// Fits an architecture to data for the noise levels of a schedule and returns the model (a `Denoiser`).
/// `data` are `Samples`: a Batch (d, n), a Dataset, or a matrix expression of Eigen, e.g. `x.leftCols(5)`; or
/// statistics that the architecture accepts (e.g. `GaussianMoments`), which checked themselves when they were made.
/// Throws InvalidArgument for empty or non-finite data and for hyper-parameters that the data do not allow,
/// OutOfMemory.
template <class A, class Data, class S, class B = Cpu>
requires(Architecture<A> || Schedule<S>)
    [[nodiscard]] auto fit(const A& architecture, const Data& data, const S& schedule, B /*backend*/ = {},
                           const ProgressCallback& progress = {}) {
  static_assert(detail::explain_fit<A, Data, S, B>());
  if constexpr (requires { typename Data::Scalar; }) {
    using FitterType = Fitter<A, B, typename Data::Scalar>;
    const auto fit_model = [&](const auto& checked_data) {
      return detail::with_memory_for(
          [&] { return FitterType::fit(architecture, checked_data, schedule.levels(), progress); }, "fit ",
          architecture.name());
    };
    if constexpr (Samples<Data>) {
      const auto& samples = as_batch(data);
      detail::check_training_data(samples);
      return fit_model(samples);
    } else {
      return fit_model(data);
    }
  }
}

}  // namespace diffarch

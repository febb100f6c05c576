#pragma once

#include <concepts>

#include "diffarch/core/backend.hpp"

#ifdef DIFFARCH_HAS_ONEDNN
#include "diffarch/nn/kernels/onednn_kernels.hpp"
#else
#include "diffarch/nn/kernels/eigen_kernels.hpp"
#endif

namespace diffarch::nn {

/// The kernels that layers use unless told otherwise: oneDNN's when the program links diffarch::onednn (with bf16
/// convolutions when DIFFARCH_BF16 is defined), else Eigen's.
#if defined(DIFFARCH_HAS_ONEDNN) && defined(DIFFARCH_BF16)
using DefaultKernels = OneDnnBf16Kernels;
#elif defined(DIFFARCH_HAS_ONEDNN)
using DefaultKernels = OneDnnKernels;
#else
using DefaultKernels = EigenKernels;
#endif

namespace detail {

// One program, one family of kernels for each backend: what is compiled with another family has other networks under
// the same names. The linker sees to it. It refuses a variable that is thread-local in one object file and not in
// another, and prints the name, which is the message. Each pair of families has such a variable. Source files that make
// no network do not have it, whatever they include.

/// Reads a variable, which the compiler cannot leave out: the object file then has its symbol.
inline void keep_symbol(const char& variable) {
  [[maybe_unused]] const char value = *static_cast<const volatile char*>(&variable);
}

#if defined(DIFFARCH_HAS_ONEDNN) && defined(DIFFARCH_BF16)
inline thread_local char some_source_files_take_Eigens_kernels_and_others_oneDNNs_in_bf16{};
inline thread_local char some_source_files_take_oneDNNs_kernels_in_f32_and_others_in_bf16{};
inline void mark_kernels_of_cpu() {
  keep_symbol(some_source_files_take_Eigens_kernels_and_others_oneDNNs_in_bf16);
  keep_symbol(some_source_files_take_oneDNNs_kernels_in_f32_and_others_in_bf16);
}
#elif defined(DIFFARCH_HAS_ONEDNN)
inline thread_local char some_source_files_take_Eigens_kernels_and_others_oneDNNs{};
inline char some_source_files_take_oneDNNs_kernels_in_f32_and_others_in_bf16{};
inline void mark_kernels_of_cpu() {
  keep_symbol(some_source_files_take_Eigens_kernels_and_others_oneDNNs);
  keep_symbol(some_source_files_take_oneDNNs_kernels_in_f32_and_others_in_bf16);
}
#else
inline char some_source_files_take_Eigens_kernels_and_others_oneDNNs{};
inline char some_source_files_take_Eigens_kernels_and_others_oneDNNs_in_bf16{};
inline void mark_kernels_of_cpu() {
  keep_symbol(some_source_files_take_Eigens_kernels_and_others_oneDNNs);
  keep_symbol(some_source_files_take_Eigens_kernels_and_others_oneDNNs_in_bf16);
}
#endif

}  // namespace detail

/// `KernelsOf<B>::type`: the kernels that networks on a backend take, a `KernelFamily`. A backend
/// that gives networks their arithmetic specialises this. All source files of a program must have the same: else it is
/// not linked, and the linker names both.
template <class BackendType>
struct KernelsOf;
template <>
struct KernelsOf<Cpu> {
  using type = DefaultKernels;
  /// Called where networks are made: a program whose source files have other kernels does then not link.
  static void mark_source_file() { detail::mark_kernels_of_cpu(); }
};

namespace detail {

/// To be called by whatever depends on `KernelsOf<B>` without having its kernels in its own type: other source files of
/// the program must then have the same.
template <class B>
void mark_source_file() {
  if constexpr (requires { KernelsOf<B>::mark_source_file(); }) KernelsOf<B>::mark_source_file();
}

}  // namespace detail

/// A backend that networks can run on: one with kernels for them.
template <class B>
concept NetworkBackend = Backend<B> && requires {
  typename KernelsOf<B>::type;
  requires KernelFamily<typename KernelsOf<B>::type>;
  requires std::same_as<typename KernelsOf<B>::type::BackendType, B>;
};

}  // namespace diffarch::nn

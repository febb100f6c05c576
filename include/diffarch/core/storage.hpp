#pragma once

#include <type_traits>
#include <utility>

#include "diffarch/core/backend.hpp"
#include "diffarch/core/elementwise.hpp"

namespace diffarch {

/// An array of backend B in the precision To: the array itself, moved where it is a temporary, when it has that
/// already.
template <class To, Backend B, class Storage>
[[nodiscard]] typename B::template Storage<To> converted(Storage&& array) {
  using From = std::remove_cvref_t<decltype(*array.data())>;
  if constexpr (std::is_same_v<To, From>) {
    return std::forward<Storage>(array);
  } else {
    typename B::template Storage<To> result(array.rows(), array.cols());
    B::for_each(array.rows(), array.cols(),
                elementwise::Convert<To, From>{result.data(), std::as_const(array).data(), array.rows()});
    return result;
  }
}

/// An array of the host as one of backend B: the same array where that is its home, else a copy.
template <Backend B, class Scalar>
[[nodiscard]] decltype(auto) backend_array(const Batch<Scalar>& array) {
  if constexpr (std::is_same_v<B, Cpu>)
    return (array);
  else
    return B::upload(array);
}

/// An array of backend B as one of the host: the same array where that is its home, else a copy.
template <Backend B, class Storage>
[[nodiscard]] decltype(auto) host_array(const Storage& array) {
  if constexpr (std::is_same_v<B, Cpu>)
    return (array);
  else
    return B::download(array);
}

}  // namespace diffarch

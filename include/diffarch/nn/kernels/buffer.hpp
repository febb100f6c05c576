#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <span>
#include <type_traits>

#include "diffarch/core/batch.hpp"

namespace diffarch::nn {

/// Uninitialised memory for `size()` numbers, aligned to cache lines. It grows when asked for more and keeps its memory
/// when asked for less, so that batches of different sizes reuse what the largest one touched. Moves, never copies.
template <class Scalar>
class Buffer {
  static_assert(std::is_trivial_v<Scalar>);

 public:
  Buffer() = default;
  explicit Buffer(Index size) { resize(size); }
  Buffer(Index size, Scalar value) : Buffer(size) { std::fill_n(data(), size, value); }

  /// Contents are lost when the memory has to grow. Throws std::bad_alloc when there is not enough memory: the buffer
  /// is then empty.
  void resize(Index size) {
    if (size > capacity_) {
      memory_.reset();
      size_ = capacity_ = 0;
      constexpr Index most = std::numeric_limits<Index>::max() / static_cast<Index>(sizeof(Scalar));
      if (size > most) throw std::bad_array_new_length();
      memory_.reset(static_cast<Scalar*>(::operator new(static_cast<std::size_t>(size) * sizeof(Scalar), alignment)));
      capacity_ = size;
    }
    size_ = size;
  }

  [[nodiscard]] Index size() const noexcept { return size_; }
  [[nodiscard]] Scalar* data() noexcept { return memory_.get(); }
  [[nodiscard]] const Scalar* data() const noexcept { return memory_.get(); }
  [[nodiscard]] Scalar& operator[](Index i) noexcept { return memory_.get()[i]; }
  [[nodiscard]] const Scalar& operator[](Index i) const noexcept { return memory_.get()[i]; }
  [[nodiscard]] std::span<Scalar> span() noexcept { return {data(), static_cast<std::size_t>(size_)}; }
  [[nodiscard]] std::span<const Scalar> span() const noexcept { return {data(), static_cast<std::size_t>(size_)}; }

  /// `count` rounded up to whole cache lines: offsets inside one block of memory that keep the alignment.
  [[nodiscard]] static constexpr Index aligned(Index count) noexcept {
    constexpr auto line = static_cast<Index>(64 / sizeof(Scalar));
    return (count + line - 1) / line * line;
  }

 private:
  static constexpr std::align_val_t alignment{64};
  struct Free {
    void operator()(Scalar* p) const noexcept { ::operator delete(p, alignment); }
  };
  std::unique_ptr<Scalar, Free> memory_;
  Index size_ = 0;
  Index capacity_ = 0;
};

}  // namespace diffarch::nn

#pragma once

#include <span>
#include <utility>

#include "diffarch/cuda/runtime/device_array.hpp"
#include "diffarch/cuda/runtime/launch.hpp"

namespace diffarch::cuda {

/// values[i] = value.
template <class Number>
struct Fill {
  Number* values;
  Number value;
  constexpr void operator()(Index i, Index /*column*/) const { values[i] = value; }
};

/// Two functors on the same elements in one launch, which costs more than many of them.
template <class First, class Second>
struct Both {
  First first;
  Second second;
  constexpr void operator()(Index row, Index column) const {
    first(row, column);
    second(row, column);
  }
};
/// `Both{first, second}`, for compilers without deduction for aggregates (clang 14).
template <class First, class Second>
Both(First, Second) -> Both<First, Second>;

/// nn::Buffer in device memory: room for `size()` numbers that grows when asked for more and keeps its memory when
/// asked for less. Moves, never copies.
template <class Number>
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(Index size) { resize(size); }
  DeviceBuffer(Index size, Number value) : DeviceBuffer(size) { for_each(size, 1, Fill<Number>{data(), value}); }
  DeviceBuffer(DeviceBuffer&&) noexcept = default;
  DeviceBuffer& operator=(DeviceBuffer&&) noexcept = default;

  /// Contents are lost when the memory has to grow.
  void resize(Index size) {
    if (size > memory_.size()) {
      memory_ = {};
      memory_ = DeviceArray<Number>(size, 1);
    }
    size_ = size;
  }

  [[nodiscard]] Index size() const noexcept { return size_; }
  [[nodiscard]] Number* data() noexcept { return memory_.data(); }
  [[nodiscard]] const Number* data() const noexcept { return memory_.data(); }
  /// Device memory: to name a place, not to be read by the host.
  [[nodiscard]] std::span<Number> span() noexcept { return {data(), static_cast<std::size_t>(size_)}; }
  [[nodiscard]] std::span<const Number> span() const noexcept { return {data(), static_cast<std::size_t>(size_)}; }

  /// `count` rounded up to whole lines of 256 bytes: offsets inside one block of memory that keep the alignment.
  [[nodiscard]] static constexpr Index aligned(Index count) noexcept {
    constexpr auto line = static_cast<Index>(256 / sizeof(Number));
    return (count + line - 1) / line * line;
  }

 private:
  DeviceArray<Number> memory_;
  Index size_ = 0;
};

}  // namespace diffarch::cuda

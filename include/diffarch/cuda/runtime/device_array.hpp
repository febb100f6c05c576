#pragma once

#include <cstddef>
#include <type_traits>
#include <utility>

#include "diffarch/core/batch.hpp"
#include "diffarch/cuda/runtime/context.hpp"

namespace diffarch::cuda {

/// A column-major (rows, cols) array in device memory, allocated and freed in stream order. Copies copy the values.
/// New memory is uninitialised. Every operation is given to the stream and returns at once, except downloads.
template <class Scalar>
class DeviceArray {
  static_assert(std::is_trivially_copyable_v<Scalar>);

 public:
  DeviceArray() = default;
  DeviceArray(Index rows, Index cols) : rows_(rows), cols_(cols) {
    diffarch::detail::require(rows >= 0 && cols >= 0, "DeviceArray: (", rows, ", ", cols, "); expected sizes >= 0");
    if (size() > 0)
      check(cudaMallocAsync(reinterpret_cast<void**>(&data_), bytes(), Context::current().stream()),
            "cudaMallocAsync of ", bytes(), " bytes");
  }
  DeviceArray(const DeviceArray& other) : DeviceArray(other.rows_, other.cols_) { copy_from(other.data_, size()); }
  DeviceArray(DeviceArray&& other) noexcept { swap(other); }
  /// Keeps its memory where it has the right size.
  DeviceArray& operator=(const DeviceArray& other) {
    if (size() != other.size()) return *this = DeviceArray(other);
    if (this != &other) copy_from(other.data_, size());
    rows_ = other.rows_;
    cols_ = other.cols_;
    return *this;
  }
  DeviceArray& operator=(DeviceArray&& other) noexcept {
    DeviceArray taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~DeviceArray() {
    if (data_ != nullptr) cudaFreeAsync(data_, Context::current().stream());
  }

  /// A copy of an array of the host.
  template <class Derived>
  [[nodiscard]] static DeviceArray upload(const Eigen::PlainObjectBase<Derived>& host) {
    static_assert(std::is_same_v<typename Derived::Scalar, Scalar>);
    DeviceArray array(host.rows(), host.cols());
    array.copy_from_host(host.data(), array.size());
    return array;
  }

  [[nodiscard]] Matrix<Scalar> download() const {
    Matrix<Scalar> host(rows_, cols_);
    copy_to_host(host.data(), size());
    return host;
  }

  [[nodiscard]] Index rows() const noexcept { return rows_; }
  [[nodiscard]] Index cols() const noexcept { return cols_; }
  [[nodiscard]] Index size() const noexcept { return rows_ * cols_; }
  [[nodiscard]] Scalar* data() noexcept { return data_; }
  [[nodiscard]] const Scalar* data() const noexcept { return data_; }
  /// Returns the address of column `j`.
  [[nodiscard]] Scalar* column(Index j) noexcept { return data_ + j * rows_; }
  [[nodiscard]] const Scalar* column(Index j) const noexcept { return data_ + j * rows_; }

  void set_zero() {
    if (size() > 0) check(cudaMemsetAsync(data_, 0, bytes(), Context::current().stream()), "cudaMemsetAsync");
  }
  /// The first `count` values from other device memory.
  void copy_from(const Scalar* device, Index count) { copy_values(data_, device, count); }
  /// `count` values from one place of the device to another.
  static void copy_values(Scalar* to, const Scalar* from, Index count) {
    copy(to, from, count, cudaMemcpyDeviceToDevice);
  }
  /// From host memory, which may change when this returns.
  static void copy_values_from_host(Scalar* to, const Scalar* host, Index count) {
    copy(to, host, count, cudaMemcpyHostToDevice);
    if (count > 0) Context::current().synchronize();
  }
  /// To host memory, where they are when this returns.
  static void copy_values_to_host(Scalar* host, const Scalar* from, Index count) {
    copy(host, from, count, cudaMemcpyDeviceToHost);
    if (count > 0) Context::current().synchronize();
  }
  /// The first `count` values from or to host memory.
  void copy_from_host(const Scalar* host, Index count) { copy_values_from_host(data_, host, count); }
  void copy_to_host(Scalar* host, Index count) const { copy_values_to_host(host, data_, count); }

 private:
  [[nodiscard]] std::size_t bytes() const noexcept { return static_cast<std::size_t>(size()) * sizeof(Scalar); }

  static void copy(Scalar* to, const Scalar* from, Index count, cudaMemcpyKind kind) {
    if (count > 0)
      check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(Scalar), kind,
                            Context::current().stream()),
            "cudaMemcpyAsync of ", count, " values");
  }

  void swap(DeviceArray& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(rows_, other.rows_);
    std::swap(cols_, other.cols_);
  }

  Scalar* data_ = nullptr;
  Index rows_ = 0;
  Index cols_ = 0;
};

}  // namespace diffarch::cuda

#pragma once

#include "diffarch/core/batch.hpp"
#include "diffarch/nn/kernels/rectifier.hpp"

namespace diffarch::nn::detail {

/// Count vector registers, of whatever instructions Eigen uses, as one array of numbers; Count = 0: a single number.
template <class Scalar, int Count>
struct Vectors {
  using Vector = typename Eigen::internal::packet_traits<Scalar>::type;
  static constexpr int vector_size = Eigen::internal::unpacket_traits<Vector>::size;
  static constexpr int size = Count * vector_size;
  Vector part[Count];

  [[nodiscard]] static Vectors load(const Scalar* from) {
    Vectors result;
    for (int i = 0; i < Count; ++i) result.part[i] = Eigen::internal::ploadu<Vector>(from + i * vector_size);
    return result;
  }
  void store(Scalar* to) const {
    for (int i = 0; i < Count; ++i) Eigen::internal::pstoreu(to + i * vector_size, part[i]);
  }
  [[nodiscard]] static Vectors zeros() {
    Vectors result;
    for (int i = 0; i < Count; ++i) result.part[i] = Eigen::internal::pset1<Vector>(Scalar(0));
    return result;
  }
  void add(const Vectors& x) {
    for (int i = 0; i < Count; ++i) part[i] = Eigen::internal::padd(part[i], x.part[i]);
  }
  void add_scaled(Scalar factor, const Vectors& x) {
    const Vector a = Eigen::internal::pset1<Vector>(factor);
    for (int i = 0; i < Count; ++i) part[i] = Eigen::internal::pmadd(a, x.part[i], part[i]);
  }
  void leak(Scalar slope) {
    const Vector factor = Eigen::internal::pset1<Vector>(slope);
    for (int i = 0; i < Count; ++i) part[i] = leaky_relu(part[i], factor);
  }
  /// From the gradient of leaky_relu(x) to that of x, given y = leaky_relu(x).
  void leak_gradient(const Vectors& y, Scalar slope) {
    const Vector factor = Eigen::internal::pset1<Vector>(slope);
    for (int i = 0; i < Count; ++i) part[i] = leaky_relu_gradient(y.part[i], part[i], factor);
  }
  [[nodiscard]] Scalar dot(const Vectors& x) const {
    Vector sum = Eigen::internal::pmul(part[0], x.part[0]);
    for (int i = 1; i < Count; ++i) sum = Eigen::internal::pmadd(part[i], x.part[i], sum);
    return Eigen::internal::predux(sum);
  }
};
template <class Scalar>
struct Vectors<Scalar, 0> {
  static constexpr int vector_size = 1;
  static constexpr int size = 1;
  Scalar value;

  [[nodiscard]] static Vectors load(const Scalar* from) { return {*from}; }
  void store(Scalar* to) const { *to = value; }
  [[nodiscard]] static Vectors zeros() { return {Scalar(0)}; }
  void add(const Vectors& x) { value += x.value; }
  void add_scaled(Scalar factor, const Vectors& x) { value += factor * x.value; }
  void leak(Scalar slope) { value = leaky_relu(value, slope); }
  void leak_gradient(const Vectors& y, Scalar slope) { value = leaky_relu_gradient(y.value, value, slope); }
  [[nodiscard]] Scalar dot(const Vectors& x) const { return value * x.value; }
};

/// The products of a fully connected layer with few inputs or few outputs, where a general product costs more to set up
/// than to run. One side of the layer is `thin`, 1 to 4 numbers of a sample, the other one `wide`; the weights V are
/// `thin` vectors of length `wide`, one after the other. The wide side is cut into strips, whose weights and sums stay
/// in vector registers while all samples pass by. What a sample gets does not depend on the others.
template <class Scalar>
class ThinProduct {
 public:
  static constexpr Index most = 4;

  ThinProduct(Index thin, Index wide) : thin_(thin), wide_(wide) {}

  /// wide_j = f(b + V thin_j) for every sample j, where f(x) = x for x > 0, else slope * x.
  void widen(const Scalar* v, const Scalar* bias, const Scalar* thin, Scalar* wide, Index samples,
             Scalar slope = Scalar(1)) const {
    for_each_strip([&]<int Thin, class Strip>(Index begin) {
      Strip weights[Thin];
      for (int t = 0; t < Thin; ++t) weights[t] = Strip::load(v + t * wide_ + begin);
      const Strip constant = Strip::load(bias + begin);
      for (Index j = 0; j < samples; ++j) {
        Strip sum = constant;
        for (int t = 0; t < Thin; ++t) sum.add_scaled(thin[j * Thin + t], weights[t]);
        sum.leak(slope);
        sum.store(wide + j * wide_ + begin);
      }
    });
  }

  /// thin_j = b + V^T wide_j for every sample j.
  void narrow(const Scalar* v, const Scalar* bias, const Scalar* wide, Scalar* thin, Index samples) const {
    for_each_strip([&]<int Thin, class Strip>(Index begin) {
      Strip weights[Thin];
      for (int t = 0; t < Thin; ++t) weights[t] = Strip::load(v + t * wide_ + begin);
      for (Index j = 0; j < samples; ++j) {
        const Strip values = Strip::load(wide + j * wide_ + begin);
        for (int t = 0; t < Thin; ++t)
          thin[j * Thin + t] = (begin == 0 ? bias[t] : thin[j * Thin + t]) + weights[t].dot(values);
      }
    });
  }

  /// Backwards through `widen`: with g_j = f' dwide_j, dV = sum_j g_j thin_j^T, db = sum_j g_j and, unless dthin is
  /// null, dthin_j = V^T g_j. The sign of wide tells f'; with null, f' is 1.
  void widen_backward(const Scalar* v, const Scalar* thin, const Scalar* dwide, Scalar* dv, Scalar* dbias,
                      Scalar* dthin, Index samples, const Scalar* wide = nullptr, Scalar slope = Scalar(1)) const {
    for_each_strip([&]<int Thin, class Strip>(Index begin) {
      Strip weights[Thin];
      for (int t = 0; t < Thin; ++t) weights[t] = Strip::load(v + t * wide_ + begin);
      Strip sums[Thin];
      for (int t = 0; t < Thin; ++t) sums[t] = Strip::zeros();
      Strip sum = Strip::zeros();
      for (Index j = 0; j < samples; ++j) {
        Strip values = Strip::load(dwide + j * wide_ + begin);
        if (wide != nullptr) values.leak_gradient(Strip::load(wide + j * wide_ + begin), slope);
        sum.add(values);
        for (int t = 0; t < Thin; ++t) sums[t].add_scaled(thin[j * Thin + t], values);
        if (dthin == nullptr) continue;
        for (int t = 0; t < Thin; ++t)
          dthin[j * Thin + t] = (begin == 0 ? Scalar(0) : dthin[j * Thin + t]) + weights[t].dot(values);
      }
      for (int t = 0; t < Thin; ++t) sums[t].store(dv + t * wide_ + begin);
      sum.store(dbias + begin);
    });
  }

  /// Backwards through `narrow`: dV = sum_j wide_j dthin_j^T, db = sum_j dthin_j and, unless dwide is null,
  /// dwide_j = V dthin_j.
  void narrow_backward(const Scalar* v, const Scalar* wide, const Scalar* dthin, Scalar* dv, Scalar* dbias,
                       Scalar* dwide, Index samples) const {
    for (Index t = 0; t < thin_; ++t) {
      Scalar sum(0);
      for (Index j = 0; j < samples; ++j) sum += dthin[j * thin_ + t];
      dbias[t] = sum;
    }
    for_each_strip([&]<int Thin, class Strip>(Index begin) {
      Strip weights[Thin];
      for (int t = 0; t < Thin; ++t) weights[t] = Strip::load(v + t * wide_ + begin);
      Strip sums[Thin];
      for (int t = 0; t < Thin; ++t) sums[t] = Strip::zeros();
      for (Index j = 0; j < samples; ++j) {
        const Strip values = Strip::load(wide + j * wide_ + begin);
        for (int t = 0; t < Thin; ++t) sums[t].add_scaled(dthin[j * Thin + t], values);
        if (dwide == nullptr) continue;
        Strip combination = Strip::zeros();
        for (int t = 0; t < Thin; ++t) combination.add_scaled(dthin[j * Thin + t], weights[t]);
        combination.store(dwide + j * wide_ + begin);
      }
      for (int t = 0; t < Thin; ++t) sums[t].store(dv + t * wide_ + begin);
    });
  }

 private:
  /// body<thin, strip>(begin) for strips of four vector registers, then of one, then single numbers.
  template <class Body>
  void for_each_strip(const Body& body) const {
    switch (thin_) {
      case 1:
        return for_each_strip_of<1>(body);
      case 2:
        return for_each_strip_of<2>(body);
      case 3:
        return for_each_strip_of<3>(body);
      default:
        return for_each_strip_of<4>(body);
    }
  }
  template <int Thin, class Body>
  void for_each_strip_of(const Body& body) const {
    Index begin = 0;
    begin = for_each_whole<Thin, Vectors<Scalar, 4>>(begin, body);
    begin = for_each_whole<Thin, Vectors<Scalar, 1>>(begin, body);
    for_each_whole<Thin, Vectors<Scalar, 0>>(begin, body);
  }
  template <int Thin, class Strip, class Body>
  Index for_each_whole(Index begin, const Body& body) const {
    for (; begin + Strip::size <= wide_; begin += Strip::size) body.template operator()<Thin, Strip>(begin);
    return begin;
  }

  Index thin_;
  Index wide_;
};

}  // namespace diffarch::nn::detail

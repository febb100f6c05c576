#include "diffarch/core/fitter.hpp"

#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

/// Remembers what it was fitted on.
template <class Scalar_>
struct Recorder {
  using Scalar = Scalar_;
  using BackendType = Cpu;
  Batch<Scalar> data;
  NoiseLevels levels;
  [[nodiscard]] Index dimension() const { return data.rows(); }
  [[nodiscard]] Batch<Scalar> denoise(const Batch<Scalar>& y, NoiseLevel /*level*/) const { return y; }
};

struct Recording {
  [[nodiscard]] std::string name() const { return "Recording"; }
};
/// Remembers a number, its data.
struct OfNumbers {
  [[nodiscard]] std::string name() const { return "OfNumbers"; }
};
struct ThreeNumbers {
  using Scalar = float;
};
struct Insatiable {
  [[nodiscard]] std::string name() const { return "Insatiable"; }
};
struct Unfittable {
  [[nodiscard]] std::string name() const { return "Unfittable"; }
};
struct WrongModel {
  [[nodiscard]] std::string name() const { return "WrongModel"; }
};
struct TwoLevels {
  [[nodiscard]] NoiseLevels levels() const { return NoiseLevels({{1.0, 2.0}, {1.0, 0.0}}); }
  [[nodiscard]] std::string name() const { return "TwoLevels"; }
};

}  // namespace

template <class Scalar>
struct Fitter<Recording, Cpu, Scalar> {
  static Recorder<Scalar> fit(const Recording& /*architecture*/, const Batch<Scalar>& data, const NoiseLevels& levels,
                              const ProgressCallback& progress) {
    ProgressReporter(progress, "record", 1).advance();
    return {data, levels};
  }
};

template <class Scalar>
struct Fitter<WrongModel, Cpu, Scalar> {
  static int fit(const WrongModel& /*architecture*/, const Batch<Scalar>& /*data*/, const NoiseLevels& /*levels*/,
                 const ProgressCallback& /*progress*/) {
    return 0;
  }
};

template <class Scalar>
struct Fitter<Insatiable, Cpu, Scalar> {
  static Recorder<Scalar> fit(const Insatiable& /*architecture*/, const Batch<Scalar>& /*data*/,
                              const NoiseLevels& levels, const ProgressCallback& /*progress*/) {
    return {Batch<Scalar>(Index{1} << 31, Index{1} << 31), levels};
  }
};

template <>
struct Fitter<OfNumbers, Cpu, float> {
  using Model = Recorder<float>;
  static Model fit(const OfNumbers& /*architecture*/, const ThreeNumbers& /*data*/, const NoiseLevels& levels,
                   const ProgressCallback& /*progress*/) {
    return {Batch<float>::Ones(1, 3), levels};
  }
};

namespace {

TEST_CASE("An architecture is fittable when a Fitter gives a Denoiser", "[core]") {
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, float>);
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, double>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Unfittable, Cpu, float>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<WrongModel, Cpu, float>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, std::string>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, ThreeNumbers>);
  STATIC_REQUIRE(FittableArchitecture<OfNumbers, Cpu, float, ThreeNumbers>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<OfNumbers, Cpu, float>);
}

TEST_CASE("An architecture is fittable to all samples of its scalar and to nothing else", "[core]") {
  const Batch<float> x;
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, float, Dataset<float>>);
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, float, std::remove_cvref_t<decltype(x.leftCols(5))>>);
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, float, Eigen::Map<const Eigen::MatrixXf>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, Batch<double>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, Dataset<double>>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, Eigen::MatrixXi>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, std::vector<float>>);
}

TEST_CASE("fit hands data, noise levels and progress to the Fitter", "[core]") {
  const Batch<float> data = test::random_matrix<float>(4, 3, 1);
  std::vector<Progress> reports;
  const auto model =
      fit(Recording{}, data, TwoLevels{}, Cpu{}, [&](const Progress& progress) { reports.push_back(progress); });
  REQUIRE(test::bitwise_equal(model.data, data));
  REQUIRE(model.levels == TwoLevels{}.levels());
  REQUIRE(reports.size() == 1);
  REQUIRE(reports[0].task == "record");

  const Dataset<float> images(data, {2, 2, 1}, "four pixels");
  REQUIRE(test::bitwise_equal(fit(Recording{}, images, TwoLevels{}).data, data));
}

TEST_CASE("fit hands statistics to the Fitter that takes them", "[core]") {
  REQUIRE(fit(OfNumbers{}, ThreeNumbers{}, TwoLevels{}).data.cols() == 3);
}

TEST_CASE("fit evaluates expressions of Eigen and checks them", "[core]") {
  Batch<float> data = test::random_matrix<float>(4, 6, 1);
  const auto expected = [](const auto& x) { return Batch<float>(x); };
  REQUIRE(test::bitwise_equal(fit(Recording{}, data.leftCols(5), TwoLevels{}).data, expected(data.leftCols(5))));
  REQUIRE(test::bitwise_equal(fit(Recording{}, data.col(2), TwoLevels{}).data, expected(data.col(2))));
  REQUIRE(test::bitwise_equal(fit(Recording{}, 2.0F * data, TwoLevels{}).data, expected(2.0F * data)));
  const Eigen::Map<const Batch<float>> map(data.data(), 4, 3);
  REQUIRE(test::bitwise_equal(fit(Recording{}, map, TwoLevels{}).data, expected(data.leftCols(3))));

  data(2, 1) = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(test::message_of<InvalidArgument>([&] { return fit(Recording{}, data.leftCols(5), TwoLevels{}); }) ==
          "fit: the training data hold nan at row 2 of sample 1; expected finite values");
  REQUIRE(test::message_of<InvalidArgument>([&] { return fit(Recording{}, data.leftCols(0), TwoLevels{}); }) ==
          "fit: the training data are (4, 0); expected at least one sample of at least one dimension");
}

TEST_CASE("fit reports memory that does not suffice as an Error", "[core]") {
  REQUIRE_THAT(test::message_of<OutOfMemory>(
                   [] { return fit(Insatiable{}, Batch<float>(Batch<float>::Ones(2, 3)), TwoLevels{}); }),
               Catch::Matchers::StartsWith("fit Insatiable: the memory does not suffice"));
}

TEST_CASE("fit refuses empty data", "[core]") {
  for (const auto& [rows, columns] : std::vector<std::pair<Index, Index>>{{0, 3}, {3, 0}, {0, 0}}) {
    const Batch<double> data(rows, columns);
    REQUIRE(test::message_of<InvalidArgument>([&] { return fit(Recording{}, data, TwoLevels{}); }) ==
            detail::concat("fit: the training data are (", rows, ", ", columns,
                           "); expected at least one sample of at least one dimension"));
  }
}

TEST_CASE("fit refuses data that are not finite and says where", "[core]") {
  Batch<float> data = test::random_matrix<float>(4, 3, 1);
  data(2, 1) = std::numeric_limits<float>::quiet_NaN();
  const std::string expected = "fit: the training data hold nan at row 2 of sample 1; expected finite values";
  REQUIRE(test::message_of<InvalidArgument>([&] { return fit(Recording{}, data, TwoLevels{}); }) == expected);
  const Dataset<float> images(data, {2, 2, 1}, "four pixels");
  REQUIRE(test::message_of<InvalidArgument>([&] { return fit(Recording{}, images, TwoLevels{}); }) == expected);
  data(2, 1) = std::numeric_limits<float>::infinity();
  REQUIRE_THAT(test::message_of<InvalidArgument>([&] { return fit(Recording{}, data, TwoLevels{}); }),
               ContainsSubstring("hold inf at row 2 of sample 1"));
}

}  // namespace
}  // namespace diffarch

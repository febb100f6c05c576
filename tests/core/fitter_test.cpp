#include "diffarch/core/fitter.hpp"

#include <limits>
#include <string>
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

namespace {

TEST_CASE("An architecture is fittable when a Fitter gives a Denoiser", "[core]") {
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, float>);
  STATIC_REQUIRE(FittableArchitecture<Recording, Cpu, double>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Unfittable, Cpu, float>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<WrongModel, Cpu, float>);
  STATIC_REQUIRE_FALSE(FittableArchitecture<Recording, Cpu, float, std::string>);
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

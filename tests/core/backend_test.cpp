#include "diffarch/core/backend.hpp"

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "diffarch/core/elementwise.hpp"
#include "support.hpp"
#include "tested_backend.hpp"

namespace diffarch {
namespace {

using test::bitwise_equal;
using test::random_matrix;
using test::TestedBackend;

struct NameOnly {
  [[nodiscard]] static std::string name() { return "name only"; }
};

struct CountVisits {
  int* visits;
  Index rows;
  constexpr void operator()(Index row, Index column) const { ++visits[column * rows + row]; }
};

TEST_CASE("Backends are a Backend, a type without storage is not", "[core]") {
  STATIC_REQUIRE(Backend<Cpu>);
  STATIC_REQUIRE(Backend<TestedBackend>);
  STATIC_REQUIRE_FALSE(Backend<NameOnly>);
  STATIC_REQUIRE_FALSE(Backend<int>);
  REQUIRE(TestedBackend::name() == (test::on_host ? "cpu" : "cuda"));
}

TEST_CASE("for_each visits every element of an array exactly once whatever its shape", "[core]") {
  // One row, one column, tall columns cut into several tasks (more than 2^15 rows), many columns in one task, empty.
  const std::vector<std::pair<Index, Index>> shapes = {{1, 1},     {1, 100000}, {7, 9000}, {3, 5},
                                                       {40000, 3}, {65536, 2},  {0, 4},    {4, 0}};
  for (const auto& [rows, columns] : shapes)
    for (const int threads : {1, 2}) {
      const test::ThreadCount guard(threads);
      auto counters = test::upload(Batch<int>::Zero(rows, columns));
      TestedBackend::for_each(rows, columns, CountVisits{counters.data(), rows});
      const Batch<int> visits = test::download(counters);
      INFO(rows << " x " << columns << ", " << threads << " threads");
      REQUIRE((visits.array() == 1).all());
    }
}

TEST_CASE("Uploading to the host and downloading again moves the memory and keeps every bit", "[core]") {
  Batch<float> batch = random_matrix<float>(5, 4, 1);
  const Batch<float> copy = batch;
  const float* const memory = batch.data();
  Batch<float> storage = Cpu::upload(std::move(batch));
  REQUIRE(storage.data() == memory);
  const Batch<float> back = Cpu::download(std::move(storage));
  REQUIRE(back.data() == memory);
  REQUIRE(bitwise_equal(back, copy));
}

TEST_CASE("Uploading and downloading keeps every bit, and copies are of the values", "[core]") {
  for (const auto& [rows, columns] : std::vector<std::pair<Index, Index>>{{5, 4}, {1, 1}, {0, 3}, {3, 0}}) {
    Batch<float> batch = random_matrix<float>(rows, columns, 1);
    if (batch.size() > 0) batch(0, 0) = std::numeric_limits<float>::quiet_NaN();
    auto storage = TestedBackend::upload(batch);
    REQUIRE(storage.rows() == rows);
    REQUIRE(storage.cols() == columns);
    const auto copy = storage;
    TestedBackend::for_each(rows, columns, elementwise::Scale<float>{storage.data(), copy.data(), 2.0F, rows});
    REQUIRE(bitwise_equal(test::download(copy), batch));
    // What arithmetic makes of a NaN is some NaN: a GPU has one of its own.
    Batch<float> doubled = test::download(storage);
    if (batch.size() > 0) {
      REQUIRE(std::isnan(doubled(0, 0)));
      doubled(0, 0) = batch(0, 0) = 0.0F;
    }
    REQUIRE(bitwise_equal(doubled, Batch<float>(2.0F * batch)));
  }
}

TEST_CASE("Arrays are downloaded to columns of another, and nothing beside them changes", "[core]") {
  const Batch<float> values = random_matrix<float>(5, 3, 1);
  const Batch<float> before = random_matrix<float>(5, 7, 2);
  const auto storage = test::upload(values);
  for (const Index first : {0, 2, 4}) {
    Batch<float> batch = before;
    Batch<float> expected = before;
    expected.middleCols(first, 3) = values;
    TestedBackend::download_columns(storage, batch, first);
    REQUIRE(bitwise_equal(batch, expected));
  }
  Batch<float> batch = before;
  TestedBackend::download_columns(test::upload(Batch<float>(5, 0)), batch, 7);
  REQUIRE(bitwise_equal(batch, before));
  for (const Index first : {-1, 5})
    REQUIRE(test::message_of<DimensionMismatch>([&] { TestedBackend::download_columns(storage, batch, first); }) ==
            detail::concat("download_columns: (5, 3) to the columns of (5, 7) from column ", first));
  Batch<float> other_rows(4, 7);
  REQUIRE_THROWS_AS(TestedBackend::download_columns(storage, other_rows, 0), DimensionMismatch);
}

TEST_CASE("all_finite finds one NaN or infinity anywhere", "[core]") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(),
                           -std::numeric_limits<double>::infinity()}) {
    Batch<double> batch = random_matrix(3, 3, 2);
    REQUIRE(TestedBackend::all_finite(test::upload(batch)));
    batch(2, 1) = bad;
    REQUIRE_FALSE(TestedBackend::all_finite(test::upload(batch)));
  }
}

TEST_CASE("Norms of columns are summed in double, and tell of values that are not finite", "[core]") {
  Batch<float> batch = random_matrix<float>(301, 5, 3);
  batch(7, 2) = std::numeric_limits<float>::quiet_NaN();
  batch(8, 3) = -std::numeric_limits<float>::infinity();
  batch(9, 4) = 1e30F;  // its square is no float
  const Vector<double> norms = TestedBackend::column_norms(test::upload(batch));
  for (const Index column : {0, 1, 4})
    REQUIRE(norms(column) == Approx(batch.col(column).cast<double>().norm()).epsilon(1e-14));
  REQUIRE(std::isnan(norms(2)));
  REQUIRE(std::isinf(norms(3)));
  REQUIRE(TestedBackend::column_norms(test::upload(Batch<double>(3, 0))).size() == 0);
}

TEST_CASE("The noise of a backend is normal_batch", "[core]") {
  const Batch<double> noise = test::download(TestedBackend::normal<double>(5, 3, Seed{4}, Stream{9}, 2));
  const Batch<double> expected = normal_batch<double>(5, 3, Seed{4}, Stream{9}, 2);
  // From the same integers; a device may contract other products to fused multiply-add.
  REQUIRE(test::relative_difference(noise, expected) <= (test::on_host ? 0.0 : 1e-15));
}

}  // namespace
}  // namespace diffarch

#include "diffarch/core/parallel.hpp"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "support.hpp"

namespace diffarch {
namespace {

TEST_CASE("parallel_for runs every index exactly once", "[core]") {
  for (const Index count : {Index{0}, Index{1}, Index{2}, Index{1000}}) {
    std::vector<std::atomic<int>> runs(static_cast<std::size_t>(count));
    for (const Index work : {Index{1}, Index{1} << 20}) {
      for (auto& run : runs) run = 0;
      parallel_for(count, work, [&](Index i) { ++runs[static_cast<std::size_t>(i)]; });
      for (const auto& run : runs) REQUIRE(run == 1);
    }
  }
}

TEST_CASE("parallel_for_rows hands out every row exactly once, with its number", "[core]") {
  for (const Index size : {Index{0}, Index{1}, Index{64}, Index{200}}) {
    Matrix<double> matrix = Matrix<double>::Zero(size, 300);
    parallel_for_rows(matrix, [](Index first, auto rows) {
      for (Index i = 0; i < rows.rows(); ++i) rows.row(i).array() += test::real(first + i + 1);
    });
    for (Index i = 0; i < size; ++i) REQUIRE((matrix.row(i).array() == test::real(i + 1)).all());
  }
}

TEST_CASE("Tiles of the lower triangle cover it once, and nothing outside of the matrix", "[core]") {
  for (const Index size : {0, 1, 128, 300}) {
    Matrix<int> visits = Matrix<int>::Zero(size, size);
    detail::parallel_for_lower_tiles(size, 100, [&](Index row, Index rows, Index column, Index columns) {
      visits.block(row, column, rows, columns).array() += 1;
    });
    for (Index j = 0; j < size; ++j)
      for (Index i = 0; i < size; ++i) REQUIRE(visits(i, j) == (i / 128 >= j / 128 ? 1 : 0));
  }
}

TEST_CASE("The exception of the first body that throws reaches the caller, on any number of threads", "[core]") {
  for (const int threads : {1, 2, 4}) {
    const test::ThreadCount guard(threads);
    for (const Index work : {Index{1}, Index{1} << 20}) {
      for (const Index first : {Index{0}, Index{17}, Index{99}}) {
        std::vector<std::atomic<int>> runs(100);
        const std::string message = test::message_of<NumericalError>([&] {
          parallel_for(100, work, [&](Index i) {
            ++runs[static_cast<std::size_t>(i)];
            if (i >= first) throw NumericalError(detail::concat("body ", i));
          });
        });
        CHECK(message == detail::concat("body ", first));
        for (Index i = 0; i <= first; ++i) CHECK(runs[static_cast<std::size_t>(i)] == 1);
      }
      // Also what is no exception of ours, and out of a region within a region.
      CHECK_THROWS_AS(parallel_for(100, work,
                                   [](Index i) {
                                     if (i == 3) throw i;
                                   }),
                      Index);
      CHECK_THROWS_AS(
          parallel_for(4, work, [&](Index) { parallel_for(4, work, [](Index) { throw std::bad_alloc(); }); }),
          std::bad_alloc);
      // And the next loop works.
      std::atomic<Index> sum = 0;
      parallel_for(100, work, [&](Index i) { sum += i; });
      CHECK(sum == 4950);
    }
  }
}

TEST_CASE("thread_count follows OpenMP", "[core]") {
#ifdef _OPENMP
  const test::ThreadCount guard(2);
  REQUIRE(thread_count() == 2);
  std::atomic<int> inside = 0;
  parallel_for(8, Index{1} << 20, [&](Index) { inside = omp_get_num_threads(); });
  REQUIRE(inside == 2);
  parallel_for(8, 10, [&](Index) { inside = omp_get_num_threads(); });
  REQUIRE(inside == 1);  // not worth waking the other thread
#else
  REQUIRE(thread_count() == 1);
#endif
}

TEST_CASE("SerialEigen makes Eigen use one thread while alive and puts the old number back", "[core]") {
  Eigen::setNbThreads(2);
  const int before = Eigen::nbThreads();  // 1 without OpenMP
  {
    const detail::SerialEigen serial;
    REQUIRE(Eigen::nbThreads() == 1);
  }
  REQUIRE(Eigen::nbThreads() == before);
  {
    const detail::SerialEigen outer;
    { const detail::SerialEigen inner; }
    REQUIRE(Eigen::nbThreads() == 1);
  }
  REQUIRE(Eigen::nbThreads() == before);
  Eigen::setNbThreads(0);
}

TEST_CASE("SerialEigen leaves Eigen to follow OpenMP where it did", "[core]") {
  Eigen::setNbThreads(0);
  { const detail::SerialEigen serial; }
  const test::ThreadCount guard(3);
  CHECK(Eigen::nbThreads() == thread_count());
}

TEST_CASE("SerialEigen puts the number back when threads overlap", "[core]") {
  Eigen::setNbThreads(8);
  const int before = Eigen::nbThreads();  // 1 without OpenMP
  // The first thread enters, the second enters, the first leaves, the second leaves.
  std::atomic<int> stage = 0;
  const auto wait_for = [&](int wanted) {
    while (stage < wanted) std::this_thread::yield();
  };
  int between = 0;
  std::thread first([&] {
    {
      const detail::SerialEigen serial;
      stage = 1;
      wait_for(2);
    }
    stage = 3;
  });
  std::thread second([&] {
    wait_for(1);
    const detail::SerialEigen serial;
    stage = 2;
    wait_for(3);
    between = Eigen::nbThreads();
  });
  first.join();
  second.join();
  CHECK(between == 1);
  CHECK(Eigen::nbThreads() == before);
  Eigen::setNbThreads(0);
}

}  // namespace
}  // namespace diffarch

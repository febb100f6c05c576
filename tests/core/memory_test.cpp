#include "diffarch/core/memory.hpp"

#include <cstdint>
#include <memory>
#include <new>
#include <stdexcept>
#include <vector>

#include "diffarch/core/random.hpp"
#include "support.hpp"

TEST_CASE("An array that cannot fit is refused before it is allocated", "[core]") {
  using namespace diffarch;
  REQUIRE(usable_memory() > 1e6);
  REQUIRE_NOTHROW(detail::require_memory<float>(1000, 10, "a batch"));
  const Index side = Index{1} << 31;
  const std::string message =
      test::message_of<OutOfMemory>([=] { detail::require_memory<double>(side, side, "a ", 1); });
  REQUIRE_THAT(message, ContainsSubstring("a 1: 2147483648 x 2147483648 numbers need 3.43597e+10 GiB, but"));
  REQUIRE_THROWS_AS(normal_batch<float>(side, side, Seed{1}), OutOfMemory);
}

TEST_CASE("An allocation that fails is OutOfMemory, which says what for", "[core]") {
  using namespace diffarch;
  const auto failing = [](const auto& exception) {
    return [&] { return detail::with_memory_for([&]() -> int { throw exception; }, "fit ", "Linear"); };
  };
  const auto starts = Catch::Matchers::StartsWith("fit Linear: the memory does not suffice (");
  REQUIRE_THAT(test::message_of<OutOfMemory>(failing(std::bad_alloc())), starts);
  REQUIRE_THAT(test::message_of<OutOfMemory>(failing(std::length_error("vector::reserve"))), starts);
  REQUIRE_THAT(test::message_of<OutOfMemory>([] {
                 return detail::with_memory_for([] { return std::vector<int>(~std::size_t{0}); }, "fit ", "Linear");
               }),
               starts);
  REQUIRE(test::message_of<InvalidArgument>(failing(InvalidArgument("rank"))) == "rank");
  const Batch<float> batch = Batch<float>::Ones(2, 2);
  REQUIRE(&detail::with_memory_for([&]() -> const Batch<float>& { return batch; }, "nothing") == &batch);
}

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__)
TEST_CASE("A limit on the address space counts as the memory there is", "[core]") {
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_AS, &before) == 0);
  const rlimit lower{std::min<rlim_t>(before.rlim_max, rlim_t{1} << 40U), before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_AS, &lower) == 0);
  const double usable = diffarch::usable_memory();
  REQUIRE(setrlimit(RLIMIT_AS, &before) == 0);
  CHECK(usable <= static_cast<double>(lower.rlim_cur));
}
#endif

TEST_CASE("Freed blocks are given out again", "[core]") {
  diffarch::keep_freed_memory();
  const auto address_of_block = [] {
    const auto block = std::make_unique<double[]>(std::size_t{1} << 22U);  // 32 MiB: beyond every threshold
    return reinterpret_cast<std::uintptr_t>(block.get());
  };
  const std::uintptr_t first = address_of_block();
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
  CHECK(address_of_block() == first);
#else
  CHECK(first != 0);
#endif
}

#include "diffarch/nn/training/training_options.hpp"

#include "support.hpp"

using namespace diffarch;
using namespace diffarch::test;

TEST_CASE("Training options out of range are refused, naming the option", "[nn]") {
  const auto refused = [](const TrainingOptions& options) {
    return message_of<InvalidArgument>([&] { diffarch::detail::check_training_options(options, 20); });
  };
  CHECK(refused({.epochs = 0}).find("epochs = 0") != std::string::npos);
  CHECK(refused({.batch_size = 21}).find("1 <= batch_size <= 20") != std::string::npos);
  CHECK(refused({.learning_rate = 0.0}).find("learning_rate = 0") != std::string::npos);
  CHECK(refused({.averaging_decay = 1.0}).find("averaging_decay = 1") != std::string::npos);
  CHECK_THAT(refused({.warm_start = true, .levels = LevelSharing::one_network}),
             ContainsSubstring("warm_start with levels = LevelSharing::one_network, expected one of the two"));
  CHECK(refused({.batch_size = 20}) == "no exception");
}

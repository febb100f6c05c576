#include "diffarch/nn/files/training_description.hpp"

#include "diffarch/io/atomic_file.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

nn::TrainingDescription description_of(LevelSharing sharing) {
  return {.architecture = "Plane",
          .shape = {1, 1, 2},
          .scalar = "F32",
          .levels = {{0.0, 1.0}, {0.6, 0.8}},
          .options = {.levels = sharing},
          .samples = 7};
}

}  // namespace

TEST_CASE("A description without the number of networks is that of one for each level", "[nn][training]") {
  const auto each = nn::detail::to_json(description_of(LevelSharing::per_level));
  const auto one = nn::detail::to_json(description_of(LevelSharing::one_network));
  CHECK_FALSE(each.contains("networks"));
  CHECK(one["networks"] == "one for all levels");
  CHECK_FALSE(each.contains("conditioning"));
  CHECK(one["conditioning"] == "noise level");
  CHECK(nn::detail::networks_in(each).levels == LevelSharing::per_level);
  CHECK(nn::detail::networks_in(one).levels == LevelSharing::one_network);
  CHECK(nn::detail::networks_in(one).conditioning == Conditioning::noise_level);
  CHECK_FALSE(nn::detail::is_shared(each));
  CHECK(nn::detail::is_shared(one));
  CHECK(nn::detail::steps_with_files(each) == std::pair<Index, Index>{0, 2});
  CHECK(nn::detail::steps_with_files(one) == std::pair<Index, Index>{nn::every_step, 1});
  for (const auto& json : {each, one}) CHECK_NOTHROW(nn::detail::require_same_description("t", json, json));
  CHECK_THAT(message_of<nn::OtherTraining>([&] { nn::detail::require_same_description("t", each, one); }),
             ContainsSubstring("\"networks\" is \"one for each level\", expected \"one for all levels\""));
  CHECK_THAT(message_of<nn::OtherTraining>([&] { nn::detail::require_same_description("t", one, each); }),
             ContainsSubstring("\"networks\" is \"one for all levels\", expected \"one for each level\""));
}

TEST_CASE("A description with an unknown number of networks is refused", "[nn][training]") {
  const TemporaryFolder folder;
  const auto path = nn::detail::description_file(folder.path());
  auto json = nn::detail::to_json(description_of(LevelSharing::one_network));
  const auto read = [&] {
    write_file_atomically(path, json.dump());
    return nn::detail::read_description(path);
  };
  CHECK(read() == json);
  json["conditioning"] = "none";
  CHECK(nn::detail::networks_in(read()).conditioning == Conditioning::none);
  json["conditioning"] = "sigma";
  CHECK_THAT(message_of<FileError>(read),
             ContainsSubstring("expected \"conditioning\" to be \"noise level\" or \"none\""));
  json.erase("conditioning");
  CHECK_THAT(message_of<FileError>(read), ContainsSubstring("expected \"conditioning\" to be"));
  for (const auto& wrong : {nn::detail::TrainingJson("two"), nn::detail::TrainingJson(1)}) {
    json["networks"] = wrong;
    CHECK_THAT(message_of<FileError>(read),
               ContainsSubstring("expected \"networks\" to be \"one for all levels\" or missing"));
  }
}

TEST_CASE("The file of one network for all levels has a name of its own", "[nn][training]") {
  CHECK(nn::detail::level_file("run", 3).filename() == "level_03.safetensors");
  CHECK(nn::detail::level_file("run", nn::every_step).filename() == "all_levels.safetensors");
  CHECK(nn::detail::checkpoint_file("run", nn::every_step).filename() == "all_levels.checkpoint.safetensors");
  CHECK(nn::detail::level_text(3) == "level 4");
  CHECK(nn::detail::level_text(nn::every_step) == "the network for all levels");
}

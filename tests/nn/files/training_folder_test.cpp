#include "diffarch/nn/files/training_folder.hpp"

#include "diffarch/nn/mlp.hpp"
#include "support.hpp"
#include "temporary_folder.hpp"

using namespace diffarch;
using namespace diffarch::test;

namespace {

nn::TrainingDescription folder_description() {
  return {.architecture = "Test<1>",
          .shape = {1, 1, 2},
          .scalar = "F64",
          .levels = {{0.0, 1.0}, NoiseLevel::from_sigma(1.0 / 3.0)},
          .options = {.epochs = 7},
          .samples = 9,
          .data_checksum = 0xFFFFFFFFFFFFFFFFU};
}

std::string folder_error(const std::filesystem::path& folder, const nn::TrainingDescription& description, bool resume) {
  return message_of<FileError>([&] { nn::TrainingFolder(folder, description, 0, 2, {.resume = resume}); });
}

}  // namespace

TEST_CASE("The description of a training is read back exactly, pure noise and 64-bit numbers included",
          "[nn][training]") {
  const TemporaryFolder folder;
  { const nn::TrainingFolder made(folder / "run", folder_description(), 0, 2, {}); }
  CHECK_NOTHROW(nn::TrainingFolder(folder / "run", folder_description(), 0, 2, {}));
  auto other = folder_description();
  other.levels[1] = NoiseLevel::from_sigma(std::nextafter(1.0 / 3.0, 1.0));
  CHECK(folder_error(folder / "run", other, false).find("\"levels\" is") != std::string::npos);
  other = folder_description();
  other.options.epochs = 8;
  CHECK(folder_error(folder / "run", other, false).find("\"epochs\" is 7, expected 8") != std::string::npos);
}

TEST_CASE("A training on other data is refused with what the checksums mean", "[nn][training]") {
  const TemporaryFolder folder;
  { const nn::TrainingFolder made(folder / "run", folder_description(), 0, 2, {}); }
  auto other = folder_description();
  other.data_checksum = 5;
  const auto refusal = [&] {
    return message_of<nn::OtherTraining>([&] { nn::TrainingFolder(folder / "run", other, 0, 2, {.resume = true}); });
  };
  CHECK_THAT(refusal(), ContainsSubstring("is a training on other data: it was begun with as many samples (9)") &&
                            ContainsSubstring("at least one value of them, or their order, is not the same") &&
                            ContainsSubstring("Go on with the data that it was begun with"));
  other.samples = 10;
  CHECK_THAT(refusal(), ContainsSubstring("\"samples\" is 9, expected 10. Go on with the 9 samples"));
}

TEST_CASE("A folder that is none of a training is named as what it is", "[nn][training]") {
  const TemporaryFolder folder;
  const auto refusal = [&](const std::filesystem::path& path) {
    const std::string message =
        message_of<FileError>([&] { (void)nn::detail::read_description(nn::detail::description_file(path)); });
    CHECK(message.starts_with(path.string() + ": "));
    return message;
  };
  CHECK_THAT(refusal(folder / "none"), ContainsSubstring("does not exist; expected the folder of a training"));
  put_file(folder / "plain", "x");
  CHECK_THAT(refusal(folder / "plain"), ContainsSubstring("is not a folder"));
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("it has no training.json"));
  put_file(folder / "a.safetensors", "x");
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("holds weights (a.safetensors) but no training.json"));
  put_file(folder / "unet_00.pt", "x");
  put_file(folder / "unet_01.pt", "x");
  CHECK_THAT(refusal(folder.path()), ContainsSubstring("is a folder of PyTorch files (unet_00.pt and 1 more)") &&
                                         ContainsSubstring("nn::load_weights"));
}

TEST_CASE("What the system refuses is a FileError", "[nn][training]") {
  const TemporaryFolder folder;
  CHECK_THAT(folder_error(folder / std::string(300, 'f'), folder_description(), false), ContainsSubstring("ffff"));
  put_file(folder / "plain", "x");
  CHECK_THAT(folder_error(folder / "plain" / "sub", folder_description(), false), ContainsSubstring("plain"));
}

TEST_CASE("A damaged description is refused, naming the entry", "[nn][training]") {
  const TemporaryFolder folder;
  const auto refuses = [&](const std::string& text, const std::string& words) {
    write_file_atomically(folder / "training.json", text);
    CAPTURE(text);
    const std::string message = folder_error(folder / "", folder_description(), false);
    CHECK(message.find("training.json") != std::string::npos);
    CHECK(message.find(words) != std::string::npos);
    CHECK(message_of<FileError>([&] { (void)nn::merge_trainings({folder / ""}, folder / "out"); }).find(words) !=
          std::string::npos);
  };
  refuses("", "expected a JSON object");
  refuses("[1]", "expected a JSON object");
  refuses("{\"architecture\": 3}", "\"architecture\" of type string");
  nlohmann::json json = nlohmann::json::parse(nn::detail::to_json(folder_description()).dump());
  json["shape"] = {1, -1, 2};
  refuses(json.dump(), "\"shape\"");
  json["shape"] = {1, 1, 2};
  json["levels"] = {{1, 2, 3}};
  refuses(json.dump(), "\"levels\"");
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
}

TEST_CASE("What a killed process has left of a level goes when it is begun again; another level's may be in use",
          "[nn][training]") {
  const TemporaryFolder folder;
  for (const char* name : {"level_01.safetensors.0123.tmp", "level_01.checkpoint.safetensors.0123.tmp",
                           "level_02.safetensors.0123.tmp", "level_01.txt"})
    write_file_atomically(folder / "run" / name, std::string("part"));
  nn::TrainingFolder resumed(folder / "run", folder_description(), 0, 2, {.resume = true});
  CHECK(std::filesystem::exists(folder / "run" / "level_01.safetensors.0123.tmp"));
  nn::Network network(nn::TwoDMlp<double>(1), ImageShape{1, 1, 2});
  const Batch<double> data = random_matrix(2, 9, 1);
  nn::LevelTraining training(network, data, NoiseLevel::from_sigma(1.0 / 3.0), {.batch_size = 3});
  resumed.begin(1, network, training);
  CHECK_FALSE(std::filesystem::exists(folder / "run" / "level_01.safetensors.0123.tmp"));
  CHECK_FALSE(std::filesystem::exists(folder / "run" / "level_01.checkpoint.safetensors.0123.tmp"));
  CHECK(std::filesystem::exists(folder / "run" / "level_02.safetensors.0123.tmp"));
  CHECK(std::filesystem::exists(folder / "run" / "level_01.txt"));
  CHECK_FALSE(resumed.are_finished(0, 2));
  resumed.save_finished(1, network, {});
  CHECK(resumed.are_finished(1, 2));
  CHECK_FALSE(resumed.are_finished(0, 2));
  CHECK_THROWS_AS(nn::TrainingFolder(folder / "run", folder_description(), 0, 2, {.checkpoint_seconds = 0}),
                  InvalidArgument);
}

TEST_CASE("A level that is being trained is not trained by another process in the same folder", "[nn][training]") {
  const TemporaryFolder folder;
  nn::TrainingFolder first(folder / "run", folder_description(), 0, 2, {});
  nn::TrainingFolder second(folder / "run", folder_description(), 0, 2, {.resume = true});
  nn::Network network(nn::TwoDMlp<double>(1), ImageShape{1, 1, 2});
  const Batch<double> data = random_matrix(2, 9, 1);
  nn::LevelTraining training(network, data, NoiseLevel::from_sigma(1.0 / 3.0), {.batch_size = 3});
  first.begin(0, network, training);
  CHECK(message_of<FileError>([&] {
          second.begin(0, network, training);
        }).find("another process is training level 1 in this folder") != std::string::npos);
  second.begin(1, network, training);
  first.save_finished(0, network, {});
  second.begin(0, network, training);
}

TEST_CASE("Trainings that contradict each other do not merge", "[nn][training]") {
  const TemporaryFolder folder;
  for (const char* name : {"a", "b"}) {
    const nn::TrainingFolder made(folder / name, folder_description(), 0, 2, {});
    Tensors tensors;
    tensors["weight"] = Tensor{{1}, std::vector<double>{name[0] == 'a' ? 1.0 : 2.0}};
    write_safetensors(folder / name / "level_01.safetensors", tensors);
  }
  CHECK(message_of<FileError>([&] {
          (void)nn::merge_trainings({folder / "a", folder / "b"}, folder / "out");
        }).find("differs from") != std::string::npos);
  CHECK_FALSE(std::filesystem::exists(folder / "out"));
  CHECK(nn::merge_trainings({folder / "a", folder / "a"}, folder / "out") == std::vector<Index>{0});
  auto other = folder_description();
  other.options.seed = Seed{3};
  { const nn::TrainingFolder made(folder / "c", other, 0, 2, {}); }
  CHECK(message_of<FileError>([&] { (void)nn::merge_trainings({folder / "c"}, folder / "out"); }).find("\"seed\"") !=
        std::string::npos);
  CHECK(message_of<FileError>([&] {
          (void)nn::merge_trainings({folder / "none"}, folder / "out");
        }).find("training.json") != std::string::npos);
  CHECK_THROWS_AS(nn::merge_trainings({}, folder / "out"), InvalidArgument);
}

TEST_CASE("Checksums tell data apart that differ in one bit", "[nn][training]") {
  Batch<float> data = random_matrix<float>(3, 5, 1);
  const auto before = nn::data_checksum(data);
  CHECK(nn::data_checksum(data) == before);
  data(2, 4) = std::nextafter(data(2, 4), 10.0F);
  CHECK(nn::data_checksum(data) != before);
}

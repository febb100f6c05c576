#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#if __has_include(<spawn.h>) && __has_include(<sys/wait.h>)
#define DIFFARCH_HAS_POSIX_SPAWN 1
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>
extern char** environ;  // POSIX leaves its declaration to the program
#endif

// Another program, run without a shell.

namespace diffarch::detail {

enum class ProgramEnd { success, missing, failure };

/// The environment of this process for another program whose output must not depend on the user's settings: without
/// the language and what gnuplot and its graphics library read (GNUTERM, GNUPLOT_..., GDFONTPATH, FIT_...), in the C
/// locale with UTF-8, and with `more`, a list of NAME=value.
[[nodiscard]] inline std::vector<std::string> neutral_environment(const std::vector<std::string>& more) {
  constexpr std::array<std::string_view, 8> not_ours{
      "LC_", "LANG=", "LANGUAGE=", "GNUTERM=", "GNUPLOT", "FIT_", "GDFONTPATH=", "GNUHELP="};
  std::vector<std::string> variables{"LC_ALL=C.UTF-8"};
#ifdef DIFFARCH_HAS_POSIX_SPAWN
  for (char** variable = environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (std::none_of(not_ours.begin(), not_ours.end(),
                     [text](std::string_view name) { return text.starts_with(name); }))
      variables.emplace_back(text);
  }
#endif
  variables.insert(variables.end(), more.begin(), more.end());
  return variables;
}

/// Whether `run_program` would find the program.
[[nodiscard]] inline bool program_exists(const std::string& program) {
#ifdef DIFFARCH_HAS_POSIX_SPAWN
  if (program.find('/') != std::string::npos) return access(program.c_str(), X_OK) == 0;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/bin:/usr/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (access(((folder.empty() ? "." : folder) + "/" + program).c_str(), X_OK) == 0) return true;
#endif
  return false;
}

/// Pointers as `exec` takes them, null at the end.
[[nodiscard]] inline std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  pointers.reserve(texts.size() + 1);
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Runs a program found on PATH, without a shell, in `environment`, its stdin and stdout closed off and its stderr in
/// the file `log`.
[[nodiscard]] inline ProgramEnd run_program(std::vector<std::string> arguments, std::vector<std::string> environment,
                                            const std::filesystem::path& log) {
#ifdef DIFFARCH_HAS_POSIX_SPAWN
  const std::vector<char*> argv = pointers_to(arguments);
  const std::vector<char*> variables = pointers_to(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t process = 0;
  const int problem = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (problem == ENOENT || problem == EACCES) return ProgramEnd::missing;
  if (problem != 0) return ProgramEnd::failure;
  int status = 0;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) return ProgramEnd::failure;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ProgramEnd::success;
  constexpr int not_executable = 127;  // how a spawn that reports late says that there is no such program
  return WIFEXITED(status) && WEXITSTATUS(status) == not_executable ? ProgramEnd::missing : ProgramEnd::failure;
#else
  static_cast<void>(arguments);
  static_cast<void>(environment);
  static_cast<void>(log);
  return ProgramEnd::missing;
#endif
}

}  // namespace diffarch::detail

#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <vector>

#if __has_include(<spawn.h>) && __has_include(<sys/wait.h>)
#define DIFFARCH_HAS_POSIX_SPAWN 1
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
extern char** environ;  // POSIX leaves its declaration to the program
#endif

// Another program, run without a shell.

namespace diffarch::detail {

enum class ProgramEnd { success, missing, failure };

/// Runs a program found on PATH, without a shell, its stdin and stdout closed off and its stderr in the file `log`.
[[nodiscard]] inline ProgramEnd run_program(std::vector<std::string> arguments, const std::filesystem::path& log) {
#ifdef DIFFARCH_HAS_POSIX_SPAWN
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t process = 0;
  const int problem = posix_spawnp(&process, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (problem != 0) return ProgramEnd::missing;
  int status = 0;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) return ProgramEnd::failure;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return ProgramEnd::success;
  constexpr int not_executable = 127;  // how a spawn that reports late says that there is no such program
  return WIFEXITED(status) && WEXITSTATUS(status) == not_executable ? ProgramEnd::missing : ProgramEnd::failure;
#else
  static_cast<void>(arguments);
  static_cast<void>(log);
  return ProgramEnd::missing;
#endif
}

}  // namespace diffarch::detail

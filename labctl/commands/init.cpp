#include "labctl/commands/commands.hpp"
#include "labctl/commands/example_scenario.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

namespace fs = std::filesystem;

struct InitOptions {
  std::string folder = "labctl-scenario";
  bool force = false;
};

// A failure is of what the user named, not of this host's fitness for labs.
Error write_error(int errno_value, const fs::path& path) {
  const Error cause = Error::from_errno(errno_value, "write " + path.string());
  return Error(ErrorKind::InvalidInput, cause.message());
}

void write_new_file(const fs::path& path, std::string_view text, bool force) {
  const int kind = force ? O_TRUNC : O_EXCL;
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | kind, 0666));
  if (!fd) {
    throw write_error(errno, path);
  }
  while (!text.empty()) {
    const ssize_t written = ::write(fd.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) {
      throw write_error(errno, path);
    }
    text.remove_prefix(written < 0 ? 0 : static_cast<size_t>(written));
  }
}

// All or none: looked for before the first is written.
void refuse_overwriting(const fs::path& folder) {
  std::string present;
  for (const ExampleFile& file : example_scenario()) {
    std::error_code ignored;
    if (fs::exists(fs::symlink_status(folder / file.path, ignored))) {
      present += (present.empty() ? "" : ", ") + (folder / file.path).string();
    }
  }
  if (!present.empty()) {
    throw Error(ErrorKind::AlreadyExists, present + ": already there, nothing was written",
                "name another folder, or overwrite with --force");
  }
}

int run_init(const Session& session, const InitOptions& options) {
  const fs::path folder = options.folder;
  if (!options.force) {
    refuse_overwriting(folder);
  }
  for (const ExampleFile& file : example_scenario()) {
    const fs::path path = folder / file.path;
    std::error_code failed;
    fs::create_directories(path.parent_path(), failed);
    if (failed) {
      throw write_error(failed.value(), path.parent_path());
    }
    write_new_file(path, file.text, options.force);
    session.line(path.string());
  }
  session.note("next: labctl test " + options.folder);
  return report::kPassed;
}

}  // namespace

void add_init(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<InitOptions>();
  CLI::App* verb = add_verb(app, globals,
                            {.name = "init",
                             .group = "Tests and checks",
                             .summary = "Write an example scenario to begin with",
                             .examples = "  labctl init\n"
                                         "  labctl init scenarios/shop && labctl test scenarios/shop\n",
                             .about = "The files work as they are, and their comments say what may be "
                                      "changed.\nPrints the names of what it wrote; files that are there "
                                      "already stay untouched."},
                            [options](const Session& session) { return run_init(session, *options); });
  verb->add_option("FOLDER", options->folder, "Made if it is not there (default ./labctl-scenario)")
      ->type_name("FOLDER");
  verb->add_flag("--force", options->force, "Overwrite files of the same names");
}

}  // namespace labctl::commands

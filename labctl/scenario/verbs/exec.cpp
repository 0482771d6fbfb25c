#include "labctl/api/exec_session.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace labctl::scenario {
namespace {

using nlohmann::json;

// Of each output looked at; a failure says where it was cut.
constexpr size_t kOutputMax = 16 << 20;
constexpr std::int64_t kExecTimeoutMs = 30'000;

UniqueFd memory_file(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, "memfd_create");
  }
  return fd;
}

struct Output {
  std::string text;  // its first kOutputMax bytes
  std::uint64_t size = 0;
};

Output read_output(int fd) {
  struct stat about {};
  Output output;
  output.size = ::fstat(fd, &about) == 0 ? static_cast<std::uint64_t>(about.st_size) : 0;
  std::string& text = output.text;
  char piece[16384];
  off_t at = 0;
  for (ssize_t size; text.size() < kOutputMax && (size = ::pread(fd, piece, sizeof piece, at)) > 0;
       at += size) {
    text.append(piece, std::min(static_cast<size_t>(size), kOutputMax - text.size()));
  }
  return output;
}

}  // namespace

Attempt do_exec(Context& context, const json& value) {
  api::ExecRequest request;
  request.from = value["in"].get<std::string>();
  request.container = value.value("container", "");
  for (const json& word : value["command"]) {
    request.command.push_back(word.is_string() ? word.get<std::string>() : word.dump());
  }
  const json env = value.value("env", json::object());
  for (const auto& [name, text] : env.items()) {
    request.env[name] = text.get<std::string>();
  }
  request.timeout =
      context.at_most(std::chrono::milliseconds(milliseconds_of(value, "timeout", kExecTimeoutMs)));
  request.on_signal = [&context](int number) { context.stop = number; };
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd out = memory_file("stdout"), err = memory_file("stderr");
  const int code = api::exec(context.lab, request, {null.get(), out.get(), err.get()});

  const json expect = value.value("expect", json::object());
  const Output printed = read_output(out.get());
  const Output complained = read_output(err.get());
  Attempt attempt;
  if (const int wanted = expect.value("code", 0); code != wanted) {
    attempt.fail("exit code " + std::to_string(wanted), std::to_string(code));
  }
  const std::pair<const char*, const Output&> outputs[] = {{"stdout", printed}, {"stderr", complained}};
  for (const auto& [name, output] : outputs) {
    api::parse_text_expectation(expect.value(name, json::object()), std::string("expect.") + name)
        .judge(name, output.text, attempt, output.size);
  }
  attempt.details = printed.text + complained.text;
  return attempt;
}

}  // namespace labctl::scenario

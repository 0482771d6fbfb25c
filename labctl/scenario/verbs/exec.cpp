#include "labctl/api/exec_session.hpp"
#include "labctl/scenario/verbs/verbs.hpp"
#include "topology/base/error.hpp"
#include "topology/base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace labctl::scenario {
namespace {

using nlohmann::json;

// Of output looked at; a command that prints more is no check.
constexpr size_t kOutputMax = 4 << 20;
constexpr std::int64_t kExecTimeoutMs = 30'000;

UniqueFd memory_file(const char* name) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) {
    throw Error::from_errno(errno, "memfd_create");
  }
  return fd;
}

std::string read_all(int fd) {
  std::string text;
  char piece[16384];
  off_t at = 0;
  for (ssize_t size; text.size() < kOutputMax && (size = ::pread(fd, piece, sizeof piece, at)) > 0;
       at += size) {
    text.append(piece, static_cast<size_t>(size));
  }
  return text;
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
  const std::string printed = read_all(out.get());
  const std::string complained = read_all(err.get());
  Attempt attempt;
  if (const int wanted = expect.value("code", 0); code != wanted) {
    attempt.fail("exit code " + std::to_string(wanted), std::to_string(code));
  }
  const std::pair<const char*, const std::string&> outputs[] = {{"stdout", printed}, {"stderr", complained}};
  for (const auto& [name, text] : outputs) {
    api::parse_text_expectation(expect.value(name, json::object()), std::string("expect.") + name)
        .judge(name, text, attempt);
  }
  attempt.details = printed + complained;
  return attempt;
}

}  // namespace labctl::scenario

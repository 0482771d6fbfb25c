#include "labctl/supervisor/supervisor.hpp"

#include "labctl/api/server.hpp"
#include "labctl/lab/control_api.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/store/etcd_table.hpp"
#include "labctl/supervisor/boot_report.hpp"
#include "labctl/supervisor/dial_relay.hpp"
#include "labctl/supervisor/lab_lock.hpp"
#include "topology/base/current_exception.hpp"

#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>

namespace labctl::supervisor {
namespace {

// SIGTERM and SIGINT end the lab in order; PID 1 would ignore them
// otherwise. Blocked before any thread starts.
UniqueFd block_end_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGHUP, SIG_IGN);
  return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
}

void tell(UniqueFd& report, const std::string& text) {
  [[maybe_unused]] const ssize_t size = ::write(report.get(), text.data(), text.size());
  report.reset();
}

// Writes each line as it comes. A full disk loses lines, and nothing else.
class OpenFileSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  explicit OpenFileSink(UniqueFd file) : file_(std::move(file)) {}

 private:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    [[maybe_unused]] const ssize_t size = ::write(file_.get(), line.data(), line.size());
  }
  void flush_() override {}

  UniqueFd file_;
};

void log_to(UniqueFd file) {
  spdlog::set_default_logger(
      std::make_shared<spdlog::logger>("labctl", std::make_shared<OpenFileSink>(std::move(file))));
}

// To the lab's end, which is the process's: requests under way are not waited for. The end of PID 1 is the
// end of every process and namespace of the lab: nothing is taken down one by one.
[[noreturn]] void serve(SupervisorSetup& setup, loop::MainLoop& loop, lab::Lab& lab,
                        const UniqueFd& end_signals) {
  loop.call_when_readable(end_signals.get(), [&loop] { loop.stop(); });
  loop.call_when_readable(setup.keeper.get(), [&loop] { loop.stop(); });
  lab::ControlApi routes(lab, [&loop] { loop.stop(); });
  api::ServerLimits limits;
  limits.always = lab::ControlApi::always();
  const api::Server server(
      std::move(setup.listening), [&routes](const api::Request& request) { return routes.answer(request); },
      limits);
  mark_ready(setup.lock);
  tell(setup.report, write_boot_report(lab.status()));
  loop.run();
  ::_exit(0);
}

// Where the lab's Cluster has its allocations with those of others; null where they are its own. What a lab
// of this name left there when it was killed is given back.
std::shared_ptr<store::SharedTable> shared_table(const SupervisorSetup& setup) {
  const std::string server = store::etcd_server(setup.options->cluster.store);
  if (server.empty()) {
    return nullptr;
  }
  auto table = std::make_shared<store::EtcdTable>(
      server, [&setup] { return dial_by_keeper(setup.dial, 2 * store::EtcdTable::kTimeout); },
      setup.identity);
  table->release_everything();
  return table;
}

}  // namespace

int run_supervisor(SupervisorSetup setup) noexcept {
  log_to(std::move(setup.log));
  try {
    const UniqueFd end_signals = block_end_signals();
    kernel::raise_open_files();
    if (kernel::processes_max() > kernel::kProcessesMax && setup.mapping == kernel::IdMapping::Root) {
      spdlog::warn(
          "the processes of this lab have no bound of their own: kernel.pid_max is the host's before Linux "
          "6.14, and here it is refused");
    }
    if (!setup.why_no_range.empty()) {
      spdlog::warn("the programs of this lab run as root: no range of ids is mapped: {}", setup.why_no_range);
    }
    kernel::Reaper reaper = kernel::Reaper::create();
    loop::MainLoop loop;
    loop.call_when_readable(reaper.fd(), [&reaper] { reaper.reap(); });
    lab::Lab lab(loop, reaper,
                 {setup.options->lab,
                  setup.options->cluster,
                  setup.mapping,
                  setup.pid_outside,
                  shared_table(setup),
                  setup.options->timeout,
                  setup.why_no_range,
                  {setup.runtime_root}});
    lab.boot(setup.options->objects);
    serve(setup, loop, lab, end_signals);
  } catch (const Error& error) {
    spdlog::error("{}", error.what());
    tell(setup.report, write_boot_report(error));
  } catch (const std::exception& error) {
    spdlog::error("{}", error.what());
    tell(setup.report, write_boot_report(Error(ErrorKind::Internal, std::string("boot: ") + error.what())));
  } catch (...) {
    const std::string words = words_of_current_exception();
    spdlog::error("{}", words);
    tell(setup.report, write_boot_report(Error(ErrorKind::Internal, "boot: " + words)));
  }
  ::_exit(1);
}

}  // namespace labctl::supervisor

#include "labctl/supervisor/supervisor.hpp"

#include "labctl/api/server.hpp"
#include "labctl/doctor/doctor.hpp"
#include "labctl/lab/control_api.hpp"
#include "labctl/lab/lab.hpp"
#include "labctl/loop/main_loop.hpp"
#include "labctl/store/etcd_table.hpp"
#include "labctl/supervisor/boot_report.hpp"
#include "labctl/supervisor/dial_relay.hpp"
#include "labctl/supervisor/lab_lock.hpp"
#include "topology/base/current_exception.hpp"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/null_sink.h>
#include <spdlog/spdlog.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <csignal>
#include <exception>
#include <memory>

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

// In the lab's folder, which goes with the lab. Kept open across the change of mounts.
void open_log(const std::string& file) {
  try {
    spdlog::set_default_logger(spdlog::basic_logger_mt("labctl", file, true));
    spdlog::flush_on(spdlog::level::info);
  } catch (const spdlog::spdlog_ex&) {
    spdlog::set_default_logger(spdlog::null_logger_mt("labctl"));
  }
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
  open_log(setup.log_file);
  try {
    const UniqueFd end_signals = block_end_signals();
    try {
      kernel::mount_capsule(setup.options->lab);
    } catch (const Error& error) {
      throw doctor::host_error(error);
    }
    kernel::raise_open_files();
    if (kernel::processes_max() > kernel::kProcessesMax) {
      spdlog::warn(
          "the processes of this lab have no bound of their own: kernel.pid_max is the host's before Linux "
          "6.14, and here it is refused");
    }
    kernel::Reaper reaper = kernel::Reaper::create();
    loop::MainLoop loop;
    loop.call_when_readable(reaper.fd(), [&reaper] { reaper.reap(); });
    lab::Lab lab(loop, reaper,
                 {setup.options->lab, setup.options->cluster, setup.mapping, setup.pid_outside,
                  shared_table(setup), setup.options->timeout});
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

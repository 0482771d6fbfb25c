// core/v1 Probe and Lifecycle of a container: what is asked, when, and the rules of validateProbe().

#include "topology/manifest/kinds/probe_schema.hpp"

#include "topology/manifest/kinds/api_refusals.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace labctl::manifest {
namespace {

constexpr std::array<std::string_view, 2> kSchemes{"HTTP", "HTTPS"};
constexpr std::array<std::string_view, 4> kProbeActions{"httpGet", "tcpSocket", "exec", "grpc"};
constexpr std::array<std::string_view, 4> kHookActions{"httpGet", "tcpSocket", "exec", "sleep"};

// A token, RFC 9110 §5.6.2.
std::optional<Complaint> check_header_name(std::string_view text) {
  const bool fits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    const bool is_letter_or_digit =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    return is_letter_or_digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
  return fits
             ? std::nullopt
             : std::optional<Complaint>({in_quotes(text) + " is no name of an HTTP header", "as in X-Probe"});
}

// Goes into a request as it is.
std::optional<Complaint> check_header_value(std::string_view text) {
  const bool fits = std::none_of(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f;
  });
  return fits ? std::nullopt : std::optional<Complaint>({"a header is one line", {}});
}

std::optional<Complaint> check_http_path(std::string_view text) {
  const bool fits = std::none_of(text.begin(), text.end(),
                                 [](char c) { return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f; });
  return fits ? std::nullopt
              : std::optional<Complaint>({"a path has no blanks, got " + in_quotes(text), "write %20"});
}

// Goes into a message of protobuf, which is UTF-8; what is longer than a frame is no name of a service.
std::optional<Complaint> check_grpc_service(std::string_view text) {
  constexpr size_t kLengthMax = 1024;
  return text.size() <= kLengthMax
             ? std::nullopt
             : std::optional<Complaint>({"a service's name has at most 1024 characters here", {}});
}

// A number, or the name of a port of the container.
constexpr Field probe_port() {
  return {.name = "port",
          .type = FieldType::IntOrString,
          .is_required = true,
          .check = check_port_name,
          .min = 1,
          .max = 65535};
}

constexpr std::array kHeaderFields{text("name", check_header_name).required(),
                                   text("value", check_header_value)};
constexpr Schema kHeader{"HTTP header", kHeaderFields};
constexpr std::array kHttpGetActionFields{
    text("path", check_http_path), probe_port(), text("host"), text("scheme").one_of(kSchemes),
    list("httpHeaders", kHeader),
};
constexpr Schema kHttpGetAction{"httpGet", kHttpGetActionFields};
constexpr std::array kTcpSocketActionFields{probe_port(), text("host")};
constexpr Schema kTcpSocketAction{"tcpSocket", kTcpSocketActionFields};
constexpr std::array kExecActionFields{texts("command").required().not_empty()};
constexpr Schema kExecAction{"exec", kExecActionFields};
constexpr std::array kSleepActionFields{count("seconds").required()};
constexpr Schema kSleepAction{"sleep", kSleepActionFields};

constexpr std::array kGrpcActionFields{port("port").required(), text("service", check_grpc_service)};
constexpr Schema kGrpcAction{"grpc", kGrpcActionFields};

constexpr std::array kContainerProbeFields{
    object("httpGet", kHttpGetAction), object("tcpSocket", kTcpSocketAction),
    object("exec", kExecAction),       object("grpc", kGrpcAction),
    count("initialDelaySeconds"),      count("periodSeconds"),
    count("timeoutSeconds"),           count("successThreshold"),
    count("failureThreshold"),         count("terminationGracePeriodSeconds"),
};

// Exactly one of `actions`.
void check_one_action(const Place& place, std::span<const std::string_view> actions, Findings& findings) {
  bool has_one = false;
  for (const std::string_view name : actions) {
    const Place action = place.field(name);
    if (action && has_one) {
      refuse_field(action, "may not specify more than 1 handler type", findings, "keep one of them");
    }
    has_one = has_one || action;
  }
  if (!has_one) {
    refuse_missing(place, "must specify a handler type", findings,
                   "one of " + either({actions.begin(), actions.end()}));
  }
}

void check_probe(const Place& place, Findings& findings) { check_one_action(place, kProbeActions, findings); }

void check_single_success(const Place& place, Findings& findings) {
  check_probe(place, findings);
  const Place threshold = place.field("successThreshold");
  if (integer_at(threshold).value_or(1) > 1) {
    refuse_value(threshold, "must be 1", findings, "one success is enough for this probe");
  }
}

void check_readiness(const Place& place, Findings& findings) {
  check_probe(place, findings);
  const Place grace = place.field("terminationGracePeriodSeconds");
  if (grace) {
    refuse_field(grace, "must not be set for readinessProbes", findings, "remove it");
  }
}

constexpr std::array kHookFields{
    object("exec", kExecAction),
    object("httpGet", kHttpGetAction),
    object("sleep", kSleepAction),
    later("tcpSocket"),
};

void check_hook(const Place& place, Findings& findings) { check_one_action(place, kHookActions, findings); }
constexpr Schema kHook{"lifecycle handler", kHookFields, nullptr, check_hook};

// Of Linux, as the API knows them: SIGHUP to SIGXFSZ, and real-time signals as an offset of either end.
std::optional<Complaint> check_signal(std::string_view text) {
  constexpr std::array<std::string_view, 36> kNames{
      "SIGABRT", "SIGALRM", "SIGBUS",   "SIGCHLD", "SIGCLD",    "SIGCONT", "SIGFPE",    "SIGHUP",
      "SIGILL",  "SIGINT",  "SIGIO",    "SIGIOT",  "SIGKILL",   "SIGPIPE", "SIGPOLL",   "SIGPROF",
      "SIGPWR",  "SIGQUIT", "SIGSEGV",  "SIGSYS",  "SIGSTKFLT", "SIGSTOP", "SIGTERM",   "SIGTRAP",
      "SIGTSTP", "SIGTTIN", "SIGTTOU",  "SIGURG",  "SIGUSR1",   "SIGUSR2", "SIGVTALRM", "SIGWINCH",
      "SIGXCPU", "SIGXFSZ", "SIGRTMIN", "SIGRTMAX"};
  if (std::find(kNames.begin(), kNames.end(), text) != kNames.end()) {
    return std::nullopt;
  }
  for (const auto& [begin, most] :
       {std::pair{std::string_view("SIGRTMIN+"), 15}, std::pair{std::string_view("SIGRTMAX-"), 14}}) {
    if (text.starts_with(begin)) {
      const std::string_view digits = text.substr(begin.size());
      int number = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error == std::errc() && end == digits.data() + digits.size() && digits.front() != '0' &&
          number >= 1 && number <= most) {
        return std::nullopt;
      }
    }
  }
  return Complaint{"Unsupported value: " + in_quotes(text) + ": it is no signal of Linux",
                   "as in SIGTERM, SIGUSR1 or SIGRTMIN+3"};
}

constexpr std::array kLifecycleFields{object("preStop", kHook), object("postStart", kHook),
                                      text("stopSignal", check_signal)};

}  // namespace

constexpr Schema kReadinessProbe{"readinessProbe", kContainerProbeFields, nullptr, check_readiness};
constexpr Schema kSingleSuccessProbe{"probe of a container", kContainerProbeFields, nullptr,
                                     check_single_success};
constexpr Schema kLifecycle{"lifecycle", kLifecycleFields};

namespace {

constexpr std::array<std::string_view, 3> kProbes{"livenessProbe", "readinessProbe", "startupProbe"};

bool has_port_named(const Place& container, std::string_view name) {
  const Place ports = container.field("ports");
  for (size_t i = 0; i < ports.size(); ++i) {
    const Place port = ports.item(i);
    const Place own = port.field("name");
    if (own.text() == name) {
      return true;
    }
  }
  return false;
}

}  // namespace

void check_probe_ports(const Place& container, Findings& findings) {
  for (const std::string_view field : kProbes) {
    const Place probe = container.field(field);
    for (const char* kind : {"httpGet", "tcpSocket"}) {
      const Place action = probe.field(kind);
      const Place port = action.field("port");
      if (!port.text().empty() && !check_port_name(port.text()) && !has_port_named(container, port.text())) {
        findings.warning(
            port, "the container has no port named " + in_quotes(port.text()) + ", so the probe will fail",
            "name it under ports, or write its number");
      }
    }
  }
}

void check_init_container(const Place& container, Findings& findings) {
  if (container.field("restartPolicy")) {
    return;  // one that stays is asked as any other
  }
  for (const char* field : {"livenessProbe", "readinessProbe", "startupProbe", "lifecycle"}) {
    if (const Place place = container.field(field)) {
      refuse_field(place, "may not be set for init containers without restartPolicy=Always", findings,
                   "remove it: an init container ends before the others begin");
    }
  }
}

}  // namespace labctl::manifest

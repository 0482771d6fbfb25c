#include "labctl/api/json_line.hpp"
#include "labctl/api/probe_expectation.hpp"
#include "labctl/api/probe_message.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/probe_stream.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/probe_results.hpp"
#include "labctl/supervisor/registry.hpp"
#include "topology/base/unique_fd.hpp"

#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <ostream>
#include <utility>

namespace labctl::commands {
namespace {

struct ProbeOptions {
  std::vector<std::string> places;  // FROM TO
  std::string from;
  std::string to;
  std::string ns = "default";
  std::string proto;
  std::string expect;
  std::string file;
  std::string output = "table";
  std::string timeout = "1s";
  std::string retry_within;
  int count = 1;
};

report::Format format_of(const ProbeOptions& options) {
  using report::Format;
  return parse_output(options.output,
                      {Format::Table, Format::Wide, Format::Json, Format::Yaml, Format::JsonLines});
}

// One probe, from flags or the two arguments.
api::ProbeRequest request_of(const ProbeOptions& options) {
  std::string from = options.from;
  std::string to = options.to;
  std::vector<std::string> places = options.places;
  if (from.empty() && !places.empty()) {
    from = places.front();
    places.erase(places.begin());
  }
  if (to.empty() && !places.empty()) {
    to = places.front();
    places.erase(places.begin());
  }
  if (from.empty() || to.empty() || !places.empty()) {
    throw Error(ErrorKind::InvalidInput, "probe: from where to where?",
                "such as `labctl probe client web-0:80`");
  }
  nlohmann::json request{{"from", api::parse_vantage(from, options.ns)},
                         {"to", complete_target(to, options.ns)},
                         {"proto", options.proto},
                         {"count", options.count},
                         {"timeout_ms", parse_flag_duration("--timeout", options.timeout).count()}};
  if (!options.retry_within.empty()) {
    request["retry_within_ms"] = parse_flag_duration("--retry-within", options.retry_within).count();
  }
  return api::parse_probe(request);
}

// The lab retries and repeats by itself: its answer may take that long, and a little more.
std::chrono::milliseconds patience(const api::ProbeRequest& request) {
  return request.timeout * (request.count + 1) + request.retry_within + std::chrono::seconds(10);
}

api::ProbeResult ask(api::Client& client, const api::ProbeRequest& request) {
  std::optional<api::ProbeResult> result;
  client.lines("POST", "/lab/v1/probes", api::json_line(to_json(request)) + "\n", [&](std::string_view line) {
    result = api::parse_probe_line(line);
    return true;
  });
  if (!result) {
    throw Error(ErrorKind::Internal, "reply of the lab: no answer to the probe");
  }
  if (!result->error.empty()) {
    throw Error(ErrorKind::InvalidInput, result->error, result->hint);
  }
  return std::move(*result);
}

int run_one(const Session& session, const ProbeOptions& options) {
  const report::Format format = format_of(options);
  const api::ProbeExpectation expect =
      api::parse_probe_expectation(options.expect.empty() ? "ok" : options.expect);
  api::ProbeRequest request = request_of(options);
  expect.prepare(request);
  api::Client client = session.client(patience(request));
  report::ProbeLine probe{.result = ask(client, request), .from = request.from, .to = request.to};
  const api::Verdict verdict = expect.judge(request.from, probe.result, {});
  probe.passed = verdict.passed;
  probe.why = verdict.message;
  if (report::is_structured(format)) {
    report::print_value(session.out(), to_json(probe), format);
  } else {
    report::print_probe(session.out(), probe, session.palette(), format == report::Format::Wide);
  }
  if (!*probe.passed && !options.expect.empty()) {
    session.note(probe.why);
  }
  return *probe.passed ? report::kPassed : report::kAssertionFailed;
}

int run_file(const Session& session, const ProbeOptions& options) {
  const report::Format format = format_of(options);
  if (!options.places.empty() || !options.from.empty() || !options.to.empty() ||
      !options.retry_within.empty() || options.count != 1 || !options.proto.empty()) {
    throw Error(ErrorKind::InvalidInput,
                "-f: each line of the file says from, to, proto, count and retry_within_ms itself");
  }
  UniqueFd file;
  if (options.file != "-") {
    file.reset(::open(options.file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file) {
      throw Error::from_errno(errno, "open " + options.file);
    }
  }
  ProbeStreamOptions stream;
  stream.socket = supervisor::socket_path(session.lab());
  stream.ns = options.ns;
  if (!options.expect.empty()) {
    stream.expect = api::parse_probe_expectation(options.expect);
  }
  const std::string name = options.file == "-" ? "<stdin>" : options.file;
  nlohmann::json all = nlohmann::json::array();
  const ProbeStreamEnd end = stream_probes(
      file ? file.get() : STDIN_FILENO, stream,
      [&](const report::ProbeLine& probe) {
        if (format == report::Format::Table || format == report::Format::Wide) {
          report::print_probe(session.out(), probe, session.palette(), format == report::Format::Wide);
        } else if (format == report::Format::JsonLines) {
          report::print_value(session.out(), to_json(probe), format);
        } else {
          all.push_back(to_json(probe));
        }
        session.out().flush();
      },
      [&](size_t line, const std::string& what) {
        session.error(Error(ErrorKind::InvalidInput, name + ":" + std::to_string(line) + ": " + what));
      });
  if (format == report::Format::Json || format == report::Format::Yaml) {
    report::print_value(session.out(), all, format);
  }
  if (end.bad_lines > 0) {
    return report::kUsage;
  }
  if (end.probes == 0) {
    session.note("no probes in " + name);
    return report::kNothingMatched;
  }
  return end.unexpected > 0 ? report::kAssertionFailed : report::kPassed;
}

}  // namespace

void add_probe(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ProbeOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "probe",
       .group = "The network",
       .summary = "Ask the network from somewhere to somewhere",
       .examples = "  labctl probe client web-0:80\n"
                   "  labctl probe node/node-1 10.244.2.3 --proto icmp --count 5\n"
                   "  labctl probe outside/client pod/shop/web-0:80 --expect unreachable\n"
                   "  labctl probe client http://10.244.1.2/hostname -o json\n"
                   "  labctl probe client dns:web.shop/AAAA -o wide\n"
                   "  labctl probe client web-0:80 --retry-within 5s\n"
                   "  generate-probes | labctl probe -f - -o jsonl\n",
       .about = "FROM is a POD, pod/NAMESPACE/POD, node/NODE or outside/HOST. TO is POD[:PORT],\n"
                "pod/NAMESPACE/POD[:PORT], node/NODE[:PORT], outside/HOST[:PORT], IP[:PORT], http://..., "
                "icmp:IP,\n"
                "NAME:PORT with a dot in NAME, or dns:NAME[/TYPE][@SERVER]; names are looked up as FROM's\n"
                "resolv.conf says, and -o wide shows each question. Ends with 1 when the outcome is not the "
                "expected one (ok).\n\n"
                "With -f each line of input is a probe, "
                "{\"id\",\"from\",\"to\",\"proto\",\"count\",\"timeout_ms\",\"expect\"},\n"
                "answered as it comes; results carry the id and may come in another order. \"expect\" is an "
                "outcome, several,\n"
                "or an object of what a scenario's probe may expect, as in\n"
                "{\"outcome\":\"ok\",\"backends\":[\"pod/default/b\"],\"source\":\"client\"}."},
      [options](const Session& session) {
        return options->file.empty() ? run_one(session, *options) : run_file(session, *options);
      });
  verb->add_option("PLACES", options->places, "Where from, and where to")
      ->type_name("FROM TO")
      ->expected(0, 2);
  verb->add_option("--from", options->from, "Where from, as a flag")->type_name("VANTAGE");
  verb->add_option("--to", options->to, "Where to, as a flag")->type_name("TARGET");
  add_namespace_flags(*verb, options->ns);
  verb->add_option("--proto", options->proto,
                   "tcp, udp, sctp, icmp, http or dns; by default what the target says")
      ->type_name("PROTOCOL");
  verb->add_option("--count", options->count, "How many times")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000))
      ->capture_default_str();
  verb->add_option("--timeout", options->timeout, "For one try")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_option(
          "--expect", options->expect,
          "The outcome that passes, or several with commas: ok, refused, timeout, ...; fail is any but ok")
      ->type_name("OUTCOME");
  verb->add_option("--retry-within", options->retry_within, "Try until it is as expected, at most so long")
      ->type_name("DURATION");
  verb->add_option("-f,--filename", options->file, "Probes as JSON lines; - is standard input")
      ->type_name("PATH");
  add_output_flag(*verb, options->output, "table, wide, json, yaml or jsonl");
}

}  // namespace labctl::commands

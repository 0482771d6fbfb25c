#include "labctl/api/json_line.hpp"
#include "labctl/api/matrix_message.hpp"
#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/probe_results.hpp"

#include <nlohmann/json.hpp>

#include <memory>
#include <ostream>

namespace labctl::commands {
namespace {

struct MatrixOptions {
  std::vector<std::string> from;
  std::vector<std::string> to;
  std::string ns = "default";
  std::string proto = "tcp";
  std::string probe_timeout = "1s";
  std::string output = "table";
  std::string timeout = "5m";
  int port = 0;
  bool exit_zero = false;
};

std::vector<std::string> vantages(const std::vector<std::string>& words, const std::string& ns) {
  std::vector<std::string> out;
  for (const std::string& word : words) {
    out.push_back(api::parse_vantage(word, ns));
  }
  return out;
}

api::MatrixRequest request_of(const MatrixOptions& options) {
  return api::parse_matrix(
      {{"proto", options.proto},
       {"port", options.port},
       {"timeout_ms", parse_flag_duration("--probe-timeout", options.probe_timeout).count()},
       {"from", vantages(options.from, options.ns)},
       {"to", vantages(options.to, options.ns)}});
}

int run_matrix(const Session& session, const MatrixOptions& options) {
  using report::Format;
  const Format format =
      parse_output(options.output, {Format::Table, Format::Json, Format::Yaml, Format::JsonLines});
  const api::MatrixRequest request = request_of(options);
  api::Client client = session.client(parse_flag_duration("--timeout", options.timeout));
  const nlohmann::json body = client.post("/lab/v1/matrix", api::json_line(to_json(request))).json();
  const api::MatrixReply reply = api::parse_matrix_reply(body);
  // To programs as the lab said it.
  if (format == Format::JsonLines) {
    report::print_value(session.out(), body.value("failures", nlohmann::json::array()), format);
  } else if (report::is_structured(format)) {
    report::print_value(session.out(), body, format);
  } else {
    report::print_matrix(session.out(), reply, session.palette());
  }
  const matrix::ReachMatrix::Summary counts = reply.reach.summary();
  if (counts.probed == 0) {
    session.warn("no pair to probe", "no pod is up: labctl get pods -A shows them");
    return report::kNothingMatched;
  }
  return counts.as_wanted == counts.probed || options.exit_zero ? report::kPassed : report::kAssertionFailed;
}

}  // namespace

void add_matrix(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<MatrixOptions>();
  CLI::App* verb =
      add_verb(app, globals,
               {.name = "matrix",
                .group = "The network",
                .summary = "Probe every pair of pods",
                .examples = "  labctl matrix                          # all pods, each one's first TCP port\n"
                            "  labctl matrix --proto icmp\n"
                            "  labctl matrix --from client --to web-0 --to web-1 --port 80\n"
                            "  labctl matrix -o json | jq .failures\n",
                .about = "Rows are sources, columns destinations. Each pair has an outcome it should have: a "
                         "pod is reached from\n"
                         "pods and nodes, and not from outside. Ends with 1 when one is not so. -o jsonl "
                         "prints those, one a line."},
               [options](const Session& session) { return run_matrix(session, *options); });
  verb->add_option("--from", options->from, "Only from here; may be repeated")
      ->type_name("VANTAGE")
      ->allow_extra_args(false);
  verb->add_option("--to", options->to, "Only to here; may be repeated")
      ->type_name("VANTAGE")
      ->allow_extra_args(false);
  add_namespace_flags(*verb, options->ns);
  verb->add_option("--proto", options->proto,
                   "tcp, udp, sctp or icmp; a pod that declares no such port is asked by icmp")
      ->type_name("PROTOCOL")
      ->capture_default_str();
  verb->add_option("--port", options->port, "The port; 0 is the first that each pod declares")
      ->type_name("PORT")
      ->check(CLI::Range(0, 65535))
      ->capture_default_str();
  verb->add_option("--probe-timeout", options->probe_timeout, "For one probe")
      ->type_name("DURATION")
      ->capture_default_str();
  verb->add_option("--timeout", options->timeout, "For the whole matrix")
      ->type_name("DURATION")
      ->capture_default_str();
  add_output_flag(*verb, options->output, "table, json, yaml or jsonl");
  verb->add_flag("--exit-zero", options->exit_zero, "End with 0 even when a pair is not as it should be");
}

}  // namespace labctl::commands

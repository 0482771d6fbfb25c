#include "labctl/api/resource_kinds.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/resources.hpp"
#include "topology/manifest/kinds/json_schema.hpp"
#include "topology/manifest/kinds/kinds.hpp"
#include "topology/manifest/yaml/findings.hpp"

#include <algorithm>
#include <cctype>
#include <memory>

namespace labctl::commands {
namespace {

struct SchemaOptions {
  std::string kind;
  std::string output = "json";
};

bool is_same_word(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return std::tolower(static_cast<unsigned char>(x)) == std::tolower(static_cast<unsigned char>(y));
  });
}

// By its name, case ignored, or for kinds that a lab serves by any word that `get` takes.
const manifest::Kind& understood_kind(const std::string& word) {
  const api::ResourceKind* resource = api::find_resource(word);
  const std::string_view name = resource != nullptr ? resource->kind : std::string_view(word);
  std::vector<std::string_view> names;
  for (const manifest::Kind& kind : manifest::kinds()) {
    if (is_same_word(kind.name, name)) {
      return kind;
    }
    names.push_back(kind.name);
  }
  const std::string near = manifest::nearest(word, names);
  throw Error(ErrorKind::InvalidInput, "no kind is called \"" + word + "\"",
              near.empty() ? "they are " + manifest::either({names.begin(), names.end()})
                           : "did you mean " + near + "?");
}

int run_schema(const Session& session, const SchemaOptions& options) {
  using report::Format;
  const Format format = parse_output(options.output, {Format::Json, Format::Yaml});
  const nlohmann::json schema =
      options.kind.empty() ? manifest::json_schema() : manifest::json_schema(understood_kind(options.kind));
  report::print_value(session.out(), schema, format);
  return report::kPassed;
}

}  // namespace

void add_schema(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<SchemaOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "schema",
       .group = "Tests and checks",
       .summary = "Print the JSON Schema of the files, for an editor",
       .examples = "  labctl schema > labctl.schema.json\n"
                   "  labctl schema Scenario > scenario.schema.json\n"
                   "  labctl schema deployment -o yaml\n",
       .about = "Draft 2020-12, of all kinds or of one. An editor with yaml-language-server completes and\n"
                "checks a file that begins with\n"
                "  # yaml-language-server: $schema=labctl.schema.json\n"
                "`labctl lint` knows more: the schema has no rules between fields or between objects."},
      [options](const Session& session) { return run_schema(session, *options); });
  verb->add_option("KIND", options->kind, "Cluster, Scenario, Probe, or a Kubernetes kind; all by default")
      ->type_name("KIND");
  add_output_flag(*verb, options->output, "json or yaml");
}

}  // namespace labctl::commands

#include "labctl/commands/get_dns.hpp"

#include "labctl/api/uri.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/fields.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/table.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <iterator>
#include <ostream>

namespace labctl::commands {
namespace {

constexpr std::string_view kWord = "dns";

std::vector<std::string> names_in(const std::vector<std::string>& arguments) {
  const bool apart = arguments.front() == kWord;
  std::vector<std::string> names;
  for (const std::string& argument : arguments) {
    if (apart && &argument == &arguments.front()) {
      continue;
    }
    const bool has_word = !apart && argument.starts_with(std::string(kWord) + "/");
    names.push_back(has_word ? argument.substr(kWord.size() + 1) : argument);
  }
  if (names.empty() || names.front().empty()) {
    throw Error(ErrorKind::InvalidInput, "get dns: which name?", "such as `labctl get dns web.shop`");
  }
  return names;
}

// "web.shop: NXDOMAIN: web.shop does not exist".
std::string absence_of(const nlohmann::json& answer) {
  return report::text(answer, "/name") + ": " +
         report::text_or(answer, "/rcode", report::text(answer, "/outcome")) + ": " +
         report::text(answer, "/reason");
}

void print_records(const Session& session, const nlohmann::json& records, bool headers) {
  report::Table table({"NAME", "TTL", "TYPE", "DATA"}, headers);
  for (const nlohmann::json& record : records) {
    table.add({report::text(record, "/name"), std::to_string(report::number(record, "/ttl")),
               report::text(record, "/type"), report::text(record, "/data")});
  }
  table.print(session.out());
}

}  // namespace

bool asks_for_dns(const std::vector<std::string>& arguments) {
  return !arguments.empty() && (arguments.front() == kWord || arguments.front().starts_with("dns/"));
}

int get_dns(const Session& session, const std::vector<std::string>& arguments, const std::string& ns,
            report::Format format, bool headers) {
  const std::vector<std::string> names = names_in(arguments);
  api::Client client = session.client();
  nlohmann::json all = nlohmann::json::array();
  std::vector<std::string> absent;
  for (const std::string& name : names) {
    const nlohmann::json answer =
        client.get("/lab/v1/dns/" + api::percent_encode(ns) + "/" + api::percent_encode(name)).json();
    const nlohmann::json& records = report::list(answer, "/records");
    all.insert(all.end(), records.begin(), records.end());
    if (records.empty()) {
      absent.push_back(absence_of(answer));
    }
  }
  if (report::is_structured(format)) {
    report::print_value(session.out(), all, format);
  } else if (!all.empty()) {
    print_records(session, all, headers);
  }
  for (const std::string& why : absent) {
    session.warn(why);
  }
  return absent.empty() ? report::kPassed : report::kAssertionFailed;
}

}  // namespace labctl::commands

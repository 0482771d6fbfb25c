#include "labctl/api/matrix_message.hpp"

#include "labctl/api/json_line.hpp"
#include "labctl/api/request_reader.hpp"
#include "topology/base/error.hpp"

#include <nlohmann/json.hpp>

#include <cstddef>
#include <utility>

namespace labctl::api {
namespace {

using matrix::ReachMatrix;
using nlohmann::json;
using probes::Outcome;
using protocol::ProbeProtocol;

constexpr const char* kNotProbed = "-";
constexpr Range kMatrixTimeoutMs{1, 600'000, "a timeout in milliseconds"};

// The outcomes of `rows`, cell by cell, as many as the matrix has; nothing for "-".
std::vector<std::optional<Outcome>> cells_in(Fields& fields, const char* name, std::size_t rows,
                                             std::size_t columns) {
  std::vector<std::optional<Outcome>> cells;
  cells.reserve(rows * columns);
  const json* value = fields.find(name);
  bool fits = value != nullptr && value->is_array() && value->size() == rows;
  for (std::size_t row = 0; fits && row < rows; ++row) {
    const json& words = (*value)[row];
    fits = words.is_array() && words.size() == columns;
    for (std::size_t column = 0; fits && column < columns; ++column) {
      const json& word = words[column];
      cells.push_back(word.is_string() ? probes::parse_outcome(word.get_ref<const std::string&>())
                                       : std::nullopt);
      fits = cells.back() || word == kNotProbed;
    }
  }
  if (!fits) {
    fields.mistake(name, "must be a list for each source, of an outcome for each destination");
  }
  cells.resize(rows * columns);
  return cells;
}

// Who answered instead and why, of failures in the order of their cells.
class Failures {
 public:
  explicit Failures(Fields& fields) : fields_(fields), given_(fields.objects("failures")) {}

  ReachMatrix::Finding of(const std::string& from, const std::string& to, Outcome seen) {
    ReachMatrix::Finding finding{seen, {}, {}};
    if (next_ < given_.size() && given_[next_].text("from") == from && given_[next_].text("to") == to) {
      finding.backend = given_[next_].text("backend");
      finding.reason = given_[next_].text("reason");
      ++next_;
    }
    return finding;
  }

  // One that no cell took is of none.
  void close() {
    if (next_ != given_.size()) {
      fields_.mistake("failures", "must be of the cells that are not as wanted, in their order");
    }
  }

 private:
  Fields& fields_;
  std::vector<Fields> given_;
  std::size_t next_ = 0;
};

template <typename OutcomeOf>
std::string rows_text(const ReachMatrix& matrix, const Cancel* gone, OutcomeOf outcome_of) {
  std::string text = "[";
  for (std::size_t row = 0; row < matrix.sources().size() && !matrix.destinations().empty(); ++row) {
    throw_if_requested(gone);
    for (std::size_t column = 0; column < matrix.destinations().size(); ++column) {
      text += column != 0 ? "," : row == 0 ? "[" : "],[";
      const std::optional<Outcome> outcome = outcome_of(row, column);
      text.append("\"").append(outcome ? probes::to_string(*outcome) : kNotProbed).append("\"");
    }
  }
  return text + (text.size() > 1 ? "]]" : "]");
}

}  // namespace

MatrixRequest parse_matrix(const json& body) {
  Mistakes mistakes;
  Fields fields(body, "", mistakes);
  MatrixRequest wanted;
  if (const std::string proto = fields.text("proto"); !proto.empty()) {
    wanted.protocol = protocol::parse_probe_protocol(proto);
    if (!wanted.protocol || *wanted.protocol == ProbeProtocol::Dns ||
        *wanted.protocol == ProbeProtocol::Http) {
      fields.mistake("proto", "is none of tcp, udp, sctp, icmp");
    }
  }
  wanted.port = static_cast<std::uint16_t>(fields.number("port", kPortOrNone, 0));
  wanted.timeout = std::chrono::milliseconds(fields.number("timeout_ms", kMatrixTimeoutMs, 1000));
  wanted.from = fields.texts("from");
  wanted.to = fields.texts("to");
  fields.close();
  mistakes.throw_if_any();
  return wanted;
}

json to_json(const MatrixRequest& request) {
  json body{{"port", request.port},
            {"timeout_ms", request.timeout.count()},
            {"from", request.from},
            {"to", request.to}};
  if (request.protocol) {
    body["proto"] = protocol::to_string(*request.protocol);
  }
  return body;
}

std::string to_text(const MatrixReply& reply, const Cancel* gone) {
  const ReachMatrix& matrix = reply.reach;
  json failures = json::array();
  for (const ReachMatrix::Failure& failure : matrix.failures()) {
    throw_if_requested(gone);
    failures.push_back({{"from", matrix.sources()[failure.source]},
                        {"to", matrix.destinations()[failure.destination]},
                        {"outcome", probes::to_string(failure.seen)},
                        {"wanted", probes::to_string(failure.wanted)},
                        {"backend", failure.backend},
                        {"reason", failure.reason}});
  }
  const ReachMatrix::Summary summary = matrix.summary();
  std::string text = json_line({{"sources", matrix.sources()},
                                {"destinations", matrix.destinations()},
                                {"ok", summary.as_wanted},
                                {"total", summary.probed},
                                {"failures", std::move(failures)},
                                {"elapsed_ms", reply.elapsed_ms}});
  text.pop_back();  // the brace, for what is too much for JSON values
  text += ",\"rows\":";
  text +=
      rows_text(matrix, gone, [&](std::size_t row, std::size_t column) { return matrix.seen(row, column); });
  text += ",\"wanted\":";
  text += rows_text(matrix, gone, [&](std::size_t row, std::size_t column) {
    return std::optional(matrix.wanted(row, column));
  });
  return text + "}";
}

MatrixReply parse_matrix_reply(const json& body) {
  return read_reply([&](Mistakes& mistakes) {
    Fields fields(body, "", mistakes);
    MatrixReply reply{{fields.texts("sources"), fields.texts("destinations")}, 0};
    ReachMatrix& matrix = reply.reach;
    const std::size_t columns = matrix.destinations().size();
    // Without a destination there are no rows.
    const std::size_t rows = columns == 0 ? 0 : matrix.sources().size();
    const auto wanted = cells_in(fields, "wanted", rows, columns);
    const auto seen = cells_in(fields, "rows", rows, columns);
    Failures failures(fields);
    for (std::size_t cell = 0; cell < seen.size(); ++cell) {
      const std::size_t row = cell / columns, column = cell % columns;
      matrix.want(row, column, wanted[cell].value_or(Outcome::Ok));
      if (!seen[cell]) {
        continue;
      }
      const bool is_as_wanted = *seen[cell] == matrix.wanted(row, column);
      matrix.see(row, column,
                 is_as_wanted
                     ? ReachMatrix::Finding{*seen[cell], {}, {}}
                     : failures.of(matrix.sources()[row], matrix.destinations()[column], *seen[cell]));
    }
    failures.close();
    const json* elapsed = fields.find("elapsed_ms");
    if (elapsed != nullptr && !elapsed->is_number()) {
      fields.mistake("elapsed_ms", "must be a number");
    } else if (elapsed != nullptr) {
      reply.elapsed_ms = elapsed->get<double>();
    }
    return reply;
  });
}

}  // namespace labctl::api

#include "topology/apply/service_table.hpp"

#include "topology/base/error.hpp"
#include "topology/kernel/conntrack.hpp"
#include "topology/kernel/network_namespace.hpp"
#include "topology/kernel/nft_batch.hpp"
#include "topology/kernel/nft_context.hpp"
#include "topology/ruleset/node_ruleset.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <future>
#include <map>
#include <optional>
#include <set>

namespace labctl::apply {
namespace {

using ruleset::ElementChange;
using ruleset::TableChanges;

// How often stale clients are looked for after a change: a connection that
// was on its way may add one meanwhile.
constexpr int kAffinityRounds = 3;
// So many at once are brought to the kernel while more are put together.
constexpr std::size_t kElementsTogether = 1'024;
// Anonymous sets, one or more a Service, cost the kernel the square of their number in one transaction.
constexpr std::size_t kTextsTogether = 100;
// What one element takes in a batch, with its message if it has one to itself: an upper bound.
constexpr std::size_t kElementBytesMax = 400;

kernel::SetElement element_of(const ElementChange& change) {
  return {change.key.span(), change.key_end.span(), change.data.span(), change.comment};
}

void add_to(kernel::NftBatch& batch, const ElementChange& change) {
  if (change.is_removal) {
    batch.remove(change.set, element_of(change));
  } else {
    batch.add(change.set, element_of(change));
  }
}

// Where nothing is removed the order does not matter, and elements of one set share a message.
void add_all(kernel::NftBatch& batch, std::span<const TableChanges> changes) {
  std::vector<const char*> sets;
  bool has_removal = false;
  for (const TableChanges& change : changes) {
    for (const ElementChange& element : change.elements) {
      has_removal = has_removal || element.is_removal;
      if (std::find(sets.begin(), sets.end(), element.set) == sets.end()) {
        sets.push_back(element.set);
      }
    }
  }
  if (has_removal) {
    sets = {nullptr};
  }
  for (const char* set : sets) {
    for (const TableChanges& change : changes) {
      for (const ElementChange& element : change.elements) {
        if (set == nullptr || element.set == set) {
          add_to(batch, element);
        }
      }
    }
  }
}

// Makes kernel expressions of a rule. A Vip's key is destination, protocol and port in consecutive registers.
// nft_rule has the expressions, ruleset the meaning; the two meet here alone, and neither
// room knows the other.
struct ToKernel {
  kernel::NftRule& rule;
  Family family;

  int after_address() const { return family == Family::IPv4 ? 1 : 4; }
  void load_key() const {
    rule.load_destination(family, 0)
        .load_protocol(after_address())
        .load_destination_port(after_address() + 1);
  }
  void operator()(const ruleset::FromPrefix& p) const { rule.match_source(p.prefix, p.is_negated); }
  void operator()(const ruleset::FromSelf&) const { rule.match_own_source(); }
  void operator()(const ruleset::Marked& p) const { rule.match_mark(p.mark); }
  void operator()(const ruleset::NotIn& p) const {
    load_key();
    rule.load_source(family, after_address() + 2).match_absent(p.set, 0);
  }
  void operator()(const ruleset::SetMark& p) const { rule.set_mark(p.mark); }
  void operator()(const ruleset::SetConnectionMark& p) const { rule.set_connection_mark(p.mark); }
  void operator()(const ruleset::Remember& p) const {
    const int data = after_address();
    rule.load_source(family, 0).load_destination(family, data).load_destination_port(data + after_address());
    rule.update(p.map, 0, data);
  }
  void operator()(const ruleset::SendWhereBefore& p) const {
    rule.load_source(family, 0).look_up(p.map, 0, 0).translate_destination(family, 0, after_address());
  }
  void operator()(const ruleset::SendDrawn& p) const {
    load_key();
    rule.draw(p.count, p.first, after_address() + 2)
        .look_up(p.map, 0, 0)
        .translate_destination(family, 0, after_address());
  }
  void operator()(const ruleset::Drop&) const { rule.drop(); }
  void operator()(const ruleset::Reset&) const { rule.match_protocol(IPPROTO_TCP).reset(); }
  void operator()(const ruleset::Reject&) const { rule.reject(); }
};

void add_structure(kernel::NftBatch& batch, const ruleset::Structure& structure) {
  for (const ruleset::ClientMap& map : structure.maps) {
    batch.add_client_map(map.name, map.family, map.timeout);
  }
  for (const ruleset::Chain& chain : structure.chains) {
    batch.add_chain(chain.name);
    batch.flush_chain(chain.name);  // a commit that failed may have left it behind
    for (const ruleset::Rule& rule : chain.rules) {
      kernel::NftRule made(rule.comment);
      made.match_family(chain.family);
      for (const ruleset::RulePart& part : rule.parts) {
        std::visit(ToKernel{made, chain.family}, part);
      }
      batch.add_rule(chain.name, made);
    }
  }
  for (const ruleset::Way& way : structure.ways) {
    batch.add_verdict(way.map, way.mark, way.chain, way.is_jump);
  }
}

void remove_structure(kernel::NftBatch& batch, const ruleset::Structure& structure) {
  for (const ruleset::Way& way : structure.ways) {
    batch.remove_verdict(way.map, way.mark);
  }
  for (const ruleset::Chain& chain : structure.chains) {
    batch.remove_chain(chain.name);
  }
  for (const ruleset::ClientMap& map : structure.maps) {
    batch.remove_map(map.name);
  }
}

std::vector<std::byte> bytes_of(const ruleset::ElementBytes& bytes) {
  return {bytes.span().begin(), bytes.span().end()};
}

ruleset::ElementBytes backend_bytes(const service::Backend& backend) {
  ruleset::ElementBytes bytes;
  bytes.add_address(backend.address);
  bytes.add_port(backend.port);
  return bytes;
}

kernel::SetElement stored_element(const kernel::StoredElement& stored) {
  return {stored.key, stored.key_end, stored.data, stored.comment};
}

kernel::NftSocket open_in(int namespace_fd) {
  const kernel::NamespaceScope scope(namespace_fd);
  return kernel::NftSocket::open();
}

}  // namespace

struct ServiceTable::State {
  State(int fd, std::unique_ptr<ruleset::ServiceLayout> wanted)
      : namespace_fd(fd), table(std::move(wanted)), socket(open_in(fd)) {}

  int namespace_fd = -1;
  std::unique_ptr<ruleset::ServiceLayout> table;
  kernel::NftSocket socket;
  std::optional<kernel::ConntrackSocket> conntrack;
  std::vector<TableChanges> queue;  // one for each set()
  std::size_t queued_elements = 0;
  // The kernel takes three quarters of the time of a load: it works on one
  // part while the next is put together.
  std::future<void> in_flight;
  std::exception_ptr has_failed;  // what commit() is to throw

  void run_text(const std::string& commands) const {
    if (!commands.empty()) {
      const kernel::NamespaceScope scope(namespace_fd);
      kernel::NftContext::open().run(commands);
    }
  }
  kernel::ConntrackSocket& flows() {
    if (!conntrack) {
      const kernel::NamespaceScope scope(namespace_fd);
      conntrack = kernel::ConntrackSocket::open();
    }
    return *conntrack;
  }

  std::vector<TableChanges> take_queue() {
    queued_elements = 0;
    return std::exchange(queue, {});
  }
  void wait_for_flight() {
    if (in_flight.valid()) {
      in_flight.get();
    }
  }
  void carry_out(const std::vector<TableChanges>& changes);
  void commit_unless_empty(kernel::NftBatch& batch);
  void commit_in_order(const std::vector<TableChanges>& changes);
  void commit_elements(const std::vector<TableChanges>& changes);
  void forget_clients(const ruleset::AffinityChange& change);
  std::size_t mend(const std::string& set, const std::vector<ElementChange>& wanted);
  void run_texts(const std::vector<std::string>& texts) const;
  void run_together(std::span<const std::string> texts) const;
  std::size_t renew(bool is_sure);
  std::size_t resync(bool is_sure);
};

ServiceTable::ServiceTable(int namespace_fd, std::unique_ptr<ruleset::ServiceLayout> table)
    : state_(new State(namespace_fd, std::move(table))) {}
ServiceTable::~ServiceTable() = default;
ServiceTable::ServiceTable(ServiceTable&&) noexcept = default;
ServiceTable& ServiceTable::operator=(ServiceTable&&) noexcept = default;

void ServiceTable::set(const std::string& owner, const service::NodeProgram& wanted) {
  TableChanges changes;
  state_->table->set(owner, wanted, changes);
  if (changes.empty()) {
    return;
  }
  state_->queued_elements += changes.elements.size();
  state_->queue.push_back(std::move(changes));
  if (state_->queued_elements >= kElementsTogether && !state_->has_failed) {
    try {
      // One part at a time: the socket is used by one thread, and a part may remove what the
      // one before it added.
      state_->wait_for_flight();
      state_->in_flight = std::async(std::launch::async, [state = state_.get(), some = state_->take_queue()] {
        state->carry_out(some);
      });
    } catch (const Error&) {
      state_->has_failed = std::current_exception();
    }
  }
}

void ServiceTable::State::commit_unless_empty(kernel::NftBatch& batch) {
  if (!batch.empty()) {
    socket.commit(batch);
  }
}

// Chains first, by themselves, and away last. A packet that is in the table while a transaction
// takes effect looks elements up in the new table, but keeps to the old rules: a chain that is
// new has none of these, and it would fall out of it, untranslated. To one that has looked up the
// way to a chain, the chain must not be gone.
void ServiceTable::State::commit_in_order(const std::vector<TableChanges>& changes) {
  kernel::NftBatch added(ruleset::kTable);
  for (const TableChanges& change : changes) {
    add_structure(added, change.added);
  }
  commit_unless_empty(added);
  commit_elements(changes);
  kernel::NftBatch removed(ruleset::kTable);
  for (const TableChanges& change : changes) {
    remove_structure(removed, change.removed);
  }
  commit_unless_empty(removed);
}

// Those of one Service stay together, in as few transactions as it takes.
void ServiceTable::State::commit_elements(const std::vector<TableChanges>& changes) {
  kernel::NftBatch batch(ruleset::kTable);
  for (std::size_t first = 0; first < changes.size();) {
    std::size_t room = socket.max_batch_bytes();
    std::size_t end = first;
    do {
      room -= std::min(room, changes[end].elements.size() * kElementBytesMax);
      ++end;
    } while (end < changes.size() && changes[end].elements.size() * kElementBytesMax < room);
    add_all(batch, std::span(changes).subspan(first, end - first));
    first = end;
    commit_unless_empty(batch);
  }
}

// Each as a whole, in as few transactions as are quick.
void ServiceTable::State::run_texts(const std::vector<std::string>& texts) const {
  for (std::size_t first = 0; first < texts.size(); first += kTextsTogether) {
    run_together(std::span(texts).subspan(first, std::min(kTextsTogether, texts.size() - first)));
  }
}

// In halves when they are too much for one transaction; each text by itself stays whole.
void ServiceTable::State::run_together(std::span<const std::string> texts) const {
  std::string together;
  for (const std::string& text : texts) {
    together += text;
  }
  try {
    run_text(together);
  } catch (const Error& error) {
    if (error.errno_value() != EMSGSIZE || texts.size() == 1) {
      throw;
    }
    run_together(texts.first(texts.size() / 2));
    run_together(texts.subspan(texts.size() / 2));
  }
}

void ServiceTable::State::carry_out(const std::vector<TableChanges>& changes) {
  std::vector<std::string> texts;
  for (const TableChanges& change : changes) {
    texts.push_back(change.text);
  }
  run_texts(texts);
  commit_in_order(changes);
  for (const TableChanges& change : changes) {
    for (const ruleset::AffinityChange& affinity : change.affinity) {
      forget_clients(affinity);
    }
  }
}

void ServiceTable::commit() {
  try {
    if (state_->has_failed) {
      std::rethrow_exception(std::exchange(state_->has_failed, nullptr));
    }
    state_->wait_for_flight();
    state_->carry_out(state_->take_queue());
  } catch (const Error&) {
    // What is left of the queue is in `table` already, so the comparison that follows brings it along. The
    // kernel may hold part of what failed, or none: only the set as it is says which.
    state_->take_queue();
    try {
      state_->resync(true);
    } catch (const Error&) {
      // The first failure is the one that tells.
    }
    throw;
  }
}

void ServiceTable::State::forget_clients(const ruleset::AffinityChange& change) {
  std::vector<std::vector<std::byte>> allowed;
  for (const service::Backend& backend : change.allowed) {
    allowed.push_back(bytes_of(backend_bytes(backend)));
  }
  // The rules write into these maps as packets leave, so what is read may be out of date when it is removed.
  for (int round = 0; round < kAffinityRounds; ++round) {
    kernel::NftBatch stale(ruleset::kTable);
    for (const kernel::StoredElement& stored : socket.elements(ruleset::kTable, change.map)) {
      if (std::find(allowed.begin(), allowed.end(), stored.data) == allowed.end()) {
        stale.remove(change.map, stored_element(stored));
      }
    }
    if (stale.empty()) {
      return;
    }
    try {
      socket.commit(stale);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::NotFound) {  // it ran out by itself meanwhile
        throw;
      }
    }
  }
}

std::size_t ServiceTable::end_stale_flows(std::span<const UdpFlows> flows) {
  std::map<service::Vip, const UdpFlows*> by_vip;
  bool has_family[2] = {false, false};
  for (const UdpFlows& flow : flows) {
    by_vip[flow.vip] = &flow;
    has_family[flow.vip.address.family() == Family::IPv4 ? 0 : 1] = true;
  }
  std::size_t ended = 0;
  // To list all flows takes longer the more there are, whosever they are; to ask how many is one number.
  if (by_vip.empty() || state_->flows().count() == 0) {
    return ended;
  }
  for (const Family family : {Family::IPv4, Family::IPv6}) {
    if (!has_family[family == Family::IPv4 ? 0 : 1]) {
      continue;
    }
    for (const kernel::Flow& flow : state_->flows().list(family, IPPROTO_UDP)) {
      const auto found = by_vip.find({flow.orig_dst, model::Protocol::Udp, flow.orig_dport});
      if (found == by_vip.end()) {
        continue;
      }
      const auto& serving = found->second->serving;
      const service::Backend answering{flow.reply_src, flow.reply_sport};
      if (std::find(serving.begin(), serving.end(), answering) == serving.end()) {
        ended += state_->flows().erase(flow) ? 1 : 0;
      }
    }
  }
  return ended;
}

// Makes one set what it should be, in as many transactions as it takes.
std::size_t ServiceTable::State::mend(const std::string& set, const std::vector<ElementChange>& wanted) {
  std::map<std::vector<std::byte>, const ElementChange*> missing;
  for (const ElementChange& change : wanted) {
    missing[bytes_of(change.key)] = &change;
  }
  kernel::NftBatch batch(ruleset::kTable);
  std::size_t differences = 0;
  const auto flush_if_full = [&] {
    ++differences;
    if (batch.size_bytes() > socket.max_batch_bytes() / 2) {
      socket.commit(batch);
    }
  };
  for (const kernel::StoredElement& stored : socket.elements(ruleset::kTable, set)) {
    const auto found = missing.find(stored.key);
    if (found != missing.end() && bytes_of(found->second->data) == stored.data) {
      missing.erase(found);
      continue;
    }
    batch.remove(set, stored_element(stored));
    flush_if_full();
  }
  for (const auto& [key, change] : missing) {
    batch.add(set, element_of(*change));
    flush_if_full();
  }
  commit_unless_empty(batch);
  return differences;
}

// What mend() is for elements that lead to chains: the chains are written anew, too. `is_sure`: something is
// wrong, even if it is not to be seen from the elements.
std::size_t ServiceTable::State::renew(bool is_sure) {
  ruleset::PresentKeys present;
  std::size_t differences = 0;
  for (const auto& [set, wanted] : table->expected()) {
    std::set<std::vector<std::byte>> missing;
    for (const ElementChange& change : wanted) {
      missing.insert(bytes_of(change.key));
    }
    kernel::NftBatch unknown(ruleset::kTable);
    for (const kernel::StoredElement& stored : socket.elements(ruleset::kTable, set)) {
      if (missing.erase(stored.key) > 0) {
        present[set].insert(stored.key);
      } else {
        unknown.remove(set, stored_element(stored));
        ++differences;
      }
    }
    commit_unless_empty(unknown);
    differences += missing.size();
  }
  if (differences > 0 || is_sure) {
    run_texts(table->renewal(present));
  }
  return differences;
}

std::size_t ServiceTable::State::resync(bool is_sure) {
  if (table->is_text()) {
    return renew(is_sure);
  }
  if (is_sure) {
    kernel::NftBatch batch(ruleset::kTable);
    add_structure(batch, table->structure());
    commit_unless_empty(batch);
  }
  std::size_t differences = 0;
  for (const auto& [set, wanted] : table->expected()) {
    differences += mend(set, wanted);
  }
  return differences;
}

std::size_t ServiceTable::resync() { return state_->resync(false); }

}  // namespace labctl::apply

#include "topology/kernel/nft_batch.hpp"

#include "topology/base/error.hpp"
#include "topology/base/scope_exit.hpp"
#include "topology/kernel/netfilter_message.hpp"

#include <endian.h>
#include <netinet/in.h>  // before linux/netfilter.h, which has the same in words of its own

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace labctl::kernel {
namespace {

namespace nf = netfilter;

constexpr int kNewElement = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM;
constexpr int kDeleteElement = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELSETELEM;
constexpr int kGetElements = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETSETELEM;
constexpr std::size_t kBoundaryBytes = NLMSG_LENGTH(sizeof(nfgenmsg));
constexpr std::size_t kMaxListBytes = 65532;    // nla_len is 16 bits wide
constexpr std::size_t kMaxCommentBytes = 127;   // nft's own limit, without the NUL
constexpr std::byte kCommentTag{0};             // NFTNL_UDATA_SET_ELEM_COMMENT, _RULE_COMMENT
constexpr int kWantedSendBuffer = 32 << 20;     // the kernel doubles it
constexpr std::size_t kSendBufferReserve = 32;  // netlink_sendmsg() keeps so much of it
constexpr int kMaxDumps = 100;

void put_data(std::vector<std::byte>& bytes, int type, std::span<const std::byte> value) {
  const std::size_t nest = nf::start_nest(bytes, type);
  nf::put_attribute(bytes, NFTA_DATA_VALUE, value);
  nf::end_nest(bytes, nest);
}

// Tag, length, text with its NUL: how nft itself keeps a comment with an element or a rule.
void put_comment(std::vector<std::byte>& bytes, int type, std::string_view comment) {
  const std::string_view kept = comment.substr(0, kMaxCommentBytes);
  std::array<std::byte, 2 + kMaxCommentBytes + 1> value{};
  value[0] = kCommentTag;
  value[1] = static_cast<std::byte>(kept.size() + 1);
  std::memcpy(value.data() + 2, kept.data(), kept.size());
  nf::put_attribute(bytes, type, std::span(value).first(2 + kept.size() + 1));
}

std::string comment_of(std::span<const std::byte> element) {
  std::span<const std::byte> rest = nf::attribute(element, NFTA_SET_ELEM_USERDATA);
  while (rest.size() >= 2 && 2 + std::to_integer<std::size_t>(rest[1]) <= rest.size()) {
    const auto length = std::to_integer<std::size_t>(rest[1]);
    if (rest[0] == kCommentTag && length > 0) {
      return {reinterpret_cast<const char*>(rest.data()) + 2, length - 1};
    }
    rest = rest.subspan(2 + length);
  }
  return {};
}

std::vector<std::byte> value_of(std::span<const std::byte> element, int type) {
  const std::span<const std::byte> value = nf::attribute(nf::attribute(element, type), NFTA_DATA_VALUE);
  return {value.begin(), value.end()};
}

std::size_t largest_send(int fd) {
  const int wanted = kWantedSendBuffer;
  // The first is for root on the host only; the second goes no further than net.core.wmem_max.
  if (::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) != 0) {
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  }
  int given = 0;
  socklen_t size = sizeof given;
  if (::getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &given, &size) != 0) {
    throw Error::from_errno(errno, "read the send buffer of a netfilter socket");
  }
  return static_cast<std::size_t>(given) - kSendBufferReserve;
}

}  // namespace

NftBatch::NftBatch(std::string table) : table_(std::move(table)) { clear(); }

void NftBatch::clear() {
  bytes_.clear();
  messages_.clear();
  elements_ = 0;
  nf::start_message(bytes_, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
}

std::size_t NftBatch::size_bytes() const { return empty() ? 0 : bytes_.size() + kBoundaryBytes; }

void NftBatch::add(std::string_view set, const SetElement& element) {
  append(kNewElement, set, element, true);
}

void NftBatch::remove(std::string_view set, const SetElement& element) {
  append(kDeleteElement, set, element, false);
}

void NftBatch::append(int type, std::string_view set, const SetElement& element, bool has_data) {
  // Elements for one set that follow each other share a message, which names table and set once, and the
  // kernel looks them up once.
  const auto put_element = [&] {
    const std::size_t nest = nf::start_nest(bytes_, NFTA_LIST_ELEM);
    put_data(bytes_, NFTA_SET_ELEM_KEY, element.key);
    if (!element.key_end.empty()) {
      put_data(bytes_, NFTA_SET_ELEM_KEY_END, element.key_end);
    }
    if (has_data && !element.data.empty()) {
      put_data(bytes_, NFTA_SET_ELEM_DATA, element.data);
    }
    if (has_data && !element.comment.empty()) {
      put_comment(bytes_, NFTA_SET_ELEM_USERDATA, element.comment);
    }
    nf::end_nest(bytes_, nest);
  };
  if (messages_.empty() || messages_.back().type != type || messages_.back().set != set) {
    start_message(type, set);
  }
  const std::size_t before = bytes_.size();
  put_element();
  // A list's length has 16 bits. The element that is too many is taken back and begins the next message.
  if (bytes_.size() - messages_.back().list_offset > kMaxListBytes) {
    bytes_.resize(before);
    start_message(type, set);
    put_element();
  }
  nf::end_nest(bytes_, messages_.back().list_offset);
  nf::end_message(bytes_, messages_.back().offset);
  ++elements_;
}

void NftBatch::start_other(int type, int flags, std::string act) {
  Message message{0, 0, elements_, type, std::move(act)};
  message.offset = nf::start_message(bytes_, NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET);
  messages_.push_back(std::move(message));
}

void NftBatch::end_other() { nf::end_message(bytes_, messages_.back().offset); }

void NftBatch::add_chain(std::string_view chain) {
  start_other(NFT_MSG_NEWCHAIN, NLM_F_CREATE, "add chain " + std::string(chain));
  nf::put_text(bytes_, NFTA_CHAIN_TABLE, table_);
  nf::put_text(bytes_, NFTA_CHAIN_NAME, chain);
  end_other();
}

void NftBatch::add_rule(std::string_view chain, const NftRule& rule) {
  start_other(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add a rule to chain " + std::string(chain));
  nf::put_text(bytes_, NFTA_RULE_TABLE, table_);
  nf::put_text(bytes_, NFTA_RULE_CHAIN, chain);
  const std::size_t list = nf::start_nest(bytes_, NFTA_RULE_EXPRESSIONS);
  bytes_.insert(bytes_.end(), rule.expressions_.begin(), rule.expressions_.end());
  nf::end_nest(bytes_, list);
  put_comment(bytes_, NFTA_RULE_USERDATA, rule.comment_);
  end_other();
}

void NftBatch::flush_chain(std::string_view chain) {
  // Of no rule in particular: of all.
  start_other(NFT_MSG_DELRULE, 0, "remove the rules of chain " + std::string(chain));
  nf::put_text(bytes_, NFTA_RULE_TABLE, table_);
  nf::put_text(bytes_, NFTA_RULE_CHAIN, chain);
  end_other();
}

void NftBatch::remove_chain(std::string_view chain) {
  flush_chain(chain);
  start_other(NFT_MSG_DELCHAIN, 0, "remove chain " + std::string(chain));
  nf::put_text(bytes_, NFTA_CHAIN_TABLE, table_);
  nf::put_text(bytes_, NFTA_CHAIN_NAME, chain);
  end_other();
}

void NftBatch::add_verdict(std::string_view map, std::uint32_t mark, std::string_view chain, bool is_jump) {
  start_other(NFT_MSG_NEWSETELEM, NLM_F_CREATE, "add the way to chain " + std::string(chain));
  nf::put_text(bytes_, NFTA_SET_ELEM_LIST_TABLE, table_);
  nf::put_text(bytes_, NFTA_SET_ELEM_LIST_SET, map);
  const std::size_t list = nf::start_nest(bytes_, NFTA_SET_ELEM_LIST_ELEMENTS);
  const std::size_t element = nf::start_nest(bytes_, NFTA_LIST_ELEM);
  put_data(bytes_, NFTA_SET_ELEM_KEY, std::as_bytes(std::span(&mark, 1)));
  const std::size_t value = nf::start_nest(bytes_, NFTA_SET_ELEM_DATA);
  const std::size_t verdict = nf::start_nest(bytes_, NFTA_DATA_VERDICT);
  nf::put_number(bytes_, NFTA_VERDICT_CODE, static_cast<std::uint32_t>(is_jump ? NFT_JUMP : NFT_GOTO));
  nf::put_text(bytes_, NFTA_VERDICT_CHAIN, chain);
  for (const std::size_t nest : {verdict, value, element, list}) {
    nf::end_nest(bytes_, nest);
  }
  end_other();
}

void NftBatch::remove_verdict(std::string_view map, std::uint32_t mark) {
  remove(map, {std::as_bytes(std::span(&mark, 1)), {}, {}, {}});
}

void NftBatch::add_client_map(std::string_view map, Family family, std::chrono::seconds timeout) {
  // Types as nft numbers them (datatype.h): they are for whoever lists the map.
  constexpr std::uint32_t kIpv4Type = 7, kIpv6Type = 8, kServiceType = 13, kTypeBits = 6;
  constexpr std::uint32_t kClientsMax = 65'535;
  const std::uint32_t type = family == Family::IPv4 ? kIpv4Type : kIpv6Type;
  const std::uint32_t size = family == Family::IPv4 ? 4 : 16;
  start_other(NFT_MSG_NEWSET, NLM_F_CREATE, "add map " + std::string(map));
  nf::put_text(bytes_, NFTA_SET_TABLE, table_);
  nf::put_text(bytes_, NFTA_SET_NAME, map);
  nf::put_number(bytes_, NFTA_SET_FLAGS, NFT_SET_MAP | NFT_SET_TIMEOUT | NFT_SET_EVAL);
  nf::put_number(bytes_, NFTA_SET_KEY_TYPE, type);
  nf::put_number(bytes_, NFTA_SET_KEY_LEN, size);
  nf::put_number(bytes_, NFTA_SET_DATA_TYPE, type << kTypeBits | kServiceType);
  nf::put_number(bytes_, NFTA_SET_DATA_LEN, size + 4);
  nf::put_number(bytes_, NFTA_SET_ID, ++sets_made_);
  const std::size_t desc = nf::start_nest(bytes_, NFTA_SET_DESC);
  nf::put_number(bytes_, NFTA_SET_DESC_SIZE, kClientsMax);
  nf::end_nest(bytes_, desc);
  const std::uint64_t milliseconds = htobe64(static_cast<std::uint64_t>(timeout.count()) * 1000);
  nf::put_attribute(bytes_, NFTA_SET_TIMEOUT, std::as_bytes(std::span(&milliseconds, 1)));
  end_other();
}

void NftBatch::remove_map(std::string_view map) {
  start_other(NFT_MSG_DELSET, 0, "remove map " + std::string(map));
  nf::put_text(bytes_, NFTA_SET_TABLE, table_);
  nf::put_text(bytes_, NFTA_SET_NAME, map);
  end_other();
}

void NftBatch::start_message(int type, std::string_view set) {
  Message message{0, 0, elements_, type, std::string(set)};
  message.offset = nf::start_message(bytes_, type, type == kNewElement ? NLM_F_CREATE : 0, NFPROTO_INET);
  nf::put_text(bytes_, NFTA_SET_ELEM_LIST_TABLE, table_);
  nf::put_text(bytes_, NFTA_SET_ELEM_LIST_SET, set);
  message.list_offset = nf::start_nest(bytes_, NFTA_SET_ELEM_LIST_ELEMENTS);
  messages_.push_back(std::move(message));
}

// "add element 3 (default/web:http) to services4"; without the element where the kernel did not say which.
std::string NftBatch::describe(std::size_t index, std::uint32_t bad_offset) const {
  const Message& message = messages_[index];
  if (message.type != kNewElement && message.type != kDeleteElement) {
    return message.set;
  }
  const bool adds = message.type == kNewElement;
  std::string element = "elements";
  const std::size_t end = index + 1 < messages_.size() ? messages_[index + 1].offset : bytes_.size();
  const std::size_t begin = message.list_offset + NLA_HDRLEN;
  std::size_t number = message.first_element;
  const std::size_t bad = message.offset + bad_offset;
  nf::for_each_attribute(
      std::span(bytes_).subspan(begin, end - begin), [&](int, std::span<const std::byte> one) {
        const auto at = static_cast<std::size_t>(one.data() - bytes_.data());
        if (bad < at + one.size() && bad + NLA_HDRLEN >= at) {
          const std::string comment = comment_of(one);
          element = "element " + std::to_string(number) + (comment.empty() ? "" : " (" + comment + ")");
          return false;
        }
        ++number;
        return true;
      });
  return (adds ? "add " : "remove ") + element + (adds ? " to " : " from ") + message.set;
}

NftSocket NftSocket::open() {
  UniqueFd fd = nf::open_socket();
  const std::size_t largest = largest_send(fd.get());
  return {std::move(fd), largest};
}

void NftSocket::commit(NftBatch& batch) {
  if (batch.empty()) {
    return;
  }
  const ScopeExit clear_batch([&] { batch.clear(); });
  const std::string act =
      "change " + std::to_string(batch.elements()) + " set elements of table " + batch.table_;
  if (batch.size_bytes() > max_batch_bytes_) {
    throw Error(ErrorKind::InvalidInput, act + ": " + std::to_string(batch.size_bytes()) +
                                             " bytes are more than one transaction can carry here (" +
                                             std::to_string(max_batch_bytes_) + ")");
  }
  const std::size_t end_offset =
      nf::start_message(batch.bytes_, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
  const std::uint32_t begin = ++sequence_;  // of the boundary; the messages count on
  // Sequence numbers are how an answer finds its message: they are given here, in order, when
  // all messages are known.
  nf::header_at(batch.bytes_, 0).nlmsg_seq = begin;
  for (const NftBatch::Message& message : batch.messages_) {
    nf::header_at(batch.bytes_, message.offset).nlmsg_seq = ++sequence_;
  }
  const std::uint32_t last = sequence_;
  // One acknowledgement for all. Without any, a batch that went well would not answer, and one whose answer
  // was lost would look the same.
  nf::header_at(batch.bytes_, batch.messages_.back().offset).nlmsg_flags |= NLM_F_ACK;
  nf::header_at(batch.bytes_, end_offset).nlmsg_seq = ++sequence_;
  nf::send_bytes(fd_.get(), batch.bytes_, act);
  batch.bytes_.resize(end_offset);

  std::optional<Error> failure;
  bool is_acknowledged = false;
  nf::read_replies(fd_.get(), [&](const nf::Reply& reply) {
    if (reply.type != NLMSG_ERROR || reply.sequence - begin > last - begin) {
      return true;
    }
    // The acknowledgement of the last message comes even if the commit that follows it fails.
    is_acknowledged = is_acknowledged || (reply.error == 0 && reply.sequence == last);
    if (reply.error != 0 && !failure) {
      const std::string which =
          reply.sequence != begin ? batch.describe(reply.sequence - begin - 1, reply.bad_offset) : act;
      failure = Error::from_errno(reply.error,
                                  reply.explanation.empty() ? which : which + ": " + reply.explanation);
    }
    return reply.sequence != last;  // its answer is the last one
  });
  if (failure) {
    throw *failure;
  }
  if (!is_acknowledged) {
    throw Error(ErrorKind::Kernel, act + ": the kernel's answer was lost");
  }
}

namespace {

// The kernel lists a set in pieces, and finds where it was by counting. A hash table that grows meanwhile, as
// it does in the background after many insertions, changes the order: for each element that is passed over
// another one comes twice, and nothing else tells (NLM_F_DUMP_INTR is about transactions).
bool are_all_different(const std::vector<StoredElement>& elements) {
  std::vector<const std::vector<std::byte>*> keys;
  keys.reserve(elements.size());
  for (const StoredElement& element : elements) {
    keys.push_back(&element.key);
  }
  std::sort(keys.begin(), keys.end(), [](const auto* a, const auto* b) { return *a < *b; });
  return std::adjacent_find(keys.begin(), keys.end(),
                            [](const auto* a, const auto* b) { return *a == *b; }) == keys.end();
}

}  // namespace

std::vector<StoredElement> NftSocket::elements(std::string_view table, std::string_view set) {
  std::vector<StoredElement> found;
  for (int attempt = 0; attempt < kMaxDumps; ++attempt) {
    found.clear();
    if (read_elements(table, set, found) && are_all_different(found)) {
      return found;
    }
  }
  throw Error(ErrorKind::Busy, "list set " + std::string(set) + ": it changes faster than it can be read");
}

// False if the table changed meanwhile.
bool NftSocket::read_elements(std::string_view table, std::string_view set,
                              std::vector<StoredElement>& found) {
  const std::string act = "list set " + std::string(set) + " of table " + std::string(table);
  std::vector<std::byte> request;
  const std::size_t message = nf::start_message(request, kGetElements, NLM_F_DUMP, NFPROTO_INET);
  nf::put_text(request, NFTA_SET_ELEM_LIST_TABLE, table);
  nf::put_text(request, NFTA_SET_ELEM_LIST_SET, set);
  nf::end_message(request, message);
  nf::header_at(request, message).nlmsg_seq = ++sequence_;
  nf::send_bytes(fd_.get(), request, act);

  bool is_whole = true;
  bool is_done = false;
  int error = 0;
  // Read to the end in any case: a dump that is left half-way would refuse the next one.
  const bool is_lossy = nf::read_replies(fd_.get(), [&](const nf::Reply& reply) {
    if (reply.sequence != sequence_) {
      return true;
    }
    is_whole = is_whole && !reply.is_interrupted;
    error = error != 0 ? error : reply.error;
    is_done = is_done || reply.type == NLMSG_DONE || reply.type == NLMSG_ERROR;
    nf::for_each_attribute(
        nf::attribute(reply.attributes, NFTA_SET_ELEM_LIST_ELEMENTS),
        [&](int, std::span<const std::byte> one) {
          found.push_back({value_of(one, NFTA_SET_ELEM_KEY), value_of(one, NFTA_SET_ELEM_KEY_END),
                           value_of(one, NFTA_SET_ELEM_DATA), comment_of(one)});
          return true;
        });
    return true;
  });
  if (error != 0 && error != EINTR) {
    throw Error::from_errno(error, act);
  }
  return is_whole && is_done && !is_lossy && error == 0;
}

}  // namespace labctl::kernel

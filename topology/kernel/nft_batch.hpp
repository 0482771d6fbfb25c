#pragma once

// Elements of nftables sets and maps, changed in one transaction by nfnetlink messages of our own; see
// nft(8), "ELEMENTS". libnftables takes 40 times as long for one changed element and 6 times as long for
// many: it reads the table first. What stays (the table, base chains, sets) is declared in nft's language
// (NftContext); chains and rules that come and go with elements are made here, by NftRule.
//
// The kernel works through a batch inside sendmsg(2), commits all of it or nothing, and has queued every
// answer when the call returns: nothing is waited for. Only the last message asks for an acknowledgement; one
// that fails answers all the same.
//
// A socket stays in the network namespace it was opened in and may be used by any thread, by one at a time.

#include "topology/base/unique_fd.hpp"
#include "topology/kernel/nft_rule.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::kernel {

// Bytes as the kernel has them: every field of a concatenation is padded with zeroes to 4 bytes, in network
// byte order but for numbers that nftables computes itself (numgen, mark), which are in the host's.
struct SetElement {
  std::span<const std::byte> key;
  // The last key of a range, field by field, in a concatenated set with `flags interval`; empty: `key` alone.
  std::span<const std::byte> key_end;
  // Empty: an element of a set, not of a map.
  std::span<const std::byte> data;
  // Shown by `nft list`; only its first 127 bytes are kept. Empty: none.
  std::string_view comment;
};

struct StoredElement {
  std::vector<std::byte> key;
  std::vector<std::byte> key_end;
  std::vector<std::byte> data;  // empty for an element of a set or a verdict
  std::string comment;
  bool operator==(const StoredElement&) const = default;
};

class NftSocket;

class NftBatch {
 public:
  // For sets of the table `table` of family inet.
  explicit NftBatch(std::string table);

  // Carried out in the order given. Adding an element that is there with the same data does nothing; with
  // other data it fails: remove it first.
  void add(std::string_view set, const SetElement& element);
  // Data and comment do not matter. Fails if there is no such element.
  void remove(std::string_view set, const SetElement& element);

  // A chain without a hook, and its rules, each at the end. Removing a chain takes its rules with it; nothing
  // may go there any more.
  void add_chain(std::string_view chain);
  void add_rule(std::string_view chain, const NftRule& rule);
  void remove_chain(std::string_view chain);
  // Takes all its rules.
  void flush_chain(std::string_view chain);

  // In a map of marks to verdicts (`typeof meta mark : verdict`): jump, or go, to a chain.
  void add_verdict(std::string_view map, std::uint32_t mark, std::string_view chain, bool is_jump);
  void remove_verdict(std::string_view map, std::uint32_t mark);

  // A map of addresses of `family` to address . port that rules fill (NftRule::update), and whose elements
  // run out `timeout` after they were last added.
  void add_client_map(std::string_view map, Family family, std::chrono::seconds timeout);
  void remove_map(std::string_view map);

  bool empty() const { return messages_.empty(); }
  std::size_t elements() const { return elements_; }
  // What NftSocket::commit() sends at once; see NftSocket::max_batch_bytes().
  std::size_t size_bytes() const;
  void clear();

 private:
  friend class NftSocket;
  // Consecutive elements of one set and act share a message, up to the 64 KB its attribute can hold.
  struct Message {
    std::size_t offset = 0;
    std::size_t list_offset = 0;    // of the attribute that holds the elements
    std::size_t first_element = 0;  // counted over the batch
    int type = 0;
    std::string set;  // its name; of other messages what they do
  };
  // A message that is no list of elements. Returns where it began.
  void start_other(int type, int flags, std::string act);
  void end_other();
  void append(int type, std::string_view set, const SetElement& element, bool has_data);
  void start_message(int type, std::string_view set);
  std::string describe(std::size_t message, std::uint32_t bad_offset) const;

  std::string table_;
  std::vector<std::byte> bytes_;
  std::vector<Message> messages_;
  std::size_t elements_ = 0;
  std::uint32_t sets_made_ = 0;
};

class NftSocket {
 public:
  // Opens a NETLINK_NETFILTER socket in the calling thread's network namespace. Throws Error.
  static NftSocket open();

  // Carries the batch out as one transaction: all of it or nothing. Clears the batch, also when
  // it fails. Throws Error: InvalidInput for a batch larger than max_batch_bytes(); else for
  // the first element the kernel refused, counted from 0, reading "add element 3
  // (default/web:http) to services4: File exists (EEXIST)".
  void commit(NftBatch& batch);

  // Every element of a set or map of family inet, in the kernel's order. Throws
  // Error: NotFound if there is no such set.
  std::vector<StoredElement> elements(std::string_view table, std::string_view set);

  // What one sendmsg(2) may carry here: 64 MiB for root on the host, else about twice net.core.wmem_max.
  std::size_t max_batch_bytes() const { return max_batch_bytes_; }

 private:
  NftSocket(UniqueFd fd, std::size_t max_batch_bytes)
      : fd_(std::move(fd)), max_batch_bytes_(max_batch_bytes) {}
  bool read_elements(std::string_view table, std::string_view set, std::vector<StoredElement>& found);

  UniqueFd fd_;
  std::size_t max_batch_bytes_ = 0;
  std::uint32_t sequence_ = 0;
};

}  // namespace labctl::kernel

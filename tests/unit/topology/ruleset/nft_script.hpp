#pragma once

// A table as nft would make it of the commands of the layout `kube-proxy-nftables`: it knows their few forms,
// and refuses what nft and the kernel refuse.

#include <map>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace labctl::ruleset {

class NftScript {
 public:
  // Sets and maps that are there from the start, and the chains that are.
  NftScript(const std::vector<std::string>& sets, const std::set<std::string>& chains);

  // As one transaction. Throws std::runtime_error with the line that is refused.
  void run(const std::string& commands);

  struct Content {
    std::map<std::string, std::map<std::string, std::string>> elements;  // set, key: verdict
    std::map<std::string, std::vector<std::string>> chains;
    std::set<std::string> own_sets;
    bool operator==(const Content&) const = default;
  };
  const Content& content() const { return content_; }

 private:
  void run_line(const std::string& line);
  const std::vector<std::string>& references(const std::string& text) const;
  void check() const;
  std::set<std::string> fixed_chains_;
  Content content_;
  mutable std::unordered_map<std::string, std::vector<std::string>> references_;
};

}  // namespace labctl::ruleset

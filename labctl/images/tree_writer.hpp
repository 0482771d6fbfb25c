#pragma once

// The file tree of an image, made of the entries of its layers (OCI image-spec, filesystem layers), in a folder of this host.
//
// Every entry is hostile. Names are looked for inside the folder with openat2(2) RESOLVE_IN_ROOT, so that links of
// earlier entries lead to where they would lead in the container, and never out. A name with ".." is refused; device
// nodes, fifos and sockets are left out; bits of setuid and setgid and extended attributes are dropped. Files are ours:
// whose they were is noted.

#include "labctl/images/byte_source.hpp"
#include "topology/base/file_owner.hpp"
#include "topology/base/unique_fd.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace labctl::images {

// What an image may come to. A sparse file counts with its length.
struct UnpackLimits {
  std::uint64_t entries = 1'000'000;
  std::uint64_t bytes = std::uint64_t{32} << 30;
};

class TreeWriter {
 public:
  // `root`: a folder that is there, and that nobody else writes in. Throws Error by errno.
  explicit TreeWriter(const std::filesystem::path& root, UnpackLimits limits = {});

  // Puts the entries of `layer`, a tar, over what is there. Throws Error, beginning with `what` and the entry's name:
  // InvalidInput for what is refused; by errno.
  void apply(SourceReader& layer, const std::string& what);

  // Makes the folder `path` of the image if nothing is there.
  void make_folder(const std::string& path);

  std::uint64_t bytes() const { return bytes_; }
  std::uint64_t left_out() const { return left_out_; }  // device nodes and the like
  // Of what is not root's; by path. Folders and small files, as many as a container can be given when it starts.
  std::vector<FileOwner> owners() const;
  std::uint64_t owners_left_out() const { return owners_left_out_; }

 private:
  struct Place {
    UniqueFd folder;
    std::string name;
  };
  void add(archive* reader, archive_entry* entry, const std::string& path);
  void white_out(const std::string& parent, const std::string& name);
  void clear(const std::string& parent);
  Place place_of(const std::string& path);
  UniqueFd folder_at(const std::string& path, bool makes);
  void add_file(archive* reader, archive_entry* entry, const Place& place);
  void add_folder(archive_entry* entry, const Place& place);
  void add_link(archive_entry* entry, const Place& place);
  void count_bytes(std::uint64_t more);
  void note_owner(archive_entry* entry, const std::string& path);

  UniqueFd root_;
  UnpackLimits limits_;
  std::uint64_t entries_ = 0;
  std::uint64_t bytes_ = 0;
  std::uint64_t left_out_ = 0;
  std::map<std::string, FileOwner> owners_;
  std::uint64_t owned_bytes_ = 0;
  std::uint64_t owners_left_out_ = 0;
  std::set<std::string> of_layer_;  // what this layer has put there: its own whiteouts do not mean it
};

// "./usr//bin/" is "usr/bin", "/" is "". Throws Error InvalidInput for "..", NUL or what is too long.
std::string clean_path(const char* path);

}  // namespace labctl::images

#pragma once

// The images of an archive: which there are, and their files, checked by their digests.

#include "labctl/images/image_archive.hpp"
#include "labctl/images/image_documents.hpp"
#include "labctl/images/tree_writer.hpp"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace labctl::images {

struct Layer {
  std::string file;     // of the archive
  std::string digest;   // of the file as it is; empty: not said
  std::string diff_id;  // of the tar in it
};

// One image of an archive, for this machine.
struct ImageInArchive {
  std::vector<std::string> names;  // as the archive says; none if it does not
  std::string digest;              // of its configuration
  model::ImageConfig config;
  std::vector<Layer> layers;  // lowest first
};

// Throws Error InvalidInput, beginning with the archive's name, when it is neither a docker-archive nor an OCI layout, or
// what it says of its images does not fit together; Unsupported when all are for other machines.
std::vector<ImageInArchive> images_of(ImageArchive& archive);

struct Unpacked {
  std::uint64_t bytes = 0;
  std::uint64_t left_out = 0;  // device nodes, fifos and sockets
  std::vector<FileOwner> owners{};
  std::uint64_t owners_left_out = 0;  // files that are root's here though they were not
};

// Puts the image's files into `folder`, which is there and empty. Throws Error as TreeWriter::apply; InvalidInput when a
// layer is not what its digest says.
Unpacked unpack(ImageArchive& archive, const ImageInArchive& image, const std::filesystem::path& folder,
                UnpackLimits limits = {});

}  // namespace labctl::images

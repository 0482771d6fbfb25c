#include "labctl/commands/boot_input.hpp"
#include "labctl/commands/commands.hpp"
#include "labctl/commands/images_of_files.hpp"
#include "labctl/commands/images_of_labs.hpp"
#include "labctl/commands/verb.hpp"
#include "labctl/images/image_cache.hpp"
#include "labctl/images/image_documents.hpp"
#include "labctl/report/exit_code.hpp"
#include "labctl/report/objects/age.hpp"
#include "labctl/report/objects/resources.hpp"
#include "labctl/report/text/table.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <memory>

namespace labctl::commands {
namespace {

using nlohmann::json;

struct ImagesOptions {
  std::vector<std::string> words;  // "rm" and digests, or "prune"
  std::vector<std::string> files;
  std::string output = "table";
  bool force = false;
};

// With as many digits as people compare.
std::string short_digest(const std::string& digest) {
  constexpr std::size_t kDigits = 12;
  return digest.substr(0, images::kDigestBegin.size() + kDigits);
}

std::string joined(const std::vector<std::string>& words, const char* none) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : ",") + word;
  }
  return text.empty() ? none : text;
}

std::string joined_names(const std::vector<std::string>& names) { return joined(names, "<none>"); }

std::string size_text(std::uint64_t bytes) {
  constexpr std::uint64_t kMebi = 1U << 20;
  return bytes < kMebi ? std::to_string((bytes + 1023) >> 10) + "Ki" : std::to_string(bytes >> 20) + "Mi";
}

// Without a cache there is nothing in it, and looking makes none.
std::vector<images::CachedImage> cached_images() {
  std::error_code ignored;
  return std::filesystem::exists(images::cache_path(), ignored) ? images::ImageCache::open().list()
                                                                : std::vector<images::CachedImage>{};
}

json json_of_cached(const images::CachedImage& image) {
  return {{"digest", image.digest},      {"names", image.names},
          {"archive", image.archive},    {"bytes", image.bytes},
          {"leftOut", image.left_out},   {"unpackedAt", image.unpacked_at},
          {"root", image.root.string()}, {"exposedPorts", image.exposed_ports}};
}

int list_cache(const Session& session, report::Format format) {
  const std::vector<images::CachedImage> cached = cached_images();
  if (report::is_structured(format)) {
    json all = json::array();
    for (const images::CachedImage& image : cached) {
      all.push_back(json_of_cached(image));
    }
    report::print_value(session.out(), all, format);
    return report::kPassed;
  }
  report::Table table({"IMAGE", "DIGEST", "SIZE", "AGE", "PORTS", "ARCHIVE"});
  for (const images::CachedImage& image : cached) {
    if (format == report::Format::Name) {
      session.line(image.digest);
      continue;
    }
    const auto age = std::chrono::seconds(std::max<std::int64_t>(0, std::time(nullptr) - image.unpacked_at));
    table.add({joined_names(image.names), short_digest(image.digest), size_text(image.bytes),
               report::format_age(age), joined(image.exposed_ports, "-"), image.archive});
  }
  if (cached.empty()) {
    session.note("no image is unpacked");
  } else if (format != report::Format::Name) {
    table.print(session.out());
  }
  return report::kPassed;
}

int list_files(const Session& session, const std::vector<std::string>& files, report::Format format) {
  const BootInput input = read_boot_input(session, files, BootOptions());
  const std::vector<images::CachedImage> cached = cached_images();
  json all = json::array();
  report::Table table({"IMAGE", "CONTAINERS", "RUNS", "FROM", "PORTS", "DIGEST", "CACHED"});
  for (const ImageUse& use : images_of_files(input.cluster, input.objects)) {
    const bool is_cached = std::any_of(cached.begin(), cached.end(), [&](const images::CachedImage& image) {
      return image.digest == use.digest;
    });
    all.push_back({{"image", use.image},
                   {"containers", use.containers},
                   {"runs", use.runs},
                   {"from", use.from},
                   {"exposedPorts", use.exposed_ports},
                   {"digest", use.digest},
                   {"cached", is_cached}});
    if (format == report::Format::Name) {
      session.line(use.image);
    }
    table.add({use.image, std::to_string(use.containers), use.runs, use.from.empty() ? "-" : use.from,
               joined(use.exposed_ports, "-"), use.digest.empty() ? "-" : short_digest(use.digest),
               use.digest.empty() ? "-" : (is_cached ? "yes" : "no")});
  }
  if (report::is_structured(format)) {
    report::print_value(session.out(), all, format);
  } else if (format != report::Format::Name) {
    table.print(session.out());
  }
  return report::kPassed;
}

// The one whose digest begins so, or that has the name.
images::CachedImage cached_named(const std::vector<images::CachedImage>& cached, const std::string& word) {
  const images::CachedImage* found = nullptr;
  for (const images::CachedImage& image : cached) {
    const bool is_it = image.digest.starts_with(word) ||
                       image.digest.substr(images::kDigestBegin.size()).starts_with(word) ||
                       std::find(image.names.begin(), image.names.end(), word) != image.names.end();
    if (is_it && found != nullptr) {
      throw Error(ErrorKind::InvalidInput, "image " + word + ": more than one begins so", "give more digits");
    }
    found = is_it ? &image : found;
  }
  if (found == nullptr) {
    throw Error(ErrorKind::NotFound, "image " + word + ": is not unpacked",
                "`labctl images` lists those that are");
  }
  return *found;
}

int remove_images(const Session& session, const std::vector<images::CachedImage>& which,
                  report::Format format) {
  json removed = json::array();
  for (const images::CachedImage& image : which) {
    if (!images::ImageCache::open().remove(image.digest)) {
      continue;
    }
    removed.push_back(json_of_cached(image));
    if (format == report::Format::Name) {
      session.line(image.digest);
    } else if (!report::is_structured(format)) {
      session.line("removed " + joined_names(image.names) + " " + short_digest(image.digest));
    }
  }
  if (report::is_structured(format)) {
    report::print_value(session.out(), {{"removed", removed}}, format);
  } else if (removed.empty()) {
    session.note("nothing to remove");
  }
  return report::kPassed;
}

// All whose archive is gone and that no lab has, and what was interrupted.
int prune_images(const Session& session, report::Format format) {
  std::vector<images::CachedImage> cached = cached_images();
  std::erase_if(cached, [](const images::CachedImage& image) {
    std::error_code ignored;
    return std::filesystem::exists(image.archive, ignored);
  });
  const std::vector<LabImages> labs = cached.empty() ? std::vector<LabImages>() : images_of_labs();
  std::erase_if(cached, [&](const images::CachedImage& image) {
    const std::vector<std::string> users = users_of(labs, image.digest);
    if (!users.empty()) {
      session.note("kept " + joined_names(image.names) + ": " + joined_uses(users));
    }
    return !users.empty();
  });
  if (std::error_code ignored; std::filesystem::exists(images::cache_path(), ignored)) {
    images::ImageCache::open().remove_leftovers();
  }
  return remove_images(session, cached, format);
}

void refuse_used(const std::vector<images::CachedImage>& which) {
  const std::vector<LabImages> labs = images_of_labs();
  std::string mistakes;
  for (const images::CachedImage& image : which) {
    const std::vector<std::string> users = users_of(labs, image.digest);
    if (!users.empty()) {
      mistakes += (mistakes.empty() ? "" : "; ") + std::string("image ") + joined_names(image.names) + ": " +
                  joined_uses(users);
    }
  }
  if (!mistakes.empty()) {
    throw Error(ErrorKind::Busy, mistakes,
                "`labctl down` the lab first, or --force: its pods find no files then");
  }
}

int run_images(const Session& session, const ImagesOptions& options) {
  using report::Format;
  const Format format = parse_output(
      options.output, {Format::Table, Format::Name, Format::Json, Format::Yaml, Format::JsonLines});
  const std::string act = options.words.empty() ? "" : options.words.front();
  const std::vector<std::string> rest(options.words.begin() + (act.empty() ? 0 : 1), options.words.end());
  if (act.empty()) {
    return options.files.empty() ? list_cache(session, format) : list_files(session, options.files, format);
  }
  if ((act != "rm" && act != "prune") || !options.files.empty() || rest.empty() != (act == "prune")) {
    throw Error(ErrorKind::InvalidInput, "images: what is to be done?",
                "`labctl images`, `images -f FILES`, `images rm DIGEST...` or `images prune`");
  }
  if (options.force && act != "rm") {
    throw Error(ErrorKind::InvalidInput, "images: --force is of `images rm`");
  }
  if (act == "prune") {
    return prune_images(session, format);
  }
  const std::vector<images::CachedImage> cached = cached_images();
  std::vector<images::CachedImage> which;
  std::transform(rest.begin(), rest.end(), std::back_inserter(which),
                 [&](const std::string& word) { return cached_named(cached, word); });
  if (!options.force) {
    refuse_used(which);
  }
  return remove_images(session, which, format);
}

}  // namespace

void add_images(CLI::App& app, Globals& globals) {
  auto options = std::make_shared<ImagesOptions>();
  CLI::App* verb = add_verb(
      app, globals,
      {.name = "images",
       .group = "Tests and checks",
       .summary = "List images of archives that are unpacked, and what runs for those of files",
       .examples = "  labctl images\n"
                   "  labctl images -f lab.yaml           # what runs for each image of these files\n"
                   "  labctl images rm sha256:3b1f        # it is unpacked again when it is needed\n"
                   "  labctl images prune                 # those whose archive is gone\n"
                   "  labctl images rm shop/web:1 --force # though a lab that is up has it\n",
       .about = "The Cluster's `images:` map names of images to archives, as `docker save` writes them.\n"
                "They are unpacked once, into $XDG_CACHE_HOME/labctl/images or ~/.cache/labctl/images.\n"
                "An image that nothing maps is stood in for by the built-in server."},
      [options](const Session& session) { return run_images(session, *options); });
  verb->add_option("what", options->words, "Nothing, rm DIGEST... or prune")->type_name("WHAT");
  verb->add_option("-f,--filename", options->files, "Files, folders or - for standard input; may be repeated")
      ->type_name("PATH")
      ->allow_extra_args(false);
  verb->add_flag("--force", options->force, "Of rm: also what a lab that is up has");
  add_output_flag(*verb, options->output, "table, name, json, yaml or jsonl");
}

}  // namespace labctl::commands

#include "labctl/images/image_documents.hpp"

#include "topology/base/error.hpp"

#include <gtest/gtest.h>

namespace labctl::images {
namespace {

std::string words_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Error& error) {
    return error.message();
  }
  return "nothing was thrown";
}

TEST(ImageDocuments, ManifestOfDockerNamesConfigurationAndLayers) {
  const auto images = parse_docker_manifest(
      R"([{"Config":"a.json","RepoTags":["shop/web:1"],"Layers":["1/layer.tar","2/layer.tar"]}])", "m");
  ASSERT_EQ(images.size(), 1U);
  EXPECT_EQ(images[0].config, "a.json");
  EXPECT_EQ(images[0].names, std::vector<std::string>{"shop/web:1"});
  EXPECT_EQ(images[0].layers.size(), 2U);
}

TEST(ImageDocuments, RepoTagsMayBeNull) {
  EXPECT_TRUE(parse_docker_manifest(R"([{"Config":"a","RepoTags":null,"Layers":[]}])", "m")[0].names.empty());
}

TEST(ImageDocuments, MistakesNameTheirPlace) {
  EXPECT_EQ(words_of([] { parse_docker_manifest(R"([{"Config":7}])", "shop.tar:manifest.json"); }),
            "shop.tar:manifest.json[0].Config: must be a text");
  EXPECT_EQ(words_of([] { parse_manifest(R"({"config":{}})", "m"); }), "m.config.digest: is missing");
  EXPECT_EQ(words_of([] { parse_index(R"({"manifests":{}})", "i"); }),
            "i.manifests: must be a list of at most 10000");
}

TEST(ImageDocuments, DepthOfJsonIsBounded) {
  const std::string deep(10'000, '[');
  EXPECT_NE(words_of([&] { parse_index(deep, "i"); }).find("nested more than"), std::string::npos);
}

TEST(ImageDocuments, ConfigurationSaysHowItIsRun) {
  const Configuration image = parse_configuration(
      R"({"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["sha256:1"]},
          "config":{"Entrypoint":["/run.sh"],"Cmd":["serve"],"Env":["A=1","EMPTY=","junk","=x"],"WorkingDir":"/srv",
          "User":"web","StopSignal":"SIGQUIT","ExposedPorts":{"80/tcp":{}}}})",
      "c");
  EXPECT_EQ(image.config.entrypoint, std::vector<std::string>{"/run.sh"});
  EXPECT_EQ(image.config.cmd, std::vector<std::string>{"serve"});
  const std::vector<std::pair<std::string, std::string>> env{{"A", "1"}, {"EMPTY", ""}};
  EXPECT_EQ(image.config.env, env);
  EXPECT_EQ(image.config.working_dir, "/srv");
  EXPECT_EQ(image.config.user, "web");
  EXPECT_EQ(image.config.stop_signal, "SIGQUIT");
  EXPECT_EQ(image.config.exposed_ports, std::vector<std::string>{"80/tcp"});
}

TEST(ImageDocuments, DigestIsNoPath) {
  EXPECT_THROW(blob_of("sha256:../../../../etc/passwd", "x"), Error);
  EXPECT_THROW(blob_of("md5:d41d8cd98f00b204e9800998ecf8427e", "x"), Error);
  EXPECT_EQ(blob_of("sha256:" + std::string(64, 'a'), "x"), "blobs/sha256/" + std::string(64, 'a'));
}

}  // namespace
}  // namespace labctl::images

// The machine with the right kernel: its description is valid where vagrant is there to say so.

#include "tests/house/source_tree.hpp"
#include "tests/support/run_program.hpp"
#include "tests/support/temp_dir.hpp"

#include <gtest/gtest.h>

#include <iostream>

namespace labctl::house {
namespace {

TEST(Vagrant, DescriptionIsValid) {
  const std::filesystem::path folder = repository() / "vagrant";
  ASSERT_TRUE(std::filesystem::exists(folder / "Vagrantfile"));
  if (support::find_program("vagrant").empty()) {
    std::cout << "note: vagrant is not installed; only the text was looked at\n";
    return;
  }
  const support::TempDir home;
  support::Program program;
  program.command = {"vagrant", "validate", "--ignore-provider"};
  program.directory = folder;
  // Vagrant writes to its home and to .vagrant beside the file.
  program.env = {{"VAGRANT_HOME", home.path() / "home"},
                 {"VAGRANT_DOTFILE_PATH", home.path() / "dot"},
                 {"VAGRANT_CHECKPOINT_DISABLE", "1"}};
  program.timeout = std::chrono::seconds(100);
  const support::ProgramResult result = support::run_program(program);
  EXPECT_EQ(result.exit_code, 0) << to_string(result);
}

TEST(Vagrant, ProvisionsWithTheStagesOfCi) {
  const std::string text = support::read_file(repository() / "vagrant/Vagrantfile");
  EXPECT_NE(text.find("ci/setup"), std::string::npos);
  EXPECT_NE(text.find("ci/build"), std::string::npos);
}

}  // namespace
}  // namespace labctl::house

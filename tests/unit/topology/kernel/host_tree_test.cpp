#include "topology/kernel/host_tree.hpp"

#include <gtest/gtest.h>

namespace labctl::kernel {
namespace {

using Points = std::vector<std::string>;

TEST(MountPoints, AreTheFifthFieldsOfMountinfo) {
  EXPECT_EQ(mount_points("22 27 0:21 / /sys rw,nosuid shared:7 - sysfs sysfs rw\n"
                         "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
                         "31 27 0:5 /a\\040b /mnt/a\\040b\\011c\\134d rw - tmpfs tmpfs rw"),
            (Points{"/sys", "/", "/mnt/a b\tc\\d"}));
}

TEST(MountPoints, AreToldOnceThoughMountedOver) {
  EXPECT_EQ(mount_points("1 0 0:1 / /x rw - tmpfs t rw\n2 1 0:2 / /x rw - tmpfs t rw\n"), Points{"/x"});
}

TEST(MountPoints, OfTextThatIsCutAreThoseThatAreThere) {
  for (const char* text : {"", "\n", "22", "22 27 0:21 /", "22 27 0:21 / \n", "1 2 3 4 \\"}) {
    EXPECT_LE(mount_points(text).size(), 1U) << text;
  }
  EXPECT_EQ(mount_points("1 2 3 4 /a\\0"), Points{"/a\\0"});
}

TEST(OverlayOptions, EscapeWhatPartsThem) {
  EXPECT_EQ(overlay_options("/a:b,c\\d", "/u", "/w"),
            "userxattr,lowerdir=/a\\:b\\,c\\\\d,upperdir=/u,workdir=/w");
}

}  // namespace
}  // namespace labctl::kernel

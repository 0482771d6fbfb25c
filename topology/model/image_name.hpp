#pragma once

// Names of images as kubelets read them: github.com/distribution/reference, [DOMAIN/]PATH[:TAG][@DIGEST].

#include <optional>
#include <string>
#include <string_view>

namespace labctl::model {

// With what a short name leaves out: "nginx" is "docker.io/library/nginx:latest". One with a digest keeps it and gets
// no tag. Nothing for what is no name of an image ("Shop/Web", "a b", "").
std::optional<std::string> whole_image_name(std::string_view name);

// Whether an image that an archive has under the name `kept` is what `wanted` means. The registry "localhost", which
// builders put before a name without one, may be left out; a `kept` that is only a tag, as OCI layouts have it, stands
// for any image of that tag.
bool is_image_named(std::string_view kept, std::string_view wanted);

}  // namespace labctl::model

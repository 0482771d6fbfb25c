#include "labctl/api/resource_kinds.hpp"
#include "labctl/scenario/refusal.hpp"
#include "labctl/scenario/verbs/verbs.hpp"

namespace labctl::scenario {

Attempt do_patch(Context& context, const nlohmann::json& value) {
  const api::ResourceRef ref = api::parse_resource_ref(value["ref"].get<std::string>());
  const std::string path = api::object_path(*ref.kind, ref.ns, ref.name);
  const std::string subresource = value.value("subresource", "");
  const std::string target = path + (subresource.empty() ? "" : "/" + subresource);
  if (!value.contains("expect")) {
    context.lab.patch(target, value["merge"].dump());
    return {};
  }
  const bool with_status = !subresource.empty();
  const nlohmann::json before = written_state(context, {path}, with_status);
  const api::Reply reply =
      context.lab.send("PATCH", target, value["merge"].dump(), "application/merge-patch+json");
  const std::string message = reply.is_error() ? reply.json().value("message", "") : "";
  return check_refusal(value["expect"], message, before, written_state(context, {path}, with_status));
}

}  // namespace labctl::scenario

#include "labctl/controllers/news.hpp"

#include "labctl/objects/fields.hpp"
#include "labctl/store/selectors.hpp"

#include <nlohmann/json.hpp>

namespace labctl::controllers {

using nlohmann::json;
using objects::field;
using objects::number_at;
using store::Change;

bool is_news_to_itself(const Change& change) {
  if (change.before == nullptr) {
    return true;
  }
  const json& before = change.before->at("metadata");
  const json& after = change.object->at("metadata");
  for (const char* name : {"generation", "labels", "ownerReferences", "deletionTimestamp"}) {
    const json* one = field(before, name);
    const json* other = field(after, name);
    if ((one == nullptr) != (other == nullptr) || (one != nullptr && *one != *other)) {
      return true;
    }
  }
  return false;
}

bool is_another_wish(const Change& change) {
  return change.before == nullptr || number_at(*change.before, "metadata.generation", 0) !=
                                         number_at(*change.object, "metadata.generation", 0);
}

bool may_be_wanted_now(const Change& change) {
  return change.before == nullptr || objects::controller_of(*change.before) != nullptr ||
         store::labels_of(*change.before) != store::labels_of(*change.object);
}

}  // namespace labctl::controllers

#pragma once

// What `kubectl apply` makes of an object that is there: the three-way strategic merge of what was applied
// last, what is wanted now, and what lives (apimachinery, strategicpatch, CreateThreeWayMergePatch; for custom
// resources jsonmergepatch). Both steps of it at once, the patch and its application.
//
// Pure. Any JSON that does not nest deeper than requests may: what was applied last comes from an annotation
// that anybody may write.

#include "labctl/apiserver/patch_schema.hpp"

#include <nlohmann/json_fwd.hpp>

namespace labctl::apiserver {

// What `modified` says is there afterwards; what `original` said and `modified` does not is gone; all else of
// `live` stays. A null in `modified` takes the field away, whoever set it. Items of a list that merges stand
// in the order of `modified`, those of others between them where they stood (normalizeElementOrder). Two items
// of one key are told apart by their order, where kubectl would mix them up.
nlohmann::json three_way_merge(const nlohmann::json& original, const nlohmann::json& modified,
                               nlohmann::json live, const PatchType& type);

}  // namespace labctl::apiserver

#pragma once

// What a change of an object is to the control loops: many are written by the loops themselves, which need
// not look again at what they have just done.
//
// Pure.

#include "labctl/store/change.hpp"

namespace labctl::controllers {

// More than status and annotations, which its own controller writes, changed.
bool is_news_to_itself(const store::Change& change);
// Its users changed what it is to be.
bool is_another_wish(const store::Change& change);
// It is new, its labels changed, or its controller let it go: some selector may match that did not before.
bool may_be_wanted_now(const store::Change& change);

}  // namespace labctl::controllers

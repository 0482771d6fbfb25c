#include "labctl/objects/pod_course.hpp"

#include "labctl/objects/deletion.hpp"
#include "labctl/objects/fields.hpp"

#include <nlohmann/json.hpp>

namespace labctl::objects {

using nlohmann::json;

std::string_view hold_name(PodHold hold) {
  switch (hold) {
    case PodHold::None:
      return "held by nobody";
    case PodHold::Retrying:
      return "waiting to be tried again";
    case PodHold::Placed:
      return "placed";
    case PodHold::Living:
      return "living";
    case PodHold::Stopping:
      return "stopping";
    case PodHold::Stopped:
      return "stopped";
  }
  return "?";
}

PodWish wish_of(const json& pod) {
  return {!text_at(pod, "spec.nodeName").empty() && !text_at(pod, "status.podIP").empty(), is_finished(pod),
          is_being_deleted(pod), has_finalizers(pod)};
}

PodAct next_act(const std::optional<PodWish>& wish, PodHold hold) {
  const bool is_to_go = !wish || wish->is_being_deleted || wish->is_finished;
  switch (hold) {
    case PodHold::None:
      if (!wish) {
        return PodAct::Nothing;
      }
      if (wish->is_being_deleted) {
        return wish->is_held_back ? PodAct::Nothing : PodAct::RemoveObject;
      }
      return wish->is_assigned && !wish->is_finished ? PodAct::Place : PodAct::Nothing;
    case PodHold::Retrying:
      return is_to_go ? PodAct::ForgetRetry : PodAct::Nothing;
    case PodHold::Placed:
      return is_to_go ? PodAct::GiveUpPlace : PodAct::Nothing;
    case PodHold::Living:
    case PodHold::Stopping:
      if (!wish) {
        return PodAct::StopAtOnce;
      }
      if (wish->is_being_deleted) {
        return PodAct::Stop;
      }
      return wish->is_finished ? PodAct::Disconnect : PodAct::Nothing;
    case PodHold::Stopped:
      return PodAct::TakeDown;
  }
  return PodAct::Nothing;
}

bool lives_on_node(const json& pod) {
  const PodWish wish = wish_of(pod);
  return wish.is_assigned && !wish.is_finished;
}

bool is_placeable(const json& pod) { return next_act(wish_of(pod), PodHold::None) == PodAct::Place; }

}  // namespace labctl::objects

// A lab outlives what goes wrong over its objects and on its main loop, and every pod's life ends.

#include "tests/netns/lab/lab_host.hpp"

#include <atomic>
#include <map>
#include <random>
#include <stdexcept>
#include <thread>

namespace labctl::lab::testing {
namespace {

using kernel::IdMapping;
using kernel::testing::run_in_capsule;
using nlohmann::json;

json agnhost_pod() {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", json::object()},
          {"spec",
           {{"containers",
             {{{"name", "c"},
               {"image", "agnhost"},
               {"args", {"netexec"}},
               {"ports", {{{"containerPort", 8080}}}}}}}}},
          {"status", {{"phase", "Pending"}}}};
}

// As a scheduler leaves it, and nobody else has seen it yet.
void assign(json& pod, const std::string& node) {
  pod["spec"]["nodeName"] = node;
  pod["status"]["podIP"] = "10.244.1.77";
  pod["status"]["podIPs"] = json::array({{{"ip", "10.244.1.77"}}});
}

// ---- Every pod's life ends -----------------------------------------------------------------------

TEST(LabInProcess, APodDeletedInTheTurnThatScheduledItGoes) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster());
    host.lab.objects().create(host.pod_key("a"), agnhost_pod());
    host.lab.objects().modify(host.pod_key("a"), [](json& pod) { assign(pod, "node-1"); });
    objects::delete_object(host.lab.objects(), host.pod_key("a"));
    ASSERT_NE(host.pod("a"), nullptr);  // marked: it may live on its node
    EXPECT_TRUE(host.run_until([&] { return host.pod("a") == nullptr; }));
    EXPECT_EQ(host.first_stuck, "");
  });
}

TEST(LabInProcess, APodDeletedWhileItsPlaceIsTriedAgainGoes) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster());
    json pod = agnhost_pod();
    assign(pod, "nowhere");
    host.lab.objects().create(host.pod_key("a"), pod);
    host.lab.objects().create(host.pod_key("b"), agnhost_pod());
    ASSERT_TRUE(
        host.run_until([&] { return host.has_event("FailedCreatePodSandBox") && host.is_ready("b"); }));
    objects::delete_object(host.lab.objects(), host.pod_key("a"));
    EXPECT_TRUE(host.run_until([&] { return host.pod("a") == nullptr; }));
    EXPECT_EQ(host.first_stuck, "");
  });
}

TEST(LabInProcess, ANamesakeOfAPodRemovedByForceHasALifeOfItsOwn) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster() + program_pod("a", "sleep 3600"));
    ASSERT_TRUE(host.run_until([&] { return host.is_ready("a"); }));
    const std::string first = objects::uid_of(*host.pod("a"));
    host.lab.objects().remove(host.pod_key("a"));
    host.lab.objects().create(host.pod_key("a"), agnhost_pod());
    EXPECT_TRUE(host.run_until([&] { return host.is_ready("a") && host.lab.is_at_rest(); }));
    EXPECT_NE(objects::uid_of(*host.pod("a")), first);
    EXPECT_EQ(host.lab.log({"default", "a"}, "c").lines({}).size(), 0U);
    EXPECT_EQ(host.first_stuck, "");
  });
}

TEST(LabInProcess, ANamesakeOfAFinishedPodRuns) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster() + program_pod("a", "true", "restartPolicy: Never, "));
    ASSERT_TRUE(host.run_until([&] { return objects::phase_of(*host.pod("a")) == "Succeeded"; }));
    objects::delete_object(host.lab.objects(), host.pod_key("a"));
    host.lab.objects().create(host.pod_key("a"), agnhost_pod());
    EXPECT_TRUE(host.run_until([&] { return host.is_ready("a"); }));
    EXPECT_EQ(host.first_stuck, "");
  });
}

TEST(LabInProcess, ANamespaceGoesWithPodsInEveryStageOfTheirLives) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster());
    store::Store& objects = host.lab.objects();
    objects.create({"namespaces", "", "shop"}, {{"apiVersion", "v1"}, {"kind", "Namespace"}});
    objects.create({"pods", "shop", "runs"}, agnhost_pod());
    ASSERT_TRUE(host.run_until([&] { return objects::is_ready(*objects.find({"pods", "shop", "runs"})); }));
    json lost = agnhost_pod();
    assign(lost, "nowhere");
    objects.create({"pods", "shop", "lost"}, lost);
    ASSERT_TRUE(host.run_until([&] { return host.has_event("FailedCreatePodSandBox"); }));
    objects.create({"pods", "shop", "new"}, agnhost_pod());
    objects::delete_object(objects, {"namespaces", "", "shop"});
    EXPECT_TRUE(host.run_until([&] { return objects.find({"namespaces", "", "shop"}) == nullptr; }));
    EXPECT_EQ(host.first_stuck, "");
  });
}

// ---- What goes wrong over one object -------------------------------------------------------------

TEST(LabInProcess, AStatusThatNothingCanBeAddedToDoesNotEndTheLab) {
  run_in_capsule(IdMapping::Single, [] {
    LabHost host(small_cluster() + program_pod("a", "sleep 3600"));
    ASSERT_TRUE(host.run_until([&] { return host.is_ready("a"); }));
    for (const json& odd : {json(5), json("text"), json::array({5}), json(true)}) {
      const auto write = [&](const char* field) {
        host.lab.objects().modify(host.pod_key("a"), [&](json& pod) { pod["status"][field] = odd; });
      };
      EXPECT_THROW(write("conditions"), Error) << odd;
      write("containerStatuses");  // the store holds them to no shape
      host.lab.objects().create(host.pod_key("b"), agnhost_pod());
      EXPECT_TRUE(host.run_until([&] { return host.is_ready("b"); }));
      objects::delete_object(host.lab.objects(), host.pod_key("b"), {std::chrono::seconds(0), false});
      EXPECT_TRUE(host.run_until([&] { return host.pod("b") == nullptr; }));
    }
    objects::delete_object(host.lab.objects(), host.pod_key("a"), {std::chrono::seconds(0), false});
    EXPECT_TRUE(host.run_until([&] { return host.pod("a") == nullptr; }));
  });
}

TEST(LabInProcess, NamesAtTheirLimitsRun) {
  run_in_capsule(IdMapping::Single, [] {
    const std::string name(253, 'p');
    const std::string container(63, 'c');
    const std::string probe = "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
                              "}\nspec: {containers: [{name: " + container +
                              ", image: host, command: [sh, -c, 'uname -n; sleep 3600'], readinessProbe: "
                              "{exec: {command: [\"true\"]}}}]}\n"
                              "---\n";
    LabHost host(small_cluster() + probe);
    EXPECT_TRUE(host.run_until([&] { return host.is_ready(name); })) << host.pod(name)->dump(1);
    EXPECT_NO_THROW(host.lab.exec_options("pod/default/" + name, container, {"true"}, {}));
    objects::delete_object(host.lab.objects(), host.pod_key(name), {std::chrono::seconds(0), false});
    EXPECT_TRUE(host.run_until([&] { return host.pod(name) == nullptr; }));
    EXPECT_EQ(host.first_stuck, "");
  });
}

// ---- Much at once -----------------------------------------------------------------------------------

TEST(LabInProcess, AnswersWhileManyPodsComeAndGo) {
  run_in_capsule(IdMapping::Single, [] {
    constexpr std::size_t kPods = 200;
    LabHost host(small_cluster() + web(0));
    std::map<std::size_t, int> answers;  // by how many pods were ready then
    bool is_over = false;
    bool is_well_counted = true;
    std::thread client([&] {
      store::Store& objects = host.lab.objects();
      const auto scale = [&](std::size_t replicas) {
        host.loop.run_here([&] {
          objects.modify({"deployments", "default", "web"},
                         [&](json& web) { web["spec"]["replicas"] = replicas; });
        });
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(25);
        for (std::size_t pods = kPods + 1; pods != replicas && std::chrono::steady_clock::now() < deadline;) {
          host.loop.run_here([&] {
            const json counted = host.lab.status().at("pods");
            pods = counted.at("total");
            std::size_t placed = 0;
            std::size_t ready = 0;
            for (const store::ObjectPtr& pod : objects.list("pods")) {
              ready += objects::is_ready(*pod) ? 1 : 0;
              placed += host.lab.has_pod({"default", objects::name_of(*pod)}) ? 1 : 0;
            }
            is_well_counted = is_well_counted && counted.at("ready") == ready;
            ++answers[placed];
            pods = placed == replicas ? pods : kPods + 1;
          });
        }
      };
      scale(kPods);
      scale(0);
      host.loop.run_here([&] { is_over = host.lab.objects().count("pods") == 0; });
      host.loop.stop();
    });
    host.loop.run();
    client.join();
    EXPECT_TRUE(is_over);
    EXPECT_TRUE(is_well_counted);
    EXPECT_EQ(host.first_stuck, "");
    // Not only before the first and after the last of them.
    answers.erase(0);
    answers.erase(kPods);
    EXPECT_GE(answers.size(), 3U);
  });
}

// ---- What goes wrong on the main loop --------------------------------------------------------------

// Requests and turns of the controllers that fail by chance, and timers and parts that fail when they have
// done their work: the lab answers all the while, and ends up as its objects say.
TEST(LabInProcess, OutlivesPiecesOfWorkThatThrow) {
  run_in_capsule(IdMapping::Single, [] {
    int posted = 0;
    int timers = 0;
    bool is_armed = false;
    LabHost host(small_cluster() + web(6) + program_pod("a", "sleep 3600"),
                 [&](Piece piece, const std::function<void()>& work) {
                   if (is_armed && piece == Piece::Posted && ++posted % 3 == 0) {
                     throw std::runtime_error("this piece never came");
                   }
                   work();
                   if (is_armed && piece == Piece::Timer && ++timers % 4 == 0) {
                     throw std::logic_error("this piece was done, and threw");
                   }
                 });
    is_armed = true;
    std::atomic<int> answered = 0;
    std::atomic<int> refused = 0;
    std::string left = "not asked yet";
    std::thread client([&] {
      std::mt19937 random(7);
      // As a client that sends its request again after a 500.
      const auto ask = [&](const std::function<void()>& request) {
        for (int tries = 0; tries < 5; ++tries) {
          try {
            host.loop.run_here(request);
            ++answered;
            return;
          } catch (const std::runtime_error&) {
            ++refused;
          }
        }
      };
      store::Store& objects = host.lab.objects();
      for (int change = 0; change < 60; ++change) {
        ask([&] {
          if (random() % 2 == 0) {
            objects.modify({"deployments", "default", "web"}, [&](json& web) {
              web["spec"]["template"]["metadata"]["annotations"]["version"] = std::to_string(change);
            });
          } else {
            const auto pods = objects.list("pods", "default");
            objects::delete_object(objects, host.pod_key(objects::name_of(*pods[random() % pods.size()])),
                                   {std::chrono::seconds(1), false});
          }
        });
        ask([&] { host.lab.status(); });
        std::this_thread::yield();
      }
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(5);
      while (!left.empty() && std::chrono::steady_clock::now() < deadline) {
        ask([&] {
          left = host.lab.is_at_rest() ? controllers::to_text(host.lab.stuck()) : "not at rest\n";
          std::size_t ready = 0;
          for (const store::ObjectPtr& pod : objects.list("pods", "default")) {
            ready +=
                objects::is_ready(*pod) && objects::text_at(*pod, "metadata.labels.app") == "web" ? 1 : 0;
            left += objects::is_being_deleted(*pod) ? objects::name_of(*pod) + " is being deleted\n" : "";
          }
          left += ready == 6 ? "" : std::to_string(ready) + " are ready\n";
        });
      }
      host.loop.stop();
    });
    host.loop.run();
    client.join();
    EXPECT_EQ(left, "");
    EXPECT_GT(answered.load(), 100);
    EXPECT_GT(refused.load(), 20);
    EXPECT_GT(timers, 4);
    EXPECT_EQ(host.first_stuck, "");
  });
}

}  // namespace
}  // namespace labctl::lab::testing

#include "labctl/commands/example_scenario.hpp"

#include <array>

namespace labctl::commands {
namespace {

constexpr std::string_view kScenario =
    R"yaml(# A scenario: a lab, what runs in it, and what must hold. Run it:
#
#   labctl test .           every step, in a lab of its own that is gone afterwards
#   labctl lint .           only the files, without booting anything
#
# `labctl schema Scenario` says all that may stand here.
apiVersion: labctl.dev/v1alpha1
kind: Scenario
metadata:
  name: example
  labels: {topic: example}      # yours to choose; they come back in reports
spec:
  # The lab: node-1 and node-2, and outside of the cluster the hosts client and www. This is the spec of a
  # Cluster; it may also stand in a file of its own: `cluster: cluster.yaml`.
  cluster: {nodes: 2}
  # Files and folders, relative to this one. The first step begins when every pod is ready.
  apply: [manifests/]
  # Values for ${name} in the steps below; `labctl test --set replicas=5` gives another.
  vars:
    replicas: 3

  # Steps run in order, each with a name and one verb: probe, exec, wait, apply, delete, scale, label, matrix.
  steps:
  # ---- probe: does this reach that? ------------------------------------------------------------
  # From pod/NAMESPACE/NAME, node/NAME or outside/NAME. `expect` may say who must have answered (backends) and
  # which source address the server saw.
  - name: a node reaches the pod
    explain: >-
      An explanation is printed with the result. Nodes and pods share one network, without translation.
    probe:
      from: node/node-1
      to: pod/default/client:8080
      expect: {outcome: ok, backends: [pod/default/client]}
  - name: the pod reaches the outside
    probe:
      from: pod/default/client
      to: 198.51.100.80:80       # www
      expect: {outcome: ok, backends: [outside/www]}
  # What must not work is tested as well: outcomes are ok, refused, timeout, unreachable and more.
  - name: a port that nobody listens on is refused
    probe:
      from: node/node-1
      to: pod/default/client:9999
      expect: {outcome: refused}

  # One step for several cases: the step runs once for each, with its values in place of ${...}.
  - name: outside/client reaches ${to} by ${proto}
    cases:
    - {to: outside/www, proto: icmp}
    - {to: node/node-2, proto: icmp}
    probe:
      from: outside/client
      to: ${to}
      proto: icmp
      expect: {outcome: ok}

  # ---- scale and wait --------------------------------------------------------------------------
  - name: scale up
    scale: {ref: deployment/default/web, replicas: "${replicas}"}
  # There is no sleep: a step waits for a condition, or for a value at a JSON pointer, and at most `timeout`.
  - name: the new pods are ready
    wait:
      for: deployment/default/web
      pointer: /status/readyReplicas
      equals: ${replicas}
      timeout: 30s

  # ---- matrix: everything to everything --------------------------------------------------------
  # The pods of a Deployment have made-up names, and need none here: every pod, node and outside host is asked
  # to reach every pod on its declared ports, and compared with what the lab's design says.
  - name: every pod reaches every pod
    matrix: {proto: tcp}
    within: 5s                   # try again until it holds, at most so long; `for: 3s` is "holds all the time"

  # ---- exec: a command in a pod or node, to look into it ---------------------------------------
  - name: the client has the address that its node gave it
    exec:
      in: pod/default/client
      command: [cat, /etc/hosts]
      expect: {code: 0, stdout: {contains: client}}
)yaml";

constexpr std::string_view kClient =
    R"yaml(# A pod to probe from. Images are not fetched: labctl runs its own server in their place, which answers on the
# declared ports and says which pod it is. With `image: host` a container runs a program of this host instead.
apiVersion: v1
kind: Pod
metadata:
  name: client
  labels: {app: client}
spec:
  nodeName: node-1               # left out, the scheduler chooses
  containers:
  - name: server
    image: registry.k8s.io/e2e-test-images/agnhost:2.53
    args: [netexec, --http-port=8080]
    ports:
    - {name: http, containerPort: 8080}
)yaml";

constexpr std::string_view kWeb =
    R"yaml(# An ordinary Deployment, as `kubectl apply` would take it; its pods spread over the nodes.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 2
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: server
        image: registry.k8s.io/e2e-test-images/agnhost:2.53
        args: [netexec, --http-port=8080]
        ports:
        - {name: http, containerPort: 8080}
)yaml";

constexpr std::array kFiles{
    ExampleFile{"scenario.yaml", kScenario},
    ExampleFile{"manifests/client.yaml", kClient},
    ExampleFile{"manifests/web.yaml", kWeb},
};

}  // namespace

std::span<const ExampleFile> example_scenario() { return kFiles; }

}  // namespace labctl::commands

#include "probes/server/stream_services.hpp"

#include "probes/server/text_protocol.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>
#include <utility>

namespace labctl::server {
namespace {

// A client that connects and says nothing is let go after this.
constexpr std::chrono::seconds kSilence{60};

// Waits for the first bytes, answers them, ends.
class OneQuestion final : public Session {
 public:
  OneQuestion(Core& core, const ListenerTable::View& listener, Accepted connection)
      : Session(listener.pod, listener.container, std::move(connection.fd)),
        core_(core),
        service_(listener.endpoint->service),
        peer_(connection.peer) {}

  void begin() {
    core_.loop().set_deadline(*this, std::chrono::steady_clock::now() + kSilence);
    core_.loop().watch(*this, EPOLLIN);
  }

  void on_ready(std::uint32_t) override {
    // Closed with more unread, TCP resets: all that tcp-reset is.
    std::array<char, 1024> buffer;
    const std::size_t wanted = service_ == Service::ResetAfterOne ? 1 : buffer.size();
    const ssize_t got = ::recv(fd(), buffer.data(), wanted, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
      return;
    }
    const PodFacts* pod = core_.find_pod(this->pod());
    if (got > 0 && service_ == Service::NetexecText && pod != nullptr) {
      std::array<char, 2048> answer;
      const std::size_t length =
          answer_text({pod->id, pod->hostname, service_, {}}, {buffer.data(), static_cast<std::size_t>(got)},
                      peer_.address, peer_.port, answer);
      if (length > 0) {
        ::send(fd(), answer.data(), length, MSG_NOSIGNAL);
      }
    } else if (service_ == Service::ResetAfterOne) {
      core_.log(container(), "TCP request from " + to_string(peer_.address, peer_.port));
    }
    core_.loop().remove(*this);
  }

  void on_deadline() override { core_.loop().remove(*this); }
  bool is_connection() const override { return true; }

 private:
  Core& core_;
  Service service_;
  Peer peer_;
};

}  // namespace

void serve_stream(Core& core, const ListenerTable::View& listener, Accepted connection) {
  const Service service = listener.endpoint->service;
  if (service == Service::HostnameText || service == Service::FixedText) {
    const PodFacts* pod = core.find_pod(listener.pod);
    const std::string_view text = service == Service::FixedText ? std::string_view(listener.endpoint->text)
                                  : pod != nullptr              ? std::string_view(pod->hostname)
                                                                : std::string_view();
    core.log(listener.container,
             (listener.endpoint->protocol == model::Protocol::Sctp ? "SCTP" : "TCP") +
                 (" request from " + to_string(connection.peer.address, connection.peer.port)));
    // An empty send buffer takes it whole.
    ::send(connection.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return;
  }
  auto session = std::make_unique<OneQuestion>(core, listener, std::move(connection));
  static_cast<OneQuestion&>(core.adopt(std::move(session))).begin();
}

}  // namespace labctl::server

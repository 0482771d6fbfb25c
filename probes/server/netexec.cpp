// The HTTP API of netexec: network model §18, texts as agnhost writes them.

#include "probes/server/http_services.hpp"
#include "topology/base/duration.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace labctl::server {
namespace {

using std::chrono::milliseconds;

std::optional<int> parse_int(std::string_view text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return std::nullopt;
  }
  return number;
}

void reply_text(HttpSession& session, std::string body, int status = 200) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  session.reply(reply);
}

// "2026-01-02 03:04:05.678901234 +0000 UTC m=+1.234567890", as Go prints a time: the wall clock, and the
// seconds since the program (here: the container) began.
std::string go_time(const Container* container) {
  const auto now = std::chrono::system_clock::now();
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  const auto nanoseconds =
      std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count() % 1'000'000'000;
  const auto age = container == nullptr
                       ? std::chrono::nanoseconds(0)
                       : std::chrono::nanoseconds(std::chrono::steady_clock::now() - container->started);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char date[32];
  std::strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &utc);
  char text[96];
  std::snprintf(text, sizeof text, "%s.%09lld +0000 UTC m=+%lld.%09lld", date,
                static_cast<long long>(nanoseconds), static_cast<long long>(age.count() / 1'000'000'000),
                static_cast<long long>(age.count() % 1'000'000'000));
  return text;
}

class Netexec {
 public:
  Netexec(HttpSession& session, const HttpMessage& request, Target target)
      : session_(session), core_(session.core()), request_(request), target_(std::move(target)) {}

  void serve() {
    using Handler = void (Netexec::*)();
    static const std::map<std::string_view, Handler> kPaths{
        {"/clientip", &Netexec::client_ip}, {"/serverport", &Netexec::server_port},
        {"/header", &Netexec::header},      {"/dial", &Netexec::dial},
        {"/echo", &Netexec::echo},          {"/exit", &Netexec::exit},
        {"/healthz", &Netexec::healthz},    {"/readyz", &Netexec::readyz},
        {"/hostname", &Netexec::hostname},  {"/hostName", &Netexec::hostname},
        {"/redirect", &Netexec::redirect},  {"/shell", &Netexec::shell},
        {"/shutdown", &Netexec::shutdown},  {"/upload", &Netexec::upload},
    };
    const auto found = kPaths.find(target_.path);
    found == kPaths.end() ? root() : (this->*found->second)();
  }

  // Whatever the application's own API is, it is up. Nothing here ends it or runs a program.
  void stand_in() {
    using Handler = void (Netexec::*)();
    static const std::map<std::string_view, Handler> kPaths{
        {"/clientip", &Netexec::client_ip}, {"/serverport", &Netexec::server_port},
        {"/header", &Netexec::header},      {"/hostname", &Netexec::hostname},
        {"/hostName", &Netexec::hostname},
    };
    const auto found = kPaths.find(target_.path);
    found == kPaths.end() ? root() : (this->*found->second)();
  }

 private:
  const std::string& value(std::string_view key) const { return target_.get(key); }
  void log(std::string line) { core_.log(session_.container(), std::move(line)); }

  // Any path that nothing else serves, as in Go's mux.
  void root() {
    log("GET /");
    reply_text(session_, "NOW: " + go_time(core_.find_container(session_.container())));
  }

  void client_ip() {
    log("GET /clientip");
    reply_text(session_, to_string(session_.peer().address, session_.peer().port));
  }

  void server_port() {
    log("GET /serverport");
    reply_text(session_, std::to_string(session_.endpoint().port));
  }

  void hostname() {
    log("GET " + target_.path);
    const PodFacts* pod = core_.find_pod(session_.pod());
    reply_text(session_, pod != nullptr ? pod->hostname : "");
  }

  void header() {
    const std::string& key = value("key");
    if (!key.empty()) {
      log("GET /header?key=" + key);
      reply_text(session_, std::string(request_.header(key).value_or("")));
      return;
    }
    log("GET /header");
    std::map<std::string, std::vector<std::string>> headers;
    for (const auto& [name, text] : request_.headers) {
      headers[name].push_back(text);
    }
    std::string json = "{";
    for (const auto& [name, texts] : headers) {
      json += (json.size() > 1 ? "," : "") + json_string(name) + ":" + json_array(texts);
    }
    reply_text(session_, json + "}");
  }

  void echo() {
    const std::string& code = value("code");
    log("GET /echo?msg=" + value("msg") + "&code=" + code);
    const auto status = code.empty() ? std::optional(200) : parse_int(code);
    if (!status) {
      reply_text(session_, "argument 'code' must be an integer or empty, got " + go_quoted(code) + "\n");
    } else if (*status < 200 || *status > 999) {
      reply_text(session_, "argument 'code' must be a final HTTP status, got " + go_quoted(code) + "\n", 400);
    } else {
      reply_text(session_, value("msg"), *status);
    }
  }

  void redirect() {
    const std::string& location = value("location");
    const std::string& code = value("code");
    log(request_.method + " /redirect?msg=" + location + "&code=" + code);
    const auto status = code.empty() ? std::optional(302) : parse_int(code);
    if (!status || *status < 200 || *status > 999) {
      reply_text(session_, "argument 'code' must be an integer or empty, got " + go_quoted(code) + "\n");
      return;
    }
    HttpReply reply;
    reply.status = *status;
    reply.headers.emplace_back("Location", location);
    if (request_.method == "GET" || request_.method == "HEAD") {
      reply.content_type = "text/html; charset=utf-8";
      reply.body = "<a href=\"" + escaped(location) + "\">" + std::string(status_text(*status)) + "</a>.\n\n";
    }
    session_.reply(reply);
  }

  static std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
      switch (c) {
        case '<':
          out += "&lt;";
          break;
        case '>':
          out += "&gt;";
          break;
        case '&':
          out += "&amp;";
          break;
        case '"':
          out += "&#34;";
          break;
        default:
          out += c;
      }
    }
    return out;
  }

  // Ready once a UDP or SCTP server runs, which here is from the start or never.
  bool is_ready() const {
    const Container* container = core_.find_container(session_.container());
    if (container == nullptr) {
      return false;
    }
    // An image of declared ports has no readiness of netexec's own: being served is being ready.
    return container->role->name != "netexec" ||
           std::any_of(container->role->endpoints.begin(), container->role->endpoints.end(),
                       [](const Endpoint& endpoint) { return endpoint.protocol != model::Protocol::Tcp; });
  }

  void healthz() {
    log("GET /healthz");
    reply_text(session_, "", is_ready() ? 200 : 412);
  }

  void readyz() {
    log("GET /readyz");
    const Container* container = core_.find_container(session_.container());
    if (container != nullptr && container->terminating) {
      reply_text(session_, "shutting down", 503);
    } else {
      is_ready() ? reply_text(session_, "ok") : reply_text(session_, "", 412);
    }
  }

  void dial() {
    log("GET /dial?host=" + value("host") + "&protocol=" + value("protocol") + "&port=" + value("port") +
        "&request=" + value("request") + "&tries=" + value("tries"));
    serve_dial(session_, target_);
  }

  void exit() {
    const std::string& wait_text = value("wait");
    const std::string& timeout_text = value("timeout");
    const std::string& code_text = value("code");
    log("GET /exit?code=" + code_text + "&timeout=" + timeout_text + "&wait=" + wait_text);
    const auto timeout = timeout_text.empty() ? std::chrono::microseconds(0) : parse_duration(timeout_text);
    if (!timeout) {
      reply_text(session_, "argument 'timeout' must be a valid golang duration or empty, got " +
                               go_quoted(timeout_text) + "\n");
      return;
    }
    const auto wait = wait_text.empty() ? std::chrono::microseconds(0) : parse_duration(wait_text);
    if (!wait) {
      reply_text(session_, "argument 'wait' must be a valid golang duration or empty, got " +
                               go_quoted(wait_text) + "\n");
      return;
    }
    const auto code = code_text.empty() ? std::optional(0) : parse_int(code_text);
    if (!code) {
      reply_text(session_,
                 "argument 'code' must be an integer [0-127] or empty, got " + go_quoted(code_text) + "\n");
      return;
    }
    log("Will begin shutdown in " + to_string(*wait) + ", allowing " + to_string(*timeout) +
        " for connections to close, then will exit with " + std::to_string(*code));
    // agnhost answers only when it lingers: without a timeout it is gone before it could.
    core_.plan_exit(session_.container(), *code & 0xff, std::chrono::ceil<milliseconds>(*wait),
                    std::chrono::ceil<milliseconds>(*timeout),
                    *timeout > std::chrono::microseconds(0) ? session_.id() : 0);
  }

  void shutdown() {
    log("GET /shutdown");
    core_.finish(session_.container(), 0);
  }

  void shell() {
    if (request_.method == "POST" || request_.method == "PUT") {
      const auto type = request_.header("Content-Type").value_or("");
      if (type.starts_with("application/x-www-form-urlencoded")) {
        add_parameters(request_.body, target_);
      }
    }
    const std::string& long_name = value("shellCommand");
    const std::string command = long_name.empty() ? value("cmd") : long_name;
    log("GET /shell?cmd=" + command);
    if (!core_.hooks().run_shell) {
      reply_text(session_, "{\"error\":\"this server runs no programs\"}");
      return;
    }
    const auto done = [post = core_.poster(), &core = core_, id = session_.id()](ShellResult result) {
      post([&core, id, result = std::move(result)] {
        if (auto* session = dynamic_cast<HttpSession*>(core.loop().find(id))) {
          std::string json = result.error.empty() ? "" : "\"error\":" + json_string(result.error);
          if (!result.output.empty()) {
            json += (json.empty() ? "" : ",") + ("\"output\":" + json_string(result.output));
          }
          reply_text(*session, "{" + json + "}");
        }
      });
    };
    core_.defer([&core = core_, container = session_.container(), command, done] {
      core.hooks().run_shell(container, command, done);
    });
  }

  void upload() {
    log("GET /upload");
    const auto file = multipart_field(request_.header("Content-Type").value_or(""), request_.body, "file");
    if (!file) {
      log("Unable to upload file: no multipart form field \"file\"");
      reply_text(session_, "{\"error\":\"Unable to upload file.\"}");
      return;
    }
    if (!core_.hooks().upload) {
      static std::atomic<unsigned> serial{0};
      finish_upload(session_, "/uploads/upload" + std::to_string(++serial));
      return;
    }
    core_.defer([post = core_.poster(), &core = core_, id = session_.id(), container = session_.container(),
                 content = std::string(*file)] {
      post([&core, id, path = core.hooks().upload(container, content)] {
        if (auto* session = dynamic_cast<HttpSession*>(core.loop().find(id))) {
          finish_upload(*session, path);
        }
      });
    });
  }

  static void finish_upload(HttpSession& session, const std::string& path) {
    session.core().log(session.container(), "Wrote upload to " + path);
    reply_text(session, "{\"output\":" + json_string(path) + "}", 201);
  }

  HttpSession& session_;
  Core& core_;
  const HttpMessage& request_;
  Target target_;
};

}  // namespace

void serve_netexec(HttpSession& session, const HttpMessage& request, Target target) {
  const std::string& override = session.role().http_override;
  if (!override.empty()) {
    target = parse_target(override);
  }
  Netexec(session, request, std::move(target)).serve();
}

void serve_stand_in(HttpSession& session, const HttpMessage& request, Target target) {
  Netexec(session, request, std::move(target)).stand_in();
}

}  // namespace labctl::server

#include "labctl/graph/graph.hpp"
#include "labctl/graph/graph_model.hpp"
#include "labctl/report/text/table.hpp"
#include "labctl/report/text/xml.hpp"
#include "topology/base/printable.hpp"
#include "topology/model/place.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>
#include <ostream>
#include <sstream>
#include <string>

// The picture, laid out by hand from the top down:
//
//   [client]  [www]              outside hosts
//   ====+========+====           outside network
//         [router]
//   ====+========+====           underlay, once a row of nodes, joined by a trunk on the left
//   [node-1]  [node-2]           cards: name and address, the bridge, the pods that hang on it

namespace labctl::graph {
namespace {

using report::display_width;
using report::xml;

constexpr int kMargin = 32;
constexpr int kTitle = 56;  // room for the title above everything
constexpr int kHostHeight = 44;
constexpr int kGap = 24;   // between cards
constexpr int kBar = 26;   // height of a network's bar
constexpr int kDrop = 26;  // of a line between a bar and a card
constexpr int kCardHead = 46;
constexpr int kBridge = 24;
constexpr int kPodRow = 30;
constexpr int kPodHeight = 24;
constexpr int kTile = 12;
constexpr int kTileStep = 16;
constexpr size_t kMostRows = 10;    // pods of a node drawn one a row, with names
constexpr size_t kMostTiles = 120;  // pods of a node drawn as tiles; more are a number
constexpr int kCardsPerRow = 4;
// The width of a character of the monospaced and the proportional text, in px at the sizes used; generous,
// since the viewer's fonts are not known.
constexpr double kMono = 6.7;
constexpr double kSans = 7.2;

// Cut at the end with an ellipsis to fit `width` px.
std::string fitted(const std::string& value, double width, double per_char) {
  const auto most = static_cast<size_t>(std::max(1.0, width / per_char));
  if (display_width(value) <= most) {
    return value;
  }
  std::string out;
  size_t shown = 0;
  for (size_t i = 0; i < value.size(); ++i) {
    const bool starts = (static_cast<unsigned char>(value[i]) & 0xc0) != 0x80;
    if (starts && ++shown >= most) {
      break;
    }
    out += value[i];
  }
  return out + "\u2026";
}

double text_width(const std::string& value, double per_char) {
  return static_cast<double>(display_width(value)) * per_char;
}

// Hand-written elements; classes are those of kStyle.
class Canvas {
 public:
  void box(double x, double y, double width, double height, double radius, const char* style) {
    body_ << "<rect x=\"" << x << "\" y=\"" << y << "\" width=\"" << width << "\" height=\"" << height
          << "\" rx=\"" << radius << "\" class=\"" << style << "\"/>\n";
  }
  void line(double x1, double y1, double x2, double y2, const char* style = "wire") {
    body_ << "<path d=\"M" << x1 << ' ' << y1 << 'L' << x2 << ' ' << y2 << "\" class=\"" << style << "\"/>\n";
  }
  void text(double x, double y, const std::string& value, const char* style, const char* anchor = "start") {
    body_ << "<text x=\"" << x << "\" y=\"" << y << "\" class=\"" << style << "\" text-anchor=\"" << anchor
          << "\">" << xml(printable_line(value)) << "</text>\n";
  }
  void begin_group(const std::string& tooltip) {
    body_ << "<g><title>" << xml(printable_line(tooltip)) << "</title>\n";
  }
  void end_group() { body_ << "</g>\n"; }
  std::string str() const { return body_.str(); }

 private:
  std::ostringstream body_;
};

constexpr const char* kStyle = R"(<style>
.page{fill:#ffffff}
.title{font:600 18px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1b2430}
.sub{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#5d6b7c}
.name{font:600 13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1b2430}
.label{font:12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#1b2430}
.count{font:600 22px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#2f7d5b}
.mono{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#4a5868}
.bar{font:600 12px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#ffffff}
.barmono{font:11px ui-monospace,"DejaVu Sans Mono",Menlo,Consolas,monospace;fill:#e4ecf6}
.wire{stroke:#7f90a5;stroke-width:1.6;fill:none}
.rail{stroke:#9bb5a8;stroke-width:1.4;fill:none}
.outnet{fill:#8a6fb3}
.undernet{fill:#3f6ea8}
.outside{fill:#f5f1fb;stroke:#b9a6d8;stroke-width:1.2}
.router{fill:#fff6e5;stroke:#d9a441;stroke-width:1.4}
.node{fill:#f8fafc;stroke:#b7c5d6;stroke-width:1.2}
.head{fill:#e3edf8}
.bridge{fill:#d9e2ec}
.pod{fill:#eaf6f0;stroke:#8fc7ab;stroke-width:1}
@media (prefers-color-scheme:dark){
.page{fill:#12171e}.title,.name,.label{fill:#e6ecf3}.sub{fill:#93a1b3}.mono{fill:#a9b7c8}.count{fill:#7fd0a6}
.wire{stroke:#66788f}.rail{stroke:#4f7a65}.outside{fill:#221b30;stroke:#6d5795}.router{fill:#33280f;stroke:#a87d2c}
.node{fill:#1a212b;stroke:#3b4a5c}.head{fill:#22324a}.bridge{fill:#2c3846}.pod{fill:#18302a;stroke:#3f7a60}
}
</style>
)";

class Picture {
 public:
  Picture(const GraphModel& model, std::string_view lab) : model_(model), lab_(lab) {}

  void write(std::ostream& out) {
    measure();
    draw_title();
    double y = draw_outside(kMargin + kTitle);
    y = draw_nodes(y);
    const double height = y + kMargin;
    out << "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" << width_ << "\" height=\"" << height
        << "\" viewBox=\"0 0 " << width_ << ' ' << height << "\" role=\"img\" aria-label=\"lab "
        << xml(printable_line(std::string(lab_))) << "\">\n"
        << kStyle << "<rect width=\"100%\" height=\"100%\" class=\"page\"/>\n"
        << canvas_.str() << "</svg>\n";
  }

 private:
  void measure() {
    card_width_ = 230;
    for (const GraphModel::Node& node : model_.nodes) {
      const double head = text_width(node.name, kSans + 0.6) + text_width(node.addresses, kMono) + 44;
      const double bridge = text_width("cbr0", kSans) + text_width(node.pod_cidrs, kMono) + 52;
      card_width_ = std::max({card_width_, head, bridge});
      if (node.pods.size() <= kMostRows) {
        for (const GraphModel::Pod& pod : node.pods) {
          card_width_ = std::max(card_width_, text_width(pod.label, kSans) + text_width(pod.ip, kMono) + 76);
        }
      }
    }
    card_width_ = std::min(card_width_, 400.0);
    columns_ = std::clamp<int>(static_cast<int>(model_.nodes.size()), 1, kCardsPerRow);
    host_width_ = 150;
    for (const GraphModel::Host& host : model_.outside) {
      host_width_ =
          std::max({host_width_, text_width(host.name, kSans) + 28, text_width(host.addresses, kMono) + 28});
    }
    host_width_ = std::min(host_width_, 320.0);
    hosts_per_row_ = std::max(1, static_cast<int>(model_.outside.size()));
    const double cards = columns_ * card_width_ + (columns_ - 1) * kGap;
    const double hosts = hosts_per_row_ * host_width_ + (hosts_per_row_ - 1) * kGap;
    // Many outside hosts wrap into rows no wider than the nodes below them.
    if (hosts > std::max(cards, 700.0)) {
      hosts_per_row_ = std::max(1, static_cast<int>((std::max(cards, 700.0) + kGap) / (host_width_ + kGap)));
    }
    const double host_row = hosts_per_row_ * host_width_ + (hosts_per_row_ - 1) * kGap;
    trunk_ = rows() > 1 ? 28 : 0;
    inner_ = std::max({cards, host_row, router_width(), 420.0});
    width_ = inner_ + 2 * kMargin + trunk_;
  }

  int rows() const { return (static_cast<int>(model_.nodes.size()) + columns_ - 1) / columns_; }
  double left() const { return kMargin + trunk_; }
  double middle() const { return left() + inner_ / 2; }
  double router_width() const {
    return std::max(
        {190.0, text_width(model_.router.addresses, kMono) + 32, text_width(model_.router.name, kSans) + 32});
  }
  double row_start(size_t count, double width) const {
    return middle() - (static_cast<double>(count) * width + (static_cast<double>(count) - 1) * kGap) / 2;
  }

  void draw_title() {
    size_t pods = 0;
    for (const GraphModel::Node& node : model_.nodes) {
      pods += node.pods.size();
    }
    const auto counted = [](size_t n, const char* noun) {
      return std::to_string(n) + " " + noun + (n == 1 ? "" : "s");
    };
    canvas_.text(kMargin, kMargin + 16, std::string(lab_), "title");
    canvas_.text(kMargin, kMargin + 36,
                 counted(model_.nodes.size(), "node") + ", " + counted(pods, "pod") +
                     (model_.mode.empty() ? "" : ", " + model_.mode + " network"),
                 "sub");
  }

  void draw_bar(double y, const char* style, const std::string& name, const std::string& more) {
    canvas_.box(left(), y, inner_, kBar, 6, style);
    canvas_.text(left() + 12, y + 17, name, "bar");
    canvas_.text(left() + inner_ - 12, y + 17, fitted(more, inner_ - 160, kMono), "barmono", "end");
  }

  // The outside hosts, their network and the router; returns where the underlay begins.
  double draw_outside(double y) {
    const auto& hosts = model_.outside;
    for (size_t begin = 0; begin < hosts.size(); begin += static_cast<size_t>(hosts_per_row_)) {
      const size_t count = std::min(hosts.size() - begin, static_cast<size_t>(hosts_per_row_));
      const bool last_row = begin + count == hosts.size();
      for (size_t i = 0; i < count; ++i) {
        const double x = row_start(count, host_width_) + static_cast<double>(i) * (host_width_ + kGap);
        if (last_row) {
          canvas_.line(x + host_width_ / 2, y + kHostHeight, x + host_width_ / 2, y + kHostHeight + kDrop);
        }
        draw_host(x, y, hosts[begin + i]);
      }
      y += kHostHeight + (last_row ? kDrop : 10);
    }
    if (!hosts.empty()) {
      canvas_.line(middle(), y + kBar, middle(), y + kBar + kDrop);
      draw_bar(y, "outnet", "outside", "");
      y += kBar + kDrop;
    }
    const double width = router_width();
    canvas_.line(middle(), y + kHostHeight, middle(), y + kHostHeight + kDrop);
    canvas_.box(middle() - width / 2, y, width, kHostHeight, 22, "router");
    canvas_.text(middle(), y + 18, model_.router.name, "name", "middle");
    canvas_.text(middle(), y + 34, fitted(model_.router.addresses, width - 20, kMono), "mono", "middle");
    return y + kHostHeight + kDrop;
  }

  void draw_host(double x, double y, const GraphModel::Host& host) {
    canvas_.begin_group(host.name + " " + host.addresses);
    canvas_.box(x, y, host_width_, kHostHeight, 8, "outside");
    canvas_.text(x + host_width_ / 2, y + 18, fitted(host.name, host_width_ - 16, kSans), "name", "middle");
    canvas_.text(x + host_width_ / 2, y + 34, fitted(host.addresses, host_width_ - 16, kMono), "mono",
                 "middle");
    canvas_.end_group();
  }

  double draw_nodes(double y) {
    const double trunk_top = y + kBar / 2.0;
    double trunk_bottom = trunk_top;
    for (int row = 0; row < std::max(rows(), 1); ++row) {
      const size_t begin = static_cast<size_t>(row) * static_cast<size_t>(columns_);
      const size_t count = std::min(model_.nodes.size() - begin, static_cast<size_t>(columns_));
      trunk_bottom = y + kBar / 2.0;
      canvas_.line(left() - trunk_ / 2, trunk_bottom, left(), trunk_bottom);
      const double top = y + kBar + kDrop;
      double bottom = y + kBar;
      for (size_t i = 0; i < count; ++i) {
        const GraphModel::Node& node = model_.nodes[begin + i];
        const double x = row_start(count, card_width_) + static_cast<double>(i) * (card_width_ + kGap);
        canvas_.line(x + card_width_ / 2, y + kBar, x + card_width_ / 2, top);
        bottom = std::max(bottom, draw_card(x, top, node));
      }
      draw_bar(y, "undernet", "underlay", row == 0 ? model_.underlay : "");
      y = bottom + (row + 1 < rows() ? kGap + 8 : 0);
    }
    if (trunk_ > 0) {
      canvas_.line(left() - trunk_ / 2, trunk_top, left() - trunk_ / 2, trunk_bottom);
    }
    return y;
  }

  double body_height(const GraphModel::Node& node) const {
    const size_t pods = node.pods.size();
    if (pods == 0) {
      return 30;
    }
    if (pods <= kMostRows) {
      return static_cast<double>(pods) * kPodRow + 8;
    }
    if (pods <= kMostTiles) {
      return static_cast<double>((pods + tiles_per_row() - 1) / tiles_per_row()) * kTileStep + 34;
    }
    return 64;
  }

  size_t tiles_per_row() const { return static_cast<size_t>((card_width_ - 28) / kTileStep); }

  // Returns where it ends.
  double draw_card(double x, double y, const GraphModel::Node& node) {
    const double height = kCardHead + kBridge + 10 + body_height(node);
    canvas_.box(x, y, card_width_, height, 10, "node");
    canvas_.box(x + 1, y + 1, card_width_ - 2, kCardHead - 12, 9, "head");
    canvas_.text(x + 14, y + 22, fitted(node.name, card_width_ / 2, kSans), "name");
    canvas_.text(x + card_width_ - 14, y + 22,
                 fitted(node.addresses, card_width_ - text_width(node.name, kSans) - 40, kMono), "mono",
                 "end");
    const double bridge = y + kCardHead;
    canvas_.line(x + card_width_ / 2, y + kCardHead - 11, x + card_width_ / 2, bridge);
    canvas_.box(x + 12, bridge, card_width_ - 24, kBridge, 6, "bridge");
    canvas_.text(x + 22, bridge + 16, "cbr0", "label");
    canvas_.text(x + card_width_ - 22, bridge + 16, fitted(node.pod_cidrs, card_width_ - 90, kMono), "mono",
                 "end");
    const double body = bridge + kBridge;
    if (node.pods.empty()) {
      canvas_.text(x + card_width_ / 2, body + 22, "no pods", "sub", "middle");
    } else if (node.pods.size() <= kMostRows) {
      draw_pod_rows(x, body, node);
    } else if (node.pods.size() <= kMostTiles) {
      draw_pod_tiles(x, body, node);
    } else {
      draw_pod_count(x, body, node);
    }
    return y + height;
  }

  // A rail from the bridge down, a pod at each branch.
  void draw_pod_rows(double x, double y, const GraphModel::Node& node) {
    const double rail = x + 24;
    const double last = y + static_cast<double>(node.pods.size() - 1) * kPodRow + 10 + kPodHeight / 2.0;
    canvas_.line(rail, y, rail, last, "rail");
    for (size_t i = 0; i < node.pods.size(); ++i) {
      const GraphModel::Pod& pod = node.pods[i];
      const double top = y + static_cast<double>(i) * kPodRow + 10;
      const double pod_x = x + 36;
      const double width = card_width_ - 48;
      canvas_.line(rail, top + kPodHeight / 2.0, pod_x, top + kPodHeight / 2.0, "rail");
      canvas_.begin_group(tooltip(pod));
      canvas_.box(pod_x, top, width, kPodHeight, 6, "pod");
      canvas_.text(pod_x + 10, top + 16, fitted(pod.label, width - text_width(pod.ip, kMono) - 26, kSans),
                   "label");
      canvas_.text(pod_x + width - 10, top + 16, pod.ip, "mono", "end");
      canvas_.end_group();
    }
  }

  void draw_pod_tiles(double x, double y, const GraphModel::Node& node) {
    canvas_.line(x + card_width_ / 2, y, x + card_width_ / 2, y + 10, "rail");
    const size_t per_row = tiles_per_row();
    const double start =
        x + (card_width_ - static_cast<double>(per_row) * kTileStep + (kTileStep - kTile)) / 2;
    for (size_t i = 0; i < node.pods.size(); ++i) {
      canvas_.begin_group(tooltip(node.pods[i]));
      canvas_.box(start + static_cast<double>(i % per_row) * kTileStep,
                  y + 12 + static_cast<double>(i / per_row) * kTileStep, kTile, kTile, 3, "pod");
      canvas_.end_group();
    }
    const auto rows = static_cast<double>((node.pods.size() + per_row - 1) / per_row);
    canvas_.text(x + card_width_ / 2, y + 26 + rows * kTileStep, std::to_string(node.pods.size()) + " pods",
                 "sub", "middle");
  }

  void draw_pod_count(double x, double y, const GraphModel::Node& node) {
    std::map<std::string, size_t> namespaces;
    for (const GraphModel::Pod& pod : node.pods) {
      ++namespaces[pod.ns];
    }
    std::string detail;
    for (const auto& [ns, count] : namespaces) {
      detail += (detail.empty() ? "" : ", ") + std::to_string(count) + " in " + ns;
    }
    canvas_.line(x + card_width_ / 2, y, x + card_width_ / 2, y + 10, "rail");
    canvas_.text(x + card_width_ / 2, y + 34, std::to_string(node.pods.size()) + " pods", "count", "middle");
    canvas_.text(x + card_width_ / 2, y + 52, fitted(detail, card_width_ - 24, 6.4), "sub", "middle");
  }

  static std::string tooltip(const GraphModel::Pod& pod) {
    return to_string(model::Place::pod(pod.ns, pod.name)) + " " + pod.ip +
           (pod.link.empty() ? "" : ", link " + pod.link);
  }

  const GraphModel& model_;
  std::string lab_;
  Canvas canvas_;
  double card_width_ = 0;
  double host_width_ = 0;
  double inner_ = 0;
  double width_ = 0;
  double trunk_ = 0;
  int columns_ = 1;
  int hosts_per_row_ = 1;
};

}  // namespace

void write_svg(std::ostream& out, const nlohmann::json& graph, std::string_view lab) {
  const GraphModel model = read_graph(graph);
  Picture(model, lab).write(out);
}

}  // namespace labctl::graph

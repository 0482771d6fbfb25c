#pragma once

// All commands, one file a verb.

namespace CLI {
class App;
}

namespace labctl::commands {

struct Globals;

// Puts every command on `app`. `globals` must live as long as `app` is used;
// after parsing its `action` is what to do.
void add_commands(CLI::App& app, Globals& globals);

void add_up(CLI::App& app, Globals& globals);
void add_down(CLI::App& app, Globals& globals);
void add_ls(CLI::App& app, Globals& globals);
void add_status(CLI::App& app, Globals& globals);
void add_get(CLI::App& app, Globals& globals);
void add_describe(CLI::App& app, Globals& globals);
void add_apply(CLI::App& app, Globals& globals);
void add_delete(CLI::App& app, Globals& globals);
void add_events(CLI::App& app, Globals& globals);
void add_exec(CLI::App& app, Globals& globals);
void add_logs(CLI::App& app, Globals& globals);
void add_probe(CLI::App& app, Globals& globals);
void add_matrix(CLI::App& app, Globals& globals);
void add_graph(CLI::App& app, Globals& globals);
void add_test(CLI::App& app, Globals& globals);
void add_lint(CLI::App& app, Globals& globals);
void add_init(CLI::App& app, Globals& globals);
void add_schema(CLI::App& app, Globals& globals);
void add_doctor(CLI::App& app, Globals& globals);
void add_images(CLI::App& app, Globals& globals);
void add_gc(CLI::App& app, Globals& globals);
void add_version(CLI::App& app, Globals& globals);
void add_completion(CLI::App& app, Globals& globals);

}  // namespace labctl::commands

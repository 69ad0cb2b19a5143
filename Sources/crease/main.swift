internal import ArgumentParser

/// The `crease` command.
struct Crease: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "crease",
        abstract: "Piecewise-linear functions to ReLU networks and back, exactly.",
        version: ServeCommand.version,
        subcommands: [ServeCommand.self, VerifyCommand.self], defaultSubcommand: ServeCommand.self)
}

Crease.main()

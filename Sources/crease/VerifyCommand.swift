internal import ArgumentParser
internal import CreaseService
internal import Foundation

/// `crease verify`: checks a training certificate.
struct VerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Checks the certificate of a training job in exact arithmetic.",
        discussion: "Exit status: 0 accepted, 1 refused, 2 unreadable.")

    @Argument(help: "The certificate's file; - for standard input.")
    var file: String

    func run() throws {
        let bytes: [UInt8]
        do {
            let data =
                file == "-"
                ? try FileHandle.standardInput.readToEnd() ?? Data()
                : try Data(contentsOf: URL(fileURLWithPath: file))
            bytes = Array(data)
        } catch {
            try end("unreadable: \(error.localizedDescription)", 2)
            return
        }
        switch CertificateVerdict(checking: bytes) {
        case .accepted(let bound):
            print("accepted: no network of the class has a loss below \(bound)")
        case .refused(let reason): try end("refused: \(reason)", 1)
        case .unreadable(let reason): try end("unreadable: \(reason)", 2)
        }
    }

    private func end(_ text: String, _ status: Int32) throws {
        FileHandle.standardError.write(Data((text + "\n").utf8))
        throw ExitCode(status)
    }
}

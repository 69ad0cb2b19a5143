import ExactTraining
import Foundation
import Signatures
import Testing

@testable import CreaseService

/// Certificates as documents: the two checkers accept what was made, agree with each other, and refuse what was altered.
@Suite struct CertificateDocumentTests {
    /// Documents of proofs from random trees, one of every loss and output term.
    private static let documents: [(name: String, bytes: [UInt8])] = {
        var documents: [(name: String, bytes: [UInt8])] = []
        for seed in 0..<21 {
            var random = RandomProofs(state: UInt64(2000 + seed))
            let loss = RandomProofs.losses[seed % 7]
            let term = OutputTerm.allCases[seed / 7]
            guard let problem = random.problem(loss: loss, term: term),
                let certificate = try? ExactCertificate(
                    random.certificate(problem), network: random.network(problem)),
                let bytes = CertificateDocument.encode(certificate)
            else { continue }
            documents.append(("seed \(seed) \(loss) \(term)", bytes))
        }
        return documents
    }()

    @Test func bothCheckersAcceptWhatWasMade() throws {
        #expect(Self.documents.count > 15)
        let verdicts = try Self.python(Self.documents.map(\.bytes))
        for (document, verdict) in zip(Self.documents, verdicts) {
            #expect(verdict == "accepted", "\(document.name)")
            guard case .accepted = CertificateVerdict(checking: document.bytes) else {
                Issue.record("\(document.name): \(CertificateVerdict(checking: document.bytes))")
                continue
            }
            // White space is no part of what the digest binds.
            let spaced = document.bytes.flatMap { $0 == UInt8(ascii: ",") ? [$0, 0x20, 0x0A] : [$0] }
            guard case .accepted = CertificateVerdict(checking: spaced) else {
                Issue.record("\(document.name) with white space")
                continue
            }
        }
    }

    /// One number of every member is altered in its first digit. As it stands that is refused by the digest; with a new
    /// digest it is refused, or it is another proof, and both checkers say the same.
    @Test func alteredNumbersAreRefused() throws {
        var altered: [(name: String, bytes: [UInt8])] = []
        var renewed: [(name: String, bytes: [UInt8], key: String)] = []
        var generator = RandomProofs(state: 77)
        for document in Self.documents {
            let text = String(decoding: document.bytes, as: UTF8.self)
            for (key, places) in Self.numbers(text).sorted(by: { $0.key < $1.key }) {
                let place = places[generator.next(places.count)]
                var bytes = document.bytes
                // The first digit: one at the end can be beyond what binary64 holds.
                guard let digit = place.first(where: { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[$0]) })
                else { continue }
                bytes[digit] = UInt8(ascii: "1") + (bytes[digit] - UInt8(ascii: "0")) % 9
                altered.append(("\(document.name) \(key) at \(place)", bytes))
                if !document.name.contains("logistic") {
                    renewed.append(("\(document.name) \(key) at \(place)", Self.renewed(bytes), key))
                }
            }
        }
        #expect(altered.count > 200)
        for (change, verdict) in zip(altered, try Self.python(altered.map(\.bytes))) {
            #expect(verdict == "refused", "\(change.name)")
            guard case .refused = CertificateVerdict(checking: change.bytes) else {
                Issue.record("\(change.name): \(CertificateVerdict(checking: change.bytes))")
                continue
            }
        }
        var refusals = 0
        for (change, verdict) in zip(renewed, try Self.python(renewed.map(\.bytes))) {
            var isAccepted = false
            if case .accepted = CertificateVerdict(checking: change.bytes) { isAccepted = true }
            #expect(isAccepted == (verdict == "accepted"), "\(change.name): \(verdict)")
            if !isAccepted { refusals += 1 }
            if ["networkLoss", "relativeGap", "hiddenUnits", "positiveUnits"].contains(change.key) {
                #expect(!isAccepted, "\(change.name)")
            }
        }
        #expect(refusals > 100)
    }

    @Test func theCommandTellsByItsStatus() throws {
        let document = try #require(Self.documents.first).bytes
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = String(decoding: document, as: UTF8.self)
        let cases: [(String, Int32)] = [
            (text, 0), (text + "\n", 0), (text.replacing("\"hiddenUnits\":1", with: "\"hiddenUnits\":2"), 1),
            (text.replacing("\"hiddenUnits\":2", with: "\"hiddenUnits\":1"), 1), ("{}", 2), ("", 2), ("[", 2),
            (text.replacing("certificate-1", with: "certificate-9"), 2), (String(text.dropLast(3)), 2),
        ]
        for (index, (content, status)) in cases.enumerated() where content != text || status == 0 {
            let file = folder.appendingPathComponent("\(index).json")
            try Data(content.utf8).write(to: file)
            #expect(try Self.run(["verify", file.path]) == status, "case \(index)")
            #expect(try Self.run(["verify", "-"], input: file) == status, "case \(index) from standard input")
        }
        #expect(try Self.run(["verify", folder.appendingPathComponent("absent").path]) == 2)
    }

    // MARK: Helpers

    private static func run(_ arguments: [String], input: URL? = nil) throws -> Int32 {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try ServiceProcess.executable())
        process.arguments = arguments
        process.standardInput = try input.map { try FileHandle(forReadingFrom: $0) } ?? FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// The last member, made again for what is before it.
    private static func renewed(_ bytes: [UInt8]) -> [UInt8] {
        let head = Array(bytes.dropLast(",\"sha256\":\"\"}".utf8.count + 64))
        let digest = head.withUnsafeBytes { sha256Digest($0) }
        return head + Array(",\"sha256\":\"\(digest)\"}".utf8)
    }

    /// The places of all numbers, also of those in strings, by the member that they stand in; the digest is none.
    private static func numbers(_ text: String) -> [String: [Range<Int>]] {
        let bytes = Array(text.utf8)
        var found: [String: [Range<Int>]] = [:]
        var key = ""
        var index = 0
        func isNumber(_ byte: UInt8) -> Bool { "0123456789+-.eE/".utf8.contains(byte) }
        while index < bytes.count {
            var start = index
            let isString = bytes[index] == UInt8(ascii: "\"")
            if isString {
                var end = index + 1
                while bytes[end] != UInt8(ascii: "\"") { end += 1 }
                let content = bytes[(index + 1)..<end]
                index = end + 1
                if index < bytes.count, bytes[index] == UInt8(ascii: ":") {
                    key = String(decoding: content, as: UTF8.self)
                    continue
                }
                guard content.allSatisfy(isNumber) else { continue }
                found[key, default: []].append((start + 1)..<end)
                continue
            }
            guard isNumber(bytes[index]), bytes[index] != UInt8(ascii: "e") else {
                index += 1
                continue
            }
            start = index
            while index < bytes.count, isNumber(bytes[index]) { index += 1 }
            found[key, default: []].append(start..<index)
        }
        return found
    }

    /// What the checker in Python says of each document: accepted, refused or unreadable. One process for all.
    private static func python(_ documents: [[UInt8]]) throws -> [String] {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (index, document) in documents.enumerated() {
            try Data(document).write(to: folder.appendingPathComponent("\(index)"))
        }
        let checker = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs").path
        let program = """
            import sys
            sys.dont_write_bytecode = True
            sys.path.insert(0, sys.argv[1])
            sys.set_int_max_str_digits(0)
            import check_certificate as c
            for index in range(int(sys.argv[3])):
                try:
                    c.check(open(f"{sys.argv[2]}/{index}", "rb").read())
                    print("accepted")
                except c.Refused:
                    print("refused")
                except c.Unreadable:
                    print("unreadable")
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["python3", "-c", program, checker, folder.path, "\(documents.count)"]
        let pipe = Pipe()
        process.standardOutput = pipe
        try process.run()
        let output = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
    }
}

import Foundation
import Testing

/// Every `curl` of the README, posted to the running service, answers what the README shows.
@Suite struct ReadmeTests {
    private struct Example {
        let target: String
        let body: String
        let answer: String
    }

    /// The blocks of shell that post with `--json`, each with the block of JSON that follows it.
    private static func examples() throws -> [Example] {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("README.md"), encoding: .utf8)
        let blocks = text.components(separatedBy: "```")
        var examples: [Example] = []
        for (index, block) in blocks.enumerated() where block.hasPrefix("sh\ncurl") {
            guard let path = block.range(of: "localhost:8080"), let flag = block.range(of: " --json '"),
                let end = block.lastIndex(of: "'"), flag.upperBound < end, index + 2 < blocks.count
            else { continue }
            let target = block[path.upperBound...].prefix { $0 != " " }
            let answer = blocks[index + 2]
            guard answer.hasPrefix("json\n") else { continue }
            examples.append(
                Example(target: String(target), body: String(block[flag.upperBound..<end]), answer: String(answer.dropFirst(5))))
        }
        return examples
    }

    @Test func answersAreWhatTheServiceSays() throws {
        let service = try ServiceProcess()
        let examples = try Self.examples()
        #expect(examples.count >= 4)
        for example in examples {
            let answer = try service.post(example.target, example.body)
            #expect(answer.status == 200, "\(example.target): \(answer.text)")
            let actual = try JSONSerialization.jsonObject(with: Data(answer.body)) as? NSDictionary
            let expected = try JSONSerialization.jsonObject(with: Data(example.answer.utf8)) as? NSDictionary
            #expect(actual == expected, "\(example.target) answered \(answer.text)")
        }
    }
}

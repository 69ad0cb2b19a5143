import Foundation
import MicroHTTP
import Testing

@testable import CreaseService

/// `openapi.json` against the routes, and its examples against the running service.
@Suite struct OpenAPITests {
    private static func document() throws -> [String: Any] {
        let object = try JSONSerialization.jsonObject(with: Data(OpenAPIDocument.bytes))
        return try #require(object as? [String: Any])
    }

    private static let methods: Set<String> = ["get", "put", "post", "delete", "patch", "head", "options"]

    @Test func describesEveryRouteAndNoOther() throws {
        let document = try Self.document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var described: Set<String> = []
        for (path, item) in paths {
            for method in item.keys where Self.methods.contains(method) {
                described.insert("\(method) \(path)")
            }
        }
        var routed: Set<String> = []
        for route in CreaseApplication.makeRoutes() {
            for method in route.operations.keys {
                routed.insert("\(method.rawValue.lowercased()) \(route.template)")
            }
        }
        #expect(described == routed)
    }

    @Test func operationsAreNamedOnce() throws {
        let document = try Self.document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var names: [String] = []
        for item in paths.values {
            for (method, operation) in item where Self.methods.contains(method) {
                let name = (operation as? [String: Any])?["operationId"] as? String
                names.append(try #require(name))
            }
        }
        #expect(Set(names).count == names.count)
    }

    /// Every example is posted, and the answer has a documented status and the members that its schema requires.
    @Test func examplesAreAnsweredAsDocumented() throws {
        let service = try ServiceProcess.shared.get()
        let document = try Self.document()
        let paths = try #require(document["paths"] as? [String: [String: Any]])
        var posted = 0
        for (path, item) in paths.sorted(by: { $0.key < $1.key }) {
            for (method, value) in item where method == "post" || method == "put" {
                let operation = try #require(value as? [String: Any])
                let responses = try #require(operation["responses"] as? [String: Any])
                // What takes no body needs no example.
                guard let body = operation["requestBody"] as? [String: Any] else { continue }
                let content = (body["content"] as? [String: Any])?["application/json"] as? [String: Any]
                let examples = try #require(
                    content?["examples"] as? [String: [String: Any]], "\(path) has no example")
                for (name, example) in examples {
                    let value = try #require(example["value"])
                    let request = try JSONSerialization.data(withJSONObject: value)
                    let target = path.replacingOccurrences(of: "{name}", with: "openapi-example")
                    let answer = try service.request(
                        method.uppercased(), target, headers: [("Content-Type", "application/json")],
                        body: [UInt8](request))
                    #expect((200..<300).contains(answer.status), "\(path) \(name): \(answer.text)")
                    let response = try #require(
                        responses["\(answer.status)"] as? [String: Any], "\(path) \(name): \(answer.status)")
                    let media = (response["content"] as? [String: Any])?["application/json"] as? [String: Any]
                    if let schema = media?["schema"] as? [String: Any] {
                        let faults = Schema(document: document).faults(
                            try JSONSerialization.jsonObject(with: Data(answer.body)), schema, "#")
                        #expect(faults.isEmpty, "\(path) \(name): \(faults.joined(separator: "; "))")
                    }
                    posted += 1
                }
            }
        }
        #expect(posted >= 7)
    }

    @Test func isServedAsItIs() throws {
        let answer = try ServiceProcess.shared.get().get("/openapi.json")
        #expect(answer.status == 200)
        #expect(answer.body == OpenAPIDocument.bytes)
    }
}

/// The part of JSON Schema that the document uses for answers.
private struct Schema {
    let document: [String: Any]

    func faults(_ value: Any, _ schema: [String: Any], _ place: String) -> [String] {
        if let reference = schema["$ref"] as? String {
            var target: Any? = document
            for part in reference.dropFirst(2).split(separator: "/") {
                target = (target as? [String: Any])?[String(part)]
            }
            guard let resolved = target as? [String: Any] else { return ["\(place): dangling \(reference)"] }
            return faults(value, resolved, place)
        }
        if let choices = schema["oneOf"] as? [[String: Any]] {
            return choices.contains { faults(value, $0, place).isEmpty } ? [] : ["\(place): fits no choice"]
        }
        var found: [String] = []
        let types = schema["type"] as? [String] ?? (schema["type"] as? String).map { [$0] } ?? []
        if !types.isEmpty, !types.contains(where: { isOf($0, value) }) {
            found.append("\(place): no \(types)")
        }
        if let values = schema["enum"] as? [String], let text = value as? String, !values.contains(text) {
            found.append("\(place): '\(text)' is not listed")
        }
        if let object = value as? [String: Any] {
            let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
            for name in schema["required"] as? [String] ?? [] where object[name] == nil {
                found.append("\(place): '\(name)' is missing")
            }
            for (name, member) in object {
                if let property = properties[name] {
                    found += faults(member, property, "\(place)/\(name)")
                } else if !properties.isEmpty {
                    found.append("\(place): '\(name)' is not described")
                }
            }
        }
        if let array = value as? [Any], let items = schema["items"] as? [String: Any] {
            for (index, element) in array.enumerated() {
                found += faults(element, items, "\(place)/\(index)")
            }
        }
        return found
    }

    private func isOf(_ type: String, _ value: Any) -> Bool {
        let isBoolean = (value as? NSNumber).map { isTruthValue($0) } ?? false
        switch type {
        case "object": return value is [String: Any]
        case "array": return value is [Any]
        case "string": return value is String
        case "boolean": return isBoolean
        case "null": return value is NSNull
        case "integer": return !isBoolean && (value as? Double).map { $0 == $0.rounded() } ?? false
        case "number": return !isBoolean && value is NSNumber
        default: return false
        }
    }

    /// Foundation reads true and false as numbers whose type is that of a character.
    private func isTruthValue(_ number: NSNumber) -> Bool { String(cString: number.objCType) == "c" }
}

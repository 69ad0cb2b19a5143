internal import ArgumentParser
internal import CreaseService
internal import Foundation

/// A setting that comes from a flag, else from an environment variable, else has its default.
struct Setting<Value> {
    let flag: String
    let variable: String
    let parse: (String) throws -> Value

    /// - Throws: `ValidationError` naming the flag or variable whose text is no value.
    func resolve(_ given: String?, default fallback: Value) throws -> Value {
        if let given { return try read(given, from: "--\(flag)") }
        if let text = ProcessInfo.processInfo.environment[variable], !text.isEmpty {
            return try read(text, from: variable)
        }
        return fallback
    }

    private func read(_ text: String, from source: String) throws -> Value {
        do {
            return try parse(text)
        } catch let error as SettingError {
            throw ValidationError("\(source): '\(text)' \(error.reason)")
        }
    }
}

struct SettingError: Error {
    let reason: String
}

enum SettingParser {
    static func integer(_ range: ClosedRange<Int>) -> (String) throws -> Int {
        { text in
            guard let value = Int(text), range.contains(value) else {
                throw SettingError(
                    reason: "is not a whole number from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
    }

    /// A whole number of bytes, with an optional suffix KiB, MiB or GiB.
    static func bytes(_ range: ClosedRange<Int>) -> (String) throws -> Int {
        { text in
            let units = [("KiB", 10), ("MiB", 20), ("GiB", 30)]
            var digits = text[...]
            var shift = 0
            for (suffix, bits) in units where text.hasSuffix(suffix) {
                digits = text.dropLast(suffix.count)
                shift = bits
            }
            guard let value = Int(digits.trimmingCharacters(in: .whitespaces)), value >= 0 else {
                throw SettingError(reason: "is not a number of bytes such as 1048576 or 64MiB")
            }
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 1 << shift)
            guard !overflow, range.contains(scaled) else {
                throw SettingError(reason: "is not from \(range.lowerBound) to \(range.upperBound) bytes")
            }
            return scaled
        }
    }

    static func seconds(_ range: ClosedRange<Double>) -> (String) throws -> Double {
        { text in
            guard let value = Double(text), value.isFinite, range.contains(value) else {
                throw SettingError(
                    reason: "is not a number of seconds from \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
    }

    static func text(_ text: String) throws -> String { text }

    static func choice(_ choices: [String]) -> (String) throws -> String {
        { text in
            guard choices.contains(text) else {
                throw SettingError(reason: "is none of \(choices.joined(separator: ", "))")
            }
            return text
        }
    }

    /// Exact origins, separated by commas.
    static func origins(_ text: String) throws -> [String] {
        let origins = text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
        for origin in origins {
            guard let url = URLComponents(string: origin), let scheme = url.scheme,
                ["http", "https"].contains(scheme), let host = url.host, !host.isEmpty,
                url.path.isEmpty, url.query == nil, url.fragment == nil
            else {
                throw SettingError(reason: "is not a list of origins such as https://app.example.org")
            }
        }
        return origins
    }
}

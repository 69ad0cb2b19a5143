import FastJSON
import Foundation
import Testing

private func parse(_ text: String, depth: Int = 64) throws -> JSONValue {
    try JSONDocument(Array(text.utf8), maximumDepth: depth).root
}

private func fault(_ body: () throws -> Void) -> JSONFault? {
    do {
        try body()
        return nil
    } catch {
        return error as? JSONFault
    }
}

@Suite struct JSONParsingTests {
    static let accepted = [
        "0", "-0", "1.5e-3", "\"\"", "\"a\\u00e9\\n\"", "true", "false", "null", "[]", "{}", " [ ] ",
        "[1,2,3]",
        "[[1],[2]]", "{\"a\":{\"b\":[true,null]}}", "[1e400]", "[1e-400]", "[100000000000000000000]",
        "[\"\\uD834\\uDD1E\"]", "[\"\u{7f}\"]", "[-0.0]", "[[],[1]]", "[[1],[]]", "[[[1]],[[2]]]",
        "[\"1/3\",2]",
        "\t[\n1\r]", "{\"\":1}",
    ]
    static let refused = [
        "", " ", "[", "]", "[1,]", "[,1]", "[1 2]", "{\"a\":1,}", "{\"a\"}", "{a:1}", "{'a':1}", "[01]",
        "[1.]", "[.5]",
        "[+1]", "[1e]", "[0x1]", "[NaN]", "[Infinity]", "[-]", "[--1]", "[1e+]", "tru", "[nul]", "[True]",
        "\"",
        "[\"a]", "[\"\\x\"]", "[\"\\u12\"]", "[\"\t\"]", "[\"\n\"]", "[1]x", "[1][2]", "{}{}", "1 2", "[1}",
        "{\"a\":1]",
        "\u{feff}[]", "[\"\\uD834\"]", "[\"\\uDD1E\\uD834\"]", "// c\n[]", "[1]/*c*/", "[\u{a0}1]",
        "[1e400x]", "[1",
        "{\"a\":", "[[1],[2]", "[[1,2],[3,]]", "[[1,2],3", "[\"1/3]",
    ]

    @Test(arguments: accepted) func accepts(_ text: String) throws { _ = try parse(text) }

    @Test(arguments: refused) func refuses(_ text: String) {
        #expect(fault { _ = try parse(text) }?.kind == .syntax)
    }

    @Test func refusesBytesThatAreNoUTF8() {
        for bytes: [UInt8] in [
            [0xff], [0x5b, 0x22, 0xc0, 0xaf, 0x22, 0x5d], [0x22, 0xed, 0xa0, 0x80, 0x22],
        ] {
            #expect(fault { _ = try JSONDocument(bytes) }?.kind == .syntax)
        }
    }

    /// The corpus lies beside a development checkout; elsewhere the cases above stand for it.
    @Test func agreesWithTheTestSuite() throws {
        let environment = ProcessInfo.processInfo.environment["JSON_TEST_SUITE"]
        let folder = environment ?? "../shared/data/json-test-suite"
        guard let names = FileManager.default.enumerator(atPath: folder) else { return }
        var count = 0
        for case let name as String in names where name.hasSuffix(".json") {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else { continue }
            let found = fault { _ = try JSONDocument([UInt8](data), maximumDepth: 1000) }
            let file = name.split(separator: "/").last ?? ""
            if file.hasPrefix("y_") {
                let isDuplicate = file.contains("duplicated_key")
                #expect(found?.code == (isDuplicate ? "duplicate-member" : nil), "\(file)")
            }
            if file.hasPrefix("n_") { #expect(found?.kind == .syntax, "\(file)") }
            count += 1
        }
        #expect(count == 0 || count > 200)
    }

    @Test func depthIsLimited() throws {
        let nested = { (depth: Int) in
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        _ = try parse(nested(10), depth: 10)
        #expect(fault { _ = try parse(nested(11), depth: 10) }?.code == "too-deep")
        #expect(fault { _ = try parse(nested(100_000)) }?.code == "too-deep")
        #expect(fault { _ = try parse(String(repeating: "[{\"a\":", count: 50_000)) } != nil)
        _ = try parse("[[[1]]]", depth: 3)
        #expect(fault { _ = try parse("[[[1]]]", depth: 2) }?.code == "too-deep")
    }

    @Test func duplicatesAreRefusedWithTheirPointer() {
        let simple = fault { _ = try parse("{\"a\":{\"x/y~ \":1,\"b\":2,\"x/y~ \":3}}") }
        #expect(simple?.code == "duplicate-member")
        #expect(simple?.places.first?.pointer == "#/a/x~1y~0%20")
        let many = (0..<5000).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(fault { _ = try parse("{\(many)}") } == nil)
        #expect(fault { _ = try parse("{\(many),\"k4321\":1}") }?.places.first?.pointer == "#/k4321")
        #expect(fault { _ = try parse("{\"a\":1,\"\\u0061\":2}") }?.code == "duplicate-member")
    }

    @Test func mutatedTextsNeverCrash() {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix64(state: seed)
        let source = Array(
            "{\"function\":{\"points\":[[0,1.5],[\"1/3\",-2e-3],[3,4]],\"k\":[\"a\",{\"b\":null}]},\"x\":[true,[1,[2]]]}"
                .utf8)
        for _ in 0..<20_000 {
            var text = source
            for _ in 0...Int.random(in: 0...3, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: text[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: text.remove(at: index)
                default: text.insert(text[Int.random(in: 0..<text.count, using: &generator)], at: index)
                }
            }
            let ours = fault { try walk(JSONDocument(text).root) }
            // Foundation accepts more; what it refuses must be refused.
            if (try? JSONSerialization.jsonObject(with: Data(text), options: [.fragmentsAllowed])) == nil {
                let text = String(decoding: text, as: UTF8.self)
                // Foundation also refuses numbers beyond binary64, which are text here.
                #expect(ours != nil || text.lowercased().contains("e"), "seed \(seed): \(text)")
            }
        }
    }

    private func walk(_ value: JSONValue) throws {
        _ = value.pointer
        _ = value.withNumberText { $0.count }
        switch value.kind {
        case .array: for element in try value.elements() { try walk(element) }
        case .object: for (_, member) in try value.members() { try walk(member) }
        case .string: _ = try value.string()
        default: break
        }
    }
}

@Suite struct JSONValueTests {
    @Test func generatedDocumentsReadBack() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix64(state: seed)
        for _ in 0..<300 {
            let tree = Tree.random(depth: 4, &generator)
            let value = try JSONDocument(Array(tree.text.utf8)).root
            #expect(try Tree(value) == tree, "seed \(seed): \(tree.text)")
        }
    }

    @Test func pointersLeadToTheValue() throws {
        let root = try parse("{\"a\":[[1,2],[3,\"1/3\"]],\"b\":[5,[6,\"x\"]],\"c d\":{\"e\":[7]}}")
        let a = try #require(root.member("a"))
        #expect(try a.elements()[1].elements()[1].pointer == "#/a/1/1")
        #expect(try a.matrix().pointer(3) == "#/a/1/1")
        let b = try #require(root.member("b"))
        #expect(try b.elements()[1].elements()[1].pointer == "#/b/1/1")
        #expect(try root.member("c d")?.member("e")?.numbers().pointer(0) == "#/c%20d/e/0")
    }

    @Test func numbersKeepValueAndText() throws {
        let numbers = try parse("[0.1,-0,1e-400,1e400,-1e999,\"1/3\",12345678901234567890123]").numbers()
        let values = numbers.doubles
        #expect(values[0] == 0.1)
        #expect(values[1] == 0 && values[1].sign == .minus)
        #expect(values[2] == 0)
        #expect(values[3] == .infinity && values[4] == -.infinity)
        #expect(numbers.isString(5) && !numbers.isString(3))
        #expect(values[6] == 12345678901234567890123.0)
        #expect(numbers.firstNotFinite == 3)
        let texts = (0..<7).map { numbers.withText($0) { String(decoding: $0, as: UTF8.self) } }
        #expect(texts == ["0.1", "-0", "1e-400", "1e400", "-1e999", "1/3", "12345678901234567890123"])
        let beyond = fault { _ = try parse("[1e400]").elements()[0].double() }
        #expect(beyond?.code == "out-of-range")
        #expect(beyond?.places.first?.pointer == "#/0")
    }

    /// Some writers escape the slash, which JSON allows.
    @Test func slashesOfFractionsMayBeEscaped() throws {
        let root = try parse(#"[["1\/3",2],["4\/5","6"]]"#)
        let matrix = try root.matrix()
        #expect(
            (0..<4).map { matrix.withText($0) { String(decoding: $0, as: UTF8.self) } } == [
                "1/3", "2", "4/5", "6",
            ])
        #expect(try root.elements()[1].elements()[0].string() == "4/5")
        #expect(try parse(#"["1\/3",null]"#).elements()[0].string() == "1/3")
    }

    @Test func integersAreReadFromTheirText() throws {
        let all = Int.min...Int.max
        let whole: [(String, Int)] = [
            ("9007199254740993", 9_007_199_254_740_993), ("-9007199254740993", -9_007_199_254_740_993),
            ("9223372036854775807", .max), ("1.0", 1), ("10e-1", 1), ("12E2", 1200), ("-0", 0), ("0e999", 0),
        ]
        for (text, value) in whole { #expect(try parse(text).integer(in: all) == value, "\(text)") }
        for text in ["9223372036854775808", "1.00000000000000001", "15e-1", "1e19", "1e400", "1e-400"] {
            #expect(throws: JSONFault.self, "\(text)") { try parse(text).integer(in: all) }
        }
    }

    @Test func raggedRowsAreFound() throws {
        let ragged = fault { _ = try parse("[[1,2],[3,4],[5]]").matrix() }
        #expect(ragged?.code == "ragged-rows")
        #expect(ragged?.places.first?.pointer == "#/2")
        #expect(fault { _ = try parse("[[1,2],[3,null]]").matrix() }?.places.first?.pointer == "#/1/1")
        #expect(fault { _ = try parse("[[1,2],3]").matrix() }?.places.first?.pointer == "#/1")
        #expect(fault { _ = try parse("[1,2]").matrix() }?.places.first?.pointer == "#/0")
        #expect(fault { _ = try parse("[[]]").matrix() }?.places.first?.pointer == "#/0")
        #expect(fault { _ = try parse("[[[1]]]").matrix() }?.places.first?.pointer == "#/0/0")
        #expect(fault { _ = try parse("[[1],[2]]").numbers() }?.places.first?.pointer == "#/0")
        #expect(try parse("[]").matrix().rows == 0)
        let good = try parse("[[1,2,3],[4,5,6]]").matrix()
        #expect(good.rows == 2 && good.columns == 3 && good.doubles == [1, 2, 3, 4, 5, 6])
    }

    @Test func readersRefuseWhatNobodyAskedFor() throws {
        var reader = try ObjectReader(parse("{\"a\":1,\"b\":2,\"c/\":3}"))
        #expect(try reader.required("a").integer(in: 0...5) == 1)
        let unknown = fault { try reader.finish() }
        #expect(unknown?.code == "unknown-member")
        #expect(unknown?.places.map(\.pointer) == ["#/b", "#/c~1"])
        let missing = fault { _ = try reader.required("zz") }
        #expect(missing?.code == "missing-member")
        #expect(missing?.places.first?.pointer == "#/zz")
        #expect(fault { _ = try ObjectReader(parse("[1]")) }?.code == "wrong-type")
        #expect(fault { _ = try parse("1.5").integer(in: 0...5) }?.code == "out-of-range")
        #expect(fault { _ = try parse("1e300").integer(in: 0...5) }?.code == "out-of-range")
    }

    @Test func decimalsAreExact() throws {
        let table = try parse("[[0.1,5],[0.25,-3],[\"2.5e-3\",1e3],[-0,0.50]]").matrix()
        let x = try #require(table.decimals(column: 0))
        #expect(x.leastExponent == -4 && x.scaledToLeastExponent() == [1000, 2500, 25, 0])
        let y = try #require(table.decimals(column: 1))
        #expect(y.leastExponent == -1 && y.scaledToLeastExponent() == [50, -30, 10000, 5])
        #expect(try parse("[[\"1/3\"]]").matrix().decimals(column: 0) == nil)
        let far = try #require(try parse("[[1e30],[1]]").matrix().decimals(column: 0))
        #expect(far.scaledToLeastExponent() == nil)
        #expect(far.mantissas == [1, 1] && far.exponents == [30, 0] && far.leastExponent == 0)
        #expect(try parse("[[9223372036854775807]]").matrix().decimals(column: 0)?.mantissas == [.max])
        #expect(try parse("[[9223372036854775808]]").matrix().decimals(column: 0) == nil)
    }

    @Test func longColumnsDoNotDependOnThreads() throws {
        let rows = (0..<100_000).map { "[\($0).\($0 % 7),\(Double($0) / 8)]" }.joined(separator: ",")
        let table = try parse("[\(rows)]").matrix()
        for column in 0..<2 {
            let one = try #require(table.decimals(column: column, threads: 1))
            let four = try #require(table.decimals(column: column, threads: 4))
            #expect(one.mantissas == four.mantissas && one.exponents == four.exponents)
            #expect(one.leastExponent == four.leastExponent)
            #expect(one.scaledToLeastExponent(threads: 1) == four.scaledToLeastExponent(threads: 4))
        }
        #expect(table.decimals(column: 0)?.scaledToLeastExponent()?[12] == 125)
    }
}

@Suite struct JSONWriterTests {
    @Test func writesWhatReadsBack() throws {
        var writer = JSONWriter(capacity: 1)
        writer.beginObject()
        writer.member("a", "é\"\\\n\u{1}")
        writer.key("b")
        writer.numbers([1, -0.0, 0.1, 1e20, 1e-7, .leastNonzeroMagnitude, 1.7976931348623157e308])
        writer.key("c")
        writer.beginArray()
        writer.null()
        writer.boolean(false)
        writer.beginObject()
        writer.endObject()
        writer.endArray()
        writer.member("d", 7)
        writer.endObject()
        let text = String(decoding: writer.array(), as: UTF8.self)
        #expect(
            text
                == "{\"a\":\"é\\\"\\\\\\n\\u0001\",\"b\":[1,-0,0.1,1e+20,1e-07,5e-324,1.7976931348623157e+308],"
                + "\"c\":[null,false,{}],\"d\":7}")
        let root = try parse(text)
        #expect(try root.member("a")?.string() == "é\"\\\n\u{1}")
        #expect(
            try root.member("b")?.numbers().doubles == [
                1, -0.0, 0.1, 1e20, 1e-7, .leastNonzeroMagnitude, 1.7976931348623157e308,
            ])
    }

    @Test func everyDoubleComesBackAndIsShortest() throws {
        let seed = UInt64.random(in: .min ... .max)
        var generator = SplitMix64(state: seed)
        var values: [Double] = []
        for index in 0..<200_000 {
            switch index % 4 {
            case 0:
                let value = Double(bitPattern: generator.next())
                if value.isFinite { values.append(value) }
            case 1: values.append(Double(Int.random(in: -1_000_000...1_000_000, using: &generator)) / 1000)
            case 2: values.append(Double(Int.random(in: 0...100_000_000_000, using: &generator)) / 1e4)
            default: values.append(Double.random(in: -1...1, using: &generator))
            }
        }
        for threads in [1, 3] {
            var writer = JSONWriter()
            writer.numbers(values, threads: threads)
            let bytes = writer.array()
            let back = try JSONDocument(bytes).root.numbers()
            let same = back.withDoubles { zip($0, values).allSatisfy { $0.bitPattern == $1.bitPattern } }
            #expect(same && back.count == values.count, "seed \(seed)")
            for index in stride(from: 0, to: values.count, by: 17) {
                // Swift prints the fewest digits; large whole numbers may be written out instead.
                #expect(
                    back.withText(index) { $0.count } <= values[index].description.utf8.count,
                    "seed \(seed): \(values[index])")
            }
        }
    }

    @Test func rowsAreBracketed() throws {
        let values = (0..<300_000).map { Double($0) * 0.5 }
        for threads in [1, 2] {
            var writer = JSONWriter()
            writer.beginArray()
            values.withUnsafeBufferPointer { writer.matrix($0, columns: 3, threads: threads) }
            writer.matrix(UnsafeBufferPointer(start: nil, count: 0), columns: 3)
            writer.endArray()
            let root = try JSONDocument(writer.array()).root
            let matrix = try root.elements()[0].matrix()
            #expect(matrix.rows == 100_000 && matrix.columns == 3)
            #expect(matrix.doubles == values)
            #expect(try root.elements()[1].elements().isEmpty)
        }
    }
}

/// A small generator whose seed reproduces a failure.
struct SplitMix64: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A JSON value as a tree, to compare with what was parsed.
indirect enum Tree: Equatable {
    case null
    case boolean(Bool)
    case number(Double)
    case string(String)
    case array([Tree])
    case object([String: Tree])

    static func random(depth: Int, _ generator: inout SplitMix64) -> Tree {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 5), using: &generator) {
        case 0: return .null
        case 1: return .boolean(Bool.random(using: &generator))
        case 2: return .number(Double(Int.random(in: -50...50, using: &generator)) / 4)
        case 3: return .string(["", "a", "é/~", "12", "1/3", "-"].randomElement(using: &generator) ?? "")
        case 4, 5, 6:
            let rows = Int.random(in: 0...3, using: &generator)
            let same = Bool.random(using: &generator) ? Int.random(in: 0...3, using: &generator) : nil
            return .array(
                (0..<rows).map { _ in
                    .array(
                        (0..<(same ?? Int.random(in: 0...3, using: &generator))).map { _ in
                            Int.random(in: 0..<20, using: &generator) == 0
                                ? random(depth: depth - 1, &generator)
                                : .number(Double(Int.random(in: -9...9, using: &generator)))
                        })
                })
        case 7, 8:
            return .array(
                (0..<Int.random(in: 0...4, using: &generator)).map { _ in random(depth: depth - 1, &generator)
                })
        default:
            var members: [String: Tree] = [:]
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                members["k\(Int.random(in: 0...9, using: &generator))"] = random(depth: depth - 1, &generator)
            }
            return .object(members)
        }
    }

    var text: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .number(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .array(let values): "[" + values.map(\.text).joined(separator: ",") + "]"
        case .object(let members): "{" + members.map { "\"\($0)\":\($1.text)" }.joined(separator: ",") + "}"
        }
    }

    init(_ value: JSONValue) throws {
        switch value.kind {
        case .null: self = .null
        case .boolean: self = .boolean(try value.boolean())
        case .number: self = .number(try value.double())
        case .string: self = .string(try value.string())
        case .array: self = .array(try value.elements().map(Tree.init))
        case .object:
            self = .object(
                Dictionary(
                    try value.members().map { ($0.name, try Tree($0.value)) }, uniquingKeysWith: { $1 }))
        }
    }

}

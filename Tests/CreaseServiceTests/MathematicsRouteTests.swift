import ExactArithmetic
import Foundation
import Testing

/// What the routes answer, against closed forms.
@Suite struct EvaluateRouteTests {
    private let absolute = #"{"layers":[{"weights":[[1],[-1]],"bias":[0,0]},{"weights":[[1,1]],"bias":[0]}]}"#

    @Test func valuesGradientsActivations() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try service.post(
            "/v1/evaluate",
            #"{"network":\#(absolute),"inputs":[[-2],[0],[0.25]],"include":["gradients","activations"]}"#)
        #expect(answer.status == 200)
        #expect(
            answer.text == #"{"outputs":[[2],[0],[0.25]],"gradients":[[[-1]],[[0]],[[1]]],"#
                + #""activations":[[[false,true]],[[false,false]],[[true,false]]]}"#)
    }

    @Test func exactArithmeticAnswersFractions() throws {
        let service = try ServiceProcess.shared.get()
        let network = #"{"layers":[{"weights":[["1/3",1]],"bias":["-1/7"]},{"weights":[[3]],"bias":[0]}]}"#
        let answer = try service.post(
            "/v1/evaluate",
            #"{"network":\#(network),"inputs":[[1,"1/2"],["0.1",0],[-1,-1]],"arithmetic":"exact","include":["gradients"]}"#
        )
        // 3 (1/3 + 1/2 − 1/7) = 29/14; the second is off: 1/30 < 1/7.
        #expect(answer.text == #"{"outputs":[["29/14"],[0],[0]],"gradients":[[[1,3]],[[0,0]],[[0,0]]]}"#)
    }

    @Test func numbersInNetworksAreBinary64UnlessAsked() throws {
        let service = try ServiceProcess.shared.get()
        let body = { (extra: String) in
            #"{"network":{"layers":[{"weights":[[0.1]],"bias":[0]}]},"inputs":[["1"]],"arithmetic":"exact"\#(extra)}"#
        }
        #expect(try service.post("/v1/evaluate", body("")).text == #"{"outputs":[[0.1]]}"#)
        #expect(
            try service.post("/v1/evaluate", body(#","numbers":"decimal""#)).text
                == #"{"outputs":[["1/10"]]}"#)
    }

    @Test func emptyBatchesAndAffineMaps() throws {
        let service = try ServiceProcess.shared.get()
        let network = #"{"layers":[{"weights":[[2,-1],[0,3]],"bias":[1,0]}]}"#
        #expect(
            try service.post("/v1/evaluate", #"{"network":\#(network),"inputs":[]}"#).text
                == #"{"outputs":[]}"#)
        #expect(
            try service.post("/v1/evaluate", #"{"network":\#(network),"inputs":[[1,2],[0,-1]]}"#).text
                == #"{"outputs":[[1,6],[2,-3]]}"#)
    }

    /// Large batches take another path (worker threads, all cores) and must give what single rows give.
    @Test func largeBatchesEqualSingleRows() throws {
        let service = try ServiceProcess.shared.get()
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(state: seed)
        let row = { (count: Int, generator: inout SeededGenerator) in
            "["
                + (0..<count).map { _ in "\(Double.random(in: -1...1, using: &generator))" }.joined(
                    separator: ",") + "]"
        }
        let layer = { (inputs: Int, outputs: Int, generator: inout SeededGenerator) in
            let rows = (0..<outputs).map { _ in row(inputs, &generator) }.joined(separator: ",")
            return "{\"weights\":[\(rows)],\"bias\":\(row(outputs, &generator))}"
        }
        let network =
            "{\"layers\":[\(layer(3, 17, &generator)),\(layer(17, 9, &generator)),\(layer(9, 2, &generator))]}"
        let rows = (0..<40_000).map { _ in row(3, &generator) }
        let all = try service.post(
            "/v1/evaluate", "{\"network\":\(network),\"inputs\":[\(rows.joined(separator: ","))]}")
        let outputs = try #require(try all.json["outputs"] as? [[Double]])
        #expect(outputs.count == rows.count)
        let socket = try service.connect()
        for index in stride(from: 0, to: rows.count, by: 997) {
            let one = try service.post(
                "/v1/evaluate", "{\"network\":\(network),\"inputs\":[\(rows[index])]}", on: socket)
            #expect(try one.json["outputs"] as? [[Double]] == [outputs[index]], "seed \(seed)")
        }
    }
}

@Suite struct PiecesRouteTests {
    /// The sawtooth of Theorem 3.1 with equal teeth on [0, 1]: every layer is the same.
    static func sawtooth(units w: Int, layers k: Int) -> String {
        // h(x) = Σ c_i σ(x − i/w) with slopes ±w; the last slope continues.
        let thresholds = (0..<w).map { "\"-\($0)/\(w)\"" }.joined(separator: ",")
        let coefficients = (0..<w).map { $0 == 0 ? "\(w)" : "\($0 % 2 == 1 ? -2 * w : 2 * w)" }
        let first =
            "{\"weights\":[\((0..<w).map { _ in "[1]" }.joined(separator: ","))],\"bias\":[\(thresholds)]}"
        let inner =
            "{\"weights\":[\((0..<w).map { _ in "[\(coefficients.joined(separator: ","))]" }.joined(separator: ","))],\"bias\":[\(thresholds)]}"
        let last = "{\"weights\":[[\(coefficients.joined(separator: ","))]],\"bias\":[0]}"
        return
            "{\"layers\":[\(([first] + Array(repeating: inner, count: k - 1) + [last]).joined(separator: ","))]}"
    }

    @Test func sawtoothsHaveTheirClosedForm() throws {
        let service = try ServiceProcess.shared.get()
        for w in 1...5 {
            for k in 1...4 {
                let answer = try service.post(
                    "/v1/pieces", "{\"network\":\(Self.sawtooth(units: w, layers: k))}"
                ).json
                var power = 1
                for _ in 0..<k { power *= w }
                let expected = w % 2 == 1 || k == 1 ? power + 1 : power + 2
                #expect(answer["piecesExact"] as? String == "\(expected)", "w = \(w), k = \(k)")
                #expect(answer["pieces"] as? Int == expected)
            }
        }
    }

    @Test func astronomicalCountsAreExact() throws {
        let service = try ServiceProcess.shared.get()
        let start = Date()
        let answer = try service.post("/v1/pieces", "{\"network\":\(Self.sawtooth(units: 5, layers: 43))}")
            .json
        #expect(answer["piecesExact"] as? String == "\(BigInteger(5).power(43) + .one)")
        #expect(answer["method"] as? String == "recurring-segments")
        // Generous: it takes some ten milliseconds.
        #expect(Date().timeIntervalSince(start) < 10)
    }

    @Test func roundedNetworksAreCountedAsTheyAre() throws {
        let service = try ServiceProcess.shared.get()
        let rounded = Self.sawtooth(units: 5, layers: 3).replacing(#/"-([0-4])/5"/#) { match in
            "\(-(Double(match.1) ?? 0) / 5)"
        }
        let answer = try service.post("/v1/pieces", "{\"network\":\(rounded)}").json
        // The ideal function has 126 pieces.
        #expect(answer["piecesExact"] as? String == "132")
        let counts = try #require(answer["counts"] as? [String: String])
        #expect(counts["activation"] == "138" && counts["affine"] == "126")
    }

    @Test func listsBreakpointsExactlyOnAnInterval() throws {
        let service = try ServiceProcess.shared.get()
        let network = Self.sawtooth(units: 3, layers: 1)
        let answer = try service.post(
            "/v1/pieces",
            "{\"network\":\(network),\"list\":{\"limit\":9},\"arithmetic\":\"exact\",\"domain\":{\"lower\":[0.1],\"upper\":[\"2/3\"]}}"
        )
        let json = try answer.json
        #expect(json["piecesExact"] as? String == "2")
        #expect(answer.text.contains(#""breakpoints":[{"x":"1/3","y":1}]"#))
        #expect(json["listTruncated"] as? Bool == false)
    }

    @Test func functionsAreCountedToo() throws {
        let service = try ServiceProcess.shared.get()
        // In a line: decimals, not their binary64 neighbours.
        let function =
            #"{"kind":"piecewise-linear","points":[[0,0],[0.1,0.3],[0.3,0.9],[1,0]],"outside":"constant"}"#
        let decimal = try service.post("/v1/pieces", "{\"function\":\(function)}").json
        #expect(decimal["piecesExact"] as? String == "4")
        let binary = try service.post("/v1/pieces", "{\"function\":\(function),\"numbers\":\"binary64\"}")
            .json
        #expect(binary["piecesExact"] as? String == "5")
    }

    @Test func picturesAreSVG() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try service.post(
            "/v1/pieces", "{\"network\":\(Self.sawtooth(units: 3, layers: 2))}",
            headers: [("Accept", "image/svg+xml")])
        #expect(answer.status == 200)
        #expect(answer.header("content-type") == "image/svg+xml")
        #expect(answer.text.hasPrefix("<svg ") && answer.text.hasSuffix("</svg>\n"))
    }
}

@Suite struct AlgebraRouteTests {
    private let absolute = #"{"layers":[{"weights":[[1],[-1]],"bias":[0,0]},{"weights":[[1,1]],"bias":[0]}]}"#
    private let shifted = #"{"layers":[{"weights":[[1]],"bias":[-1]},{"weights":[[2]],"bias":["1/3"]}]}"#

    private func value(_ service: ServiceProcess, _ network: String, at x: String) throws -> String {
        let answer = try service.post(
            "/v1/evaluate", "{\"network\":\(network),\"inputs\":[[\(x)]],\"arithmetic\":\"exact\"}")
        return answer.text
    }

    private func network(of answer: HTTPAnswer) throws -> String {
        let network = try #require(try answer.json["network"])
        return String(decoding: try JSONSerialization.data(withJSONObject: network), as: UTF8.self)
    }

    @Test func operationsKeepTheirLaws() throws {
        let service = try ServiceProcess.shared.get()
        // |x| and 2σ(x − 1) + 1/3 at −3/2 and 5/2: 3/2, 1/3 and 5/2, 10/3.
        let laws: [(operation: String, at: String, value: String)] = [
            ("sum", "\"-3/2\"", "\"11/6\""), ("difference", "\"-3/2\"", "\"7/6\""),
            ("maximum", "\"-3/2\"", "1.5"),
            ("minimum", "\"-3/2\"", "\"1/3\""), ("compose", "\"-3/2\"", "\"1/3\""),
            ("sum", "2.5", "\"35/6\""),
            ("difference", "2.5", "\"-5/6\""), ("maximum", "2.5", "\"10/3\""), ("minimum", "2.5", "2.5"),
            ("compose", "2.5", "\"10/3\""),
        ]
        for law in laws {
            let answer = try service.post(
                "/v1/algebra",
                "{\"operation\":\"\(law.operation)\",\"networks\":[\(absolute),\(shifted)],\"arithmetic\":\"exact\"}"
            )
            #expect(answer.status == 200, "\(answer.text)")
            #expect(
                try value(service, network(of: answer), at: law.at) == "{\"outputs\":[[\(law.value)]]}",
                "\(law.operation) at \(law.at)")
        }
        let weighted = try service.post(
            "/v1/algebra",
            "{\"operation\":\"sum\",\"networks\":[\(absolute),\(shifted)],\"coefficients\":[2,\"-1/2\"],\"arithmetic\":\"exact\"}"
        )
        #expect(try value(service, network(of: weighted), at: "4") == "{\"outputs\":[[\"29/6\"]]}")
    }

    @Test func shallowEqualsAndIsMinimal() throws {
        let service = try ServiceProcess.shared.get()
        let deep = PiecesRouteTests.sawtooth(units: 3, layers: 3)
        let answer = try service.post(
            "/v1/algebra", "{\"operation\":\"shallow\",\"networks\":[\(deep)],\"arithmetic\":\"exact\"}")
        #expect(answer.status == 200, "\(answer.text)")
        let report = try #require(try answer.json["report"] as? [String: Any])
        // 28 pieces, left slope 0: 27 nodes, proved.
        #expect(report["pieces"] as? Int == 28)
        #expect(report["size"] as? Int == 27)
        #expect(report["minimal"] as? String == "proved")
        let shallow = try network(of: answer)
        for x in ["-1", "0", "\"1/27\"", "\"5/81\"", "0.5", "\"26/27\"", "3"] {
            #expect(try value(service, shallow, at: x) == value(service, deep, at: x), "at \(x)")
        }
    }

    @Test func simplifyDropsDeadAndDuplicateUnits() throws {
        let service = try ServiceProcess.shared.get()
        let wasteful =
            #"{"layers":[{"weights":[[1],[2],[0],[-1],[5]],"bias":[0,0,-3,0,1]},{"weights":[[1,1,7,3,0]],"bias":[0]}]}"#
        let answer = try service.post(
            "/v1/algebra", "{\"operation\":\"simplify\",\"networks\":[\(wasteful)]}")
        let report = try #require(try answer.json["report"] as? [String: Any])
        #expect(report["size"] as? Int == 2)
        #expect(report["hiddenLayers"] as? Int == 1)
        let simple = try network(of: answer)
        for x in ["-2", "0", "0.5"] {
            #expect(try value(service, simple, at: x) == value(service, wasteful, at: x))
        }
    }
}

@Suite struct CompileRouteTests {
    @Test func aTariffIsCompiledAndEvaluatedExactly() throws {
        let service = try ServiceProcess.shared.get()
        let points = [("0", "0"), ("100", "12.5"), ("300", "42.1"), ("600", "100")]
        let function =
            "{\"kind\":\"piecewise-linear\",\"points\":[\(points.map { "[\($0.0),\($0.1)]" }.joined(separator: ","))],\"leftSlope\":0,\"rightSlope\":0.25}"
        let answer = try service.post("/v1/compile", "{\"function\":\(function),\"arithmetic\":\"exact\"}")
        #expect(answer.status == 200, "\(answer.text)")
        let report = try #require(try answer.json["report"] as? [String: Any])
        #expect(report["pieces"] as? Int == 5)
        #expect(report["size"] as? Int == 4)
        #expect(report["minimal"] as? String == "proved")
        let network = try #require(try answer.json["network"])
        let text = String(decoding: try JSONSerialization.data(withJSONObject: network), as: UTF8.self)
        for (x, y) in points + [("-5", "0"), ("1000", "200"), ("200", "27.3")] {
            let value = try service.post(
                "/v1/evaluate", "{\"network\":\(text),\"inputs\":[[\"\(x)\"]],\"arithmetic\":\"exact\"}")
            let output = try #require(try value.json["outputs"] as? [[Any]])[0][0]
            let found =
                try (output as? String).map { try Rational(parsing: $0) }
                ?? Rational(exactly: output as? Double ?? .nan)
            #expect(try found == Rational(parsing: y), "at \(x)")
        }
    }

    /// The corrected table of Theorem 2.2.
    @Test(arguments: [
        // |x|: left slope −1, jump 2: no subset of jumps sums to 1, so p = 2 nodes with bias.
        (#""points":[[0,0]],"leftSlope":-1,"rightSlope":1"#, true, 2),
        // |x| + 1 without output bias needs p + 1.
        (#""points":[[0,1]],"leftSlope":-1,"rightSlope":1"#, false, 3),
        // Affine: 2; constant: 0, or 1 without bias.
        (#""points":[[0,1]],"leftSlope":3,"rightSlope":3"#, true, 2),
        (#""points":[[0,1]],"outside":"constant""#, true, 0),
        (#""points":[[0,1]],"outside":"constant""#, false, 1),
        (#""points":[[0,0]],"outside":"constant""#, false, 0),
        // σ(x): left slope 0.
        (#""points":[[0,0]],"leftSlope":0,"rightSlope":1"#, false, 1),
        // Jumps 1 and −3 with left slope −1: L = {first} faces left.
        (#""points":[[0,0],[1,0]],"leftSlope":-1,"rightSlope":-3"#, true, 2),
    ]) func minimalSizes(_ function: String, _ outputBias: Bool, _ size: Int) throws {
        let service = try ServiceProcess.shared.get()
        let answer = try service.post(
            "/v1/compile",
            "{\"function\":{\"kind\":\"piecewise-linear\",\(function)},\"outputBias\":\(outputBias)}")
        let report = try #require(try answer.json["report"] as? [String: Any])
        #expect(report["size"] as? Int == size, "\(function)")
        #expect(report["minimal"] as? String == "proved")
    }

    @Test func combinatorsAreFunctions() throws {
        let service = try ServiceProcess.shared.get()
        let absolute = #"{"kind":"piecewise-linear","points":[[0,0]],"leftSlope":-1,"rightSlope":1}"#
        // max(|x| − 1, 0) as a maximum of a sum and a constant.
        let zero = #"{"kind":"piecewise-linear","points":[[0,0]],"outside":"constant"}"#
        let one = #"{"kind":"piecewise-linear","points":[[0,1]],"outside":"constant"}"#
        let function =
            #"{"kind":"maximum","functions":[{"kind":"sum","functions":[\#(absolute),\#(one)],"coefficients":[1,-1]},\#(zero)]}"#
        let answer = try service.post("/v1/compile", "{\"function\":\(function),\"store\":\"hinge-pair\"}")
        let json = try answer.json
        #expect((json["report"] as? [String: Any])?["pieces"] as? Int == 3)
        #expect((json["report"] as? [String: Any])?["size"] as? Int == 2)
        let values = try service.post("/v1/evaluate", #"{"network":"hinge-pair","inputs":[[-3],[0.5],[2]]}"#)
        #expect(values.text == #"{"outputs":[[2],[0],[1]]}"#)
        let composed =
            #"{"kind":"composition","outer":\#(function),"inner":[{"kind":"scale","function":\#(absolute),"factor":2}]}"#
        let pieces = try service.post("/v1/pieces", "{\"function\":\(composed)}").json
        #expect(pieces["piecesExact"] as? String == "3")
        _ = try service.request("DELETE", "/v1/networks/hinge-pair")
    }
}

/// A small generator whose seed reproduces a failure.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

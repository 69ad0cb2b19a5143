import Foundation
import Testing

/// Every class of bad input: its status, its code and its pointer.
@Suite struct FaultTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let route: String
        let body: String
        let status: Int
        let code: String
        let pointer: String?

        init(_ route: String, _ body: String, _ status: Int, _ code: String, _ pointer: String? = nil) {
            self.route = route
            self.body = body
            self.status = status
            self.code = code
            self.pointer = pointer
        }

        var testDescription: String { "\(route) \(body.prefix(80))" }
    }

    private static let net =
        #"{"layers":[{"weights":[[1],[-1]],"bias":[0,0]},{"weights":[[1,1]],"bias":[0]}]}"#

    static let cases: [Case] = [
        // Broken JSON.
        Case("evaluate", "", 400, "invalid-json"), Case("evaluate", "{", 400, "invalid-json"),
        Case("evaluate", "{\"a\":NaN}", 400, "invalid-json"),
        Case("evaluate", "\u{feff}{}", 400, "invalid-json"),
        Case("evaluate", "{} {}", 400, "invalid-json"),
        Case("evaluate", "{\"a\":\"\\ud800\"}", 400, "invalid-json"),
        Case("evaluate", String(repeating: "[", count: 1000), 400, "too-deep"),
        // Members.
        Case("evaluate", "[]", 422, "wrong-type", "#"),
        Case("evaluate", "{}", 422, "missing-member", "#/network"),
        Case("evaluate", "{\"network\":\(net)}", 422, "missing-member", "#/inputs"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[],\"a/b\":1}", 422, "unknown-member", "#/a~1b"),
        Case("evaluate", "{\"network\":1,\"network\":2}", 422, "duplicate-member", "#/network"),
        Case("evaluate", "{\"network\":7,\"inputs\":[]}", 422, "wrong-type", "#/network"),
        Case("evaluate", "{\"network\":\"nobody\",\"inputs\":[]}", 422, "unknown-network", "#/network"),
        Case("evaluate", "{\"network\":{\"layers\":[]},\"inputs\":[]}", 422, "empty", "#/network/layers"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[[1],[2]],"bias":[0]}]},"inputs":[]}"#, 422,
            "shape-mismatch", "#/network/layers/0/bias"),
        Case(
            "evaluate",
            #"{"network":{"layers":[{"weights":[[1],[2]],"bias":[0,0]},{"weights":[[1]],"bias":[0]}]},"inputs":[]}"#,
            422, "shape-mismatch", "#/network/layers/1/weights"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[[1,2],[2]],"bias":[0,0]}]},"inputs":[]}"#, 422,
            "ragged-rows", "#/network/layers/0/weights/1"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[[1e400]],"bias":[0]}]},"inputs":[]}"#, 422,
            "out-of-range", "#/network/layers/0/weights/0/0"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[["1/0"]],"bias":[0]}]},"inputs":[]}"#, 422,
            "invalid-number", "#/network/layers/0/weights/0/0"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[["1e999999999"]],"bias":[0]}]},"inputs":[]}"#,
            422,
            "invalid-number", "#/network/layers/0/weights/0/0"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[[null]],"bias":[0]}]},"inputs":[]}"#, 422,
            "wrong-type",
            "#/network/layers/0/weights/0/0"),
        Case(
            "evaluate", "{\"network\":\(net),\"inputs\":[[1,2]]}", 422, "shape-mismatch", "#/inputs/0"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[[1],[2,3]]}", 422, "ragged-rows", "#/inputs/1"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[1]}", 422, "wrong-type", "#/inputs/0"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[[\"x\"]]}", 422, "wrong-type", "#/inputs/0/0"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[[\"1/\"]]}", 422, "invalid-number", "#/inputs/0/0"),
        Case("evaluate", "{\"network\":\(net),\"inputs\":[[1e999]]}", 422, "out-of-range", "#/inputs/0/0"),
        Case(
            "evaluate", "{\"network\":\(net),\"inputs\":[[1]],\"include\":[\"weights\"]}", 422,
            "unknown-value",
            "#/include/0"),
        Case(
            "evaluate", "{\"network\":\(net),\"inputs\":[[1]],\"arithmetic\":\"float\"}", 422,
            "unknown-value",
            "#/arithmetic"),
        Case(
            "evaluate", #"{"network":{"layers":[{"weights":[[1e300]],"bias":[0]}]},"inputs":[[1],[1e300]]}"#,
            422,
            "overflow", "#/inputs/1"),
        // Functions.
        Case(
            "compile",
            #"{"function":{"kind":"piecewise-linear","points":[[0,0],[0,1]],"outside":"constant"}}"#, 422,
            "not-increasing", "#/function/points/1/0"),
        Case(
            "compile",
            #"{"function":{"kind":"piecewise-linear","points":[["0",0],["1/3",1],["1/4",1]],"outside":"constant"}}"#,
            422, "not-increasing", "#/function/points/2/0"),
        Case(
            "compile", #"{"function":{"kind":"piecewise-linear","points":[],"outside":"constant"}}"#, 422,
            "empty",
            "#/function/points"),
        Case(
            "compile", #"{"function":{"kind":"piecewise-linear","points":[[0,0]],"outside":"extend"}}"#, 422,
            "out-of-range", "#/function/outside"),
        Case(
            "compile", #"{"function":{"kind":"piecewise-linear","points":[[0,0,0]],"outside":"constant"}}"#,
            422,
            "shape-mismatch", "#/function/points/0"),
        Case(
            "compile", #"{"function":{"kind":"piecewise-linear","points":[[0,0]]}}"#, 422, "missing-member",
            "#/function/leftSlope"),
        Case(
            "compile", #"{"function":{"kind":"piecewise-linear","points":[[0,0]],"leftSlope":1}}"#, 422,
            "missing-member", "#/function/rightSlope"),
        Case(
            "compile",
            #"{"function":{"kind":"piecewise-linear","points":[[0,0]],"leftSlope":1,"outside":"constant"}}"#,
            422,
            "contradiction", "#/function/leftSlope"),
        Case("compile", #"{"function":{"kind":"spline"}}"#, 422, "unknown-value", "#/function/kind"),
        Case("compile", #"{"function":{}}"#, 422, "missing-member", "#/function/kind"),
        Case(
            "compile", #"{"function":{"kind":"sum","functions":[]}}"#, 422, "empty", "#/function/functions"),
        Case(
            "compile",
            #"{"function":{"kind":"sum","functions":[{"kind":"piecewise-linear","points":[[0,0]],"outside":"constant","a":1}]}}"#,
            422, "unknown-member", "#/function/functions/0/a"),
        Case(
            "compile",
            #"{"function":{"kind":"piecewise-linear","points":[[0,0]],"outside":"constant"},"store":"../x"}"#,
            422,
            "invalid-name", "#/store"),
        // Pieces.
        Case("pieces", "{}", 422, "missing-member", "#/network"),
        Case(
            "pieces", "{\"network\":\(net),\"domain\":{\"lower\":[1],\"upper\":[1]}}", 422, "empty-domain",
            "#/domain/upper/0"),
        Case(
            "pieces", "{\"network\":\(net),\"domain\":{\"lower\":[0,0],\"upper\":[1,1]}}", 422,
            "shape-mismatch",
            "#/domain/lower"),
        Case(
            "pieces", "{\"network\":\(net),\"list\":{\"limit\":-1}}", 422, "out-of-range", "#/list/limit"),
        Case("pieces", "{\"network\":\(net),\"definition\":\"cells\"}", 422, "unknown-value", "#/definition"),
        // Algebra.
        Case(
            "algebra", "{\"operation\":\"root\",\"networks\":[\(net)]}", 422, "unknown-value", "#/operation"),
        Case("algebra", "{\"operation\":\"sum\",\"networks\":[]}", 422, "limit-exceeded", "#/networks"),
        Case(
            "algebra", "{\"operation\":\"shallow\",\"networks\":[\(net),\(net)]}", 422, "shape-mismatch",
            "#/networks"),
        Case(
            "algebra", "{\"operation\":\"sum\",\"networks\":[\(net)],\"coefficients\":[1,2]}", 422,
            "shape-mismatch",
            "#/coefficients"),
        Case(
            "algebra",
            #"{"operation":"sum","networks":[\#(net),{"layers":[{"weights":[[1,2]],"bias":[0]}]}]}"#, 422,
            "shape-mismatch", "#/networks/1"),
    ]

    @Test(arguments: cases) func isToldClearly(_ item: Case) throws {
        let answer = try ServiceProcess.shared.get().post("/v1/\(item.route)", item.body)
        #expect(answer.status == item.status, "\(answer.text)")
        #expect(answer.header("content-type") == "application/problem+json")
        let problem = try answer.json
        #expect(problem["code"] as? String == item.code, "\(answer.text)")
        #expect(problem["status"] as? Int == item.status)
        #expect(problem["type"] as? String == "urn:crease:problem:\(item.code)")
        #expect(problem["requestId"] as? String == answer.header("x-request-id"))
        #expect((problem["detail"] as? String)?.isEmpty == false)
        if let pointer = item.pointer {
            let errors = try #require(problem["errors"] as? [[String: String]])
            #expect(errors.first?["pointer"] == pointer, "\(answer.text)")
        }
    }

    /// Bodies with random damage are answered, whatever they are, and the process lives.
    @Test func damagedBodiesAreAnswered() throws {
        let service = try ServiceProcess.shared.get()
        let seed = UInt64.random(in: .min ... .max)
        var generator = SeededGenerator(state: seed)
        let sources: [(String, String)] = [
            (
                "evaluate",
                "{\"network\":\(Self.net),\"inputs\":[[0.5],[\"1/3\"]],\"include\":[\"gradients\"]}"
            ),
            (
                "compile",
                #"{"function":{"kind":"sum","functions":[{"kind":"piecewise-linear","points":[[0,1],["1/3",0],[1,2.5]],"outside":"extend"}],"coefficients":[2]},"arithmetic":"exact"}"#
            ),
            (
                "pieces",
                "{\"network\":\(Self.net),\"list\":{\"limit\":3},\"domain\":{\"lower\":[-1],\"upper\":[2]}}"
            ),
            (
                "algebra",
                "{\"operation\":\"sum\",\"networks\":[\(Self.net),\(Self.net)],\"coefficients\":[1,-1]}"
            ),
        ]
        let snippets = [
            "1e308", "-1e-320", "99999999999999999999", "\"1/7\"", "[]", "{}", "null", "[[1]]", "0", "-0.0",
        ]
        let socket = try service.connect()
        for _ in 0..<1500 {
            guard let (route, source) = sources.randomElement(using: &generator) else { continue }
            var text = Array(source.utf8)
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: text[index] = UInt8.random(in: 0x20...0x7e, using: &generator)
                case 1: text.remove(at: index)
                case 2: text.insert(text[Int.random(in: 0..<text.count, using: &generator)], at: index)
                default:
                    // Another value in a number's place.
                    if let start = text[index...].firstIndex(where: { (0x30...0x39).contains($0) }) {
                        let end = text[start...].firstIndex { !(0x30...0x39).contains($0) } ?? text.endIndex
                        text.replaceSubrange(
                            start..<end, with: Array((snippets.randomElement(using: &generator) ?? "").utf8))
                    }
                }
            }
            let answer = try service.request(
                "POST", "/v1/\(route)", headers: [("Content-Type", "application/json")], body: text,
                on: socket)
            #expect(
                [200, 400, 422].contains(answer.status),
                "seed \(seed): \(answer.status) for \(String(decoding: text, as: UTF8.self)): \(answer.text.prefix(300))"
            )
        }
        #expect(service.isRunning)
    }
}

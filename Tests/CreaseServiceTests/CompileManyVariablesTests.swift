import ExactArithmetic
import Foundation
import Testing

/// `POST /v1/compile` for functions of several variables, against the meaning of their kinds in rational arithmetic.
@Suite struct CompileManyVariablesTests {
    private static let kinds =
        RandomPostedFunctions.plain + RandomPostedFunctions.meshes + RandomPostedFunctions.composed

    /// Compiles exactly, evaluates exactly, at random rational points, and compares.
    @Test(arguments: kinds, 1...4) func equalsTheFunction(kind: String, variables: Int) throws {
        let service = try ServiceProcess.shared.get()
        for seed in 0..<(variables < 3 ? 5 : 1) as Range<UInt64> {
            var random = RandomPostedFunctions(seed: seed &* 101 &+ UInt64(variables))
            let function = random.function(kind, variables)
            let oracle = try FunctionOracle(function)
            // Few layers in four variables take a cell decomposition, which is large for functions of functions.
            let isLarge = variables == 4 && !["max-affine", "regions"].contains(kind)
            for objective in isLarge ? ["size"] : ["size", "depth"] {
                let body =
                    "{\"function\":\(function),\"objective\":\"\(objective)\",\"arithmetic\":\"exact\","
                    + "\"numbers\":\"decimal\",\"outputBias\":\(random.integer(0...1) == 0)}"
                let answer = try service.post("/v1/compile", body)
                #expect(answer.status == 200, "seed \(seed) \(function): \(answer.text.prefix(400))")
                let json = try answer.json
                let report = try #require(json["report"] as? [String: Any])
                #expect(report["exact"] as? Bool == true, "seed \(seed)")
                #expect(report["inputDimension"] as? Int == variables)
                let size = try #require(report["size"] as? Int)
                #expect(try #require(report["sizeLowerBound"] as? Int) <= size)
                if objective == "depth" {
                    let layers = try #require(report["hiddenLayers"] as? Int)
                    #expect(layers <= [1, 2, 2, 2][variables - 1], "seed \(seed) \(function)")
                }
                let points = (0..<24).map { random.point(variables, $0 % 2 == 0 ? 5 : 1) }
                let network = try Self.text(json["network"])
                let values = try service.post(
                    "/v1/evaluate",
                    "{\"network\":\(network),\"inputs\":[\(points.map { "[\"\($0.joined(separator: "\",\""))\"]" }.joined(separator: ","))],\"arithmetic\":\"exact\"}"
                )
                let outputs = try #require(try values.json["outputs"] as? [[Any]], "\(values.text.prefix(300))")
                for (point, output) in zip(points, outputs) {
                    let coordinates = try point.map { try Rational(parsing: $0) }
                    guard let expected = oracle(coordinates) else { continue }
                    #expect(
                        FunctionOracle.number(output[0]) == expected,
                        "seed \(seed), \(objective), at \(point): \(function)")
                }
            }
        }
    }

    private static func text(_ object: Any?) throws -> String {
        String(decoding: try JSONSerialization.data(withJSONObject: try #require(object)), as: UTF8.self)
    }

    @Test func whatANumberMeans() throws {
        let service = try ServiceProcess.shared.get()
        let pieces = #"[{"gradient":[0.1,0],"intercept":0},{"gradient":[0,1],"intercept":0}]"#
        let body = { (extra: String) in
            #"{"function":{"kind":"max-affine","pieces":\#(pieces)},"arithmetic":"exact"\#(extra)}"#
        }
        #expect(try service.post("/v1/compile", body("")).text.contains("1/10"))
        #expect(!(try service.post("/v1/compile", body(#","numbers":"binary64""#)).text.contains("1/10")))
    }

    /// Rounded networks stay within the bound that the report states, at the box's corners and inside.
    @Test func roundingErrorIsBounded() throws {
        let service = try ServiceProcess.shared.get()
        for seed in 0..<8 as Range<UInt64> {
            var random = RandomPostedFunctions(seed: seed)
            let function = random.function("grid", 2)
            let oracle = try FunctionOracle(function)
            let answer = try service.post("/v1/compile", "{\"function\":\(function)}").json
            let report = try #require(answer["report"] as? [String: Any])
            let bound = try #require(report["maximumRoundingError"] as? Double)
            #expect(bound < 1e-9)
            let points = (0..<50).map { _ in
                "[\(random.integer(-3500...3500)).0e-3,\(random.integer(-3500...3500)).0e-3]"
            }
            let network = try Self.text(answer["network"])
            let outputs = try #require(
                try service.post(
                    "/v1/evaluate", "{\"network\":\(network),\"inputs\":[\(points.joined(separator: ","))]}"
                ).json["outputs"] as? [[Double]])
            for (point, output) in zip(points, outputs) {
                let inputs = try #require(
                    try JSONSerialization.jsonObject(with: Data(point.utf8)) as? [Double])
                guard let expected = oracle(inputs.compactMap { Rational(exactly: $0) }) else { continue }
                let value = try #require(Rational(exactly: output[0]))
                #expect((value - expected).magnitude.nearestDouble <= bound, "seed \(seed)")
            }
        }
    }

    /// A small step along each axis, within a piece, changes the value by the gradient.
    @Test(arguments: ["max-affine", "grid", "regions", "lattice"]) func gradientsAreThoseOfThePieces(kind: String)
        throws
    {
        let service = try ServiceProcess.shared.get()
        for seed in 0..<4 as Range<UInt64> {
            var random = RandomPostedFunctions(seed: seed &+ 70)
            let function = random.function(kind, 2)
            let oracle = try FunctionOracle(function)
            let network = try Self.text(
                try service.post("/v1/compile", "{\"function\":\(function),\"arithmetic\":\"exact\"}").json["network"])
            // Off every hyperplane of small numbers.
            let points = (0..<30).map { _ in (0..<2).map { _ in "\(random.integer(-16_000...16_000))/7919" } }
            let answer = try service.post(
                "/v1/evaluate",
                "{\"network\":\(network),\"inputs\":[\(points.map { "[\"\($0[0])\",\"\($0[1])\"]" }.joined(separator: ","))],\"include\":[\"gradients\"],\"arithmetic\":\"exact\"}"
            ).json
            let gradients = try #require(answer["gradients"] as? [[[Any]]])
            let step = Rational(1, 1_000_000_000)
            for (point, rows) in zip(points, gradients) {
                let place = try point.map { try Rational(parsing: $0) }
                // Where the eight points of a small square around it lie on one plane, the point is within a piece.
                let around = (0..<9).map { index in
                    oracle([place[0] + Rational(index / 3 - 1) * step, place[1] + Rational(index % 3 - 1) * step])
                }
                guard let value = around[4], let right = around[7], let up = around[5] else { continue }
                let gradient = [(right - value) / step, (up - value) / step]
                let isPlane = around.indices.allSatisfy { index in
                    around[index]
                        == value + step
                        * (Rational(index / 3 - 1) * gradient[0] + Rational(index % 3 - 1) * gradient[1])
                }
                guard isPlane else { continue }
                #expect(
                    rows[0].map { FunctionOracle.number($0) } == gradient,
                    "seed \(seed), at \(point): \(function)")
            }
        }
    }

    /// The pieces of a function are those of a network that equals it, wherever that is known.
    @Test(arguments: kinds, 2...3) func hasThePiecesOfItsNetwork(kind: String, variables: Int) throws {
        let service = try ServiceProcess.shared.get()
        for seed in 0..<(variables == 2 ? 4 : 2) as Range<UInt64> {
            var random = RandomPostedFunctions(seed: seed &+ 40)
            let function = random.function(kind, variables)
            let compiled = try service.post(
                "/v1/compile", "{\"function\":\(function),\"arithmetic\":\"exact\"}"
            ).json
            let report = try #require(compiled["report"] as? [String: Any])
            let own = try service.post("/v1/pieces", "{\"function\":\(function)}")
            #expect(own.status == 200, "\(own.text.prefix(300))")
            let counts = try #require(try own.json["counts"] as? [String: String])
            #expect((counts["activation"] == nil) == (kind != "network"))
            if let pieces = report["pieces"] as? Int { #expect(counts["level"] == "\(pieces)", "seed \(seed)") }
            // On all of R^n, or in the grid's box; a cross-polytope is none.
            var domain = ""
            if kind == "grid" {
                let object = try JSONSerialization.jsonObject(with: Data(function.utf8)) as? [String: Any]
                let axes = try #require(object?["axes"] as? [[String]])
                domain =
                    ",\"domain\":{\"lower\":[\(axes.map { "\"\($0[0])\"" }.joined(separator: ","))],"
                    + "\"upper\":[\(axes.map { "\"\($0[$0.count - 1])\"" }.joined(separator: ","))]}"
            } else if report["domain"] as? String != "R^n" {
                continue
            }
            let network = try service.post(
                "/v1/pieces", "{\"network\":\(try Self.text(compiled["network"]))\(domain)}")
            #expect(network.status == 200, "\(network.text.prefix(300))")
            let others = try #require(try network.json["counts"] as? [String: String])
            for definition in ["affine", "level", "closed", "open"] {
                #expect(counts[definition] == others[definition], "\(definition), seed \(seed): \(function)")
            }
        }
    }

    /// In a box within the domain, listed page by page, against the compiled network's pieces in the box.
    @Test(arguments: kinds, 2...3) func hasPiecesInBoxes(kind: String, variables: Int) throws {
        let service = try ServiceProcess.shared.get()
        for seed in 0..<3 as Range<UInt64> {
            var random = RandomPostedFunctions(seed: seed &+ 140)
            let function = random.function(kind, variables)
            let oracle = try FunctionOracle(function)
            let compiled = try service.post(
                "/v1/compile", "{\"function\":\(function),\"arithmetic\":\"exact\"}"
            ).json
            let lower = (0..<variables).map { _ in "\"\(random.integer(-9...(-5)))/8\"" }
            let upper = (0..<variables).map { _ in "\"\(random.integer(kind == "grid" ? -3...0 : 1...9))/7\"" }
            let domain =
                "\"domain\":{\"lower\":[\(lower.joined(separator: ","))],\"upper\":[\(upper.joined(separator: ","))]}"
            let network = try service.post(
                "/v1/pieces", "{\"network\":\(try Self.text(compiled["network"])),\(domain)}"
            ).json
            let others = try #require(network["counts"] as? [String: String])
            for definition in ["affine", "level", "closed", "open"] {
                let body = "{\"function\":\(function),\(domain),\"definition\":\"\(definition)\",\"arithmetic\":\"exact\""
                var (page, regions): (String, [[String: Any]]) = ("", [])
                for _ in 0..<200 {
                    let answer = try service.post("/v1/pieces", body + ",\"list\":{\"limit\":300\(page)}}")
                    #expect(answer.status == 200, "\(answer.text.prefix(300))")
                    let json = try answer.json
                    #expect(
                        (json["counts"] as? [String: String])?[definition] == others[definition],
                        "\(definition), seed \(seed): \(function) \(domain)")
                    regions += try #require(json["regions"] as? [[String: Any]])
                    guard let token = json["nextPageToken"] as? String else { break }
                    page = ",\"pageToken\":\"\(token)\""
                }
                let pieces = Set(regions.compactMap { $0["piece"] as? Int })
                #expect("\(pieces.count)" == others[definition], "\(definition), seed \(seed): \(function)")
                for region in regions {
                    let gradient = try #require(region["gradient"] as? [Any]).map { FunctionOracle.number($0) }
                    let vertices = try #require(region["vertices"] as? [[Any]])
                    #expect(vertices.count > variables)
                    for vertex in vertices {
                        let point = vertex.map { FunctionOracle.number($0) }
                        let value = zip(gradient, point).reduce(FunctionOracle.number(region["intercept"])) {
                            $0 + $1.0 * $1.1
                        }
                        #expect(oracle(point) == value, "seed \(seed): \(function)")
                    }
                }
            }
        }
    }

    /// Functions on a part of R^n: boxes that leave it, lists without a box, sums of parts, and pictures.
    @Test func piecesOnAPartOfSpace() throws {
        let service = try ServiceProcess.shared.get()
        let mesh =
            #"{"kind":"simplicial","vertices":[[0,0],[1,0],[0,1],[1,1]],"simplices":[[0,1,2],[1,2,3]],"values":[0,1,1,0]}"#
        let half = #"{"kind":"max-affine","pieces":[{"gradient":[1,0],"intercept":0},{"gradient":[0,0],"intercept":"1/2"}]}"#
        let sum = #"{"kind":"sum","functions":[\#(mesh),\#(half)]}"#
        let listed = try service.post("/v1/pieces", #"{"function":\#(mesh),"list":{"limit":10}}"#).json
        #expect((listed["regions"] as? [Any])?.count == 2)
        #expect(listed["pieces"] as? Int == 2)
        let parts = try service.post("/v1/pieces", #"{"function":\#(sum)}"#).json
        #expect(parts["pieces"] as? Int == 4)
        let report = try service.post("/v1/compile", #"{"function":\#(sum)}"#).json["report"] as? [String: Any]
        #expect(report?["pieces"] as? Int == 4)
        let corner = try service.post(
            "/v1/pieces", #"{"function":\#(sum),"domain":{"lower":["3/4",-5],"upper":[9,"1/5"]},"list":{"limit":10}}"#)
        #expect(try corner.json["pieces"] as? Int == 2)
        let outside = try service.post(
            "/v1/pieces", #"{"function":\#(mesh),"domain":{"lower":[1,1],"upper":[2,2]}}"#)
        #expect(outside.status == 422)
        #expect(try outside.json["code"] as? String == "empty-domain")
        #expect(outside.text.contains("#/domain"))
        let activation = try service.post("/v1/pieces", #"{"function":\#(mesh),"definition":"activation"}"#)
        #expect(try activation.json["code"] as? String == "definition-not-available")
        let picture = try service.post(
            "/v1/pieces", #"{"function":\#(sum),"domain":{"lower":[0,0],"upper":[1,1]}}"#,
            headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.components(separatedBy: "<polygon").count == 5)
        let whole = try service.post(
            "/v1/pieces", #"{"function":\#(sum)}"#, headers: [("Accept", "image/svg+xml")])
        #expect(whole.text.contains(">4 pieces, 4 affine functions<"))
        // max(x, y, 0) − max(x + y, 1): the cells of both maxima, in which a network has more.
        let difference =
            #"{"kind":"signed-max","terms":[{"sign":1,"pieces":[{"gradient":[1,0],"intercept":0},{"gradient":[0,1],"intercept":0},{"gradient":[0,0],"intercept":0}]},"#
            + #"{"sign":-1,"pieces":[{"gradient":[1,1],"intercept":0},{"gradient":[0,0],"intercept":1}]}]}"#
        let cells = try service.post("/v1/pieces", #"{"function":\#(difference),"list":{"limit":100}}"#).json
        #expect(cells["counts"] as? [String: String] == ["affine": "5", "level": "5", "closed": "5", "open": "5"])
        #expect((cells["regions"] as? [Any])?.count == 5)
        // A saturated controller: unbounded regions that hold lines, two of them with one function.
        let law =
            #"{"kind":"regions","regions":[{"a":[[1,1]],"b":[-1],"gradient":[0,0],"intercept":1},"#
            + #"{"a":[[-1,-1],[1,1]],"b":[1,0],"gradient":[-1,-1],"intercept":0},"#
            + #"{"a":[[-1,-1],[1,1]],"b":[0,1],"gradient":[1,1],"intercept":0},"#
            + #"{"a":[[-1,-1]],"b":[-1],"gradient":[0,0],"intercept":1}]}"#
        let pieces = try service.post("/v1/pieces", #"{"function":\#(law),"list":{"limit":10}}"#).json
        #expect(
            pieces["counts"] as? [String: String] == ["affine": "3", "level": "4", "closed": "4", "open": "4"])
        #expect((pieces["regions"] as? [[String: Any]])?.allSatisfy { ($0["rays"] as? [Any])?.isEmpty == false } == true)
        let compiled = try service.post("/v1/compile", #"{"function":\#(law)}"#).json
        #expect((compiled["report"] as? [String: Any])?["pieces"] as? Int == 4)
    }

    @Test func cellsBeyondTheLimitAreTold() throws {
        let service = try ServiceProcess(["--max-compilation-cells", "20"])
        let values = (0..<25).map { String($0 * $0 % 7) }
        let rows = (0..<5).map { "[" + values[5 * $0..<5 * $0 + 5].joined(separator: ",") + "]" }
        let grid =
            #"{"kind":"grid","axes":[[0,1,2,3,4],[0,1,2,3,4]],"triangulation":"freudenthal","values":[\#(rows.joined(separator: ","))]}"#
        let answer = try service.post(
            "/v1/pieces", #"{"function":\#(grid),"domain":{"lower":[0,0],"upper":[4,4]}}"#)
        #expect(answer.status == 422)
        #expect(try answer.json["code"] as? String == "limit-exceeded")
        #expect(answer.text.contains("#/function"))
        #expect(answer.text.contains("32 cells were found by then"))
        #expect(answer.text.contains("the limit maximumCompilationCells is 20"))
        // A part of it has fewer.
        let part = try service.post(
            "/v1/pieces", #"{"function":\#(grid),"domain":{"lower":[0,0],"upper":[2,2]}}"#)
        #expect(part.status == 200)
    }

    @Test func drawsFunctionsOfTwoVariables() throws {
        let service = try ServiceProcess.shared.get()
        for kind in Self.kinds {
            var random = RandomPostedFunctions(seed: 5)
            let body = "{\"function\":\(random.function(kind, 2))}"
            let answer = try service.post("/v1/compile", body, headers: [("Accept", "image/svg+xml")])
            #expect(answer.status == 200, "\(kind): \(answer.text.prefix(300))")
            #expect(answer.header("content-type") == "image/svg+xml")
            #expect(answer.text.contains("<polygon") && answer.text.hasSuffix("</svg>\n"), "\(kind)")
        }
        var random = RandomPostedFunctions(seed: 5)
        let three = try service.post(
            "/v1/compile", "{\"function\":\(random.function("max-affine", 3))}",
            headers: [("Accept", "image/svg+xml")])
        #expect(three.status == 406)
        let one = try service.post(
            "/v1/compile", "{\"function\":\(random.function("lattice", 1))}",
            headers: [("Accept", "image/svg+xml")])
        #expect(one.status == 200 && one.text.contains("<polyline"))
    }

    @Test func storesTheNetwork() throws {
        let service = try ServiceProcess.shared.get()
        let body =
            #"{"function":{"kind":"max-affine","pieces":[{"gradient":[1,0],"intercept":0},{"gradient":[0,1],"intercept":0}]},"store":"larger-of-two"}"#
        let answer = try service.post("/v1/compile", body)
        #expect(try answer.json["stored"] as? String == "larger-of-two")
        #expect(
            try service.post("/v1/evaluate", #"{"network":"larger-of-two","inputs":[[3,-1],[2,5]]}"#).text
                == #"{"outputs":[[3],[5]]}"#)
    }

    @Test func becomesAJobWithProgress() throws {
        let service = try ServiceProcess.shared.get()
        var random = RandomPostedFunctions(seed: 1)
        let values = random.list(30) { $0.numbers(30) }
        let axis = "[" + (0..<30).map { "\($0)" }.joined(separator: ",") + "]"
        let body =
            "{\"function\":{\"kind\":\"grid\",\"axes\":[\(axis),\(axis)],\"values\":\(values),\"triangulation\":\"freudenthal\"}}"
        let answer = try service.post("/v1/compile", body, headers: [("Prefer", "respond-async")])
        #expect(answer.status == 202)
        let id = try #require(try answer.json["id"] as? String)
        let job = try service.get("/v1/jobs/\(id)?wait=30").json
        var status = job["status"] as? String
        for _ in 0..<20 where status == "running" || status == "queued" {
            status = try service.get("/v1/jobs/\(id)?wait=5").json["status"] as? String
        }
        #expect(status == "succeeded")
        let ended = try service.get("/v1/jobs/\(id)").json
        let result = try #require(ended["result"] as? [String: Any])
        let report = try #require(result["report"] as? [String: Any])
        #expect(report["hiddenLayers"] as? Int == 2)
        let progress = try #require(ended["progress"] as? [String: Any])
        #expect(progress["phase"] is String && progress["fraction"] is Double)
    }
}

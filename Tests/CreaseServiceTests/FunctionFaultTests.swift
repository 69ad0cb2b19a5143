import Foundation
import Testing

/// Everything that keeps posted members from being a function of several variables: status, code and first pointer.
@Suite struct FunctionFaultTests {
    typealias Case = FaultTests.Case

    private static func compile(_ function: String, _ code: String, _ pointer: String) -> Case {
        Case("compile", "{\"function\":\(function)}", 422, code, "#/function" + pointer)
    }

    private static let piece = #"{"gradient":[1,2],"intercept":0}"#

    private static let forms: [Case] = [
        compile(#"{"kind":"max-affine"}"#, "missing-member", "/pieces"),
        compile(#"{"kind":"max-affine","pieces":[]}"#, "empty", "/pieces"),
        compile(#"{"kind":"max-affine","pieces":[],"a":1}"#, "unknown-member", "/a"),
        compile(#"{"kind":"max-affine","pieces":[{"gradient":[],"intercept":0}]}"#, "empty", "/pieces/0/gradient"),
        compile(
            "{\"kind\":\"max-affine\",\"pieces\":[\(piece),{\"gradient\":[1],\"intercept\":0}]}", "shape-mismatch",
            "/pieces/1/gradient"),
        compile(
            #"{"kind":"max-affine","pieces":[{"gradient":[1,"x"],"intercept":0}]}"#, "wrong-type",
            "/pieces/0/gradient/1"),
        compile(
            #"{"kind":"max-affine","pieces":[{"gradient":[1,2],"intercept":"1/0"}]}"#, "invalid-number",
            "/pieces/0/intercept"),
        compile(
            "{\"kind\":\"max-affine\",\"pieces\":[{\"gradient\":[\(String(repeating: "1,", count: 256))1],\"intercept\":0}]}",
            "limit-exceeded", "/pieces/0/gradient"),
        compile(#"{"kind":"signed-max","terms":[]}"#, "empty", "/terms"),
        compile(
            "{\"kind\":\"signed-max\",\"terms\":[{\"sign\":0,\"pieces\":[\(piece)]}]}", "out-of-range",
            "/terms/0/sign"),
        compile(
            "{\"kind\":\"signed-max\",\"terms\":[{\"sign\":2,\"pieces\":[\(piece)]}]}", "out-of-range",
            "/terms/0/sign"),
        compile(
            "{\"kind\":\"signed-max\",\"terms\":[{\"sign\":1,\"pieces\":[\(piece)]},{\"sign\":-1,\"pieces\":[{\"gradient\":[1],\"intercept\":0}]}]}",
            "shape-mismatch", "/terms/1/pieces/0/gradient"),
        compile("{\"kind\":\"lattice\",\"pieces\":[\(piece)],\"selections\":[]}", "empty", "/selections"),
        compile("{\"kind\":\"lattice\",\"pieces\":[\(piece)],\"selections\":[[0],[]]}", "empty", "/selections/1"),
        compile(
            "{\"kind\":\"lattice\",\"pieces\":[\(piece)],\"selections\":[[0],[0,1]]}", "out-of-range",
            "/selections/1/1"),
        compile(
            #"{"kind":"sum","functions":[{"kind":"max-affine","pieces":[{"gradient":[1,2],"intercept":0}]},{"kind":"max-affine","pieces":[{"gradient":[1],"intercept":0}]}]}"#,
            "shape-mismatch", "/functions/1"),
        compile(
            "{\"kind\":\"composition\",\"outer\":{\"kind\":\"max-affine\",\"pieces\":[\(piece)]},\"inner\":[{\"kind\":\"max-affine\",\"pieces\":[\(piece)]}]}",
            "shape-mismatch", "/inner"),
        compile(
            #"{"kind":"network","network":{"layers":[{"weights":[[1,2],[3,4]],"bias":[0,0]}]}}"#,
            "shape-mismatch", "/network"),
        compile(
            String(repeating: #"{"kind":"absolute","function":"#, count: 33) + "{}"
                + String(repeating: "}", count: 33), "limit-exceeded",
            String(repeating: "/function", count: 33)),
    ]

    private static func simplicial(_ vertices: String, _ simplices: String, _ values: String) -> String {
        "{\"kind\":\"simplicial\",\"vertices\":\(vertices),\"simplices\":\(simplices),\"values\":\(values)}"
    }

    private static let square = "[[0,0],[1,0],[0,1],[1,1]]"

    private static let simplices: [Case] = [
        compile(simplicial("[]", "[[0,1,2]]", "[]"), "empty", "/vertices"),
        compile(simplicial(square, "[]", "[1,2,3,4]"), "empty", "/simplices"),
        compile(simplicial(square, "[[0,1,2]]", "[1,2,3]"), "shape-mismatch", "/values"),
        compile(simplicial(square, "[[0,1,2],[1,2]]", "[1,2,3,4]"), "shape-mismatch", "/simplices/1"),
        compile(simplicial(square, "[[0,1,4]]", "[1,2,3,4]"), "out-of-range", "/simplices/0/2"),
        compile(simplicial(square, "[[0,1,2],[1,2,1]]", "[1,2,3,4]"), "flat-simplex", "/simplices/1"),
        compile(
            simplicial("[[0,0],[1,1],[2,2],[0,1]]", "[[0,1,3],[0,1,2]]", "[1,2,3,4]"), "flat-simplex",
            "/simplices/1"),
        // On one side of the edge that they share.
        compile(
            simplicial("[[0,0],[1,0],[0,1],[1,2]]", "[[0,1,2],[0,1,3]]", "[1,2,3,4]"), "overlapping-simplices",
            "/simplices/1"),
        compile(
            simplicial(square, "[[0,1,2],[2,1,3],[1,2,0]]", "[1,2,3,4]"), "overlapping-simplices",
            "/simplices/2"),
        // Vertex 4 is in the middle of an edge of the first triangle.
        compile(
            simplicial(
                "[[0,0],[2,0],[0,2],[2,2],[1,1]]", "[[0,1,2],[1,3,4],[2,3,4]]", "[0,0,0,0,\"1/3\"]"),
            "not-face-to-face", "/simplices/1"),
        // The square lacks a half of its right part; and a hole.
        compile(
            simplicial("[[0,0],[2,0],[0,2],[2,2],[1,3]]", "[[0,1,2],[2,3,4]]", "[1,2,3,4,5]"), "gap",
            "/simplices/0"),
        compile(
            simplicial("[[0,0],[0,0],[1,0],[0,1]]", "[[0,2,3]]", "[1,2,3,4]"), "values-disagree", "/values/0"),
        compile(
            simplicial("[[0,0,0,0,0,0,0]]", "[[0,0,0,0,0,0,0,0]]", "[1]"), "limit-exceeded", "/vertices/0"),
    ]

    private static func grid(_ axes: String, _ values: String, _ rest: String = ",\"triangulation\":\"freudenthal\"")
        -> String
    {
        "{\"kind\":\"grid\",\"axes\":\(axes),\"values\":\(values)\(rest)}"
    }

    private static let grids: [Case] = [
        compile(grid("[[0,1],[0,1]]", "[[1,2],[3,4]]", ""), "missing-member", "/triangulation"),
        compile(
            grid("[[0,1],[0,1]]", "[[1,2],[3,4]]", ",\"triangulation\":\"bilinear\""), "not-piecewise-linear",
            "/triangulation"),
        compile(
            grid("[[0,1],[0,1]]", "[[1,2],[3,4]]", ",\"triangulation\":\"delaunay\""), "unknown-value",
            "/triangulation"),
        compile(grid("[]", "[]"), "empty", "/axes"),
        compile(grid("[[0,1],[0]]", "[[1],[2]]"), "out-of-range", "/axes/1"),
        compile(grid("[[0,1],[0,1,1]]", "[[1,2,3],[3,4,5]]"), "not-increasing", "/axes/1/2"),
        compile(grid("[[0,1],[0,1]]", "[[1,2],[3,4],[5,6]]"), "shape-mismatch", "/values"),
        compile(grid("[[0,1],[0,1]]", "[[1,2],[3]]"), "shape-mismatch", "/values/1"),
        compile(grid("[[0,1],[0,1]]", "[[1,2],[3,[4]]]"), "wrong-type", "/values/1/1"),
        compile(
            grid(
                "[\((0..<2).map { _ in "[\((0..<500).map { "\($0)" }.joined(separator: ","))]" }.joined(separator: ","))]",
                "[]"), "limit-exceeded", "/axes"),
    ]

    /// A region of the plane with one row of `a` a half-space.
    private static func region(_ a: String, _ b: String, _ gradient: String, _ intercept: String = "0") -> String {
        "{\"a\":\(a),\"b\":\(b),\"gradient\":\(gradient),\"intercept\":\(intercept)}"
    }

    private static func regions(_ regions: [String], _ rest: String = "") -> String {
        "{\"kind\":\"regions\",\"regions\":[\(regions.joined(separator: ","))]\(rest)}"
    }

    private static let left = region("[[1,0]]", "[0]", "[-1,0]")
    private static let right = region("[[-1,0]]", "[0]", "[1,0]")

    private static let polyhedra: [Case] = [
        compile(regions([]), "empty", "/regions"),
        compile(regions([left, region("[[1,0]]", "[0,1]", "[1,0]")]), "shape-mismatch", "/regions/1/b"),
        compile(regions([left, region("[[1]]", "[0]", "[1,0]")]), "shape-mismatch", "/regions/1/a/0"),
        compile(regions([left, region("[[1]]", "[0]", "[1]")]), "shape-mismatch", "/regions/1/gradient"),
        compile(regions([left, right], ",\"continuityTolerance\":-1"), "out-of-range", "/continuityTolerance"),
        // Empty, and flat.
        compile(regions([left, region("[[1,0],[-1,0]]", "[0,-1]", "[1,0]")]), "empty-region", "/regions/1"),
        compile(regions([left, region("[[1,0],[-1,0]]", "[0,0]", "[1,0]")]), "empty-region", "/regions/1"),
        // Different values on the line x = 0; beyond a tolerance; growing along the line; on an overlap.
        compile(
            regions([left, region("[[-1,0]]", "[0]", "[1,0]", "\"1/10\"")]), "discontinuous", "/regions/1"),
        compile(
            regions(
                [left, region("[[-1,0]]", "[0]", "[1,0]", "\"1/10\"")], ",\"continuityTolerance\":0.099"),
            "discontinuous", "/regions/1"),
        compile(regions([left, region("[[-1,0]]", "[0]", "[1,\"1/1000\"]")]), "discontinuous", "/regions/1"),
        compile(regions([left, region("[[-1,0]]", "[1]", "[1,0]")]), "discontinuous", "/regions/1"),
        // A strip is missing; a quadrant is; one point of contact with different values.
        compile(regions([left, region("[[-1,0]]", "[\"-1/1000\"]", "[1,0]")]), "gap", "/regions/0/a/0"),
        compile(
            regions([left, region("[[-1,0],[0,1]]", "[0,0]", "[1,0]")]), "gap", "/regions/0/a/0"),
        compile(
            regions([
                region("[[1,0],[0,1]]", "[0,0]", "[0,0]"), region("[[-1,0],[0,-1]]", "[0,0]", "[0,0]", "1"),
            ]), "discontinuous", "/regions/1"),
    ]

    @Test(arguments: forms + simplices + grids + polyhedra) func isToldClearly(_ item: Case) throws {
        let answer = try ServiceProcess.shared.get().post("/v1/\(item.route)", item.body)
        #expect(answer.status == item.status, "\(answer.text.prefix(500))")
        let problem = try answer.json
        #expect(problem["code"] as? String == item.code, "\(answer.text.prefix(500))")
        let errors = try #require(problem["errors"] as? [[String: String]], "\(answer.text.prefix(500))")
        #expect(errors.first?["pointer"] == item.pointer, "\(answer.text.prefix(500))")
    }

    @Test func namesTheNumbersThatDisagree() throws {
        let body =
            "{\"function\":" + Self.regions([Self.left, Self.region("[[-1,0]]", "[0]", "[1,0]", "\"1/7\"")])
            + "}"
        let text = try ServiceProcess.shared.get().post("/v1/compile", body).text
        #expect(text.contains("with values 0 and 1/7") || text.contains("with values 0 and 1\\/7"), "\(text)")
    }

    /// Within the tolerance the function is compiled, and the answer says how far off it may be.
    @Test func smallDiscontinuitiesAreBounded() throws {
        let body =
            "{\"function\":"
            + Self.regions(
                [Self.left, Self.region("[[-1,0]]", "[0]", "[1,0]", "\"1/10\"")],
                ",\"continuityTolerance\":0.1") + "}"
        let answer = try ServiceProcess.shared.get().post("/v1/compile", body)
        #expect(answer.status == 200, "\(answer.text)")
        let report = try #require(try answer.json["report"] as? [String: Any])
        #expect(report["exact"] as? Bool == false)
        #expect(try #require(report["maximumDeviation"] as? Double) >= 0.05)
    }
}

import Foundation
import Testing

/// Families and bounds, against closed forms, the counter and each other.
@Suite struct FamilyRouteTests {
    private func json(_ answer: HTTPAnswer) throws -> [String: Any] {
        #expect(answer.status == 200, "\(answer.text)")
        return try answer.json
    }

    /// w^k on the interval; on the line one or two more; the counter finds the same in the answered network.
    @Test(arguments: 1...5, 1...6) func sawtoothCountsAreTheCountersOwn(units: Int, layers: Int) throws {
        let service = try ServiceProcess.shared.get()
        let answer = try json(
            service.post(
                "/v1/families/sawtooth",
                #"{"teeth":"equal","units":\#(units),"layers":\#(layers),"arithmetic":"exact"}"#))
        let report = try #require(answer["report"] as? [String: Any])
        let onInterval = (0..<layers).reduce(1) { power, _ in power * units }
        let pieces = onInterval + (units % 2 == 1 || layers == 1 ? 1 : 2)
        #expect(report["piecesOnIntervalExact"] as? String == "\(onInterval)")
        #expect(report["piecesExact"] as? String == "\(pieces)")
        #expect(report["size"] as? Int == units * layers)
        #expect(report["hiddenLayers"] as? Int == layers)
        #expect((report["gapTable"] as? [Any])?.count == layers - 1)
        let network = try #require(
            String(data: JSONSerialization.data(withJSONObject: answer["network"] as Any), encoding: .utf8))
        let counted = try json(service.post("/v1/pieces", #"{"network":\#(network)}"#))
        #expect(counted["piecesExact"] as? String == "\(pieces)", "w \(units) k \(layers)")
        let inside = try json(
            service.post("/v1/pieces", #"{"network":\#(network),"domain":{"lower":[0],"upper":[1]}}"#))
        #expect(inside["piecesExact"] as? String == "\(onInterval)", "w \(units) k \(layers)")
    }

    /// The table's rows end before those that nobody is shown are computed.
    @Test func fourThousandLayers() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try json(
            service.post("/v1/families/sawtooth", #"{"teeth":"equal","units":10,"layers":4096}"#))
        let report = try #require(answer["report"] as? [String: Any])
        #expect((report["gapTable"] as? [Any])?.count == 256)
        #expect(report["gapTableTruncated"] as? Bool == true)
        #expect((report["piecesOnIntervalExact"] as? String)?.count == 4097)
    }

    @Test func tenToTheThirtyPieces() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try json(
            service.post("/v1/families/sawtooth", #"{"teeth":"equal","units":5,"layers":43}"#))
        let report = try #require(answer["report"] as? [String: Any])
        #expect(report["piecesExact"] as? String == "1136868377216160297393798828126")
        #expect(report["rounded"] as? Bool == true)
        let corollaries = try #require(report["corollaries"] as? [[String: Any]])
        // k = 2: ½ · 2^3 − 1 against size 8 with 4 hidden layers.
        #expect(corollaries.first?["deepSize"] as? Int == 8)
        #expect(corollaries.first?["deepHiddenLayers"] as? Int == 4)
        #expect(corollaries.first?["paper"] as? String == "3")
    }

    @Test func distancesAndPictures() throws {
        let service = try ServiceProcess.shared.get()
        let body = #"{"teeth":"equal","units":4,"layers":3,"distance":"1/8"}"#
        let report = try #require(json(service.post("/v1/families/sawtooth", body))["report"] as? [String: Any])
        let rows = try #require(report["distanceGaps"] as? [[String: Any]])
        // k' = 1: the largest s with 2 · 2s ≤ 64 · (1 − 1/2).
        #expect(rows.first?["insufficientSize"] as? String == "8")
        let picture = try service.post("/v1/families/sawtooth", body, headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.hasPrefix("<svg"))
        let zonotope = try service.post(
            "/v1/families/zonotope",
            #"{"generators":[[1,0],[0,1],[1,1]],"teeth":"equal","units":2,"layers":2}"#,
            headers: [("Accept", "image/svg+xml")])
        #expect(zonotope.status == 200 && zonotope.text.hasPrefix("<svg"))
        // A line's function, a cube with seven of its corners seen, a segment, a point.
        for (generators, marks) in [
            ("[[1],[2]]", 9), ("[[1,0,0],[0,1,0],[0,0,1]]", 7), ("[[1,1,2]]", 2), ("[[0,0]]", 1),
        ] {
            let drawn = try service.post(
                "/v1/families/zonotope",
                #"{"generators":\#(generators),"teeth":"equal","units":2,"layers":2}"#,
                headers: [("Accept", "image/svg+xml")])
            #expect(drawn.status == 200 && drawn.text.hasPrefix("<svg"))
            #expect(drawn.text.components(separatedBy: "<circle").count - 1 == marks, "\(generators)")
        }
        // Facets' normals are products of generators: here beyond binary64, or below it.
        for scale in ["1e200", "1e-200"] {
            let drawn = try service.post(
                "/v1/families/zonotope",
                #"{"generators":[[\#(scale),0,0],[0,\#(scale),0],[0,1,\#(scale)]],"teeth":"equal","units":2,"layers":1}"#,
                headers: [("Accept", "image/svg+xml")])
            #expect(drawn.status == 200 && drawn.text.hasPrefix("<svg"), "\(drawn.text)")
        }
        let beyond = try service.post(
            "/v1/families/zonotope", #"{"generators":[[1,0,0,0]],"teeth":"equal","units":2,"layers":2}"#,
            headers: [("Accept", "image/svg+xml")])
        #expect(beyond.status == 406)
    }

    @Test func faultsPointAtTheCoordinate() throws {
        let service = try ServiceProcess.shared.get()
        for (body, pointer) in [
            (#"{"maximum":1,"simplexPoints":[["1/4","1/2"],["1/2","1/2"]]}"#, "#/simplexPoints/1/1"),
            (#"{"maximum":1,"simplexPoints":[["1/4","1/2"],["1/2",1]]}"#, "#/simplexPoints/1/1"),
            (#"{"maximum":1,"simplexPoints":[[0]]}"#, "#/simplexPoints/0/0"),
            (#"{"maximum":0,"simplexPoints":[["1/2"]]}"#, "#/maximum"),
            (#"{"simplexPoints":[[0.2,0.4],[0.2]]}"#, "#/simplexPoints/1"),
            (#"{"teeth":"equal","units":3}"#, "#/layers"),
            (#"{"teeth":"equal","units":0,"layers":3}"#, "#/units"),
            (#"{"teeth":"equal","units":4000000,"layers":4000}"#, "#/units"),
            (#"{"teeth":"equal","units":3,"layers":3,"distance":0.25}"#, "#/distance"),
            (#"{"teeth":"equal","simplexPoints":[["1/2"]],"units":3,"layers":3}"#, "#/simplexPoints"),
            (#"{"simplexPoints":[["1/2"]],"units":3}"#, "#/units"),
        ] {
            let answer = try service.post("/v1/families/sawtooth", body)
            #expect(answer.status == 422, "\(body)")
            let errors = try #require(try answer.json["errors"] as? [[String: Any]], "\(body)")
            #expect(errors.first?["pointer"] as? String == pointer, "\(body)")
        }
    }

    /// Generic: V = 2 Σ_{i<n} C(m−1, i) pieces of the support function; parallel generators: counted.
    @Test func zonotopes() throws {
        let service = try ServiceProcess.shared.get()
        func report(_ generators: String, _ units: Int, _ layers: Int) throws -> [String: Any] {
            let answer = try json(
                service.post(
                    "/v1/families/zonotope",
                    #"{"generators":\#(generators),"teeth":"equal","units":\#(units),"layers":\#(layers)}"#))
            return try #require(answer["report"] as? [String: Any])
        }
        let generic = try report("[[1,0],[0,1],[1,1],[1,2]]", 3, 2)
        #expect(generic["generic"] as? Bool == true)
        #expect(generic["zonotopeVertices"] as? String == "8")
        #expect(generic["piecesExact"] as? String == "72")
        #expect(generic["size"] as? Int == 2 * 4 + 3 * 2)
        #expect((generic["vertices"] as? [Any])?.count == 8)
        let even = try report("[[1,0],[0,1],[1,1]]", 2, 2)
        #expect(even["piecesExact"] as? String == "\(6 * 4 + 1)")
        let parallel = try report("[[1,0],[2,0],[0,1]]", 3, 1)
        #expect(parallel["generic"] as? Bool == false)
        #expect(parallel["pieceCount"] as? String == "counted-vertices")
        #expect(parallel["piecesExact"] as? String == "12")
        let cube = try report("[[1,0,0],[0,1,0],[0,0,1]]", 3, 1)
        #expect(cube["zonotopeVertices"] as? String == "8")
        let bad = try service.post(
            "/v1/families/zonotope", #"{"generators":[[1,0],[1]],"teeth":"equal","units":2,"layers":1}"#)
        #expect(bad.status == 422)
    }

    @Test func bounds() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try json(
            service.post(
                "/v1/bounds",
                #"{"architecture":{"hiddenWidths":[3,4]},"pieces":"20","size":7,"hiddenLayers":2,"#
                    + #""gap":{"units":3,"hiddenLayers":4,"shallowHiddenLayers":1}}"#))
        let architecture = try #require(answer["architecture"] as? [String: Any])
        let upper = try #require(architecture["upperBounds"] as? [[String: Any]])
        // (3 + 1)(4 + 1) pieces at most for one input.
        #expect(upper.contains { $0["value"] as? String == "20" })
        let lower = try #require(architecture["lowerBounds"] as? [[String: Any]])
        for bound in lower {
            let value = try #require((bound["value"] as? String).flatMap { Int($0) })
            #expect(value <= 20, "\(bound)")
        }
        let least = try #require(answer["leastSizes"] as? [[String: Any]])
        // One layer: 19 units; two: s ≥ 2 (√20 − 1) = 6.94….
        #expect(least.map { $0["sharper"] as? String } == ["19", "7"])
        let most = try #require(answer["mostPieces"] as? [[String: Any]])
        #expect(most.map { $0["bestIntegerWidths"] as? String } == ["8", "20"])
        let gap = try #require(answer["gap"] as? [String: Any])
        #expect(gap["deepSize"] as? Int == 12)
        #expect(gap["piecesExact"] as? String == "82")
        #expect(gap["sharper"] as? String == "81")
        for (body, pointer) in [
            ("{}", "#/architecture"), (#"{"pieces":0}"#, "#/pieces"), (#"{"pieces":"1/2"}"#, "#/pieces"),
            (#"{"architecture":{"hiddenWidths":[0]}}"#, "#/architecture/hiddenWidths/0"),
            (#"{"gap":{"units":3,"hiddenLayers":2,"shallowHiddenLayers":2}}"#, "#/gap/shallowHiddenLayers"),
            (#"{"architecture":{"hiddenWidths":[1]},"hiddenLayers":3}"#, "#/hiddenLayers"),
        ] {
            let answer = try service.post("/v1/bounds", body)
            #expect(answer.status == 422, "\(body)")
            let errors = try #require(try answer.json["errors"] as? [[String: Any]], "\(body)")
            #expect(errors.first?["pointer"] as? String == pointer, "\(body)")
        }
    }

    @Test func restrictionAndFewerLayers() throws {
        let service = try ServiceProcess.shared.get()
        // max(x, y) on the line (t, 1 − t), a function of t with one breakpoint.
        let maximum =
            #"{"layers":[{"weights":[[1,-1],[0,1],[0,-1]],"bias":[0,0,0]},{"weights":[[1,1,-1]],"bias":[0]}]}"#
        let answer = try json(
            service.post(
                "/v1/algebra",
                #"{"operation":"restrict","networks":[\#(maximum)],"subspace":{"origin":[0,1],"directions":[[1,-1]]},"store":"restricted"}"#
            ))
        #expect((answer["report"] as? [String: Any])?["inputDimension"] as? Int == 1)
        let values = try service.post(
            "/v1/evaluate", #"{"network":"restricted","inputs":[[0],[0.5],[0.75],[-3]]}"#)
        #expect(values.text == #"{"outputs":[[1],[0.5],[0.75],[4]]}"#)
        let missing = try service.post(
            "/v1/algebra", #"{"operation":"restrict","networks":[\#(maximum)]}"#)
        #expect(missing.status == 422)
        // The middle layer carries x + 5 for x ≥ −5 only after the first: nothing is folded that is not affine.
        let deep =
            #"{"layers":[{"weights":[[1],[-1]],"bias":[0,0]},{"weights":[[1,1]],"bias":[1]},{"weights":[[2]],"bias":[0]}]}"#
        for (flag, layers) in [("false", 2), ("true", 1)] {
            let simple = try json(
                service.post(
                    "/v1/algebra",
                    #"{"operation":"simplify","networks":[\#(deep)],"fewerLayers":\#(flag)}"#))
            #expect((simple["report"] as? [String: Any])?["hiddenLayers"] as? Int == layers)
        }
    }
}

import ExactArithmetic
import Foundation
import Testing

/// Approximation over HTTP: what is answered passes the data, and is what the posted function compiles to.
@Suite struct ApproximateRouteTests {
    @Test func fewestPiecesWithinATolerance() throws {
        let service = try ServiceProcess.shared.get()
        // Two lines with an alternating error of 1/10 in between.
        let points = (0...40).map { index in
            let value = index <= 20 ? 3 * index : 60 - 2 * (index - 20)
            return "[\(index),\(10 * value + (index % 2 == 0 ? 1 : -1))e-1]"
        }.joined(separator: ",")
        let answer = try service.post(
            "/v1/approximate", #"{"points":[\#(points)],"tolerance":"1/10","arithmetic":"exact","store":"fit"}"#)
        #expect(answer.status == 200, "\(answer.text)")
        let json = try answer.json
        let approximation = try #require(json["approximation"] as? [String: Any])
        #expect(approximation["pieces"] as? Int == 2)
        #expect(approximation["minimalPieces"] as? String == "proved")
        #expect(approximation["tolerance"] as? String == "1/10")
        #expect((json["report"] as? [String: Any])?["pieces"] as? Int == 2)
        let inputs = (0...40).map { "[\($0)]" }.joined(separator: ",")
        let values = try service.post(
            "/v1/evaluate", #"{"network":"fit","inputs":[\#(inputs)],"arithmetic":"exact"}"#)
        let outputs = try #require(try values.json["outputs"] as? [[Any]])
        for index in 0...40 {
            let value = index <= 20 ? 3 * index : 60 - 2 * (index - 20)
            let entry = outputs[index][0]
            // A JSON number is a binary64 exactly, a string any rational.
            let found =
                try (entry as? String).map { try Rational(parsing: $0) }
                ?? #require((entry as? Double).flatMap { Rational(exactly: $0) })
            let data = Rational(10 * value + (index % 2 == 0 ? 1 : -1), 10)
            #expect((found - data).magnitude <= Rational(1, 10), "point \(index)")
        }
        // The answered function posted back gives the same network.
        let function = try #require(
            String(data: JSONSerialization.data(withJSONObject: json["function"] as Any), encoding: .utf8))
        let compiled = try service.post("/v1/compile", #"{"function":\#(function),"arithmetic":"exact"}"#)
        #expect(try compiled.json["network"] as? NSDictionary == json["network"] as? NSDictionary)
    }

    /// Decimals in integers, and the same numbers as binary64 in rationals.
    @Test func bothReadingsAgreeOnDyadicData() throws {
        let service = try ServiceProcess.shared.get()
        var generator = SeededGenerator(state: 11)
        let rows = (0..<2000).map { index in
            "[\(Double(index) / 8),\(Double(Int.random(in: -512...512, using: &generator)) / 64)]"
        }.joined(separator: ",")
        let decimal = try service.post("/v1/approximate", #"{"points":[\#(rows)],"tolerance":4.25}"#)
        let binary = try service.post(
            "/v1/approximate", #"{"points":[\#(rows)],"tolerance":4.25,"numbers":"binary64"}"#)
        #expect(decimal.status == 200 && decimal.text == binary.text)
    }

    @Test func bandsPiecesAndPictures() throws {
        let service = try ServiceProcess.shared.get()
        let bands = try service.post(
            "/v1/approximate", #"{"bands":[[2,0,1],[0,0,1],[1,2,3]],"arithmetic":"exact"}"#)
        #expect((try bands.json["approximation"] as? [String: Any])?["pieces"] as? Int == 2)
        let body = #"{"points":[[0,0],[1,1],[2,0]],"pieces":1}"#
        let best = try #require(
            try service.post("/v1/approximate", body).json["approximation"] as? [String: Any])
        #expect(best["distance"] as? Double == 0.5)
        #expect(try #require(best["distanceLowerBound"] as? Double) > 0.4999999)
        #expect(best["optimal"] as? Bool == true)
        let picture = try service.post("/v1/approximate", body, headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.hasPrefix("<svg"))
        let job = try service.post("/v1/approximate", body, headers: [("Prefer", "respond-async")])
        #expect(job.status == 202)
    }

    /// Numbers close to the largest of binary64 have a picture, too.
    @Test func picturesOfHugeNumbers() throws {
        let service = try ServiceProcess.shared.get()
        for body in [
            #"{"points":[[1e308,0],[1.7e308,1]],"tolerance":0.1}"#,
            #"{"points":[[0,1e308],[1,1.2e308],[2,1.1e308]],"tolerance":0}"#,
            #"{"bands":[[0,-1.7e308,1.7e308]]}"#,
        ] {
            let picture = try service.post("/v1/approximate", body, headers: [("Accept", "image/svg+xml")])
            #expect(picture.status == 200 && picture.text.hasPrefix("<svg"), "\(body)")
        }
    }

    /// Closed forms: lines, and functions with enough pieces for every place.
    @Test func bestInTheMean() throws {
        let service = try ServiceProcess.shared.get()
        func found(_ members: String) throws -> [String: Any] {
            let answer = try service.post("/v1/approximate", "{\(members)}")
            #expect(answer.status == 200, "\(answer.text)")
            return try #require(try answer.json["approximation"] as? [String: Any])
        }
        // The median line ignores the outlier; the regression line does not.
        let points = #""points":[[0,0],[1,1],[2,2],[3,30],[4,4]]"#
        let absolute = try found(#"\#(points),"pieces":1,"norm":"mean-absolute""#)
        #expect(absolute["distance"] as? Double == 5.4)
        #expect(absolute["optimal"] as? Bool == true && absolute["nodesExplored"] as? Int == 0)
        let squared = try found(#"\#(points),"pieces":1,"norm":"mean-squared","arithmetic":"exact""#)
        // Residuals 0, 0, 0, 27, 0 less their projection on 1 and x − 2: 27² (1 − 1/5 − 1/10) / 5.
        #expect(squared["distance"] as? String == "5103/50")
        #expect(squared["distanceLowerBound"] as? String == "5103/50")
        let tent = try found(
            #""points":[[0,0],[2,1],[1,1],[1,4],[3,0]],"pieces":3,"norm":"mean-squared","arithmetic":"exact""#)
        #expect(tent["distance"] as? String == "9/10" && tent["pieces"] as? Int == 3)
        let third = try found(#""points":[[0,0],[0,0],[0,1]],"pieces":1,"norm":"mean-squared""#)
        let (distance, bound) = (third["distance"] as? Double, third["distanceLowerBound"] as? Double)
        #expect(try #require(distance) > #require(bound))
        let picture = try service.post(
            "/v1/approximate", #"{\#(points),"pieces":1,"norm":"mean-squared"}"#,
            headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.contains(">approximant</text>"))
    }

    @Test func formulas() throws {
        let service = try ServiceProcess.shared.get()
        let body = #"{"formula":"sin(x)*exp(-x/3)","interval":[0,10],"tolerance":0.01,"store":"wave"}"#
        let answer = try service.post("/v1/approximate", body)
        #expect(answer.status == 200, "\(answer.text)")
        let found = try #require(try answer.json["approximation"] as? [String: Any])
        #expect(try #require(found["errorBound"] as? Double) <= 0.01)
        let pieces = try #require(found["pieces"] as? Int)
        let least = try #require(found["piecesLowerBound"] as? Int)
        #expect(least <= pieces && pieces <= least + 1)
        let inputs = (0...1000).map { "[\(Double($0) / 100)]" }.joined(separator: ",")
        let values = try service.post("/v1/evaluate", #"{"network":"wave","inputs":[\#(inputs)]}"#)
        for (index, row) in try #require(try values.json["outputs"] as? [[Double]]).enumerated() {
            let x = Double(index) / 100
            #expect((row[0] - sin(x) * exp(-x / 3)).magnitude <= 0.01 + 1e-12, "x \(x)")
        }
        let picture = try service.post("/v1/approximate", body, headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.hasPrefix("<svg"))
    }

    @Test func faultsHavePointers() throws {
        let service = try ServiceProcess.shared.get()
        for (body, pointer) in [
            (#"{"tolerance":1}"#, "#/points"), (#"{"points":[],"tolerance":1}"#, "#/points"),
            (#"{"points":[[1,2]]}"#, "#/tolerance"), (#"{"points":[[1,2]],"tolerance":-1}"#, "#/tolerance"),
            (#"{"points":[[1,2,3]],"tolerance":1}"#, "#/points/0"),
            (#"{"points":[[1,2],[1,5]],"tolerance":1}"#, "#/points/1"),
            (#"{"bands":[[1,3,2]]}"#, "#/bands/0"), (#"{"bands":[[1,2,3]],"tolerance":1}"#, "#/tolerance"),
            (#"{"points":[[1,2]],"pieces":0}"#, "#/pieces"),
            (#"{"points":[[1,2]],"tolerance":1,"norm":"maximum"}"#, "#/norm"),
            (#"{"points":[[1,2]],"tolerance":1,"relativeGap":0.1}"#, "#/relativeGap"),
            (#"{"points":[[1,2]],"pieces":1,"timeLimitSeconds":1}"#, "#/timeLimitSeconds"),
            (#"{"points":[[1,2]],"pieces":1,"norm":"mean-squared","timeLimitSeconds":0}"#, "#/timeLimitSeconds"),
            (#"{"points":[[1,2]],"pieces":1,"norm":"mean-squared","relativeGap":1}"#, "#/relativeGap"),
            (#"{"points":[[1,2]],"pieces":1,"norm":"mean"}"#, "#/norm"),
            (#"{"points":[[0,0],[1,1e400],[2,0]],"pieces":2,"norm":"mean-squared"}"#, "#/points"),
            (#"{"points":[[1,2]],"bands":[[1,2,3]]}"#, "#/bands"),
            (#"{"points":[[1,2],[2,"x"]],"tolerance":1}"#, "#/points/1/1"),
            (#"{"formula":"x+","interval":[0,1],"tolerance":1}"#, "#/formula"),
            (#"{"formula":"1/x","interval":[-1,1],"tolerance":1}"#, "#/formula"),
            (#"{"formula":"x","tolerance":1}"#, "#/interval"), (#"{"formula":"x","interval":[0,1]}"#, "#/tolerance"),
            (#"{"formula":"x","interval":[1,1],"tolerance":1}"#, "#/interval/1"),
            (#"{"formula":"x","interval":[0,1],"tolerance":0}"#, "#/tolerance"),
            (#"{"formula":"x","interval":[0,1],"tolerance":1,"points":[[0,1]]}"#, "#/points"),
        ] {
            let answer = try service.post("/v1/approximate", body)
            #expect(answer.status == 422, "\(body)")
            let errors = try #require(try answer.json["errors"] as? [[String: Any]], "\(body)")
            #expect(errors.first?["pointer"] as? String == pointer, "\(body)")
        }
    }
}

import ExactArithmetic
import Foundation
import Testing

@testable import CreaseService

/// Training over HTTP: what is refused with which pointer, the life of its jobs, answers, certificates and pictures.
@Suite struct TrainRouteTests {
    private static func id(_ answer: HTTPAnswer) throws -> String { try #require(try answer.json["id"] as? String) }

    /// Posts, waits, and returns the job.
    private static func job(_ service: ServiceProcess, _ body: String) throws -> [String: Any] {
        let accepted = try service.post("/v1/train", body)
        try #require(accepted.status == 202, "\(body): \(accepted.text)")
        return try service.get("/v1/jobs/\(id(accepted))?wait=60").json
    }

    @Test func faultsHavePointers() throws {
        let service = try ServiceProcess.shared.get()
        let wide = (0..<31).map { _ in "1" }.joined(separator: ",")
        for (body, code, pointer) in [
            (#"{"targets":[1],"hiddenUnits":1}"#, "missing-member", "#/inputs"),
            (#"{"inputs":[[1]],"hiddenUnits":1}"#, "missing-member", "#/targets"),
            (#"{"inputs":[[1]],"targets":[1]}"#, "missing-member", "#/hiddenUnits"),
            (#"{"inputs":[[1]],"targets":[1],"hiddenUnits":1,"pieces":2}"#, "contradiction", "#/pieces"),
            (#"{"inputs":[[1]],"targets":[1],"hiddenUnits":0}"#, "out-of-range", "#/hiddenUnits"),
            (#"{"inputs":[[1]],"targets":[1],"hiddenUnits":17}"#, "out-of-range", "#/hiddenUnits"),
            (#"{"inputs":[[1]],"targets":[1],"hiddenUnits":1.5}"#, "out-of-range", "#/hiddenUnits"),
            (#"{"inputs":[[1]],"targets":[1],"pieces":0}"#, "out-of-range", "#/pieces"),
            (#"{"inputs":[[1]],"targets":[1],"hiddenUnits":1,"odd":1}"#, "unknown-member", "#/odd"),
            (#"{"inputs":[],"targets":[],"hiddenUnits":1}"#, "empty", "#/inputs"),
            (#"{"inputs":[[]],"targets":[1],"hiddenUnits":1}"#, "ragged-rows", "#/inputs/0"),
            (#"{"inputs":[[1],[1,2]],"targets":[1,2],"hiddenUnits":1}"#, "ragged-rows", "#/inputs/1"),
            (#"{"inputs":[1,2],"targets":[1,2],"hiddenUnits":1}"#, "wrong-type", "#/inputs/0"),
            (#"{"inputs":[[1],[2]],"targets":[1],"hiddenUnits":1}"#, "shape-mismatch", "#/targets"),
            (
                #"{"inputs":[[1],[2]],"targets":[1,2],"sampleWeights":[1],"hiddenUnits":1}"#, "shape-mismatch",
                "#/sampleWeights"
            ),
            (#"{"inputs":[[1],["x"]],"targets":[1,2],"hiddenUnits":1}"#, "wrong-type", "#/inputs/1/0"),
            (#"{"inputs":[[1],["NaN"]],"targets":[1,2],"hiddenUnits":1}"#, "wrong-type", "#/inputs/1/0"),
            (#"{"inputs":[[1],[1e400]],"targets":[1,2],"hiddenUnits":1}"#, "out-of-range", "#/inputs/1/0"),
            (#"{"inputs":[[1],[2]],"targets":[1,-1e999],"hiddenUnits":1}"#, "out-of-range", "#/targets/1"),
            (#"{"inputs":[[\#(wide)]],"targets":[1],"hiddenUnits":1}"#, "limit-exceeded", "#/inputs"),
            (
                #"{"inputs":[[1],[2]],"targets":[1,2],"sampleWeights":[1,-1],"hiddenUnits":1}"#, "out-of-range",
                "#/sampleWeights/1"
            ),
            (
                #"{"inputs":[[1],[2]],"targets":[1,2],"sampleWeights":[0,0],"hiddenUnits":1}"#, "empty",
                "#/sampleWeights"
            ),
            (
                #"{"inputs":[[1],[2]],"targets":[1,0],"loss":"hinge","hiddenUnits":1}"#, "out-of-range",
                "#/targets/1"
            ),
            (
                #"{"inputs":[[1],[2]],"targets":[1,2],"loss":"logistic","hiddenUnits":1}"#, "out-of-range",
                "#/targets/1"
            ),
            (
                #"{"inputs":[[1],[2]],"targets":[-1,"1/2"],"loss":"squared-hinge","hiddenUnits":1}"#, "out-of-range",
                "#/targets/1"
            ),
            (#"{"inputs":[[1],[2]],"targets":[1,1e200],"hiddenUnits":1}"#, "out-of-range", "#/targets/1"),
            (#"{"inputs":[[1],[2]],"targets":[1e308,1],"hiddenUnits":1,"loss":"huber"}"#, "out-of-range", "#/targets/0"),
            (
                #"{"inputs":[[1],[2]],"targets":[1,2],"sampleWeights":[1e308,1e308],"hiddenUnits":1}"#, "out-of-range",
                "#/sampleWeights"
            ),
            (#"{"inputs":[[1]],"targets":[1],"loss":"cubic","hiddenUnits":1}"#, "unknown-value", "#/loss"),
            (#"{"inputs":[[1]],"targets":[1],"loss":"quantile","hiddenUnits":1}"#, "missing-member", "#/loss"),
            (
                #"{"inputs":[[1]],"targets":[1],"loss":{"kind":"quantile"},"hiddenUnits":1}"#, "missing-member",
                "#/loss/level"
            ),
            (
                #"{"inputs":[[1]],"targets":[1],"loss":{"kind":"quantile","level":1},"hiddenUnits":1}"#, "out-of-range",
                "#/loss/level"
            ),
            (
                #"{"inputs":[[1]],"targets":[1],"loss":{"kind":"huber","delta":0},"hiddenUnits":1}"#, "out-of-range",
                "#/loss/delta"
            ),
            (
                #"{"inputs":[[1]],"targets":[1],"loss":{"kind":"hinge","delta":1},"hiddenUnits":1}"#, "unknown-member",
                "#/loss/delta"
            ),
            (#"{"inputs":[[1]],"targets":[1],"outputTerm":"x","hiddenUnits":1}"#, "unknown-value", "#/outputTerm"),
            (#"{"inputs":[[1]],"targets":[1],"method":"x","hiddenUnits":1}"#, "unknown-value", "#/method"),
            (#"{"inputs":[[1]],"targets":[1],"relativeGap":1,"hiddenUnits":1}"#, "out-of-range", "#/relativeGap"),
            (#"{"inputs":[[1]],"targets":[1],"relativeGap":-1,"hiddenUnits":1}"#, "out-of-range", "#/relativeGap"),
            (
                #"{"inputs":[[1]],"targets":[1],"timeLimitSeconds":0,"hiddenUnits":1}"#, "out-of-range",
                "#/timeLimitSeconds"
            ),
            (
                #"{"inputs":[[1]],"targets":[1],"timeLimitSeconds":1e9,"hiddenUnits":1}"#, "out-of-range",
                "#/timeLimitSeconds"
            ),
            (#"{"inputs":[[1]],"targets":[1],"seed":-1,"hiddenUnits":1}"#, "out-of-range", "#/seed"),
            (#"{"inputs":[[1]],"targets":[1],"store":"a b","hiddenUnits":1}"#, "invalid-name", "#/store"),
            (#"{"inputs":[[1,2]],"targets":[1],"pieces":2}"#, "unsupported-dimension", "#/pieces"),
            (#"{"inputs":[[1]],"targets":[1],"pieces":2,"outputTerm":"bias"}"#, "contradiction", "#/outputTerm"),
            (
                #"{"inputs":[[1]],"targets":[1],"hiddenUnits":1,"method":"enumeration","certificate":true}"#,
                "contradiction", "#/certificate"
            ),
        ] {
            let answer = try service.post("/v1/train", body)
            #expect(answer.status == 422, "\(body): \(answer.status)")
            #expect(try answer.json["code"] as? String == code, "\(body)")
            let errors = try #require(try answer.json["errors"] as? [[String: Any]], "\(body)")
            #expect(errors.first?["pointer"] as? String == pointer, "\(body)")
        }
        #expect(try service.post("/v1/train", "{").status == 400)
        #expect(try service.get("/v1/train").status == 405)
    }

    @Test func sizesHaveLimits() throws {
        let service = try ServiceProcess(["--max-training-rows", "4", "--max-training-size", "6"])
        let rows = try service.post(
            "/v1/train", #"{"inputs":[[1],[2],[3],[4],[5]],"targets":[1,2,3,4,5],"hiddenUnits":1}"#)
        #expect(rows.status == 422 && rows.text.contains("maximumTrainingRows is 4"))
        let size = try service.post(
            "/v1/train", #"{"inputs":[[1],[2],[3],[4]],"targets":[1,2,3,4],"hiddenUnits":2}"#)
        #expect(size.status == 422 && size.text.contains("maximumTrainingSize is 6"))
    }

    /// One piece is plain regression: against closed forms.
    @Test func onePieceIsRegression() throws {
        let service = try ServiceProcess.shared.get()
        // Least squares of (0, 1), (1, 3), (2, 2): slope 1/2, intercept 3/2, mean square 1/2.
        let squared = try Self.job(service, #"{"inputs":[[0],[1],[2]],"targets":[1,3,2],"pieces":1,"store":"line"}"#)
        #expect(squared["status"] as? String == "succeeded")
        let result = try #require(squared["result"] as? [String: Any])
        #expect(abs(try #require(result["loss"] as? Double) - 0.5) < 1e-12)
        #expect(abs(try #require(result["lowerBound"] as? Double) - 0.5) < 1e-9)
        #expect(result["optimal"] as? Bool == true)
        let segments = try #require(result["segments"] as? [String: Any])
        #expect(segments["pieces"] as? Int == 1)
        #expect((segments["breakpoints"] as? [Any])?.isEmpty == true)
        #expect(abs(try #require((segments["slopes"] as? [Double])?.first) - 0.5) < 1e-9)
        let values = try service.post("/v1/evaluate", #"{"network":"line","inputs":[[0],[10]]}"#)
        let outputs = try #require(try values.json["outputs"] as? [[Double]])
        #expect(abs(outputs[0][0] - 1.5) < 1e-9 && abs(outputs[1][0] - 6.5) < 1e-9)
        // Least absolute deviations with an outlier passes the other points; quantiles and margins have their own.
        for (body, loss) in [
            (#"{"inputs":[[0],[1],[2],[3]],"targets":[0,1,10,3],"pieces":1,"loss":"absolute"}"#, 2.0),
            (
                #"{"inputs":[[0],[0],[0],[0]],"targets":[0,1,2,3],"pieces":1,"loss":{"kind":"quantile","level":0.75}}"#,
                0.375
            ),
            (#"{"inputs":[[0],[1],[2]],"targets":[-1,1,-1],"pieces":1,"loss":"hinge"}"#, 2.0 / 3),
            (#"{"inputs":[[5]],"targets":[7],"pieces":1,"loss":"absolute"}"#, 0.0),
        ] {
            let job = try Self.job(service, body)
            let result = try #require(job["result"] as? [String: Any], "\(body): \(job)")
            #expect(abs(try #require(result["loss"] as? Double) - loss) < 1e-6, "\(body)")
            #expect(result["optimal"] as? Bool == true, "\(body): \(result)")
        }
    }

    /// Data close to the largest numbers of binary64 are trained on, and drawn.
    @Test func hugeInputsHaveAPicture() throws {
        let service = try ServiceProcess.shared.get()
        for inputs in ["[[9.8e307]]", "[[1.4e308],[1.0e308]]", "[[-1.7e308],[1.7e308]]", "[[1e308,-1e308],[1e308,1e308]]"] {
            let count = inputs.components(separatedBy: "],[").count
            let targets = (0..<count).map { "\($0)" }.joined(separator: ",")
            let accepted = try service.post(
                "/v1/train",
                #"{"inputs":\#(inputs),"targets":[\#(targets)],"hiddenUnits":1,"method":"enumeration","loss":"absolute"}"#)
            #expect(accepted.status == 202, "\(accepted.text)")
            let picture = try service.get(
                "/v1/jobs/\(Self.id(accepted))?wait=30", headers: [("Accept", "image/svg+xml")])
            #expect(picture.status == 200 && picture.text.hasPrefix("<svg"), "\(inputs): \(picture.text.prefix(300))")
        }
    }

    @Test func sameKeyIsTheSameJob() throws {
        let service = try ServiceProcess.shared.get()
        let body = #"{"inputs":[[0],[1],[2]],"targets":[1,3,2],"pieces":1}"#
        let headers = [("Idempotency-Key", "\"training-1\"")]
        let first = try service.post("/v1/train", body, headers: headers)
        let second = try service.post("/v1/train", body, headers: headers)
        #expect(first.status == 202 && second.status == 202)
        #expect(try Self.id(first) == Self.id(second))
        #expect(try first.header("location") == "/v1/jobs/\(Self.id(first))")
        #expect(first.header("retry-after") == "1")
        #expect(try service.post("/v1/train", body + " ", headers: headers).status == 422)
        let picture = try service.get(
            "/v1/jobs/\(Self.id(first))?wait=30", headers: [("Accept", "image/svg+xml")])
        #expect(picture.status == 200 && picture.text.hasPrefix("<svg"))
        #expect(picture.text.contains("proved optimal"))
        let certificate = try service.get("/v1/jobs/\(Self.id(first))/certificate")
        #expect(certificate.status == 404)
    }
}

import Foundation
import Testing

/// Pieces of networks of several inputs.
@Suite struct SpacePiecesRouteTests {
    /// max(0, |x| − |y|): two cones of zeros that touch.
    private let cones =
        #"{"layers":[{"weights":[[1,0],[-1,0],[0,1],[0,-1]],"bias":[0,0,0,0]},"#
        + #"{"weights":[[1,1,-1,-1]],"bias":[0]},{"weights":[[1]],"bias":[0]}]}"#

    @Test func definitions() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try service.post("/v1/pieces", #"{"network":\#(cones)}"#)
        #expect(answer.status == 200)
        let json = try answer.json
        #expect(json["pieces"] as? Int == 5)
        #expect(json["piecesExact"] as? String == "5")
        #expect(
            json["counts"] as? [String: String]
                == ["activation": "8", "open": "6", "closed": "5", "level": "5", "affine": "5"])
        let names = (json["upperBounds"] as? [[String: Any]])?.compactMap { $0["name"] as? String } ?? []
        #expect(names.contains("serra2018"))
        for (definition, pieces) in [("open", 6), ("activation", 8), ("paper", 5)] {
            let other = try service.post(
                "/v1/pieces", #"{"network":\#(cones),"definition":"\#(definition)"}"#)
            #expect(try other.json["pieces"] as? Int == pieces)
        }
    }

    @Test func boxes() throws {
        let service = try ServiceProcess.shared.get()
        let answer = try service.post(
            "/v1/pieces", #"{"network":\#(cones),"domain":{"lower":[1,"-1/3"],"upper":[2,0.5]}}"#)
        let counts = try answer.json["counts"] as? [String: String]
        // x > |y| all over the box; the fold at y = 0 is in it.
        #expect(
            counts == ["activation": "2", "open": "2", "closed": "2", "level": "2", "affine": "2"])
        for (domain, code, pointer) in [
            (#"{"lower":[0],"upper":[1,1]}"#, "shape-mismatch", "#/domain/lower"),
            (#"{"lower":[0,1],"upper":[1,1]}"#, "empty-domain", "#/domain/upper/1"),
        ] {
            let fault = try service.post("/v1/pieces", #"{"network":\#(cones),"domain":\#(domain)}"#)
            #expect(fault.status == 422)
            #expect(try fault.json["code"] as? String == code)
            #expect(fault.text.contains(pointer))
        }
    }

    @Test func pagesOfRegions() throws {
        let service = try ServiceProcess.shared.get()
        var regions: [[String: Any]] = []
        var page = ""
        for _ in 0..<10 {
            let answer = try service.post(
                "/v1/pieces",
                #"{"network":\#(cones),"definition":"open","list":{"limit":3\#(page)},"arithmetic":"exact"}"#)
            let json = try answer.json
            regions += try #require(json["regions"] as? [[String: Any]])
            guard let token = json["nextPageToken"] as? String else {
                #expect(json["listTruncated"] as? Bool == false)
                break
            }
            #expect(json["listTruncated"] as? Bool == true)
            page = #","pageToken":"\#(token)""#
        }
        #expect(regions.count == 8)
        #expect(Set(regions.compactMap { $0["piece"] as? Int }) == Set(0..<6))
        for region in regions {
            #expect((region["vertices"] as? [[Int]]) == [[0, 0]])
            #expect((region["rays"] as? [[Int]])?.count == 2)
            #expect((region["a"] as? [[Int]])?.count == 2)
            #expect((region["b"] as? [Int]) == [0, 0])
            #expect((region["gradient"] as? [Int])?.count == 2)
        }
        let fault = try service.post(
            "/v1/pieces", #"{"network":\#(cones),"list":{"limit":3,"pageToken":"x"}}"#)
        #expect(try fault.json["code"] as? String == "invalid-page-token")
        #expect(fault.text.contains("#/list/pageToken"))
    }

    @Test func pictures() throws {
        let service = try ServiceProcess.shared.get()
        for domain in ["", #","domain":{"lower":[-1,-2],"upper":[3,1]}"#] {
            let answer = try service.post(
                "/v1/pieces", #"{"network":\#(cones)\#(domain)}"#,
                headers: [("Accept", "image/svg+xml")])
            #expect(answer.status == 200)
            #expect(answer.text.hasPrefix("<svg"))
            #expect(answer.text.components(separatedBy: "<polygon").count == 9)
            #expect(answer.text.contains("5 pieces, 5 affine maps, 8 activation cells"))
        }
        let solid = #"{"layers":[{"weights":[[1,2,3]],"bias":[0]},{"weights":[[1]],"bias":[0]}]}"#
        let refused = try service.post(
            "/v1/pieces", #"{"network":\#(solid)}"#, headers: [("Accept", "image/svg+xml")])
        #expect(refused.status == 406)
    }

    @Test func jobsAndSeveralOutputs() throws {
        let service = try ServiceProcess.shared.get()
        let network =
            #"{"layers":[{"weights":[[1,0,0],[0,1,0],[0,0,1]],"bias":[0,0,0]},"#
            + #"{"weights":[[1,0,0],[0,1,1]],"bias":[0,0]}]}"#
        let answer = try service.post("/v1/pieces", #"{"network":\#(network),"list":{"limit":1}}"#)
        #expect(try answer.json["pieces"] as? Int == 8)
        let region = (try answer.json["regions"] as? [[String: Any]])?.first
        #expect((region?["gradients"] as? [[Double]])?.count == 2)
        #expect((region?["intercepts"] as? [Double]) == [0, 0])
        let job = try service.post(
            "/v1/pieces", #"{"network":\#(network)}"#, headers: [("Prefer", "respond-async")])
        #expect(job.status == 202)
    }
}

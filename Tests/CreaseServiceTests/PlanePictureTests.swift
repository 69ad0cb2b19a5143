import Foundation
import Testing

/// Networks of two inputs are drawn as the plane in the colours of their pieces.
@Suite struct PlanePictureTests {
    private let svg = [("Accept", "image/svg+xml")]

    private func polygons(_ picture: String) -> [(color: String, corners: Int)] {
        picture.components(separatedBy: "<polygon fill=\"").dropFirst().map { part in
            let color = String(part.prefix { $0 != "\"" })
            let points = part.components(separatedBy: " points=\"")[1].prefix { $0 != "\"" }
            return (color, points.split(separator: " ").count)
        }
    }

    /// |x| + |y| has four pieces, triangles in a square around the origin cut to squares by the axes.
    @Test func absoluteValues() throws {
        let service = try ServiceProcess.shared.get()
        let network =
            #"{"layers":[{"weights":[[1,0],[-1,0],[0,1],[0,-1]],"bias":[0,0,0,0]},{"weights":[[1,1,1,1]],"bias":[0]}]}"#
        let picture = try service.post(
            "/v1/algebra", #"{"operation":"simplify","networks":[\#(network)]}"#, headers: svg)
        #expect(picture.status == 200 && picture.text.hasPrefix("<svg"))
        let cells = polygons(picture.text)
        #expect(cells.map(\.corners) == [4, 4, 4, 4])
        #expect(Set(cells.map(\.color)).count == 4)
        #expect(picture.text.contains("4 affine maps in view"))
    }

    /// A fold that the next layer takes back: cells of one map have one colour.
    @Test func cellsOfOneMap() throws {
        let service = try ServiceProcess.shared.get()
        // σ(x) − σ(−x) + y, which is x + y.
        let network =
            #"{"layers":[{"weights":[[1,0],[-1,0],[0,1],[0,-1]],"bias":[0,0,0,0]},{"weights":[[1,-1,1,-1]],"bias":[0]}]}"#
        let picture = try service.post(
            "/v1/algebra", #"{"operation":"sum","networks":[\#(network)]}"#, headers: svg)
        #expect(Set(polygons(picture.text).map(\.color)).count == 1, "\(picture.text.prefix(300))")
    }

    /// Below a zonotope of the plane stands its function: V · w^k pieces, and one around them for even w and k ≥ 2.
    @Test func zonotopeFunction() throws {
        let service = try ServiceProcess.shared.get()
        let picture = try service.post(
            "/v1/families/zonotope",
            #"{"generators":[[1,0],[0,1],[1,1]],"teeth":"equal","units":2,"layers":2}"#, headers: svg)
        #expect(picture.status == 200)
        // The first is the zonotope itself. Cells of one piece can be several: the piece around them is cut by rays.
        let cells = polygons(picture.text).dropFirst()
        #expect(cells.count >= 25)
        #expect(picture.text.contains("25 pieces"))
    }

    @Test func whatHasNoPicture() throws {
        let service = try ServiceProcess.shared.get()
        let space = #"{"layers":[{"weights":[[1,0,0]],"bias":[0]},{"weights":[[1]],"bias":[0]}]}"#
        let answer = try service.post(
            "/v1/algebra", #"{"operation":"simplify","networks":[\#(space)]}"#, headers: svg)
        #expect(answer.status == 406)
        // Entries far beyond each other.
        let wild =
            #"{"layers":[{"weights":[[1e308,-1e308],[1e-308,1e308]],"bias":[1e308,-1e308]},{"weights":[[1e308,1e308]],"bias":[0]}]}"#
        let drawn = try service.post(
            "/v1/algebra", #"{"operation":"simplify","networks":[\#(wild)]}"#, headers: svg)
        #expect(drawn.status == 200 && drawn.text.hasPrefix("<svg"))
    }
}

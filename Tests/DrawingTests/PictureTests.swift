import Drawing
import Testing

/// Pictures of numbers at the ends of what binary64 holds: they need not look well, but they are pictures.
@Suite struct PictureTests {
    private static let extremes: [Double] = [
        .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 1e308, 2.3e307, -2.3e307, 1, 1e-300,
        .leastNormalMagnitude, .leastNonzeroMagnitude, 0,
    ]

    private func check(_ picture: [UInt8], _ detail: String) {
        let text = String(decoding: picture, as: UTF8.self)
        #expect(text.hasPrefix("<svg") && text.hasSuffix("</svg>\n"), "\(detail)")
        #expect(!text.contains("=\"nan") && !text.contains("=\"inf"), "\(detail)")
    }

    @Test func functionsOfExtremeNumbers() {
        for x in Self.extremes {
            for y in Self.extremes {
                for width in [.greatestFiniteMagnitude, 1, .leastNonzeroMagnitude, 0] {
                    let points = [PicturePoint(x: x, y: y), PicturePoint(x: x.nextUp, y: y.nextDown)]
                    let curve = FunctionPicture.Curve(
                        label: "f", points: points, leftSlope: width, rightSlope: -width)
                    let band = FunctionPicture.Band(
                        label: "band", lower: points.map { PicturePoint(x: $0.x, y: $0.y - width) },
                        upper: points.map { PicturePoint(x: $0.x, y: $0.y + width) })
                    let picture = FunctionPicture(title: "f", curves: [curve], data: points, band: band)
                    check(picture.svg(), "\(x) \(y) \(width)")
                }
            }
        }
    }

    @Test func boundsOfExtremeNumbers() {
        for lower in Self.extremes {
            for upper in Self.extremes {
                let samples = [0, 1.5].map {
                    BoundsPicture.Sample(seconds: $0, lowerBound: lower, upperBound: upper)
                }
                check(BoundsPicture(title: "bounds", samples: samples).svg(), "\(lower) \(upper)")
            }
        }
    }

    /// Normals of no length, or of one beyond binary64, have no shade of their own.
    @Test func solidsOfExtremeNumbers() {
        for reach in Self.extremes {
            for length in Self.extremes + [.infinity, .nan] {
                let corners = [(0, 0, 0), (1, 0, 0), (1, 1, 0)].map {
                    ZonotopePicture.Corner(x: reach * $0.0, y: reach * $0.1, z: reach * $0.2)
                }
                let normal = ZonotopePicture.Corner(x: length, y: length, z: length)
                for isPlanar in [true, false] {
                    let picture = ZonotopePicture(
                        title: "solid", faces: [ZonotopePicture.Face(corners: corners, normal: normal)],
                        vertices: corners, isPlanar: isPlanar)
                    check(picture.svg(), "\(reach) \(length)")
                }
            }
        }
    }
}

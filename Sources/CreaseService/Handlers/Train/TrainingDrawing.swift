internal import Drawing
internal import ExactArithmetic
internal import ExactTraining
internal import PiecewiseLinear
internal import ReLUNetworks

/// The picture of a training job: the fitted function with the data for one and two variables, and below it the bounds
/// over time.
struct TrainingDrawing {
    let samples: [TrainingJobRecord.Sample]
    let fit: TrainingJobRecord.Fit?

    func svg() -> [UInt8] {
        var pictures: [[UInt8]] = []
        if let fit {
            if fit.problem.columns == 1, let function = fit.function { pictures.append(line(fit, function)) }
            if fit.problem.columns == 2 { pictures.append(plane(fit)) }
        }
        // A problem that is solved at once has no history.
        if pictures.isEmpty || samples.count > 1 { pictures.append(bounds()) }
        return PictureColumn(pictures).svg()
    }

    private func title(_ fit: TrainingJobRecord.Fit) -> String {
        let loss = "\(fit.problem.loss.name) loss \(Self.short(fit.loss))"
        return fit.isOptimal
            ? "\(loss), proved optimal" : "\(loss), lower bound \(Self.short(fit.lowerBound))"
    }

    /// Six significant digits.
    private static func short(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return "\(value)" }
        var scale = 1.0
        while value.magnitude * scale < 1e5, scale < 1e300 { scale *= 10 }
        while value.magnitude * scale >= 1e6, scale > 1e-300 { scale /= 10 }
        let rounded = (value * scale).rounded()
        // Dividing by a power of ten rounds once; multiplying by its reciprocal would show.
        return scale >= 1 ? "\(rounded / scale)" : "\(rounded * (1 / scale))"
    }

    private func bounds() -> [UInt8] {
        BoundsPicture(
            title: "Incumbent and lower bound over time",
            samples: samples.map {
                BoundsPicture.Sample(
                    seconds: $0.seconds, lowerBound: $0.lowerBound, upperBound: $0.upperBound)
            }
        ).svg()
    }

    // MARK: One variable

    private func line(_ fit: TrainingJobRecord.Fit, _ function: PiecewiseLinearFunction) -> [UInt8] {
        let data = (0..<fit.problem.rows).filter { fit.problem.weights[$0] > 0 }
            .map { PicturePoint(x: fit.problem.inputs[$0], y: fit.problem.targets[$0]) }
            .sorted { $0.x < $1.x }
        let window = Self.window(data.map(\.x))
        // Breakpoints far outside the data would shrink them to a dot.
        let corners = zip(function.breakpoints, function.valuesAtBreakpoints()).map {
            PicturePoint(x: $0.nearestDouble, y: $1.nearestDouble)
        }
        let place = Rational(exactly: window.lowerBound) ?? .zero
        let points =
            corners.isEmpty
            ? [PicturePoint(x: window.lowerBound, y: function(place).nearestDouble)] : corners
        return FunctionPicture(
            title: title(fit),
            curves: [
                FunctionPicture.Curve(
                    label: "", points: points, leftSlope: function.leftSlope.nearestDouble,
                    rightSlope: function.rightSlope.nearestDouble)
            ], data: data, window: window
        ).svg()
    }

    /// The values' range with a margin of a twentieth.
    private static func window(_ values: [Double]) -> ClosedRange<Double> {
        let low = values.min() ?? 0
        let high = values.max() ?? 0
        let margin = max((high / 2 - low / 2) / 10, max(low.magnitude, high.magnitude) * 1e-6, 1e-300)
        // The width of a window is a finite number, too.
        let limit = Double.greatestFiniteMagnitude / 8
        return max(min(low, limit / 2) - margin, -limit)...min(max(high, -limit / 2) + margin, limit)
    }

    // MARK: Two variables

    private func plane(_ fit: TrainingJobRecord.Fit) -> [UInt8] {
        let rows = (0..<fit.problem.rows).filter { fit.problem.weights[$0] > 0 }
        let data = rows.map { PicturePoint(x: fit.problem.inputs[2 * $0], y: fit.problem.inputs[2 * $0 + 1]) }
        let x = Self.window(data.map(\.x))
        let y = Self.window(data.map(\.y))
        // One hidden layer of w units makes at most 1 + w + w(w − 1)/2 polygons.
        let cells =
            PlaneCells(network: fit.network, x: x, y: y).cells(limit: 100_000, isCancelled: { false }) ?? []
        return PlanePicture(
            title: title(fit), cells: cells, data: Array(data.prefix(20_000)), x: x,
            y: y
        ).svg()
    }
}

internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

extension JSONWriter {
    /// A function of one variable as requests take it.
    mutating func function(_ function: PiecewiseLinearFunction, exact: Bool) {
        beginObject()
        member("kind", "piecewise-linear")
        key("points")
        beginArray()
        if function.breakpoints.isEmpty {
            vector([.zero, function(.zero)], exact: exact)
        } else {
            for (place, value) in zip(function.breakpoints, function.valuesAtBreakpoints()) {
                vector([place, value], exact: exact)
            }
        }
        endArray()
        key("leftSlope")
        rational(function.leftSlope, exact: exact)
        key("rightSlope")
        rational(function.slopes[function.slopes.count - 1], exact: exact)
        endObject()
    }
}

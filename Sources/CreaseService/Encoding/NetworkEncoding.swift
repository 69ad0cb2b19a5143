internal import ExactArithmetic
internal import FastJSON
internal import ReLUNetworks

extension JSONWriter {
    mutating func network(_ network: Network<Double>, threads: Int) {
        beginObject()
        key("layers")
        beginArray()
        for layer in network.layers {
            beginObject()
            key("weights")
            layer.weights.withUnsafeBufferPointer { matrix($0, columns: layer.inputs, threads: threads) }
            key("bias")
            numbers(layer.bias, threads: threads)
            endObject()
        }
        endArray()
        endObject()
    }

    mutating func network(_ network: Network<Rational>) {
        beginObject()
        key("layers")
        beginArray()
        for layer in network.layers {
            beginObject()
            key("weights")
            beginArray()
            for row in 0..<layer.outputs {
                beginArray()
                for weight in layer.row(row) { rational(weight) }
                endArray()
            }
            endArray()
            key("bias")
            beginArray()
            for bias in layer.bias { rational(bias) }
            endArray()
            endObject()
        }
        endArray()
        endObject()
    }

    /// A JSON number where the value is a binary64, else a string with the exact value.
    mutating func rational(_ value: Rational) {
        if let double = value.exactDouble { self.double(double) } else { string(value.description) }
    }

    /// A rational as asked for: exact, or rounded once to the nearest binary64 (beyond whose range it stays exact).
    mutating func rational(_ value: Rational, exact: Bool) {
        let rounded = exact ? .infinity : value.nearestDouble
        if rounded.isFinite { double(rounded) } else { rational(value) }
    }

    /// A count that can pass 2^53: as a number and as an exact string.
    mutating func count(_ name: String, _ value: BigInteger) {
        member(name, value.nearestDouble)
        member("\(name)Exact", value.description)
    }
}

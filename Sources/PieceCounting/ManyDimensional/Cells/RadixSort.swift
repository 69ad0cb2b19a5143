/// Sorts numbers that are not NaN into ascending order; −0 counts as 0.
///
/// Complexity: O(n), six passes; for short arrays O(n log n).
func sortAscending(_ values: inout [Double]) {
    if values.count < 256 {
        values.sort()
        return
    }
    let digitBits: UInt64 = 11
    let size = 1 << Int(digitBits)
    let passes = 6
    let count = values.count
    var counts = [Int](repeating: 0, count: size * passes)
    var keys = [UInt64](unsafeUninitializedCapacity: count) { buffer, initialized in
        for place in 0..<count {
            let bits = (values[place] + 0).bitPattern
            // Negative numbers descend with their bits.
            buffer[place] = bits >> 63 == 0 ? bits | 1 << 63 : ~bits
        }
        initialized = count
    }
    var other = [UInt64](repeating: 0, count: count)
    keys.withUnsafeMutableBufferPointer { keys in
        other.withUnsafeMutableBufferPointer { other in
            counts.withUnsafeMutableBufferPointer { counts in
                var source = keys
                var target = other
                for key in source {
                    for pass in 0..<passes {
                        let digit = key >> (digitBits * UInt64(pass)) & UInt64(size - 1)
                        counts[pass * size + Int(digit)] += 1
                    }
                }
                for pass in 0..<passes {
                    let shift = digitBits * UInt64(pass)
                    let start = pass * size
                    var sum = 0
                    var isTrivial = false
                    for digit in 0..<size {
                        let entries = counts[start + digit]
                        if entries == count { isTrivial = true }
                        counts[start + digit] = sum
                        sum += entries
                    }
                    if isTrivial { continue }
                    for key in source {
                        let digit = start + Int(key >> shift & UInt64(size - 1))
                        target[counts[digit]] = key
                        counts[digit] += 1
                    }
                    swap(&source, &target)
                }
                for place in 0..<count {
                    let key = source[place]
                    values[place] = Double(bitPattern: key >> 63 == 0 ? ~key : key & ~(1 << 63))
                }
            }
        }
    }
}

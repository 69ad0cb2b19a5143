internal import CEvaluationKernels

/// One thread's buffers for a run, and the passage of tiles of rows through the layers.
final class TileWorkspace {
    private let run: BatchRun
    private let evaluator: BatchEvaluator
    private let rowsPerTile: Int
    private let inputTile: UnsafeMutableBufferPointer<Double>
    /// Two buffers in turn, or one for each hidden layer where patterns are kept.
    private let hiddenTiles: [UnsafeMutableBufferPointer<Double>]
    private let outputTile: UnsafeMutableBufferPointer<Double>
    /// Two buffers in turn for a column of the gradients, and one for its end.
    private let columnTiles: [UnsafeMutableBufferPointer<Double>]
    private let scratch: UnsafeMutableBufferPointer<Double>
    private var operationsSincePoll = 0.0

    init(_ run: BatchRun) {
        self.run = run
        evaluator = run.evaluator
        rowsPerTile = run.rowsPerTile
        let rows = run.rowsPerTile * run.tilesPerBlock
        func tile(_ columns: Int) -> UnsafeMutableBufferPointer<Double> {
            // From a cache line on, so that no vector crosses one.
            UnsafeMutableRawBufferPointer.allocate(byteCount: 8 * (columns * rows + 1), alignment: 64)
                .bindMemory(to: Double.self)
        }
        inputTile = tile(evaluator.inputs)
        outputTile = tile(evaluator.outputs)
        hiddenTiles =
            run.gradients != nil
            ? evaluator.network.hiddenWidths.map(tile) : [tile(evaluator.width), tile(evaluator.width)]
        let columnHeight = max(evaluator.width, evaluator.inputs, evaluator.outputs)
        columnTiles = run.gradients == nil ? [] : (0..<2).map { _ in tile(columnHeight) }
        scratch = .allocate(capacity: 2 * evaluator.width + max(1, evaluator.outputs))
    }

    deinit {
        for tile in hiddenTiles + columnTiles { tile.deallocate() }
        inputTile.deallocate()
        outputTile.deallocate()
        scratch.deallocate()
    }

    /// Evaluates the rows; the first row with an overflow. Incomplete after a cancellation.
    func evaluate(_ rows: Range<Int>) -> Int? {
        var start = rows.lowerBound
        while start < rows.upperBound {
            let left = rows.upperBound - start
            if run.gradients == nil, left < evaluator.rowsOfAFullTile {
                return evaluator.evaluateSingly(start..<rows.upperBound, run.buffers, poll: poll)
            }
            let end = start + min(left, rowsPerTile * run.tilesPerBlock)
            if let row = evaluateBlock(start..<end) { return row }
            if operationsSincePoll >= BatchRun.operationsPerPoll, poll() { return nil }
            start = end
        }
        return nil
    }

    private func poll() -> Bool {
        operationsSincePoll = 0
        return run.poll()
    }

    private func evaluateBlock(_ rows: Range<Int>) -> Int? {
        let tiles = (rows.count - 1) / rowsPerTile + 1
        var isSafe = true
        forEachTile(rows) { tile, part in
            guard let source = run.buffers.inputs, let target = inputTile.baseAddress else { return }
            let n = evaluator.inputs
            let within = crease_load_tile(
                source + part.lowerBound * n, part.count, n, rowsPerTile, evaluator.safeMagnitude,
                target + tile * n * rowsPerTile)
            isSafe = isSafe && within != 0
        }
        if !isSafe {
            let spare = scratch.baseAddress.map { $0 + 2 * evaluator.width }
            for row in rows {
                operationsSincePoll += evaluator.operationsPerRow
                if operationsSincePoll >= BatchRun.operationsPerPoll, poll() { return nil }
                if !evaluator.evaluateRow(row, run.buffers, into: spare, scratch) { return row }
            }
        }
        guard var current = UnsafePointer(inputTile.baseAddress) else { return nil }
        let maps = evaluator.packed.maps
        var unit = 0
        for (index, map) in maps.enumerated() {
            let isLast = index == maps.count - 1
            let tile = isLast ? outputTile : hiddenTiles[run.gradients != nil ? index : index & 1]
            guard let target = tile.baseAddress else { return nil }
            if pass(map, tiles, current, target, isLast ? CREASE_AFFINE : CREASE_RELU) { return nil }
            if !isLast, let activations = run.buffers.activations {
                let start = activations + rows.lowerBound * evaluator.hiddenUnits + unit
                crease_store_signs(
                    target, rows.count, map.outputs, rowsPerTile, start, evaluator.hiddenUnits)
            }
            unit += map.outputs
            current = UnsafePointer(target)
        }
        forEachTile(rows) { tile, part in
            guard let target = run.buffers.outputs else { return }
            let m = evaluator.outputs
            _ = crease_store_tile(
                current + tile * m * rowsPerTile, part.count, m, rowsPerTile, target + part.lowerBound * m, m,
                1)
        }
        if let plan = run.gradients, let target = run.buffers.gradients {
            return evaluateGradients(rows, plan, target)
        }
        return nil
    }

    private func forEachTile(_ rows: Range<Int>, _ body: (Int, Range<Int>) -> Void) {
        var start = rows.lowerBound
        var tile = 0
        while start < rows.upperBound {
            let end = min(start + rowsPerTile, rows.upperBound)
            body(tile, start..<end)
            start = end
            tile += 1
        }
    }

    /// One map, in parts between which the cancellation is polled; true to stop.
    private func pass(
        _ map: crease_affine_map, _ tiles: Int, _ input: UnsafePointer<Double>,
        _ output: UnsafeMutablePointer<Double>, _ epilogue: crease_epilogue,
        masks: UnsafePointer<Double>? = nil
    ) -> Bool {
        let operationsPerUnit = 2 * Double(map.inputs + 1) * Double(rowsPerTile * tiles)
        let unitsPerPart = 8 * max(1, Int(BatchRun.operationsPerPoll / operationsPerUnit / 8))
        var first = 0
        while first < map.outputs {
            let last = min(map.outputs, first + unitsPerPart)
            withUnsafePointer(to: map) {
                evaluator.packed.kernels.layer($0, first, last, tiles, input, output, epilogue, masks)
            }
            operationsSincePoll += operationsPerUnit * Double(last - first)
            if operationsSincePoll >= BatchRun.operationsPerPoll, poll() { return true }
            first = last
        }
        return false
    }

    /// The gradients of one tile of rows, column by column (or row by row) through the masked layers.
    private func evaluateGradients(
        _ rows: Range<Int>, _ plan: GradientPlan, _ gradients: UnsafeMutablePointer<Double>
    ) -> Int? {
        let n = evaluator.inputs
        let m = evaluator.outputs
        let start = gradients + rows.lowerBound * m * n
        guard let first = evaluator.network.layers.first, let last = evaluator.network.layers.last else {
            return nil
        }
        if hiddenTiles.isEmpty {
            for row in 0..<rows.count {
                for (index, weight) in first.weights.enumerated() { start[row * m * n + index] = weight }
            }
            return nil
        }
        var isFinite = true
        for column in 0..<plan.columns {
            guard let target = columnTiles[0].baseAddress, let other = columnTiles[1].baseAddress else {
                return nil
            }
            let masks = plan.direction == .fromInputs ? hiddenTiles : hiddenTiles.reversed()
            let (layer, offset, stride, units) =
                plan.direction == .fromInputs
                ? (first, column, n, first.outputs) : (last, column * last.inputs, 1, last.inputs)
            layer.weights.withUnsafeBufferPointer {
                guard let weights = $0.baseAddress else { return }
                crease_masked_column(
                    weights + offset, stride, units, rowsPerTile, masks[0].baseAddress, target)
            }
            var current = target
            var next = other
            for (index, map) in plan.packed.maps.enumerated() {
                var withoutBias = map
                withoutBias.bias = nil
                let mask = index + 1 < masks.count ? masks[index + 1].baseAddress : nil
                let epilogue = mask == nil ? CREASE_AFFINE : CREASE_MASK
                if pass(withoutBias, 1, current, next, epilogue, masks: mask.map { UnsafePointer($0) }) {
                    return nil
                }
                swap(&current, &next)
            }
            let stored =
                plan.direction == .fromInputs
                ? crease_store_tile(current, rows.count, m, rowsPerTile, start + column, m * n, n)
                : crease_store_tile(current, rows.count, n, rowsPerTile, start + column * n, m * n, 1)
            isFinite = isFinite && stored != 0
        }
        if isFinite { return nil }
        return rows.first { row in
            (0..<m * n).contains { !gradients[row * m * n + $0].isFinite }
        }
    }
}

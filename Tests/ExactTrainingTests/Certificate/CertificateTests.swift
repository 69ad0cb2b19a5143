import ExactArithmetic
import ReLUNetworks
import Testing

@testable import ExactTraining

/// Proofs made of random trees: they hold, never above what a network attains, and not when something in them changes.
@Suite struct CertificateTests {
    @Test func randomTreesProveTheirBounds() throws {
        var proved = 0
        var positive = 0
        for seed in 0..<63 {
            var random = RandomProofs(state: UInt64(seed))
            let loss = RandomProofs.losses[seed % 7]
            let term = OutputTerm.allCases[seed / 7 % 3]
            guard let problem = random.problem(loss: loss, term: term) else { continue }
            let search = random.certificate(problem)
            let certificate = try ExactCertificate(search, network: random.network(problem))
            #expect(verify(certificate) == nil, "seed \(seed)")
            proved += 1
            if certificate.lowerBound > 1e-6 { positive += 1 }
            // No network of the class has a smaller loss.
            for _ in 0..<200 {
                let network = try #require(random.network(problem).exact)
                let found = try #require(exactLoss(of: network, on: problem) { false })
                #expect(Rational(exactly: certificate.lowerBound).map { $0 <= found } == true, "seed \(seed)")
            }
        }
        #expect(proved > 50 && positive > 15, "\(proved) proofs, \(positive) of bounds above 0")
    }
}

/// A change of what a proof says, by name.
private typealias Change = (name: String, apply: (ExactCertificate) -> ExactCertificate?)

extension CertificateTests {
    /// Every kind of change that leaves a false proof, on proofs whose bound is tight at some leaf.
    @Test func changedProofsAreRefused() throws {
        var refused: [String: Int] = [:]
        for seed in 0..<24 {
            var random = RandomProofs(state: UInt64(1000 + seed))
            let term = OutputTerm.allCases[seed % 3]
            guard let problem = random.problem(loss: .squared, term: term) else { continue }
            let certificate = try ExactCertificate(
                random.certificate(problem), network: random.network(problem))
            try #require(verify(certificate) == nil, "seed \(seed)")
            for change in Self.changes {
                guard let changed = change.apply(certificate) else { continue }
                #expect(verify(changed) != nil, "seed \(seed): \(change.name)")
                refused[change.name, default: 0] += 1
            }
        }
        for change in Self.changes {
            #expect(refused[change.name, default: 0] > 0, "\(change.name) never applied")
        }
    }

    private static var changes: [Change] {
        [
            // The bound is the largest binary64 that the leaves prove.
            ("bound up", { $0.changed(lowerBound: $0.lowerBound.nextUp) }),
            ("loss down", { $0.changed(loss: $0.loss.nextDown) }),
            ("gap down", { $0.relativeGap == 0 ? nil : $0.changed(relativeGap: $0.relativeGap.nextDown) }),
            ("a tree less", { $0.changed(trees: Array($0.trees.dropLast())) }),
            ("a tree twice", { $0.changed(trees: Array($0.trees.dropLast()) + [$0.trees[0]]) }),
            ("a node less", { $0.changed { Array($0.dropLast()) } }),
            ("a node more", { $0.changed { nodes in nodes + [nodes[nodes.count - 1]] } }),
            (
                "base row twice",
                {
                    $0.baseRows.count < 2
                        ? nil : $0.changed(baseRows: [$0.baseRows[1]] + $0.baseRows.dropFirst())
                }
            ),
            (
                "coordinate left out",
                {
                    $0.coordinates.count < 2
                        ? nil
                        : $0.changed(
                            coordinates: Array($0.coordinates.dropLast()),
                            baseRows: Array($0.baseRows.dropLast()))
                }
            ),
            (
                "an entry alone",
                { certificate in
                    guard certificate.problem.outputTerm != .none,
                        let index = certificate.trees[0].nodes.firstIndex(where: \.isLeaf),
                        case .leaf(let leaf) = certificate.trees[0].nodes[index],
                        let row = leaf.dual.indices.first(where: { certificate.isPlain($0, leaf) })
                    else { return nil }
                    var dual = leaf.dual
                    dual[row] += 0x1p-20
                    let changed = ExactCertificate.Leaf(dual: dual, exact: leaf.exact, slopes: leaf.slopes)
                    return certificate.changed { nodes in
                        var nodes = nodes
                        nodes[index] = .leaf(changed)
                        return nodes
                    }
                }
            ),
        ]
    }
}

extension ExactCertificate {
    fileprivate func changed(
        loss: Double? = nil, lowerBound: Double? = nil, relativeGap: Double? = nil, coordinates: [Int]? = nil,
        baseRows: [Int]? = nil, trees: [Tree]? = nil
    ) -> ExactCertificate {
        let loss = loss ?? self.loss
        let lowerBound = lowerBound ?? self.lowerBound
        return ExactCertificate(
            problem: problem, network: network, loss: loss, lowerBound: lowerBound,
            relativeGap: relativeGap ?? ExactCertificate.gap(loss, lowerBound),
            coordinates: coordinates ?? self.coordinates, baseRows: baseRows ?? self.baseRows,
            trees: trees ?? self.trees)
    }

    /// Whether the leaf's entry at the row counts and is not replaced by an exact one.
    fileprivate func isPlain(_ row: Int, _ leaf: Leaf) -> Bool {
        problem.weights[row] > 0 && !leaf.exact.contains { $0.row == row }
    }

    /// Changes the nodes of the first tree.
    fileprivate func changed(_ transform: ([Node]) -> [Node]) -> ExactCertificate {
        let first = trees[0]
        let tree = Tree(positiveUnits: first.positiveUnits, cells: first.cells, nodes: transform(first.nodes))
        return changed(trees: [tree] + trees.dropFirst())
    }

    /// The gap that is claimed beside these two.
    private static func gap(_ loss: Double, _ lowerBound: Double) -> Double {
        guard loss > 0, let upper = Rational(exactly: loss), let lower = Rational(exactly: lowerBound) else {
            return 0
        }
        return ((upper - lower) / upper).double(rounding: .up)
    }
}

extension ExactCertificate.Node {
    fileprivate var isLeaf: Bool { if case .leaf = self { true } else { false } }
}

internal import Synchronization

/// A network under a name, with its document as it is answered.
final class StoredNetwork: Sendable {
    let name: String
    let network: ServedNetwork
    /// The JSON document `{"layers": …}`.
    let document: [UInt8]
    /// A strong entity tag, quotes included: the digest of the document.
    let entityTag: String
    /// Seconds since 1970.
    let storedAt: Double

    init(name: String, network: ServedNetwork, document: [UInt8], entityTag: String, storedAt: Double) {
        self.name = name
        self.network = network
        self.document = document
        self.entityTag = entityTag
        self.storedAt = storedAt
    }

    var byteCount: Int { network.byteCount + document.count + name.utf8.count }
}

/// The networks that clients stored: in memory, bounded in number and bytes.
final class NetworkStore: Sendable {
    private struct State {
        var networks: [String: StoredNetwork] = [:]
        /// All names, ascending by their UTF-8: the order of listings.
        var names: [String] = []
        var bytes = 0
    }

    private let state = Mutex(State())
    let maximumNetworks: Int
    let maximumBytes: Int

    init(maximumNetworks: Int, maximumBytes: Int) {
        self.maximumNetworks = maximumNetworks
        self.maximumBytes = maximumBytes
    }

    /// A name: 1 to 128 of A–Z a–z 0–9 . _ -, the first a letter or digit.
    static func isName(_ name: some StringProtocol) -> Bool {
        guard (1...128).contains(name.utf8.count), let first = name.utf8.first else { return false }
        let isAlphanumeric = { (byte: UInt8) in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        return isAlphanumeric(first)
            && name.utf8.allSatisfy { isAlphanumeric($0) || [UInt8(ascii: "."), 0x2d, 0x5f].contains($0) }
    }

    subscript(_ name: String) -> StoredNetwork? { state.withLock { $0.networks[name] } }

    /// What has to hold of the network that is there for a change to happen.
    enum Precondition {
        case none
        /// If-None-Match: *
        case absent
        /// If-Match: one of these tags, or any network where the list holds `*`.
        case matches([String])

        func holds(for current: StoredNetwork?) -> Bool {
            switch self {
            case .none: true
            case .absent: current == nil
            case .matches(let tags):
                current.map { tags.contains("*") || tags.contains($0.entityTag) } ?? false
            }
        }
    }

    enum Change {
        case created
        case replaced
        case removed
        case missing
        case preconditionFailed
        /// The store holds as many networks as it may.
        case tooMany
        /// The store would hold more bytes than it may.
        case tooLarge
    }

    func store(_ network: StoredNetwork, if precondition: Precondition) -> Change {
        state.withLock { state in
            let current = state.networks[network.name]
            guard precondition.holds(for: current) else { return .preconditionFailed }
            guard current != nil || state.networks.count < maximumNetworks else { return .tooMany }
            let bytes = state.bytes - (current?.byteCount ?? 0) + network.byteCount
            guard bytes <= maximumBytes else { return .tooLarge }
            state.bytes = bytes
            state.networks[network.name] = network
            guard current == nil else { return .replaced }
            state.names.insert(network.name, at: Self.position(of: network.name, in: state.names))
            return .created
        }
    }

    func remove(_ name: String, if precondition: Precondition) -> Change {
        state.withLock { state in
            guard let current = state.networks[name] else { return .missing }
            guard precondition.holds(for: current) else { return .preconditionFailed }
            state.networks[name] = nil
            state.bytes -= current.byteCount
            state.names.remove(at: Self.position(of: name, in: state.names))
            return .removed
        }
    }

    /// Up to `limit` networks whose names come after `after`, and whether there are more.
    func list(after: String, limit: Int) -> (networks: [StoredNetwork], hasMore: Bool) {
        state.withLock { state in
            var start = Self.position(of: after, in: state.names)
            if start < state.names.count, state.names[start] == after { start += 1 }
            let names = state.names[start...].prefix(limit)
            return (names.compactMap { state.networks[$0] }, names.endIndex < state.names.count)
        }
    }

    var figures: (networks: Int, bytes: Int) { state.withLock { ($0.networks.count, $0.bytes) } }

    /// The first index whose name is not before `name`.
    private static func position(of name: String, in names: [String]) -> Int {
        var low = 0
        var high = names.count
        while low < high {
            let middle = (low + high) / 2
            if names[middle].utf8.lexicographicallyPrecedes(name.utf8) {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low
    }
}

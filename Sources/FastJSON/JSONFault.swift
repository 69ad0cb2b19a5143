/// Why a text is not accepted, or a value is not what was asked for.
public struct JSONFault: Error, Sendable, Equatable {
    public enum Kind: Sendable {
        /// The text is not JSON.
        case syntax
        /// The text is JSON but a value is not what is wanted here.
        case meaning
    }

    public struct Place: Sendable, Equatable {
        /// A JSON Pointer in URI-fragment form, such as `#/function/points/3/0`.
        public let pointer: String
        public let detail: String

        public init(pointer: String, detail: String) {
            self.pointer = pointer
            self.detail = detail
        }
    }

    public let kind: Kind
    /// A stable word: `invalid-json`, `too-deep`, `duplicate-member`, `unknown-member`, `missing-member`,
    /// `wrong-type`, `out-of-range`, `ragged-rows`.
    public let code: String
    public let detail: String
    public let places: [Place]

    init(syntax detail: String, code: String = "invalid-json") {
        kind = .syntax
        self.code = code
        self.detail = detail
        places = []
    }

    public init(code: String, pointer: String, detail: String) {
        kind = .meaning
        self.code = code
        self.detail = detail
        places = [Place(pointer: pointer, detail: detail)]
    }

    init(code: String, detail: String, places: [Place]) {
        kind = .meaning
        self.code = code
        self.detail = detail
        self.places = places
    }
}

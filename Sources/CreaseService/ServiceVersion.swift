/// What this build calls itself.
public enum ServiceVersion {
    public static let version = "0.1.0"
}

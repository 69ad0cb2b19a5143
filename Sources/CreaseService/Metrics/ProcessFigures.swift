internal import Glibc

/// What the operating system says of this process.
struct ProcessFigures {
    /// Processor time spent, in seconds.
    let processorSeconds: Double
    /// Resident set, in bytes.
    let residentBytes: Int
    let openFiles: Int
    let threads: Int

    static var current: ProcessFigures {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = { (time: timeval) in Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let statm = contents(of: "/proc/self/statm").split(separator: " ")
        let resident = statm.count > 1 ? (Int(statm[1]) ?? 0) * Int(getpagesize()) : 0
        return ProcessFigures(
            processorSeconds: seconds(usage.ru_utime) + seconds(usage.ru_stime), residentBytes: resident,
            openFiles: entries(of: "/proc/self/fd"), threads: entries(of: "/proc/self/task"))
    }

    private static func contents(of path: String) -> String {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)), as: UTF8.self)
    }

    private static func entries(of path: String) -> Int {
        guard let directory = opendir(path) else { return 0 }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        return max(0, count - 2)
    }
}

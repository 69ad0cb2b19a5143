// A bare server for load tools: `http-bench-server [port] [threads]`, until SIGTERM or SIGINT.
internal import Glibc
internal import MicroHTTP

var signals = sigset_t()
sigemptyset(&signals)
sigaddset(&signals, SIGTERM)
sigaddset(&signals, SIGINT)
pthread_sigmask(SIG_BLOCK, &signals, nil)

var configuration = ServerConfiguration()
configuration.port = CommandLine.arguments.dropFirst().first.flatMap { UInt16($0) } ?? 8080
configuration.threads = CommandLine.arguments.dropFirst(2).first.flatMap { Int($0) } ?? 2
configuration.log = { line in print(line) }
let server = Server(configuration: configuration, application: LoadApplication())
print("listening on port", try server.start())
fflush(nil)
var received: Int32 = 0
sigwait(&signals, &received)
server.stop()
print("stopped", server.statistics)

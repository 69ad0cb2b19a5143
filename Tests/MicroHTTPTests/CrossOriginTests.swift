import MicroHTTP
import Testing

@Suite("Calls from other origins")
struct CrossOriginTests {
    private let preflight = """
        OPTIONS /echo HTTP/1.1\r\nHost: test\r\nOrigin: https://a.example\r\n\
        Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n\r\n
        """

    @Test func isOffByDefault() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            let answer = try client.ask(get("/hello", "Origin: https://a.example\r\n"))
            #expect(answer.header("access-control-allow-origin") == nil)
            #expect(try client.ask(preflight).header("access-control-allow-origin") == nil)
        }
    }

    @Test func followsTheList() throws {
        try withServer({ $0.corsOrigins = ["https://a.example"] }) { port, _, _ in
            let client = try RawClient(port: port)
            let allowed = try client.ask(preflight)
            #expect(allowed.status == 204)
            #expect(allowed.header("access-control-allow-origin") == "https://a.example")
            #expect(allowed.header("access-control-allow-methods")?.contains("POST") == true)
            #expect(allowed.header("access-control-allow-headers")?.contains("Content-Type") == true)
            #expect(allowed.header("access-control-max-age") == "7200")
            for path in ["/hello", "/prepared", "/missing"] {
                let answer = try client.ask(get(path, "Origin: https://a.example\r\n"))
                #expect(answer.header("access-control-allow-origin") == "https://a.example")
                #expect(answer.header("access-control-expose-headers")?.contains("Location") == true)
                #expect(answer.all("vary").contains("Origin"))
                let other = try client.ask(get(path, "Origin: https://b.example\r\n"))
                #expect(other.status == answer.status)
                #expect(other.header("access-control-allow-origin") == nil)
                #expect(other.all("vary").contains("Origin"))
            }
            let foreign = try client.ask(preflight.replacing("https://a.example", with: "https://b.example"))
            #expect(foreign.header("access-control-allow-methods") == nil)
        }
    }
}

import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { answerOk, type FakeBackend, startBackend } from "./backend.js";
import { freePort, launchNginx, missingNginx, type Running, startNginx } from "./nginx.js";

const missing = missingNginx();
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";

describe.skipIf(missing !== undefined)(
  `how nginx passes on${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let backend: FakeBackend;
    let nginx: Running;

    beforeAll(async () => {
      backend = await startBackend();
      nginx = await startNginx({
        backend: backend.address,
        replace: { "proxy_read_timeout 15s": "proxy_read_timeout 1s" },
      });
    });
    afterEach(() => {
      backend.answer = answerOk;
      backend.asked.length = 0;
    });
    afterAll(async () => {
      await nginx.stop();
      await backend.stop();
    });

    const post = (path: string, body: unknown = {}) =>
      fetch(nginx.url + path, {
        method: "POST",
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      });

    test("a caller's trace and request id go through to the backend, the answer and the log", async () => {
      const traceparent = `00-${TRACE}-00f067aa0ba902b7-01`;
      const answer = await fetch(`${nginx.url}/api/traced`, {
        headers: { traceparent, "x-request-id": "desk-1.request-7" },
      });
      expect(backend.asked[0]?.headers).toMatchObject({ traceparent, "x-request-id": "desk-1.request-7" });
      expect(answer.headers.get("x-request-id")).toBe("desk-1.request-7");
      const line = nginx.accessLog().find((entry) => entry.path === "/api/traced");
      expect(line).toMatchObject({ trace_id: TRACE, request_id: "desk-1.request-7", method: "GET", status: 200 });
    });

    test.each([{}, { traceparent: 'no "trace"', "x-request-id": 'a"b{}' }])(
      "without a usable trace %j one is begun, and stands in the log",
      async (headers) => {
        await fetch(`${nginx.url}/api/begun`, { headers });
        const sent = String(backend.asked[0]?.headers.traceparent);
        expect(sent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
        expect(backend.asked[0]?.headers["x-request-id"]).toMatch(/^[0-9a-f]{32}$/);
        expect(nginx.accessLog().at(-1)?.trace_id).toBe(sent.slice(3, 35));
      },
    );

    test("the backend learns who asked and how", async () => {
      await fetch(`${nginx.url}/api/x`, { headers: { "x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https" } });
      expect(backend.asked[0]?.headers).toMatchObject({
        host: `127.0.0.1:${String(nginx.port)}`,
        "x-forwarded-for": "192.0.2.7, 127.0.0.1",
        "x-forwarded-proto": "https",
      });
    });

    test("a problem of the backend arrives as it is", async () => {
      backend.answer = (_, response) => {
        response.writeHead(503, {
          "content-type": "application/problem+json",
          "retry-after": "7",
          "cache-control": "no-store",
        });
        response.end('{"title":"Service Unavailable"}');
      };
      const answer = await fetch(`${nginx.url}/api/x`);
      expect(answer.status).toBe(503);
      expect(answer.headers.get("retry-after")).toBe("7");
      expect(await answer.json()).toEqual({ title: "Service Unavailable" });
    });

    test("the backend's 404 is not replaced by the page's", async () => {
      backend.answer = (_, response) =>
        response.writeHead(404, { "content-type": "application/problem+json" }).end("{}");
      const answer = await fetch(`${nginx.url}/api/gone`);
      expect([answer.status, await answer.text()]).toEqual([404, "{}"]);
    });

    test("a body over 64 KiB is refused as a problem", async () => {
      const answer = await post("/api/x", "x".repeat(70_000));
      expect(answer.status).toBe(413);
      expect(await problemOf(answer)).toMatchObject({ status: 413, title: "Content Too Large" });
      expect(backend.asked).toEqual([]);
    });

    test("a backend that takes too long is a 504 problem, and a post is not sent again", async () => {
      backend.answer = () => undefined;
      const answer = await post("/api/slow");
      expect(answer.status).toBe(504);
      expect(await problemOf(answer)).toMatchObject({ status: 504 });
      expect(backend.asked).toHaveLength(1);
    });

    test("a backend that dies while reading: asked again, up to three times in all", async () => {
      backend.answer = (request, response, asked) => {
        if (backend.asked.length < 3) {
          request.socket.destroy();
        } else {
          answerOk(request, response, asked);
        }
      };
      expect((await fetch(`${nginx.url}/api/x`)).status).toBe(200);
      expect(backend.asked).toHaveLength(3);
    });

    test("a backend that dies while writing: 502, and nothing is sent twice", async () => {
      backend.answer = (request) => request.socket.destroy();
      const answer = await post("/api/x");
      expect(answer.status).toBe(502);
      expect(backend.asked).toHaveLength(1);
    });

    test("reading keeps its connection; writing has a new one each time", async () => {
      for (let round = 0; round < 3; round++) {
        await (await fetch(`${nginx.url}/api/x`)).text();
      }
      const read = new Set(backend.asked.map((asked) => asked.connection));
      expect(read.size).toBeLessThanOrEqual(2); // one for each of nginx's two workers
      backend.asked.length = 0;
      for (let round = 0; round < 3; round++) {
        await (await post("/api/x")).text();
      }
      const written = new Set(backend.asked.map((asked) => asked.connection));
      expect(written.size).toBe(3);
      expect([...written].filter((connection) => read.has(connection))).toEqual([]);
    });

    test("kept connections that the backend cuts while idle cost no request", async () => {
      for (let round = 0; round < 20; round++) {
        const [read, written] = await Promise.all([fetch(`${nginx.url}/api/x`), post("/api/x")]);
        backend.cut();
        expect([read.status, written.status]).toEqual([200, 200]);
        await Promise.all([read.text(), written.text()]);
      }
    });
  },
);

describe.skipIf(missing !== undefined)("without a backend", () => {
  test("the page is served, and the proxy answers 502 with the trace id that its log has", async () => {
    const nginx = await startNginx({ backend: `127.0.0.1:${String(await freePort())}` });
    try {
      expect((await fetch(`${nginx.url}/`)).status).toBe(200);
      const answer = await fetch(`${nginx.url}/api/v1/sessions`);
      expect(answer.status).toBe(502);
      expect(answer.headers.get("retry-after")).toBe("2");
      expect(answer.headers.get("cache-control")).toBe("no-store");
      expect(answer.headers.get("content-security-policy")).toContain("default-src 'self'");
      const problem = await problemOf(answer);
      expect(problem).toMatchObject({ type: "about:blank", title: "Bad Gateway", status: 502 });
      expect(problem.trace_id).toBe(nginx.accessLog().at(-1)?.trace_id);
    } finally {
      await nginx.stop();
    }
  });

  test("a backend whose name nobody knows ends nginx at once, and it says which", async () => {
    const nginx = await launchNginx({ backend: "backend.invalid:3001" });
    expect(await nginx.ended).toBe(1);
    expect(nginx.errorLog()).toContain('host not found in upstream "backend.invalid:3001"');
    await nginx.stop();
  });
});

async function problemOf(answer: Response): Promise<Record<string, unknown>> {
  expect(answer.headers.get("content-type")).toBe("application/problem+json");
  return (await answer.json()) as Record<string, unknown>;
}

import { gunzipSync } from "node:zlib";
import { get as httpGet } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FakeBackend, startBackend } from "./backend.js";
import { missingNginx, type Running, startNginx } from "./nginx.js";

const missing = missingNginx();
const SESSION = "/sessions/8d7f6a52-3b1c-4e0f-9a2d-5c6b7e8f9012";

describe.skipIf(missing !== undefined)(
  `what nginx serves${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let backend: FakeBackend;
    let nginx: Running;

    beforeAll(async () => {
      backend = await startBackend();
      nginx = await startNginx({ backend: backend.address });
    });
    afterAll(async () => {
      await nginx.stop();
      await backend.stop();
    });

    test.each(["/", SESSION])("%s is the page, asked for again each time", async (path) => {
      const answer = await fetch(nginx.url + path);
      expect(answer.status).toBe(200);
      expect(await answer.text()).toContain("the page");
      expect(answer.headers.get("content-type")).toBe("text/html; charset=utf-8");
      expect(answer.headers.get("cache-control")).toBe("no-cache");
    });

    test("the page is sent in full, though its file may be as old and as long as the one that a browser has", async () => {
      const first = await fetch(`${nginx.url}/`);
      expect(first.headers.get("etag")).toBeNull();
      const since = first.headers.get("last-modified") ?? "";
      const again = await fetch(`${nginx.url}/`, { headers: { "if-modified-since": since } });
      expect(again.status).toBe(200);
    });

    test("an asset is kept for good", async () => {
      const answer = await fetch(`${nginx.url}/assets/index-abc123.js`);
      expect(answer.status).toBe(200);
      expect(answer.headers.get("content-type")).toBe("application/javascript; charset=utf-8");
      expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    });

    test.each([
      "/assets/gone-123.js",
      "/assets/",
      "/sessions/12",
      "/sessions",
      "/admin.php",
      "/.git/config",
      "/index.htm",
    ])("%s is not found, and that is not remembered", async (path) => {
      const answer = await fetch(nginx.url + path);
      expect(answer.status).toBe(404);
      expect(await answer.text()).toContain("not found");
      expect(answer.headers.get("cache-control")).toBe("no-cache");
    });

    test.each(["/metrics", "/docs", "/openapi.json", "/healthy", "/versions", "/api"])(
      "%s is not passed on to the backend",
      async (path) => {
        const before = backend.asked.length;
        expect((await fetch(nginx.url + path)).status).toBe(404);
        expect(backend.asked).toHaveLength(before);
      },
    );

    test.each(["/api/v1/sessions?limit=5&offset=10", "/health/ready", "/version"])(
      "%s is passed on unchanged",
      async (path) => {
        const answer = await fetch(nginx.url + path);
        expect(await answer.json()).toEqual({ path });
        expect(answer.headers.get("cache-control")).toBe("no-store");
      },
    );

    test("what is text is compressed on its way, the backend's answers too", async () => {
      backend.answer = (_, response) => {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ items: Array(200).fill("session") }));
      };
      for (const path of ["/assets/index-abc123.js", "/api/v1/sessions"]) {
        const [encoding, body] = await getCompressed(nginx.port, path);
        expect(encoding).toBe("gzip");
        expect(gunzipSync(body).length).toBeGreaterThan(body.length * 3);
      }
    });

    test.each(["/", "/assets/index-abc123.js", "/gone", "/healthz", "/version"])(
      "%s carries the security headers, once each",
      async (path) => {
        const { headers } = await fetch(nginx.url + path);
        expect(headers.get("x-content-type-options")).toBe("nosniff");
        expect(headers.get("referrer-policy")).toBe("no-referrer");
        expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
        expect(headers.get("permissions-policy")).toContain("camera=()");
        expect(headers.get("server")).toBe("nginx");
        const policy = headers.get("content-security-policy") ?? "";
        expect(policy).toContain("default-src 'self'");
        expect(policy).toContain("frame-ancestors 'none'");
        expect(policy).not.toMatch(/unsafe|\*|https?:|data:/);
      },
    );

    test("the log names what was asked for, not the file, and no query", async () => {
      await fetch(`${nginx.url}${SESSION}?name=Ada`);
      expect(nginx.accessLog().at(-1)).toMatchObject({ path: SESSION, status: 200, logger: "nginx.access" });
      expect(JSON.stringify(nginx.accessLog().at(-1))).not.toContain("Ada");
    });

    test("its own liveness is no matter of the backend, and leaves no line in the log", async () => {
      const before = backend.asked.length;
      const answer = await fetch(`${nginx.url}/healthz`);
      expect(answer.status).toBe(200);
      expect(backend.asked).toHaveLength(before);
      expect(nginx.accessLog().filter((line) => line.path === "/healthz")).toEqual([]);
    });
  },
);

function getCompressed(port: number, path: string): Promise<[string | undefined, Buffer]> {
  return new Promise((resolve, reject) => {
    httpGet({ port, path, host: "127.0.0.1", headers: { "accept-encoding": "gzip" } }, (answer) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        resolve([answer.headers["content-encoding"], Buffer.concat(parts)]);
      });
    }).on("error", reject);
  });
}

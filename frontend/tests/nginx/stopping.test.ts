/** Why the image's stop signal is SIGQUIT. */
import { createConnection } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answerOk, type FakeBackend, startBackend } from "./backend.js";
import { missingNginx, type Running, startNginx } from "./nginx.js";

const missing = missingNginx();

describe.skipIf(missing !== undefined)(
  `when nginx is told to end${missing === undefined ? "" : ` (skipped: ${missing})`}`,
  () => {
    let backend: FakeBackend;
    let nginx: Running;
    let arrived: Promise<void>;

    beforeEach(async () => {
      backend = await startBackend();
      nginx = await startNginx({ backend: backend.address });
      arrived = new Promise((resolve) => {
        backend.answer = (request, response, asked) => {
          resolve();
          setTimeout(() => {
            answerOk(request, response, asked);
          }, 700);
        };
      });
    });
    afterEach(async () => {
      await nginx.stop();
      await backend.stop();
    });

    test("SIGQUIT lets what is under way finish, takes nothing new, and ends with 0", async () => {
      const underWay = fetch(`${nginx.url}/api/slow`);
      await arrived;
      nginx.process.kill("SIGQUIT");
      await new Promise((resolve) => setTimeout(resolve, 200));
      expect(await accepts(nginx.port)).toBe(false);
      const answer = await underWay;
      expect([answer.status, await answer.json()]).toEqual([200, { path: "/api/slow" }]);
      expect(await nginx.ended).toBe(0);
    });

    test("SIGQUIT does not wait for connections that are kept open for a next request", async () => {
      const idle = createConnection(nginx.port, "127.0.0.1");
      idle.write("GET /healthz HTTP/1.1\r\nHost: desk\r\n\r\n");
      await new Promise((resolve) => idle.once("data", resolve));
      const began = Date.now();
      nginx.process.kill("SIGQUIT");
      expect(await nginx.ended).toBe(0);
      expect(Date.now() - began).toBeLessThan(2000);
      idle.destroy();
    });

    test("SIGTERM would cut off what is under way", async () => {
      const underWay = fetch(`${nginx.url}/api/slow`).then(
        () => "answered",
        () => "cut off",
      );
      await arrived;
      nginx.process.kill("SIGTERM");
      expect(await underWay).toBe("cut off");
    });
  },
);

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

/** The real nginx with this repository's configuration, on a free port and in a folder of its own. */
import { type ChildProcess, execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

const CONFIGURATION = path.resolve(import.meta.dirname, "../../nginx");
/** The user of the image. nginx drops to it only when the tests run as root; otherwise it stays who we are. */
const USER = 1001;

/** Why the tests of this folder cannot run here, or undefined when they can. With CI=true a missing nginx fails instead. */
export function missingNginx(): string | undefined {
  if (spawnSync("nginx", ["-v"]).status === 0) {
    return undefined;
  }
  if (process.env.CI === "true") {
    throw new Error("nginx is not installed, and CI=true forbids skipping its tests: install the package nginx-light");
  }
  return "nginx is not installed: install the package nginx-light";
}

export interface Running {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** What nginx wrote to its standard output so far: the access log, parsed. */
  accessLog(): Record<string, unknown>[];
  /** What it wrote to standard error so far. */
  errorLog(): string;
  /** Resolves with the exit code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Ends it, if it still runs, and removes its folder. */
  stop(): Promise<void>;
}

export interface Options {
  /** host:port of the backend. */
  backend: string;
  /** The folder with the built page; without it a small one is made up. */
  www?: string;
  /** More replacements in the configuration, such as shorter time limits. */
  replace?: Record<string, string>;
}

/** Starts nginx and returns at once; `startNginx` also waits until it answers. */
export async function launchNginx(options: Options): Promise<Running> {
  const folder = mkdtempSync(path.join(tmpdir(), "check-in-nginx-"));
  const port = await freePort();
  mkdirSync(path.join(folder, "tmp"));
  const www = path.join(folder, "www");
  writePage(www, options.www);
  writeConfiguration(path.join(folder, "etc"), {
    "listen 3000": `listen 127.0.0.1:${String(port)}`,
    "backend:3001": options.backend,
    " /tmp/": ` ${folder}/tmp/`,
    "/srv/www": www,
    ...options.replace,
  });
  const stdout = path.join(folder, "access.log");
  const stderr = path.join(folder, "error.log");
  const files = [openSync(stdout, "w"), openSync(stderr, "w")] as const;
  const root = process.getuid?.() === 0;
  if (root) {
    for (const name of [path.join(folder, "tmp"), stdout, stderr]) {
      chownSync(name, USER, USER);
    }
    chmodSync(folder, 0o755);
  }
  const child = spawn("nginx", ["-e", "stderr", "-c", path.join(folder, "etc/nginx.conf")], {
    stdio: ["ignore", ...files],
    ...(root ? { uid: USER, gid: USER } : {}),
  });
  const ended = new Promise<number | string>((resolve, reject) => {
    child.on("exit", (code, signal) => {
      resolve(code ?? signal ?? "unknown");
    });
    child.on("error", reject);
  });
  return {
    url: `http://127.0.0.1:${String(port)}`,
    port,
    process: child,
    accessLog: () =>
      readFileSync(stdout, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line) as Record<string, unknown>),
    errorLog: () => readFileSync(stderr, "utf8"),
    ended,
    async stop() {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts nginx and waits until it answers; throws what it wrote when it does not within five seconds. */
export async function startNginx(options: Options): Promise<Running> {
  const running = await launchNginx(options);
  for (let attempt = 0; attempt < 100; attempt++) {
    try {
      await fetch(`${running.url}/healthz`);
      return running;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const written = running.errorLog();
  await running.stop();
  throw new Error(`nginx does not answer:\n${written}`);
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => {
        resolve(typeof address === "object" && address ? address.port : 0);
      });
    });
  });
}

function writePage(target: string, built: string | undefined): void {
  if (built !== undefined) {
    cpSync(built, target, { recursive: true });
  } else {
    mkdirSync(path.join(target, "assets"), { recursive: true });
    writeFileSync(path.join(target, "index.html"), "<!doctype html><title>the page</title>");
    writeFileSync(path.join(target, "404.html"), "<!doctype html><title>not found</title>");
    writeFileSync(path.join(target, "assets/index-abc123.js"), "export const word = 'again';\n".repeat(100));
  }
  execFileSync("chmod", ["-R", "a+rX", target]);
}

/** Copies the configuration; every replacement has to be needed, so that a test cannot miss a change of the original. */
function writeConfiguration(target: string, replacements: Record<string, string>): void {
  const used = new Set<string>();
  mkdirSync(target);
  for (const name of readdirSync(CONFIGURATION)) {
    let text = readFileSync(path.join(CONFIGURATION, name), "utf8");
    for (const [from, to] of Object.entries(replacements)) {
      if (text.includes(from)) {
        used.add(from);
        text = text.replaceAll(from, to);
      }
    }
    writeFileSync(path.join(target, name), text);
  }
  cpSync("/etc/nginx/mime.types", path.join(target, "mime.types"));
  const unused = Object.keys(replacements).filter((from) => !used.has(from));
  if (unused.length > 0) {
    throw new Error(`The configuration no longer contains: ${unused.join(", ")}`);
  }
}

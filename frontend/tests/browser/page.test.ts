/** The built page in a real browser, behind the real nginx with its content security policy. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import type AxeCore from "axe-core";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { FakeApi } from "../fake-api.js";
import { type FakeBackend, startBackend } from "../nginx/backend.js";
import { missingNginx, type Running, startNginx } from "../nginx/nginx.js";

const DIST = path.resolve(import.meta.dirname, "../../dist");
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
/** Where pictures of the page go, for people to look at; without it none are taken. */
const PICTURES = process.env.PICTURES;

const browserPath = ["chromium", "chromium-browser", "google-chrome"]
  .map((name) => spawnSync("which", [name], { encoding: "utf8" }).stdout.trim())
  .find(Boolean);

function missingHere(): string | undefined {
  if (!existsSync(path.join(DIST, "index.html"))) {
    throw new Error("There is no built page: run `npm run build` first");
  }
  if (browserPath === undefined) {
    if (process.env.CI === "true") {
      throw new Error(
        "chromium is not installed, and CI=true forbids skipping its tests: install the package chromium",
      );
    }
    return "chromium is not installed: install the package chromium";
  }
  return missingNginx();
}
const missing = missingHere();

describe.skipIf(missing !== undefined)(`in a browser${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  let browser: Browser;
  let backend: FakeBackend;
  let nginx: Running;
  let api: FakeApi;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    backend = await startBackend();
    nginx = await startNginx({ backend: backend.address, www: DIST });
    browser = await chromium.launch({ executablePath: browserPath ?? "", args: ["--no-sandbox"] });
  });
  afterAll(async () => {
    await browser.close();
    await nginx.stop();
    await backend.stop();
  });
  beforeEach(() => {
    api = new FakeApi();
    backend.answer = (request, response) => {
      const parts: Buffer[] = [];
      request.on("data", (part: Buffer) => parts.push(part));
      request.on("end", () => {
        const body = parts.length > 0 ? Buffer.concat(parts).toString() : undefined;
        const reply = api.handle(request.method ?? "", request.url ?? "", body);
        response.writeHead(reply.status, { "content-type": reply.type, "cache-control": "no-store" }).end(reply.body);
      });
    };
  });
  afterEach(async () => {
    await page.context().close();
  });

  /** Opens an address in a fresh profile; whatever the browser complains about is collected. */
  async function open(at: string, options: BrowserContextOptions = {}): Promise<void> {
    const context = await browser.newContext({ locale: "en-GB", timezoneId: "Europe/Berlin", ...options });
    page = await context.newPage();
    complaints = [];
    page.on("console", (message) => {
      if (["error", "warning"].includes(message.type())) {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(nginx.url + at);
  }

  async function picture(name: string): Promise<void> {
    if (PICTURES !== undefined) {
      mkdirSync(PICTURES, { recursive: true });
      await page.screenshot({ path: path.join(PICTURES, `${name}.png`), fullPage: true });
    }
  }

  /** What axe finds wrong for people who see, hear or move differently, as one line each. */
  async function barriers(): Promise<string[]> {
    await page.evaluate(AXE);
    const { violations } = await page.evaluate(() => (globalThis as unknown as { axe: typeof AxeCore }).axe.run());
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`));
  }

  function aBusyMorning() {
    const now = Date.now();
    const tiny = api.session("Hands-on: sails and knots", new Date(now + 3 * 3_600_000), 2);
    const opening = api.session("Opening: the mark on the hull", new Date(now - 5 * 60_000), 8);
    api.session("Breakfast", new Date(now - 2 * 3_600_000), 40);
    const people = ["Ada Lovelace", "Grace Hopper", "Katherine Johnson", "Zoë Kravitz", "Samuel Plimsoll"].map((name) =>
      api.participant(name),
    );
    const [ada, grace, katherine] = people;
    if (ada && grace && katherine) {
      api.checkIn(opening, grace, new Date(now - 4 * 60_000));
      api.checkIn(opening, katherine, new Date(now + 6 * 60_000));
      api.checkIn(tiny, grace);
      api.checkIn(tiny, ada);
    }
    return { opening, tiny };
  }

  test("a fresh installation: create a session and a participant, check in, all without a mouse", async () => {
    await open("/");
    await page.getByText("There are no sessions yet").waitFor();
    await picture("empty");
    await page.getByLabel("Title").focus();
    await page.keyboard.type("Opening");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Opening" }).waitFor();
    await page.getByLabel("Name").focus();
    await page.keyboard.type("Ada Lovelace");
    await page.keyboard.press("Tab");
    await page.keyboard.type("ada@example.org");
    await page.keyboard.press("Enter");
    await page.getByText("Ada Lovelace is in the list now.").waitFor();
    await page.getByRole("button", { name: "Check in Ada Lovelace" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Ada Lovelace is checked in, on time.").waitFor();
    await page.getByText("On time ·").waitFor();
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe("LI");
    expect(await page.title()).toBe("Opening · Check-in");
    expect(complaints).toEqual([]);
  });

  test.each(["light", "dark"] as const)("no barriers in %s colours, with every kind of notice", async (colorScheme) => {
    const { opening, tiny } = aBusyMorning();
    await open(`/sessions/${opening.id}`, { colorScheme });
    await page.getByRole("button", { name: "Check in Ada Lovelace" }).click();
    await page.getByText("Ada Lovelace is checked in, on time.").waitFor();
    expect(await barriers()).toEqual([]);
    await picture(`desk-${colorScheme}`);

    await page.goto(`${nginx.url}/sessions/${tiny.id}`);
    await page.getByRole("button", { name: "Check in Samuel Plimsoll" }).click();
    await page.getByText("All 2 places of this session are taken.").waitFor();
    await page.getByText("New session").click();
    await page.getByText("New participant").click();
    expect(await barriers()).toEqual([]);
    await picture(`full-${colorScheme}`);
    // The one complaint is the browser's own line about the refusal.
    expect(complaints.filter((text) => !text.includes("409"))).toEqual([]);
  });

  test("no barriers when the backend is away; it comes back on another try", async () => {
    aBusyMorning();
    const { answer } = backend;
    backend.answer = (request) => request.socket.destroy();
    await open("/");
    await page.getByText("The check-in service cannot be reached.").waitFor();
    await page.getByText("Release unknown").waitFor();
    expect(await barriers()).toEqual([]);
    await picture("away");
    backend.answer = answer;
    await page.getByRole("button", { name: "Try again" }).click();
    await page.getByText("Opening: the mark on the hull").waitFor();
  });

  test("on a telephone: the list or the desk, nothing wider than the screen", async () => {
    aBusyMorning();
    await open("/", { viewport: { width: 360, height: 740 } });
    await page.getByText("Breakfast").waitFor();
    await picture("phone-list");
    await page.getByText("Opening: the mark on the hull").click();
    await page.getByRole("heading", { name: "Opening" }).waitFor();
    expect(await page.getByRole("heading", { name: "Sessions" }).isVisible()).toBe(false);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(360);
    await picture("phone-desk");
    expect(await barriers()).toEqual([]);
    await page.getByRole("link", { name: "All sessions" }).click();
    await page.getByText("Breakfast").waitFor();
  });

  test("the policy is in force: inline scripts and styles, other hosts and text as HTML are refused", async () => {
    await open("/");
    await page.getByText("There are no sessions yet").waitFor();
    const outcome = await page.evaluate(async () => {
      const script = document.createElement("script");
      script.append("document.title = 'taken over'");
      let html = "accepted";
      try {
        document.body.insertAdjacentHTML("beforeend", "<b></b>");
        document.head.append(script);
      } catch {
        html = "refused";
      }
      const other = await fetch("http://127.0.0.1:1/").catch(() => "refused");
      return { title: document.title, html, other };
    });
    expect(outcome).toEqual({ title: "Check-in", html: "refused", other: "refused" });
    expect(complaints.join("\n")).toContain("Content Security Policy");
  });

  test("an address that is none gets a page that says so and leads back", async () => {
    await open("/nowhere");
    await page.getByRole("heading", { name: "Not found" }).waitFor();
    await page.getByRole("link", { name: "Go to the sessions." }).click();
    await page.getByText("There are no sessions yet").waitFor();
  });
});

/** What the page makes of answers that are not what the API promises. */
import { screen } from "@testing-library/react";
import { describe, expect, test, vi } from "vitest";
import { json, problem, type Reply } from "../fake-api";
import { fakeNetwork, open } from "./page";

const html = (status: number): Reply => ({ status, type: "text/html", body: "<h1>Please log in</h1>" });
const page = (items: unknown, total: unknown = 1) => json(200, { items, total, limit: 20, offset: 0 });
const session = { id: "1", title: "x", starts_at: "2030-05-01T09:00:00Z", capacity: 1, checked_in: 0 };

describe("the person reads", () => {
  test.each<[string, Reply, string]>([
    ["a login page of the network", html(200), "does not understand (no JSON)"],
    ["an error page of a load balancer", html(502), "The server answered with status 502."],
    ["a problem without a word", problem(500, "", ""), "The server gave no details."],
    ["a problem that is none", { status: 500, type: "application/problem+json", body: "oops" }, "status 500"],
    ["no object", json(200, []), "list is no object"],
    ["no list", page({}), "list.items is no list"],
    ["no number", page([], "1"), "list.total is no whole number"],
    ["no text", page([{ ...session, title: 7 }]), "list.items[0].title is no text"],
    ["no time", page([session, { ...session, starts_at: "soon" }]), "list.items[1].starts_at is no point in time"],
  ])("what is wrong with %s", async (_, reply, said) => {
    fakeNetwork().interfere = () => reply;
    open();
    expect(await screen.findByRole("alert")).toHaveTextContent(said);
  });

  test("that the server takes too long, instead of waiting for good", async () => {
    vi.useFakeTimers({ shouldAdvanceTime: true, toFake: ["setTimeout", "clearTimeout"] });
    try {
      const network = fakeNetwork();
      vi.spyOn(AbortSignal, "timeout").mockImplementation((milliseconds) => {
        const aborter = new AbortController();
        setTimeout(() => {
          aborter.abort(new DOMException("timed out", "TimeoutError"));
        }, milliseconds);
        return aborter.signal;
      });
      network.interfere = () => new Promise<Reply>(() => undefined);
      open();
      expect(screen.queryByRole("alert")).not.toBeInTheDocument();
      await vi.advanceTimersByTimeAsync(20_000);
      expect(await screen.findByRole("alert")).toHaveTextContent("The server did not answer in time.");
    } finally {
      vi.useRealTimers();
    }
  });
});

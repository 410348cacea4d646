/** Opens the page in front of a fake API. The network is the one thing that is replaced. */
import { render } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { vi } from "vitest";
import { App } from "../../src/app";
import { FakeApi, type Reply } from "../fake-api";

type Respond = (method: string, path: string, body: string | undefined) => Reply | Promise<Reply> | undefined;

export interface Network {
  readonly api: FakeApi;
  /** What was asked, as "METHOD path". */
  readonly asked: string[];
  /** Answers before the API does; undefined leaves it to the API. Throwing means that there was no connection. */
  interfere: Respond;
}

/** Replaces the network until the end of the test. */
export function fakeNetwork(): Network {
  const network: Network = { api: new FakeApi(), asked: [], interfere: () => undefined };
  vi.stubGlobal("fetch", async (path: string, init: RequestInit = {}) => {
    const method = init.method ?? "GET";
    const body = typeof init.body === "string" ? init.body : undefined;
    network.asked.push(`${method} ${path}`);
    const aborted = new Promise<never>((_, reject) => {
      init.signal?.addEventListener("abort", () => {
        reject(init.signal?.reason as Error);
      });
    });
    const answer = Promise.resolve().then(
      async () => (await network.interfere(method, path, body)) ?? network.api.handle(method, path, body),
    );
    const { status, type, body: text } = await Promise.race([answer, aborted]);
    return new Response(text, { status, headers: { "content-type": type } });
  });
  return network;
}

/** What fetch does when there is no connection. */
export function noConnection(): never {
  throw new TypeError("Failed to fetch");
}

/** Opens the page at an address, as a person who clicks and types. */
export function open(path = "/") {
  window.history.replaceState(null, "", path);
  const person = userEvent.setup();
  return { person, ...render(<App />) };
}

/** A promise and the function that settles it, to hold an answer back. */
export function held<Value>(): { promise: Promise<Value>; release: (value: Value) => void } {
  let release: (value: Value) => void = () => undefined;
  const promise = new Promise<Value>((resolve) => {
    release = resolve;
  });
  return { promise, release };
}

export const minutesAgo = (minutes: number) => new Date(Date.now() - minutes * 60_000);

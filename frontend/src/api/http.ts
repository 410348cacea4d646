import { Problem, problemOf } from "./problem";

/** Longer than the 15 s after which the proxy in front of the backend gives up: its answer says more than ours. */
const PATIENCE_MS = 20_000;

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Asks the server; a body makes it a POST. Throws a Problem, or the signal's own error when the caller gave up. */
export async function ask(path: string, options: { signal?: AbortSignal; body?: unknown } = {}): Promise<Answer> {
  const { signal, body } = options;
  const timeout = AbortSignal.timeout(PATIENCE_MS);
  const headers: Record<string, string> = { accept: "application/json, application/problem+json" };
  const request: RequestInit = {
    headers,
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  };
  if (body !== undefined) {
    request.method = "POST";
    request.body = JSON.stringify(body);
    headers["content-type"] = "application/json";
  }
  let answer: Response;
  try {
    answer = await fetch(path, request);
  } catch (cause) {
    signal?.throwIfAborted();
    throw noAnswer(timeout.aborted, cause);
  }
  if (!answer.ok) {
    throw await problemOf(answer);
  }
  try {
    return { status: answer.status, body: await answer.json() };
  } catch (cause) {
    signal?.throwIfAborted();
    throw timeout.aborted ? noAnswer(true, cause) : unexpected("no JSON", cause);
  }
}

/** An answer that says success but is not what the API promises, such as the login page of a network. */
export function unexpected(what: string, cause?: unknown): Problem {
  return new Problem(0, "Unexpected answer", `The server sent something this page does not understand (${what}).`, {
    cause,
  });
}

function noAnswer(late: boolean, cause: unknown): Problem {
  return late
    ? new Problem(0, "No answer", "The server did not answer in time. Try again.", { cause })
    : new Problem(0, "No connection", "The server cannot be reached. Look at your network connection and try again.", {
        cause,
      });
}

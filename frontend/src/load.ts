import { useCallback, useEffect, useState } from "react";
import { Problem } from "./api/problem";

/** What is known of something on the server. After the first success `data` stays, even when a later look-up fails. */
export interface Load<Data> {
  readonly data: Data | undefined;
  /** Why the last look-up failed. */
  readonly problem: Problem | undefined;
  /** A look-up is under way. */
  readonly busy: boolean;
  /** Looks again. */
  readonly reload: () => void;
}

type Loader<Data> = (signal: AbortSignal) => Promise<Data>;

interface Outcome<Data> {
  readonly data: Data | undefined;
  readonly problem: Problem | undefined;
  /** Which look-up this came from. */
  readonly load: Loader<Data> | undefined;
  readonly round: number;
}

/**
 * Looks something up on the server: at first, when `load` is another function, on `reload`, and when the person comes back
 * to this page, since others may have changed it meanwhile. A look-up that is overtaken by the next one is cancelled.
 */
export function useLoad<Data>(load: Loader<Data>): Load<Data> {
  const [round, setRound] = useState(0);
  const [outcome, setOutcome] = useState<Outcome<Data>>({
    data: undefined,
    problem: undefined,
    load: undefined,
    round,
  });
  const reload = useCallback(() => {
    setRound((before) => before + 1);
  }, []);

  useEffect(() => {
    const aborter = new AbortController();
    load(aborter.signal).then(
      (data) => {
        if (!aborter.signal.aborted) {
          setOutcome({ data, problem: undefined, load, round });
        }
      },
      (error: unknown) => {
        if (!aborter.signal.aborted) {
          setOutcome((before) => ({ data: before.data, problem: asProblem(error), load, round }));
        }
      },
    );
    return () => {
      aborter.abort();
    };
  }, [load, round]);

  useEffect(() => {
    const look = () => {
      if (document.visibilityState === "visible") {
        reload();
      }
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
    };
  }, [reload]);

  const busy = outcome.load !== load || outcome.round !== round;
  return { data: outcome.data, problem: outcome.problem, busy, reload };
}

/** Whatever was thrown, as a Problem. */
export function asProblem(error: unknown): Problem {
  return error instanceof Problem
    ? error
    : new Problem(0, "Error in this page", error instanceof Error ? error.message : String(error), { cause: error });
}

import type { Problem } from "../api/problem";

interface FailureProps {
  problem: Problem;
  /** What did not come about. */
  what: string;
  /** Instead of the problem's own words. */
  why?: string;
  retry?: () => void;
  busy?: boolean;
}

/** Says what went wrong, and offers to try again where that may help. Read out at once by screen readers. */
export function Failure({ problem, what, why = problem.message, retry, busy = false }: FailureProps) {
  return (
    <div className="notice failure" role="alert">
      <p>
        <strong>{what}</strong> {why}
      </p>
      {problem.isFault && problem.traceId !== undefined && (
        <p className="quiet">
          Trace <code>{problem.traceId}</code>
        </p>
      )}
      {retry && (
        <button type="button" onClick={retry} disabled={busy}>
          {busy ? "Trying…" : "Try again"}
        </button>
      )}
    </div>
  );
}

/** Stands where something will appear. */
export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <p>Loading {what}…</p>
      <span className="bar" />
      <span className="bar" />
      <span className="bar" />
    </div>
  );
}

import type { Problem } from "../api/problem";

/** Says what went wrong, and offers to try again where that may help. Read out at once by screen readers. */
export function Failure({
  problem,
  what,
  retry,
  busy = false,
}: {
  problem: Problem;
  what: string;
  retry?: () => void;
  busy?: boolean;
}) {
  return (
    <div className="notice failure" role="alert">
      <p>
        <strong>{what}</strong> {problem.message}
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
